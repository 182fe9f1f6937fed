"""Waiting by awaiting on the running asyncio event loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class AwaitingChannel(Generic[T]):
    """A :class:`~genkit.runtime.base.Channel` that wakes its loop once for any number of items."""

    __slots__ = ("_items", "_loop", "_ready", "_woken")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[T] = deque()
        self._ready = asyncio.Event()
        self._woken = False

    def put(self, item: T) -> bool:
        self._items.append(item)
        if self._woken:
            return not self._loop.is_closed()
        self._woken = True
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:  # the loop was closed: nobody is left to read
            self._items.clear()
            return False
        return True

    async def get(self, until: float | None = None) -> T:
        while not self._items:
            self._ready.clear()
            self._woken = False
            if self._items:  # put between the test and the reset: it may not have woken anybody
                break
            if until is None:
                await self._ready.wait()
                continue
            if (left := until - time.monotonic()) <= 0:
                raise TimeoutError
            # Not asyncio.wait_for, which before Python 3.12 loses a cancellation as an item arrives.
            timer = self._loop.call_later(left, self._ready.set)
            try:
                await self._ready.wait()
            finally:
                timer.cancel()
        return self._items.popleft()


class AwaitingRuntime:
    """Waits on whichever asyncio loop runs the call."""

    @property
    def home(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def channel(self) -> AwaitingChannel[T]:
        return AwaitingChannel()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def apart(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    async def at_shutdown(self, callback: Callable[[], Awaitable[None]]) -> object:
        # asyncio.run() closes the async generators that are still open before it closes its loop.
        keeper = _at_close(callback)
        await keeper.__anext__()
        return keeper


async def _at_close(callback: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await callback()
