"""Sockets under httpx's transports, whose every wait is as long as the limits of its call leave.

httpx's own timeouts are for one read; a server that drips never reaches them. What it passes on here as a
timeout is the :class:`~genkit.runtime.base.Limits` of the call. It costs a third of anyio, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from typing import Any, cast

import httpcore

from .addresses import reach
from .base import Limits
from .blocking import at_a_time
from .chunks import Joiner
from .proxy import Proxy, Tunnel, connect, dig

_READ = 64 * 1024
_MOST = 256 * 1024  # what is read ahead of the consumer


class BlockingNetwork(httpcore.SyncBackend):
    """Opens connections that block the thread, one at a time, until another thread closes it for good."""

    def __init__(self) -> None:
        self.proxy: Proxy | None = None
        self._stream: BlockingStream | None = None
        self._closed = False

    def connect_tcp(
        self, host: str, port: int, timeout: Any = None, *_: Any, **__: Any
    ) -> httpcore.NetworkStream:
        proxy = self.proxy
        if proxy is None:
            return self.opened(reach(host, port, timeout))
        stream = self.opened(reach(proxy.host, proxy.port, timeout))
        try:
            dig(stream.get_extra_info("socket"), Tunnel(proxy, host, port), timeout)
        except BaseException:
            stream.close()
            raise
        return stream

    def opened(self, stream: httpcore.NetworkStream) -> BlockingStream:
        """The stream that :meth:`close` closes from now on."""
        self._stream = BlockingStream(stream, self)
        if self._closed:
            self._stream.close()
        return self._stream

    def close(self) -> None:
        """Close the connection, also one that is being opened."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()


class BlockingStream(httpcore.NetworkStream):
    """One connection of :class:`BlockingNetwork`."""

    def __init__(self, stream: httpcore.NetworkStream, network: BlockingNetwork) -> None:
        self._stream, self._network = stream, network
        self._socket: socket.socket = stream.get_extra_info("socket")
        self._joiner = Joiner()
        self._pid = os.getpid()

    def read(self, max_bytes: int, timeout: Any = None) -> bytes:
        while True:
            try:
                left = timeout.left()
                self._socket.settimeout(at_a_time(left))  # fails too, once another thread has closed it
                data = self._socket.recv(_READ)
            except TimeoutError:
                if at_a_time(left) != left:
                    continue
                raise timeout.exceeded() from None
            except OSError as error:
                raise httpcore.ReadError(str(error)) from None
            if not data:
                return data
            timeout.answered = True
            if data := self._joiner.feed(data):
                return data

    def write(self, buffer: bytes, timeout: Any = None) -> None:
        if timeout.phase == "connect":
            timeout.enter("headers")
            self._joiner = Joiner()
        if not buffer:
            return
        try:
            self._socket.settimeout(timeout.left())
            self._socket.sendall(buffer)
        except TimeoutError:
            raise timeout.exceeded() from None
        except OSError as error:
            raise httpcore.WriteError(str(error)) from None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self._pid == os.getpid():  # a forked child has no say in its parent's connections
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads from it
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: Any = None
    ) -> httpcore.NetworkStream:
        return self._network.opened(self._stream.start_tls(ssl_context, server_hostname, timeout.left()))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class AwaitingNetwork(httpcore.AsyncNetworkBackend):
    """Opens a connection on the running event loop.

    Args:
        tls: what they are secured with, at once: asyncio's ``start_tls()`` waits for ever if the server
            has closed the connection by then.
        proxy: the proxy that the server is behind.
    """

    def __init__(self, tls: ssl.SSLContext | None, proxy: Proxy | None) -> None:
        self._tls, self._proxy = tls, proxy
        self._stream: AwaitingStream | None = None

    async def connect_tcp(
        self, host: str, port: int, timeout: Any = None, *_: Any, **__: Any
    ) -> httpcore.AsyncNetworkStream:
        stream = self._stream = AwaitingStream()
        opening = connect(lambda: stream.protocol, (host, port), self._tls, self._proxy, timeout)
        await stream.open(opening, timeout)
        return stream

    def close(self) -> None:
        """Close the connection, also the one that is being opened."""
        if self._stream:
            self._stream.abort()


class AwaitingStream(httpcore.AsyncNetworkStream):
    """One connection of :class:`AwaitingNetwork`."""

    def __init__(self) -> None:
        self.protocol, self._joiner = _Protocol(), Joiner()
        self._opening: asyncio.Future[Any] | None = None

    async def open(self, opening: Any, limits: Limits) -> None:
        """Wait until it is open; it is closed if that fails."""
        self._opening = asyncio.ensure_future(opening)
        try:
            transport, _ = await asyncio.wait_for(self._opening, limits.left())
        except BaseException as error:
            was_closed = self.protocol.closed
            self.abort()
            if isinstance(error, (asyncio.TimeoutError, OSError)):
                limits.left()  # raises, if that was its timeout
            elif not was_closed or not isinstance(error, asyncio.CancelledError):
                raise
            raise httpcore.ConnectError(str(error)) from None
        transport.set_write_buffer_limits(0)  # so that resume_writing() tells when all is sent

    async def read(self, max_bytes: int, timeout: Any = None) -> bytes:
        protocol = self.protocol
        while True:
            left = timeout.left()
            while not protocol.data and not protocol.ended:
                await protocol.wait(timeout, left)
            if protocol.error and not protocol.data:
                raise httpcore.ReadError(str(protocol.error))
            if not protocol.data:
                return b""
            timeout.answered = True
            if data := self._joiner.feed(protocol.take()):
                return data

    async def write(self, buffer: bytes, timeout: Any = None) -> None:
        protocol = self.protocol
        if timeout.phase == "connect":
            timeout.enter("headers")
            self._joiner = Joiner()
        if protocol.ended or protocol.transport is None:
            raise httpcore.WriteError("the server closed the connection")
        left = timeout.left()
        if buffer:
            protocol.transport.write(buffer)
        while protocol.transport.get_write_buffer_size() and not protocol.ended:
            await protocol.wait(timeout, left)

    async def aclose(self) -> None:
        self.abort()

    def abort(self) -> None:
        """Close it at once; nothing that was not sent will be."""
        if self.protocol.transport is not None:
            self.protocol.transport.abort()
        self.protocol.closed = True
        if self._opening is not None:
            self._opening.cancel()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: Any = None
    ) -> httpcore.AsyncNetworkStream:
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return bool(self.protocol.data) or self.protocol.ended
        return self.protocol.transport and self.protocol.transport.get_extra_info(info)


class _Protocol(asyncio.Protocol):
    """What the event loop tells about one connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.data: list[bytes] = []
        self.ended = self.closed = False
        self.error: Exception | None = None
        self._size = 0
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._limits: Limits | None = None
        self._timer: asyncio.Handle | None = None  # which in qasync's loop does not tell when it rings
        self._rings = 0.0

    def take(self) -> bytes:
        """All that came so far."""
        data = self.data[0] if len(self.data) == 1 else b"".join(self.data)
        self.data.clear()
        if self._size > _MOST and self.transport and not self.ended:
            self.transport.resume_reading()
        self._size = 0
        return data

    async def wait(self, limits: Limits, left: float | None) -> None:
        """Wait until something happens; one timer serves many waits, set anew when it rings too early."""
        self._limits = limits
        if left is not None and (self._timer is None or self._rings > self._loop.time() + left):
            self._set_timer(left)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _set_timer(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer, self._rings = self._loop.call_later(seconds, self._ring), self._loop.time() + seconds

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None or self._limits is None or self._waiter.done():
            return
        try:
            left = self._limits.left()
        except Exception as error:  # noqa: BLE001 - the one who waits raises it
            self._waiter.set_exception(error)
        else:
            if left is not None:
                self._set_timer(left)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's only behaves like one
        if self.closed:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.data.append(data)
        before = self._size
        self._size = before + len(data)
        if before <= _MOST < self._size and self.transport:
            self.transport.pause_reading()
        self._wake()

    def resume_writing(self) -> None:
        self._wake()

    def eof_received(self) -> None:
        self.ended = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        self.error = self.error or error
        if self._timer:
            self._timer.cancel()
        self._timer = self._limits = None
        self._wake()
