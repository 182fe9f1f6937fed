"""The addresses of a server's name, tried one after the other."""

from __future__ import annotations

import socket
import threading
from typing import Any

import httpcore

from .base import Limits
from .blocking import at_a_time


def reach(host: str, port: int, limits: Limits) -> httpcore.NetworkStream:
    """Connect to the first address of a name that answers; one that is silent leaves time for the others.

    Raises:
        httpcore.ConnectError, httpcore.ConnectTimeout: no address answers, or the name has none.
        DeadlineExceeded, ConnectFailed: it took too long.
    """
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in _found(host, port, limits)))
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


def _found(host: str, port: int, limits: Limits) -> Any:
    """What a name stands for. It is asked for in a thread, since nothing ends that, and left in time."""
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            answers.append(httpcore.ConnectError(str(error)))
        except Exception as error:  # noqa: BLE001 - of a name that is none; the one who waits raises it
            answers.append(error)

    thread = threading.Thread(target=ask, name="genkit resolver", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # there is no room for a thread, so this one has to wait
        ask()
    while not answers:
        thread.join(at_a_time(limits.left()))
    limits.left()
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]
