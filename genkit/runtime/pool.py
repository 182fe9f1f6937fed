"""httpx's transports, kept open from call to call."""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import httpcore
import httpx

from .network import AwaitingNetwork, BlockingNetwork

_KEEP = 60.0  # seconds for which an idle connection is kept
_MOST_IDLE = 100


class _Single:
    """One connection, opened anew when it no longer stands: a pool for one call at a time."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._connection: httpcore.HTTPConnection | None = None
        self.was_kept = False

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        connection = self._connection
        self.was_kept = _stands(connection, request)
        if connection is None or not self.was_kept:
            self.close()
            connection = self._connection = httpcore.HTTPConnection(
                request.url.origin, self._tls, _KEEP, network_backend=BlockingNetwork()
            )
        return connection.handle_request(request)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class _AsyncSingle:
    """The asynchronous twin of :class:`_Single`."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._connection: httpcore.AsyncHTTPConnection | None = None
        self.was_kept = False

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        connection = self._connection
        self.was_kept = _stands(connection, request)
        if connection is None or not self.was_kept:
            await self.aclose()
            network = AwaitingNetwork(self._tls if request.url.scheme == b"https" else None)
            connection = self._connection = httpcore.AsyncHTTPConnection(
                request.url.origin, self._tls, _KEEP, network_backend=network
            )
        return await connection.handle_async_request(request)

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.aclose()


def _stands(connection: Any, request: httpcore.Request) -> bool:
    """Whether a connection of either kind can take a request."""
    if connection is None or not connection.is_available() or connection.has_expired():
        return False
    same_origin: bool = connection.can_handle_request(request.url.origin)
    return same_origin


class BlockingTransport(httpx.HTTPTransport):
    """httpx's transport with one connection, that keeps to limits."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._pool: Any = _Single(tls)

    @property
    def was_kept(self) -> bool:
        """Whether the last request went over a connection that had served another before."""
        kept: bool = self._pool.was_kept
        return kept


class AwaitingTransport(httpx.AsyncHTTPTransport):
    """The asynchronous twin of :class:`BlockingTransport`."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._pool: Any = _AsyncSingle(tls)

    @property
    def was_kept(self) -> bool:
        """See :attr:`BlockingTransport.was_kept`."""
        kept: bool = self._pool.was_kept
        return kept


class Pool:
    """The transports of one event loop, or of all threads; each has one connection, and one call at a time.

    What a call costs in httpcore's own pool grows with the number of its connections.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._idle: deque[tuple[float, Any]] = deque()
        self._busy: set[Any] = set()
        self._lock = threading.Lock()
        self.keeper: object = None

    def take(self) -> Any:
        """The transport that was used last, or a new one."""
        with self._lock:
            transport = self._idle.pop()[1] if self._idle else self._make()
            self._busy.add(transport)
        return transport

    async def give_back(self, transport: Any) -> None:
        """A call has ended. Of the idle ones, the one that has waited for too long is closed."""
        surplus = None
        now = time.monotonic()
        with self._lock:
            if transport in self._busy:
                self._busy.remove(transport)
                self._idle.append((now, transport))
                if len(self._idle) > _MOST_IDLE or now - self._idle[0][0] > _KEEP:
                    surplus = self._idle.popleft()[1]
        if surplus is not None:
            await close(surplus)

    def empty(self) -> list[Any]:
        """Take all transports out, to be closed, also those in use."""
        with self._lock:
            transports = [transport for _, transport in self._idle] + list(self._busy)
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
