"""Rows 10, 15 and 16 of the fault table: what is tried again, and what never is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from serving import GOOD, both, closing, retried
from words_dialect import ask, sse

from genkit import errors
from genkit.middleware.retry import Retry
from genkit.response import Collector
from genkit.runtime.awaiting import AwaitingRuntime
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import run
from genkit.stream import observe
from genkit.testing import Answer, LoopbackProvider

LATER = Answer(status=503, body={"error": {"message": "later"}})
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


@both
def test_row_10_an_outage_is_not_made_worse(mode: str) -> None:
    retry = Retry(clock=lambda: 0.0)
    with LoopbackProvider(LATER) as server, closing(server) as remote:
        seen = [retried(remote, mode, retry).error for _ in range(200)]
    assert {type(error) for error in seen} == {errors.ServerFailed}
    assert len(server.requests) == 5  # three tries, and two: then the server is left alone
    assert ["not asked again" in error.message for error in seen] == [False] * 2 + [True] * 198


@both
@pytest.mark.parametrize(
    "bad",
    [
        Answer(raw=HEAD, end="reset"),
        Answer(raw=HEAD, end="close"),
        Answer(raw=HEAD + b": ping\n\n", end="close"),
        Answer(body='data: {"error": {"message": "later", "code": "overloaded_error"}}\n\n'),
    ],
    ids=["reset", "closed", "closed after a ping", "an error event"],
)
def test_row_15_a_fault_before_any_content_is_made_good(bad: Answer, mode: str) -> None:
    with LoopbackProvider([bad, bad, GOOD]) as server, closing(server) as remote:
        outcome = retried(remote, mode, Retry())
    assert (outcome.text, outcome.error) == ("ab", None)
    assert len(server.requests) == 3


@both
@pytest.mark.parametrize(
    "bad",
    [
        Answer(body=sse("a", end=""), framing="close"),
        Answer(body=sse("a", end='data: {"error": {"message": "later", "code": "overloaded_error"}}\n\n')),
        Answer(body=sse("a", end="data: nonsense\n\n")),
    ],
    ids=["closed", "an error event", "nonsense"],
)
def test_row_16_a_fault_after_content_is_not_tried_again(bad: Answer, mode: str) -> None:
    with LoopbackProvider([bad, GOOD]) as server, closing(server) as remote:
        outcome = retried(remote, mode, Retry())
    assert isinstance(outcome.error, errors.GenkitError)
    assert outcome.error.partial.text == "a"
    assert (len(server.requests), outcome.waits) == (1, [])


@both
def test_row_16_a_connection_that_breaks_after_content_brings_it_along(mode: str) -> None:
    arrived = threading.Event()

    def body() -> Iterator[bytes]:
        yield sse("a", end="")
        arrived.wait(60)

    async def read(runtime: Any) -> None:
        async for event in observe(Retry()(remote.stream)(ask(), runtime), Collector()):
            if getattr(event, "text", ""):
                arrived.set()

    with (
        LoopbackProvider(Answer(body=body(), framing="close", end="reset")) as server,
        closing(server) as remote,
        pytest.raises((errors.ConnectFailed, errors.IncompleteStream)) as caught,
    ):
        asyncio.run(read(AwaitingRuntime())) if mode == "async" else run(read(BlockingRuntime()))
    assert caught.value.phase == "body"
    assert caught.value.partial is not None
    assert caught.value.partial.text == "a"
    assert len(server.requests) == 1
