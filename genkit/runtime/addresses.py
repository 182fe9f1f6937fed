"""The addresses of a server's name, tried one after the other."""

from __future__ import annotations

import socket

import httpcore

from .base import Limits


def reach(host: str, port: int, limits: Limits) -> httpcore.NetworkStream:
    """Connect to the first address of a name that answers; one that is silent leaves time for the others.

    Raises:
        httpcore.ConnectError, httpcore.ConnectTimeout: no address answers, or the name has none.
        DeadlineExceeded, ConnectFailed: it took too long.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from None
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    # Local servers mostly listen at 127.0.0.1, and Windows takes 2 s to find that nobody does at ::1.
    addresses.sort(key=lambda address: address == "::1")
    while True:
        left = limits.left()
        share = left and left / len(addresses)
        try:
            return httpcore.SyncBackend().connect_tcp(addresses.pop(0), port, share)
        except (httpcore.ConnectError, httpcore.ConnectTimeout):
            if not addresses:
                raise
