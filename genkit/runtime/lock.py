"""What has to be made anew in a forked child, such as locks."""

from __future__ import annotations

import os
import threading
from typing import Protocol
from weakref import WeakSet


class Lock:
    """Like ``threading.RLock``, to be used with ``with``; in a forked child it is free.

    There, a thread that held it is not, and nobody else would let go of it. And the garbage collector, which
    closes a dropped stream, and signal handlers may come in the middle of any line of its holder, and take it
    again. So it must protect only what is right again after any single line of what it protects.
    """

    def __init__(self) -> None:
        self.after_fork()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Make it free, whoever held it."""
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class _Renewed(Protocol):
    def after_fork(self) -> None: ...


_all: WeakSet[_Renewed] = WeakSet()


def renew_after_fork(thing: _Renewed) -> None:
    """Have its ``after_fork`` called in every child that this process forks, as long as it is there."""
    _all.add(thing)


def _after_fork() -> None:
    for thing in list(_all):
        thing.after_fork()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
