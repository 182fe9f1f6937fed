"""How many threads compute, so that none waits for a core that another program has."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from .machine import default_threads, has_quota, idle_seconds

WINDOW = 0.4
"""Over how many seconds of computing to look: in fewer, what any machine does at times looks like more."""
LOOK = 0.05
"""After so many seconds of computing what they had is added up: many answers take no longer."""
GAP = 0.02
"""After so many seconds without a step, seconds are counted anew: others may have had the cores then who now
wait for what we compute."""
NEARLY, OF_MANY = 0.4, 0.02
"""All cores count as ours if so much of one is missing at most, or such a part of many. Of two threads beside
one busy program, each waits for the other, and both together get 1.3 cores."""


def shares(settings: Mapping[str, Any]) -> bool:
    """Whether a worker process with these settings has fewer threads compute while others need the cores.

    Not with ``threads=``, nor where numbers are to be the same each time: attention is added up in as many
    parts as there are threads. Nor where a quota says how much of the cores may be used: that is not seen in
    how long they are idle.
    """
    fixed = settings["threads"] or settings.get("deterministic")
    return not (fixed or has_quota()) and idle_seconds() is not None


def _had() -> float | None:
    """How many CPU seconds this process took, or could have; None if that cannot be known."""
    idle = idle_seconds()
    return None if idle is None else idle + time.process_time()


class Cores:
    """Says before each step how many threads compute.

    llama.cpp's threads wait for each other hundreds of times a step. One that shares its core with another
    program holds up all the others, and a step may take ten times as long as with one thread less.

    Args:
        most: how many there are at most.
        had: how many CPU seconds this process took so far, or could have; without it, all threads compute.
        clock: the time in seconds.
    """

    def __init__(
        self,
        most: int,
        had: Callable[[], float | None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.threads = self._most = most
        self.lent = 0
        """How many of them compute something else."""
        self._had, self._clock = had, clock
        self._seen: tuple[float, float] | None = None
        self._took = self._cores = self._over = 0.0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Cores:
        """Those of a worker with these settings, where ``shares`` is what :func:`shares` says."""
        return cls(settings["threads"] or default_threads(), _had if settings.get("shares") else None)

    def before(self) -> int:
        """A step begins: how many threads are to compute."""
        if self._had and self._most > 1:
            now = self._clock()
            if self._seen is None or now - self._over > GAP:
                self._seen = self._look(now)
        return max(self.threads - self.lent, 1)

    def after(self) -> None:
        """The step is over."""
        if not self._seen:
            return
        now = self._over = self._clock()
        if now - self._seen[0] < LOOK:
            return
        before, self._seen = self._seen, self._look(now)
        if self._seen:
            self._took += self._seen[0] - before[0]
            self._cores += self._seen[1] - before[1]
        if self._took >= WINDOW:
            cores = self._cores / self._took + max(NEARLY, OF_MANY * self._most)
            self.threads = max(1, min(int(cores), self._most))
            self._took = self._cores = 0.0

    def _look(self, now: float) -> tuple[float, float] | None:
        had = self._had() if self._had else None
        return None if had is None else (now, had)


class Part(Cores):
    """Half of the threads there are, for what is computed beside all else.

    Args:
        whole: what says how many there are; it has so many less then.
        alone: tells whether nothing else is computed: then it is all of them.
    """

    def __init__(self, whole: Cores, alone: Callable[[], bool]) -> None:
        super().__init__(1)
        self._whole, self._alone = whole, alone

    def before(self) -> int:
        """A step begins: how many threads are to compute."""
        there = self._whole.threads
        self._whole.lent = self.threads = there if self._alone() else max(there // 2, 1)
        return self.threads
