"""What this machine has."""

from __future__ import annotations

import os
from pathlib import Path


def default_threads() -> int:
    """How many threads llama.cpp should compute with: one a physical core that this process may use.

    Two threads on one core only get in each other's way in matrix arithmetic. Affinity and a
    container's CPU quota count on Linux; elsewhere it is the number of CPUs that the system reports.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    cores = len({_siblings(cpu) for cpu in allowed})
    return max(1, min(cores, _quota() or cores))


def _siblings(cpu: int) -> str:
    """The CPUs that share a core with this one, as Linux writes them."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(cpu)


def _quota() -> int | None:
    """How many CPUs a container may use (cgroup v2), rounded up, or None."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if quota == "max" else -(-int(quota) // int(period))
    except (OSError, ValueError):
        return None
