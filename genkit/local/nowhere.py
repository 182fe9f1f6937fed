"""Letting go of what belongs to another process, after a fork."""

from __future__ import annotations

import contextlib
import os
from typing import IO


def disconnect(*streams: IO[bytes]) -> None:
    """Point streams to nowhere; their locks are not touched, since a thread may hold them for ever."""
    _disconnected.extend(streams)  # else the garbage collector would close them, and wait for the locks
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in streams:
        with contextlib.suppress(ValueError):  # it is closed
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


_disconnected: list[IO[bytes]] = []
