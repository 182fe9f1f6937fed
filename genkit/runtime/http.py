"""HTTP through httpx: the one way out of genkit.

Redirects are never followed: a key never leaves its origin. The environment names proxies
(``proxy.py``) and certificates (``transports.py``), and nothing else.
httpx's transports are used without its clients, which do nothing else that is wanted here.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from functools import lru_cache
from typing import Any

import httpx

from ..errors import (
    BadRequest,
    Closed,
    ConfigError,
    ConnectFailed,
    GenkitError,
    ProtocolError,
    TooLarge,
)
from .base import HttpRequest, Limits, Runtime
from .lock import Lock
from .pool import Pool, close
from .unzip import cut, unzip

LARGEST_HEAD = 64 * 1024
LARGEST_BODY = 64 * 1024 * 1024


class Response:
    """See :class:`~genkit.runtime.base.HttpResponse`."""

    def __init__(
        self,
        response: httpx.Response,
        connections: Connections,
        limits: Limits,
        pool: Pool,
        transport: Any,
    ) -> None:
        self._response, self._connections, self._limits = response, connections, limits
        self._pool, self._transport = pool, transport
        self._ended = self._closed = False
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        limits.phase = "body"

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """See :class:`~genkit.runtime.base.HttpResponse`."""
        unzipper = unzip(self.headers.get("content-encoding", "identity").strip().lower())
        came = size = 0
        try:
            async for data in _pieces(self._response.stream):
                came += len(data)
                for piece in unzipper.feed(data) if unzipper else (data,):
                    size += len(piece)
                    if size > LARGEST_BODY:
                        break
                    yield piece
                if max(came, size) > LARGEST_BODY:  # of what is compressed, nothing may come for ever
                    raise TooLarge(f"the answer is larger than {LARGEST_BODY} bytes", phase="body")
        except httpx.HTTPError as error:
            raise self._failed(error) from None
        self._ended = True
        if unzipper:
            unzipper.end()

    def _failed(self, error: httpx.HTTPError) -> GenkitError:
        if self._connections.closed:
            return _closed()
        if isinstance(error, httpx.RemoteProtocolError):
            if "closed" in str(error):
                return cut()
            return ProtocolError(f"the body is broken: {error}", phase="body")
        return ConnectFailed(f"the connection broke: {error}", phase="body")

    async def aclose(self) -> None:
        """See :class:`~genkit.runtime.base.HttpResponse`."""
        if self._closed:
            return
        self._closed = True
        if self._ended or isinstance(self._response.stream, httpx.SyncByteStream):
            await close(self._response.stream)
        else:  # without a pause: a loop that ends would close what waits for this meanwhile
            self._transport.abort()
        await self._pool.give_back(self._transport)


async def _pieces(stream: Any) -> AsyncIterator[bytes]:
    """The raw bytes of a body, of either kind."""
    if isinstance(stream, httpx.AsyncByteStream):
        async for piece in stream:
            yield piece
    else:
        for piece in stream:
            yield piece


def _is_out_of_files(error: BaseException | None) -> bool:
    """Whether what went wrong is that this program, or the system, has too many files open."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            return True
        error = error.__cause__ or error.__context__
    return False


class Connections:
    """The open connections of one backend: for all threads, and for each event loop its own.

    A forked child starts with none.
    """

    def __init__(self) -> None:
        self._pools: dict[Any, Pool] = {}
        self._lock = Lock()
        self._pid = os.getpid()
        self.closed = False

    async def send(self, message: HttpRequest, runtime: Runtime, limits: Limits) -> Response:
        """Send a request and wait for the head of its response, which the caller has to close.

        Raises:
            BadRequest: a header holds characters that HTTP does not allow.
            ConfigError: the URL is not one of HTTP.
            ConnectFailed: there is no answer.
            DeadlineExceeded: it took too long.
            ProtocolError: what came is not HTTP.
            TooLarge: the head is larger than it may be.
            Closed: the connections were closed.
        """
        request = _request(message, limits)
        pool = await self.pool(runtime)
        transport = pool.take()
        try:
            if self.closed:  # as it was taken, or after it was taken from the pool that close() emptied
                await close(transport)
                raise _closed()
            answer = await self._exchange(transport, request, limits)
            if isinstance(answer, ConnectFailed) and transport.was_kept and not limits.answered:
                answer = await self._again(answer, transport, request, limits)
        except BaseException:
            await pool.give_back(transport)
            raise
        if isinstance(answer, GenkitError):
            await pool.give_back(transport)
            raise answer  # out here: the frames and errors below hold the key
        return Response(answer, self, limits, pool, transport)

    async def _exchange(
        self, transport: Any, request: httpx.Request, limits: Limits
    ) -> httpx.Response | GenkitError:
        """The head of the answer to a request, or what went wrong."""
        try:
            return await _head(transport, request)
        except httpx.HTTPError as error:
            return self._failed(error, request.url, limits)
        except GenkitError as error:
            return error.with_traceback(None)
        except UnicodeError:
            return ConfigError(f"{request.url.host!r} is not the name of a host")

    async def _again(
        self, failed: GenkitError, transport: Any, request: httpx.Request, limits: Limits
    ) -> httpx.Response | GenkitError:
        """Once more, at once, after a connection that was kept ended without a byte of an answer.

        Nearly always its server had closed it, and did not see the request.
        """
        limits.resent = True
        limits.enter("connect")
        answer = await self._exchange(transport, request, limits)
        if isinstance(answer, GenkitError):
            answer.attempts = (failed,)
        return answer

    def _failed(self, error: httpx.HTTPError, url: httpx.URL, limits: Limits) -> GenkitError:
        """The error for an exchange that gave no response."""
        place = url.netloc.decode("ascii", "replace")
        if self.closed:
            return _closed()
        if isinstance(error, httpx.TimeoutException):
            return limits.exceeded()
        if _is_out_of_files(error):  # which tells nothing of the server, and waiting alone does not help
            do = "make fewer calls at a time, each of which has a connection, or raise the limit (ulimit -n)"
            message = f"this program may open no more files, and so no connection to {place}; {do}"
            return ConnectFailed(message, phase="connect", retryable=False)
        if isinstance(error, httpx.ConnectError):
            return ConnectFailed(f"cannot connect to {place}: {error}", phase="connect")
        if isinstance(error, httpx.LocalProtocolError):
            return BadRequest("the URL or a header holds characters that HTTP does not allow")
        if isinstance(error, httpx.RemoteProtocolError) and "without sending" not in str(error):
            kind = TooLarge if "too long" in str(error) else ProtocolError
            return kind(f"the answer of {place} is not HTTP: {error}", phase="headers")
        return ConnectFailed(f"lost the connection to {place}: {error}", phase="headers")

    async def pool(self, runtime: Runtime) -> Pool:
        """The connections that belong where this call runs."""
        home = runtime.home
        with self._lock:
            self.check()
            if self._pid != os.getpid():  # forked: the parent's; kept, or they would be closed here
                self._parents, self._pid, self._pools = self._pools, os.getpid(), {}
            pool = self._pools.get(home)
            if pool is not None:
                return pool
            for other in [key for key in self._pools if getattr(key, "is_closed", bool)()]:
                del self._pools[other]  # else it would be kept alive from here
            transports = importlib.import_module("genkit.runtime.transports")  # not before it is needed
            make = transports.BlockingTransport if home is None else transports.AwaitingTransport
            pool = self._pools[home] = Pool(make)
        pool.keeper = await runtime.at_shutdown(lambda: _close_all(pool.empty()))
        return pool

    def check(self) -> None:
        """Raises Closed if they are closed."""
        if self.closed:
            raise Closed("the Generator was closed; make another")

    def close(self) -> None:
        """Close all connections; calls that use one fail. Safe to call twice, and from any thread."""
        with self._lock:
            self.closed = True
            pools, self._pools = self._pools, {}
        if self._pid != os.getpid():
            return
        for home, pool in pools.items():
            transports = pool.empty()
            if home is None:
                for transport in transports:
                    transport.close()
            else:
                with contextlib.suppress(RuntimeError):  # the loop is closed
                    home.call_soon_threadsafe(_abort, transports)


def _closed() -> Closed:
    return Closed("the Generator was closed while this call was running")


async def _head(transport: Any, request: httpx.Request) -> httpx.Response:
    """Send a request over a transport of either kind, and wait for the head of its answer."""
    answer: httpx.Response
    if isinstance(transport, httpx.AsyncHTTPTransport):
        answer = await transport.handle_async_request(request)
    else:
        answer = transport.handle_request(request)
    if sum(len(name) + len(value) + 4 for name, value in answer.headers.raw) > LARGEST_HEAD:
        await close(answer.stream)
        raise TooLarge(f"the head of the answer is larger than {LARGEST_HEAD} bytes", phase="headers")
    return answer


def _abort(transports: list[Any]) -> None:
    for transport in transports:
        transport.abort()


async def _close_all(transports: list[Any]) -> None:
    for transport in transports:
        await transport.aclose()


def _request(message: HttpRequest, limits: Limits) -> httpx.Request:
    """The request for httpx; the key, and what else is secret, is added last."""
    url = _url(message.url)
    headers = {"accept-encoding": "identity", "user-agent": "genkit", **message.headers, **message.secret}
    extensions = {"timeout": {"connect": limits, "read": limits, "write": limits}}
    with contextlib.suppress(UnicodeEncodeError, TypeError, ValueError):
        return httpx.Request(
            message.method,
            url,
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()],
            content=message.content,
            extensions=extensions,
        )
    del headers  # an error shows its frames to whoever asks for them
    raise BadRequest("a header holds characters that HTTP does not allow")


@lru_cache(maxsize=256)
def _url(text: str) -> httpx.URL:
    """Taken apart once for all calls. Raises ConfigError."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or "%" in url.host or url.userinfo:
        place = re.sub(r"//[^/]*@", "//…@", text.partition("?")[0])  # a password
        raise ConfigError(f"{place!r} is not the address of an HTTP server: http(s)://HOST[:PORT]/PATH")
    return url
