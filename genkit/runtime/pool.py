"""httpx's transports, kept open from call to call."""

from __future__ import annotations

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
            transport = self._idle.pop()[2] if self._idle and not self._slept() else self._make()
            self._busy.add(transport)
        return transport

    def _slept(self) -> bool:
        """Whether time went by since the last call that the monotonic clock does not know of."""
        then, wall, _ = self._idle[-1]
        return (time.time() - wall) - (time.monotonic() - then) > KEEP

    async def give_back(self, transport: Any) -> None:
        """A call has ended. Of the idle ones, the one that has waited for too long is closed."""
        surplus = None
        now = time.monotonic()
        with self._lock:
            if transport in self._busy:
                self._busy.remove(transport)
                self._idle.append((now, time.time(), transport))
                if len(self._idle) > _MOST_IDLE or now - self._idle[0][0] > KEEP:
                    surplus = self._idle.popleft()[2]
        if surplus is not None:
            await close(surplus)

    def empty(self) -> list[Any]:
        """Take all transports out, to be closed, also those in use."""
        with self._lock:
            transports = [transport for _, _, transport in self._idle] + list(self._busy)
            self._idle.clear()
            self._busy.clear()
            self.keeper = None
        return transports


async def close(what: Any) -> None:
    """Close a stream or a transport, of either kind."""
    if isinstance(what, (httpx.AsyncByteStream, httpx.AsyncHTTPTransport)):
        await what.aclose()
    else:
        what.close()
