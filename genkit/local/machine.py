"""What this machine has: the cores and the memory that this process may use."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

_CGROUPS = Path("/sys/fs/cgroup")


def default_threads() -> int:
    """How many threads llama.cpp should compute with: one a physical core that this process may use.

    Two threads on one core only get in each other's way in matrix arithmetic, and on Apple silicon the
    efficiency cores hold up the others. Affinity and a container's CPU quota count on Linux.
    """
    if sys.platform == "darwin":
        cores = _sysctl("hw.perflevel0.physicalcpu") or _sysctl("hw.physicalcpu") or os.cpu_count() or 1
    elif sys.platform == "win32":
        cores = _windows_cores() or os.cpu_count() or 1
    else:
        cores = len({_siblings(cpu) for cpu in usable_cpus()})
    return max(1, min(cores, _quota() or cores))


def usable_cpus() -> Collection[int]:
    """The CPUs that this process may use: its affinity, where the system has that."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


def idle_seconds() -> float | None:
    """How long the CPUs that this process may use had nothing to do, in seconds, added up.

    Counted from when the system began. None if that is not known, as in other systems than Linux.
    """
    if sys.platform != "linux":
        return None
    usable = {f"cpu{cpu}" for cpu in usable_cpus()}
    lines = (line.split() for line in _read(Path("/proc/stat")).splitlines())
    ticks = [int(words[4]) + int(words[5]) for words in lines if words and words[0] in usable]  # idle, iowait
    # gVisor writes zeros, and containers may count their CPUs otherwise.
    return sum(ticks) / os.sysconf("SC_CLK_TCK") if any(ticks) and len(ticks) == len(usable) else None


def stolen() -> float:
    """What part of the CPU time that was wanted here the host of a virtual machine gave to other machines.

    Since the machine began (``steal`` in proc(5)); 0 where that is not known, as in other systems than Linux.
    """
    words = _read(Path("/proc/stat")).partition("\n")[0].split() if sys.platform == "linux" else []
    user, nice, system, _, _, irq, softirq, steal = map(int, words[1:9]) if len(words) > 8 else [0] * 8
    return steal / ((user + nice + system + irq + softirq + steal) or 1)


def has_quota() -> bool:
    """Whether a container's limit, on Linux, says how much CPU time this process may use."""
    return _quota() is not None


def free_memory() -> int | None:
    """How many bytes of memory this process may still take, or None if that cannot be known.

    What only caches files counts as free, since it gives way. A container's limit counts on Linux.
    """
    if sys.platform == "darwin":
        return _mac_free_memory()
    if sys.platform == "win32":
        return _windows_free_memory()
    found = [room for room in (_linux_free_memory(), *map(_room, _cgroups("memory"))) if room is not None]
    return max(0, min(found)) if found else None


def _siblings(cpu: int) -> str:
    """The CPUs that share a core with this one, as Linux writes them."""
    return _read(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")) or str(cpu)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _cgroups(controller: str) -> Iterator[Path]:
    """The directories of the control groups that this process is in, from its own up to the root.

    In version 2 all controllers share one hierarchy; in version 1 each has its own (``man 7 cgroups``).
    """
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = _CGROUPS / controllers if controllers else _CGROUPS
        if not root.is_dir():
            root = _CGROUPS / controller
        place = root / path.strip("/")
        # In a container the path may be that of the host, which is not there: its root is what counts.
        yield from (each for each in (place, *place.parents) if each.is_relative_to(root) and each.is_dir())


def _quota() -> int | None:
    """How many CPUs a container may use, rounded up, or None."""
    found = []
    for group in _cgroups("cpu") if sys.platform == "linux" else ():
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
        limit, each = _number(quota), _number(period)  # "max" or "-1" is no limit
        if limit and each:
            found.append(-(-limit // each))
    return min(found, default=None)


def _room(group: Path) -> int | None:
    """How many bytes are left of a control group's limit, or None if it has none."""
    for limit_in, used_in, prefix in (
        ("memory.max", "memory.current", ""),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ):
        limit, used = _number(_read(group / limit_in)), _number(_read(group / used_in))
        if limit is None or used is None:
            continue
        lines = (line.split() for line in _read(group / "memory.stat").splitlines())
        caches = {f"{prefix}active_file", f"{prefix}inactive_file"}
        return limit - used + sum(int(fields[1]) for fields in lines if fields[0] in caches)
    return None


def _linux_free_memory() -> int | None:
    for line in _read(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _sysctl(name: str) -> int | None:
    """A number that macOS tells of itself (``man 3 sysctlbyname``)."""
    value, size = ctypes.c_int64(0), ctypes.c_size_t(8)
    try:
        library = ctypes.CDLL(None)
        failed = library.sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(size), None, 0)
    except (OSError, AttributeError):
        return None
    return None if failed else value.value


def _mac_free_memory() -> int | None:
    """Free, inactive and purgeable pages: ``vm_statistics64`` in mach/vm_statistics.h."""
    counts = (ctypes.c_uint32 * 64)()  # larger than the structure is
    size = ctypes.c_uint32(38)
    try:
        library = ctypes.CDLL(None)
        failed = library.host_statistics64(library.mach_host_self(), 4, counts, ctypes.byref(size))
    except (OSError, AttributeError):
        return None
    free, _, inactive = counts[:3]
    purgeable = counts[22]  # after four counts of 32 bits, and nine of 64
    return None if failed else (free + inactive + purgeable) * mmap.PAGESIZE


def _kernel32() -> Any:
    """A kernel32 of our own: others may have told ``ctypes.windll`` how they call it."""
    return ctypes.WinDLL("kernel32") if hasattr(ctypes, "WinDLL") else None


def _windows_free_memory() -> int | None:
    """``ullAvailPhys`` of MEMORYSTATUSEX in sysinfoapi.h: two numbers of 32 bits, then seven of 64."""
    status = ctypes.create_string_buffer(struct.pack("<I", 64), 64)
    kernel = _kernel32()
    if kernel is None or not kernel.GlobalMemoryStatusEx(status):
        return None
    available: int = struct.unpack_from("<Q", status, 16)[0]
    return available


def _windows_cores() -> int | None:
    """SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX in winnt.h: one record a core, each with its own size."""
    kernel = _kernel32()
    size = ctypes.c_uint32(0)
    if kernel is None:
        return None
    kernel.GetLogicalProcessorInformationEx(0, None, ctypes.byref(size))
    records = ctypes.create_string_buffer(size.value)
    if not kernel.GetLogicalProcessorInformationEx(0, records, ctypes.byref(size)):
        return None
    cores, at = 0, 0
    while at < size.value:
        at += struct.unpack_from("<II", records, at)[1]
        cores += 1
    return cores or None
