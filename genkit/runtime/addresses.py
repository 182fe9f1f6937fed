"""The addresses of a server's name, tried one after the other."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

import httpcore


class Addresses(httpcore.SyncBackend):
    """Connects to the first address of a name that answers; one that is silent leaves time for the others."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Any = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to a server; ``timeout`` is the :class:`~genkit.runtime.base.Limits` of the call.

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
            left = timeout.left()
            share = left and left / len(addresses)
            try:
                return super().connect_tcp(addresses.pop(0), port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses:
                    raise
