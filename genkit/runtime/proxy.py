"""Tunnels through the proxy that HTTPS_PROXY names.

The proxy is asked for a tunnel with CONNECT (RFC 9110, 9.3.6); what goes through it is encrypted, so that it
sees the name of the server and nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import os
import re
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import httpcore

from ..errors import ConfigError
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

    The environment alone says so: to follow what macOS and Windows have set, Python may ask DNS, and blocks.

    Raises:
        ConfigError: what HTTPS_PROXY or ALL_PROXY names is not a proxy at ``http://``.
    """
    from urllib import request  # noqa: PLC0415 - with the first call, as httpx does it

    host, port = url.host.decode(), url.port or 443
    if url.scheme != b"https" or _is_here(host):
        return None
    proxies = request.getproxies_environment()
    variable = "HTTPS_PROXY" if proxies.get("https") else "ALL_PROXY"
    text = (proxies.get("https") or proxies.get("all") or "").strip()
    bypass: Any = getattr(request, "proxy_bypass_environment")  # noqa: B009 - typeshed does not know it
    if not text or bypass(f"{host}:{port}", proxies):
        return None
    try:
        return _parsed(text if "://" in text else f"http://{text}")
    except ValueError as error:  # of a name that has no IDNA form, too
        raise ConfigError(
            f"{variable} is no http://[USER:PASSWORD@]HOST:PORT, the only kind of proxy genkit goes through "
            f"({error}); set it to one, or name {host} in NO_PROXY"
        ) from None


def _parsed(text: str) -> Proxy:
    """Raises ValueError, which does not tell the password."""
    try:
        place = urlsplit(text)
        host, port = (place.hostname or "").encode("idna").decode(), place.port or 80
    except ValueError:
        raise ValueError("it is no address") from None
    if place.scheme != "http" or not host:
        raise ValueError(f"it begins with {place.scheme}://" if host else "it has no host")
    if place.path not in ("", "/") or place.query or place.fragment:
        raise ValueError("something follows the host: write / and # of a password as %2F and %23")
    if place.username is None:
        return Proxy(host, port)
    who = b":".join(unquote_to_bytes(os.fsencode(part or "")) for part in (place.username, place.password))
    return Proxy(host, port, "Basic " + base64.b64encode(who).decode())


def _is_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.rstrip(".")
        return name == "localhost" or name.endswith(".localhost")
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


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
            ConfigError: not for this user; trying again might lock the account.
        """
        self._head += data
        where = f"the proxy at {self._proxy.host}:{self._proxy.port}"
        if not data or len(self._head) > _LARGEST_ANSWER:
            raise httpcore.ConnectError(f"{where} did not answer with HTTP")
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            return False
        status = head.partition(b"\r\n")[0].decode("latin-1")
        code = re.match(r"HTTP/1\.\d (\d{3})\b", status)
        if code and code[1].startswith("1"):
            self._head = b""
            return bool(rest) and self.is_open(rest)
        if code and code[1] == "407":
            raise ConfigError(f"{where} wants another name and password than it was given")
        if not code or not code[1].startswith("2"):
            raise httpcore.ConnectError(f"{where} answered {status!r:.80}")
        if rest:  # whoever is asked for TLS does not speak first
            raise httpcore.ConnectError(f"{where} sent more than its answer")
        return True


def dig(sock: socket.socket, tunnel: Tunnel, limits: Limits) -> None:
    """Make a tunnel of a connection to a proxy.

    Raises:
        httpcore.ConnectError, ConfigError: the proxy makes none.
        DeadlineExceeded, ConnectFailed: it took too long.
    """
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
    place: tuple[str, int],
    tls: ssl.SSLContext | None,
    proxy: Proxy | None,
    limits: Limits,
) -> tuple[Any, Any]:
    """What ``create_connection()`` of the event loop gives, through the proxy if there is one.

    Raises:
        OSError: nobody answers.
        httpcore.ConnectError, ConfigError: the proxy makes no tunnel.
        DeadlineExceeded, ConnectFailed: it took too long.
    """
    loop = asyncio.get_running_loop()
    name = place[0] if tls else None
    if proxy is None:
        more: Any = {"happy_eyeballs_delay": 0.25} if _can_race(loop) else {}
        return await loop.create_connection(protocol, *place, ssl=tls, server_hostname=name, **more)
    sock = await _reach(proxy, limits)
    try:
        tunnel = Tunnel(proxy, *place)
        await loop.sock_sendall(sock, tunnel.request)
        while not tunnel.is_open(await loop.sock_recv(sock, 4096)):
            pass
        return await loop.create_connection(protocol, sock=sock, ssl=tls, server_hostname=name)
    except BaseException:
        sock.close()
        raise


def _can_race(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether an event loop can try the addresses of a name beside each other.

    uvloop tries them by itself. Older versions of Python fail there if tasks begin before the one that makes
    them goes on, as those of ``asyncio.eager_task_factory`` do (CPython's issue 124309).
    """
    if not isinstance(loop, asyncio.BaseEventLoop):
        return False
    return sys.version_info >= (3, 13, 1) or loop.get_task_factory() is None


async def _reach(proxy: Proxy, limits: Limits) -> socket.socket:
    """A socket that is connected to the first address of a proxy that answers."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(proxy.host, proxy.port, type=socket.SOCK_STREAM)
    failed: Exception = OSError(f"{proxy.host} has no address")
    for after, (family, kind, number, _, address) in zip(range(len(found), 0, -1), found, strict=True):
        try:
            sock = socket.socket(family, kind, number)
        except OSError as error:  # no IPv6 here
            failed = error
            continue
        try:
            sock.setblocking(False)
            left = limits.left()
            await asyncio.wait_for(loop.sock_connect(sock, address), left and left / after)
        except (OSError, asyncio.TimeoutError) as error:
            sock.close()
            failed = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failed
