"""httpx's transports, kept open from call to call."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import httpx

from .lock import Lock

KEEP = 60.0  # seconds for which an idle connection is kept
_MOST_IDLE = 100


class Pool:
    """The transports of one event loop, or of all threads; each has one connection, and one call at a time.

    What a call costs in httpcore's own pool grows with the number of its connections.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._idle: deque[tuple[float, float, Any]] = deque()
        self._busy: set[Any] = set()
        self._lock = Lock()
        self.keeper: object = None

    def take(self) -> Any:
        """The transport that was used last, unless the machine slept since; or a new one."""
        with self._lock:
            transport = self._used() or self._make()
            self._busy.add(transport)
        return transport

    def _used(self) -> Any:
        """The one used last; None if time went by since that the monotonic clock does not know of."""
        with contextlib.suppress(IndexError):  # there is none, or a signal handler closed all just now
            then, wall, _ = self._idle[-1]
            if (time.time() - wall) - (time.monotonic() - then) <= KEEP:
                return self._idle.pop()[2]
        return None

    async def give_back(self, transport: Any) -> None:
        """A call has ended. Of the idle ones, the one that has waited for too long is closed."""
        surplus = None
        now = time.monotonic()
        with self._lock, contextlib.suppress(LookupError):  # a signal handler closed all just now
            if transport in self._busy:
                self._idle.append((now, time.time(), transport))
                self._busy.remove(transport)
                if len(self._idle) > _MOST_IDLE or now - self._idle[0][0] > KEEP:
                    surplus = self._idle.popleft()[2]
        if surplus is not None:
            await close(surplus)

    def empty(self) -> list[Any]:
        """Take all transports out, to be closed, also those in use."""
        with self._lock:
            # First those in use: one that is given back from here on, in the middle of a line, is not kept.
            busy, self._busy = self._busy, set()
            idle, self._idle = self._idle, deque()
            self.keeper = None
        return [transport for _, _, transport in idle] + list(busy)


async def close(what: Any) -> None:
    """Close a stream or a transport, of either kind."""
    if isinstance(what, (httpx.AsyncByteStream, httpx.AsyncHTTPTransport)):
        await what.aclose()
    else:
        what.close()
