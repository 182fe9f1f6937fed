"""What the tests of faults share: a server with a script, a backend that asks it, and what came of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from words_dialect import ask, backend, call, sse

from genkit import errors
from genkit.middleware.retry import Retry
from genkit.providers.remote import RemoteBackend
from genkit.request import Request
from genkit.response import Collector
from genkit.runtime.awaiting import AwaitingRuntime
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import run
from genkit.stream import observe
from genkit.testing import Answer, LoopbackProvider

GOOD = Answer(body=sse("a", "b"), framing="chunked")
both = pytest.mark.parametrize("mode", ["sync", "async"])


@contextmanager
def closing(server: LoopbackProvider | str, **settings: Any) -> Iterator[RemoteBackend]:
    """A backend that asks the server; closed at the end."""
    remote = backend(server if isinstance(server, str) else server.url, **settings)
    try:
        yield remote
    finally:
        remote.close()


def fails(script: Any, mode: str, request: Request | None = None, **settings: Any) -> errors.GenkitError:
    """The error of a call to a server with this script; always a typed one."""
    with (
        LoopbackProvider(script) as server,
        closing(server, **settings) as remote,
        pytest.raises(errors.GenkitError) as caught,
    ):
        call(remote, mode, request)
    return caught.value


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class _Blocking(BlockingRuntime):
    """Notes its waits instead of waiting."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


class _Awaiting(AwaitingRuntime):
    """The asynchronous twin of :class:`_Blocking`."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@dataclass
class Outcome:
    """What came of a call, and how long it would have waited between its tries."""

    text: Any
    error: Any
    waits: list[float]
    warnings: tuple[str, ...] = ()


def retried(remote: RemoteBackend, mode: str, retry: Retry, request: Request | None = None) -> Outcome:
    """A call with retries, none of which waits."""
    collector = Collector()

    async def fold(runtime: Any) -> None:
        async for _ in observe(retry(remote.stream)(request or ask(), runtime), collector):
            pass

    outcome = outcome_of(fold, mode)
    response = collector.response()
    return Outcome(response.text, outcome.error, outcome.waits, response.warnings)


def outcome_of(work: Callable[[Any], Awaitable[Any]], mode: str) -> Outcome:
    """What came of something that is given a runtime, which does not wait."""
    runtime: Any = _Awaiting() if mode == "async" else _Blocking()

    async def tried() -> tuple[Any, errors.GenkitError | None]:
        try:
            return await work(runtime), None
        except errors.GenkitError as error:
            return None, error

    value, error = asyncio.run(tried()) if mode == "async" else run(tried())
    return Outcome(value, error, runtime.waits)
