"""Waiting by blocking the thread: coroutines that wait through this never suspend."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from ..errors import Closed

T = TypeVar("T")

# On Windows a wait for a lock or a socket does not notice Ctrl-C; a wait in slices does, between two of them.
_SLICE = 0.1 if os.name == "nt" else None
_LONGEST = 3600.0  # what a lock takes for its time has bounds


def at_a_time(seconds: float | None) -> float | None:
    """How much of a wait to wait at a time, so that Ctrl-C is noticed; None is for ever."""
    if _SLICE is None or seconds is None:
        return _SLICE or seconds
    return min(_SLICE, seconds)


class BlockingChannel(Generic[T]):
    """A :class:`~genkit.runtime.base.Channel` whose ``get`` blocks the thread."""

    __slots__ = ("_items", "put")

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[T] = queue.SimpleQueue()
        self.put = self._items.put

    async def get(self, until: float | None = None) -> T:
        while True:
            left = None if until is None else min(max(until - time.monotonic(), 0), _LONGEST)
            try:
                return self._items.get(timeout=at_a_time(left))
            except queue.Empty:
                if until is not None and time.monotonic() >= until:
                    raise TimeoutError from None


class BlockingRuntime:
    """Waits in the calling thread, with no event loop."""

    home: Hashable = None

    def channel(self) -> BlockingChannel[T]:
        return BlockingChannel()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def apart(self, work: Callable[[], T]) -> T:
        return work()

    async def at_shutdown(self, callback: Callable[[], Awaitable[None]]) -> object:
        return None


class OneCall(BlockingRuntime):
    """For one call, whose waits for a channel another thread can end."""

    def __init__(self) -> None:
        self._channels: list[BlockingChannel[Any]] = []
        self._ending: Closed | None = None

    def channel(self) -> BlockingChannel[T]:
        made = BlockingChannel[T]()
        self._channels.append(made)
        if self._ending:
            self.end(self._ending)
        return made

    def end(self, error: Closed) -> None:
        """What comes next through every channel is this error."""
        self._ending = error
        for channel in self._channels:
            channel.put(error)
