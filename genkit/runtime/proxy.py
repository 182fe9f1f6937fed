"""Tunnels through the proxy that HTTPS_PROXY, or the system, names.

The proxy is asked for a tunnel with CONNECT (RFC 9110, 9.3.6); what goes through it is encrypted, so that it
sees the name of the server and nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore

from ..errors import ConfigError
from .addresses import Addresses
from .base import Limits

_LARGEST_ANSWER = 16 * 1024


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy is; ``authorization`` is the value of its header, or empty."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)


def proxy_of(url: httpcore.URL) -> Proxy | None:
    """The proxy for a server; None for one that is spoken to in the clear, on this machine, or in NO_PROXY.

    Raises:
        ConfigError: what HTTPS_PROXY names is not a proxy at ``http://``.
    """
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - with the first call; httpx has it

    host, port = url.host.decode(), url.port or 443
    if url.scheme != b"https" or _is_here(host):
        return None
    proxies = getproxies()
    text = proxies.get("https") or proxies.get("all")
    if not text or proxy_bypass(f"{host}:{port}"):
        return None
    try:
        place = urlsplit(text if "://" in text else f"http://{text}")
        name, at = place.hostname or "", place.port or 80
    except ValueError:
        place, name, at = urlsplit(""), "", 80
    if place.scheme != "http" or not name:
        shown = f"{place.scheme}://{name}" if name else "no address"  # never its password
        raise ConfigError(
            f"HTTPS_PROXY has {shown}, and genkit goes through proxies at http://HOST:PORT only; "
            f"set it to one, or name {host} in NO_PROXY"
        )
    who = unquote(f"{place.username or ''}:{place.password or ''}") if place.username else ""
    return Proxy(name, at, who and "Basic " + base64.b64encode(who.encode()).decode())


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Tunnel:
    """What is said to a proxy, and what it answers.

    Args:
        proxy: the proxy.
        host: the name of the server.
        port: its port.
    """

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        self._proxy, self._head = proxy, b""
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        more = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
        self.request = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{more}\r\n".encode()

    def is_open(self, data: bytes) -> bool:
        """Whether the tunnel stands, now that the proxy has sent this too.

        Raises:
            httpcore.ConnectError: the proxy will not make one.
        """
        self._head += data
        where = f"the proxy at {self._proxy.host}:{self._proxy.port}"
        if not data or len(self._head) > _LARGEST_ANSWER:
            raise httpcore.ConnectError(f"{where} did not answer with HTTP")
        if b"\r\n\r\n" not in self._head:
            return False
        status = self._head.partition(b"\r\n")[0].decode("latin-1")
        version, _, rest = status.partition(" ")
        if not version.startswith("HTTP/1.") or not rest.startswith("2"):
            raise httpcore.ConnectError(f"{where} answered {status!r:.80}")
        return True


class Tunnels(Addresses):
    """Connects to servers, through the proxy if there is one."""

    proxy: Proxy | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Any = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """See :meth:`Addresses.connect_tcp`."""
        proxy = self.proxy
        if proxy is None:
            return super().connect_tcp(host, port, timeout, local_address, socket_options)
        stream = super().connect_tcp(proxy.host, proxy.port, timeout, local_address, socket_options)
        try:
            _dig(stream.get_extra_info("socket"), Tunnel(proxy, host, port), timeout)
        except BaseException:
            stream.close()
            raise
        return stream


def _dig(sock: socket.socket, tunnel: Tunnel, limits: Limits) -> None:
    try:
        sock.settimeout(limits.left())
        sock.sendall(tunnel.request)
        while not tunnel.is_open(sock.recv(4096)):
            sock.settimeout(limits.left())
    except TimeoutError:
        raise limits.exceeded() from None
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from None


async def connect(
    protocol: Callable[[], asyncio.Protocol],
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    proxy: Proxy | None,
) -> tuple[Any, Any]:
    """What ``create_connection()`` of the event loop gives, through the proxy if there is one.

    Raises:
        OSError: nobody answers.
        httpcore.ConnectError: the proxy makes no tunnel.
    """
    loop = asyncio.get_running_loop()
    name = host if tls else None
    if proxy is None:
        return await loop.create_connection(
            protocol, host, port, ssl=tls, server_hostname=name, happy_eyeballs_delay=0.25
        )
    sock = await _reach(proxy)
    try:
        tunnel = Tunnel(proxy, host, port)
        await loop.sock_sendall(sock, tunnel.request)
        while not tunnel.is_open(await loop.sock_recv(sock, 4096)):
            pass
        return await loop.create_connection(protocol, sock=sock, ssl=tls, server_hostname=name)
    except BaseException:
        sock.close()
        raise


async def _reach(proxy: Proxy) -> socket.socket:
    """A socket that is connected to the first address of a proxy that answers."""
    loop = asyncio.get_running_loop()
    failed = OSError(f"{proxy.host} has no address")
    for family, kind, number, _, address in await loop.getaddrinfo(
        proxy.host, proxy.port, type=socket.SOCK_STREAM
    ):
        sock = socket.socket(family, kind, number)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failed = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failed
