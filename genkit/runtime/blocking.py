"""Waiting by blocking the thread: coroutines that wait through this never suspend."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

# On Windows a wait for a lock does not notice Ctrl-C; a wait in slices does, between two of them.
_SLICE = 0.1 if os.name == "nt" else None
_LONGEST = 3600.0  # what a lock takes for its time has bounds


class BlockingChannel(Generic[T]):
    """A :class:`~genkit.runtime.base.Channel` whose ``get`` blocks the thread."""

    __slots__ = ("_items", "put")

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[T] = queue.SimpleQueue()
        self.put = self._items.put

    async def get(self, until: float | None = None) -> T:
        while True:
            wait = _SLICE
            if until is not None:
                wait = min(max(until - time.monotonic(), 0), _SLICE or _LONGEST)
            try:
                return self._items.get(timeout=wait)
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
