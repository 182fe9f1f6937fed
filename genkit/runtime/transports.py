"""httpx's transports with one connection each, that keep to the limits of their calls.

Loaded with the first call, as httpx does with httpcore: importing genkit does without.
"""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

import httpcore
import httpx

from ..errors import ConfigError
from .network import AwaitingNetwork, BlockingNetwork
from .pool import KEEP
from .proxy import proxy_of


class _Single:
    """One connection, opened anew when it no longer stands: a pool for one call at a time."""

    def __init__(self) -> None:
        self._connection: httpcore.HTTPConnection | None = None
        self._network = BlockingNetwork()
        self.was_kept = False

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        connection = self._connection
        self.was_kept = _stands(connection, request)
        if connection is None or not self.was_kept:
            if connection is not None:
                connection.close()
            self._network.proxy = proxy_of(request.url)
            connection = self._connection = httpcore.HTTPConnection(
                request.url.origin, _tls_for(request), KEEP, network_backend=self._network
            )
        return connection.handle_request(request)

    def close(self) -> None:
        self._network.close()
        if self._connection is not None:
            self._connection.close()


class _AsyncSingle:
    """The asynchronous twin of :class:`_Single`."""

    def __init__(self) -> None:
        self._connection: httpcore.AsyncHTTPConnection | None = None
        self._network: AwaitingNetwork | None = None
        self.was_kept = False

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        connection = self._connection
        self.was_kept = _stands(connection, request)
        if connection is None or not self.was_kept:
            await self.aclose()
            tls = _tls_for(request)
            self._network = AwaitingNetwork(tls, proxy_of(request.url))
            connection = self._connection = httpcore.AsyncHTTPConnection(
                request.url.origin, tls, KEEP, network_backend=self._network
            )
        return await connection.handle_async_request(request)

    def abort(self) -> None:
        if self._network is not None:
            self._network.close()

    async def aclose(self) -> None:
        self.abort()
        if self._connection is not None:
            await self._connection.aclose()


def _stands(connection: Any, request: httpcore.Request) -> bool:
    """Whether a connection of either kind can take a request."""
    if connection is None or not connection.is_available() or connection.has_expired():
        return False
    same_origin: bool = connection.can_handle_request(request.url.origin)
    return same_origin


def _tls_for(request: httpcore.Request) -> ssl.SSLContext | None:
    """The one context that all connections over TLS share: making one takes 18 ms.

    Raises:
        ConfigError: SSL_CERT_FILE holds no certificates, or no folder of SSL_CERT_DIR is there.
    """
    if request.url.scheme != b"https":
        return None
    return _tls(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _tls(file: str | None, folders: str | None) -> ssl.SSLContext:
    if folders and not any(os.path.isdir(folder) for folder in folders.split(os.pathsep)):
        raise ConfigError(f"SSL_CERT_DIR={folders} is no folder")
    if not file and not folders:
        import certifi  # noqa: PLC0415 - as httpx does it

        file = certifi.where()
    try:
        context = ssl.create_default_context(cafile=file or None, capath=folders or None)
    except OSError as error:  # of TLS too
        raise ConfigError(f"SSL_CERT_FILE={file} has no certificates: {error}") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


class BlockingTransport(httpx.HTTPTransport):
    """httpx's transport with one connection, that keeps to limits."""

    def __init__(self) -> None:
        self._pool: Any = _Single()

    @property
    def was_kept(self) -> bool:
        """Whether the last request went over a connection that had served another before."""
        kept: bool = self._pool.was_kept
        return kept


class AwaitingTransport(httpx.AsyncHTTPTransport):
    """The asynchronous twin of :class:`BlockingTransport`."""

    def __init__(self) -> None:
        self._pool: Any = _AsyncSingle()

    def abort(self) -> None:
        """Close the connection at once; what is not sent is lost."""
        self._pool.abort()

    @property
    def was_kept(self) -> bool:
        """See :attr:`BlockingTransport.was_kept`."""
        kept: bool = self._pool.was_kept
        return kept
