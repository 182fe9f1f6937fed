"""How many threads: no more than there are cores for this process."""

from __future__ import annotations

import os

import pytest

from genkit.local.machine import default_threads


def test_there_is_a_thread_and_no_more_than_the_cpus() -> None:
    assert 1 <= default_threads() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not tie threads to CPUs")
def test_affinity_counts() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        for cpu in sorted(allowed)[:4]:
            os.sched_setaffinity(0, {cpu})
            assert default_threads() == 1
    finally:
        os.sched_setaffinity(0, allowed)
