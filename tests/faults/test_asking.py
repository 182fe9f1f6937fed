"""Embeddings, counts and lists of models are tried again as answers are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from serving import Outcome, both, closing, outcome_of, retried

import genkit
from genkit import errors
from genkit.middleware.retry import Retry
from genkit.providers.remote import RemoteBackend
from genkit.runtime.base import Timeouts
from genkit.testing import Answer, LoopbackProvider

BUSY = Answer(status=429, body={"error": {"message": "slow down"}}, headers={"retry-after": "7"})
REFUSED = Answer(status=401, body={"error": {"message": "who?"}})
MODELS = Answer(body={"names": ["m"]})


def models(remote: RemoteBackend, mode: str) -> Outcome:
    return outcome_of(remote.models, mode)


def texts(*some: str) -> Answer:
    return Answer(body={"texts": list(some)})


@both
def test_a_throttled_call_is_made_again_when_the_server_says(mode: str) -> None:
    with LoopbackProvider([BUSY, MODELS]) as server, closing(server, around=Retry().answer) as remote:
        outcome = models(remote, mode)
    assert (outcome.text, outcome.error, outcome.waits) == (["m"], None, [7])


@both
def test_only_the_batch_that_failed_is_embedded_again(mode: str) -> None:
    script = [texts("a", "b"), BUSY, texts("c")]
    with LoopbackProvider(script) as server, closing(server, around=Retry().answer) as remote:
        outcome = outcome_of(lambda runtime: remote.embed(["a", "b", "c"], runtime), mode)
    assert (outcome.error, len(outcome.text), outcome.waits) == (None, 3, [7])
    assert [asked.json["texts"] for asked in server.requests] == [["a", "b"], ["c"], ["c"]]


@both
def test_the_last_error_comes_after_all_tries_and_has_the_others(mode: str) -> None:
    with LoopbackProvider(BUSY) as server, closing(server, around=Retry(2).answer) as remote:
        error = models(remote, mode).error
    assert isinstance(error, errors.RateLimited)
    assert (len(error.attempts), len(server.requests)) == (1, 2)


@both
def test_a_refused_key_is_not_tried_again(mode: str) -> None:
    with LoopbackProvider([REFUSED, MODELS]) as server, closing(server, around=Retry().answer) as remote:
        assert isinstance(models(remote, mode).error, errors.AuthFailed)
        assert "not asked again" in models(remote, mode).error.message
    assert len(server.requests) == 1


@both
def test_a_wait_that_would_outlast_the_timeout_is_not_begun(mode: str) -> None:
    settings: dict[str, Any] = {"around": Retry().answer, "timeouts": Timeouts(total=6.5)}
    with LoopbackProvider([BUSY, MODELS]) as server, closing(server, **settings) as remote:
        outcome = models(remote, mode)
    assert isinstance(outcome.error, errors.RateLimited)
    assert (outcome.waits, len(server.requests)) == ([], 1)


@both
def test_all_tries_share_one_timeout(mode: str) -> None:
    settings: dict[str, Any] = {"around": Retry().answer, "timeouts": Timeouts(total=2)}
    script = [Answer(raw=b"", end="close"), Answer(raw=b"", end="hang")]
    start = time.monotonic()
    with LoopbackProvider(script) as server, closing(server, **settings) as remote:
        error = models(remote, mode).error
    assert isinstance(error, errors.DeadlineExceeded)
    assert len(error.attempts) == 1
    assert time.monotonic() - start >= 2


@both
def test_all_batches_share_one_deadline(mode: str) -> None:
    script = [texts("a", "b"), Answer(raw=b"", end="hang")]
    with LoopbackProvider(script) as server, closing(server) as remote:
        ends = time.monotonic() + 1
        outcome = outcome_of(lambda runtime: remote.embed(["a", "b", "c"], runtime, deadline=ends), mode)
        assert isinstance(outcome.error, errors.DeadlineExceeded)
        assert server.requests[1].gone.wait(60)
    assert len(server.requests) == 2


VECTOR = {"data": [{"index": 0, "embedding": [0.5]}], "usage": {}}
RANK = {"results": [{"index": 0, "relevance_score": 0.5}]}


@both
@pytest.mark.parametrize(
    ("model", "method", "given", "good"),
    [("chat:m", "embed", [["a"]], VECTOR), ("cohere:m", "rerank", ["q", ["a"]], RANK)],
    ids=["embed", "rerank"],
)
def test_a_search_has_the_time_that_its_call_gives_it(
    model: str, method: str, given: list[Any], good: Any, mode: str
) -> None:
    def ask(timeout: float) -> Any:
        if mode == "sync":
            return getattr(generator, method)(*given, timeout=timeout)
        return asyncio.run(getattr(generator, f"a{method}")(*given, timeout=timeout))

    script = [Answer(body=good), BUSY, Answer(raw=b"", end="hang"), Answer(body=good)]
    with (
        LoopbackProvider(script) as server,
        genkit.Generator(model, base_url=server.url, api_key="k", timeout=1e-9) as generator,
    ):
        assert len(ask(60)) == 1
        with pytest.raises(errors.RateLimited):  # a wait that would outlast it is not begun
            ask(6.5)
        with pytest.raises(errors.DeadlineExceeded):
            ask(1)
        assert server.requests[2].gone.wait(60)  # its socket was closed
        assert len(ask(60)) == 1
    assert len(server.requests) == 4


NOW = Answer(status=429, body={"error": {"message": "slow down"}}, headers={"retry-after-ms": "1"})


@pytest.mark.parametrize(
    ("model", "ask", "good"),
    [
        ("openai-chat:m", lambda generator: generator.models(), {"data": [{"id": "m"}]}),
        ("anthropic:m", lambda generator: generator.count([genkit.Message.user("a")]), {"input_tokens": 7}),
        (
            "chat:m",
            lambda generator: generator.embed(["a"]),
            {"data": [{"index": 0, "embedding": [0.5]}], "usage": {}},
        ),
    ],
    ids=["models", "count", "embed"],
)
def test_a_generator_tries_again_as_often_as_it_was_told(
    model: str, ask: Callable[[genkit.Generator], Any], good: Any
) -> None:
    with LoopbackProvider([NOW, Answer(body=good), NOW]) as server:
        settings: dict[str, Any] = {"base_url": server.url, "api_key": "k"}
        with genkit.Generator(model, attempts=2, **settings) as generator:
            assert ask(generator)
        with genkit.Generator(model, attempts=1, **settings) as once, pytest.raises(errors.RateLimited):
            ask(once)
    assert len(server.requests) == 3


@both
def test_they_share_one_breaker_with_answers(mode: str) -> None:
    retry = Retry()
    with LoopbackProvider([REFUSED]) as server, closing(server, around=retry.answer) as remote:
        assert isinstance(models(remote, mode).error, errors.AuthFailed)
        assert "not asked again" in retried(remote, mode, retry).error.message
    assert len(server.requests) == 1
