"""What the calls of a Generator took in total."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

import genkit
from genkit.errors import BackendError
from genkit.events import Event, Finish, Metrics, TextDelta, Usage
from genkit.metrics import Meter
from genkit.request import Request
from genkit.runtime.base import Runtime

MEASURED = Metrics(queued=1, first_token=3, decoding=4, kv_used=20, kv_room=100)


class Measured:
    """A backend whose answers have 10 tokens of prompt, of which 4 were cached, and 9 of answer."""

    def __init__(self, metrics: Metrics | None = MEASURED) -> None:
        self.metrics = metrics

    async def stream(self, request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
        yield TextDelta("hello")
        if request.messages[-1].text == "fail":
            raise BackendError("it failed")
        if request.messages[-1].text == "bug":
            raise ValueError("a mistake in a backend")
        yield Usage(10, 9, 4)
        if self.metrics:
            yield self.metrics
        yield Finish("stop")

    def close(self) -> None: ...


def test_totals_are_sums_and_rates_over_them() -> None:
    generator = genkit.Generator(Measured())  # type: ignore[arg-type]
    assert generator.metrics() == genkit.Totals()
    generator.generate("one")
    asyncio.run(generator.agenerate("two"))
    with generator.stream("three") as stream:
        assert "".join(stream.text) == "hello"
    assert generator.metrics() == genkit.Totals(
        calls=3,
        input_tokens=30,
        output_tokens=27,
        cached_tokens=12,
        prefix_hits=3,
        queued=3,
        first_token=9,
        decoding=12,
        prompt_tokens_per_second=18 / 6,
        decode_tokens_per_second=24 / 12,
        kv_used=20,
        kv_room=100,
    )


def test_an_asynchronous_stream_counts_too() -> None:
    async def read(prompt: str) -> None:
        async with generator.astream(prompt) as stream:
            assert [piece async for piece in stream.text] == ["hello"]

    generator = genkit.Generator(Measured())  # type: ignore[arg-type]
    asyncio.run(read("one"))
    with pytest.raises(BackendError):
        asyncio.run(read("fail"))
    assert (generator.metrics().calls, generator.metrics().failed) == (2, 1)


def test_what_failed_and_what_was_left_is_counted_apart() -> None:
    generator = genkit.Generator(Measured())  # type: ignore[arg-type]
    with pytest.raises(BackendError):
        generator.generate("fail")
    with pytest.raises(ValueError, match="a mistake"):
        generator.generate("bug")
    with generator.stream("left") as stream:
        next(stream.text)
    with generator.stream("left after its end") as stream:
        next(event for event in stream if isinstance(event, Finish))
    totals = generator.metrics()
    assert (totals.calls, totals.failed, totals.closed, totals.input_tokens) == (4, 2, 1, 10)


def test_a_backend_that_measures_nothing_counts_tokens_alone() -> None:
    generator = genkit.Generator(Measured(metrics=None))  # type: ignore[arg-type]
    generator.generate("one")
    assert generator.metrics() == genkit.Totals(
        calls=1, input_tokens=10, output_tokens=9, cached_tokens=4, prefix_hits=1
    )


def test_totals_are_a_snapshot_that_cannot_be_changed() -> None:
    totals = genkit.Generator(Measured()).metrics()  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        totals.calls = 1  # type: ignore[misc]


def test_no_call_is_lost_between_threads() -> None:
    meter = Meter()

    def calls(_: int) -> None:
        for _ in range(2000):
            meter.add("answered", Usage(3, 2, 1), None)
            meter.totals()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(calls, range(8)))
    totals = meter.totals()
    assert (totals.calls, totals.input_tokens, totals.cached_tokens) == (16_000, 48_000, 16_000)


class Nested(Usage):
    """As the garbage collector may: the end of another call in the middle of adding one up."""

    meter: Meter

    @property
    def input_tokens(self) -> int:  # type: ignore[override]
        Nested.meter.add("closed", Usage(), None)
        return 1

    @input_tokens.setter
    def input_tokens(self, value: int) -> None: ...


def test_a_call_that_ends_while_another_is_added_up_is_neither_lost_nor_waited_for() -> None:
    Nested.meter = meter = Meter()
    meter.add("answered", Nested(), None)
    assert (meter.totals().calls, meter.totals().closed) == (2, 1)


def test_answers_whose_tokens_nobody_told_are_counted_apart() -> None:
    meter = Meter()
    meter.add("answered", Usage(3, 2), None)
    meter.add("answered", Usage(), None)
    meter.add("closed", Usage(), None)
    totals = meter.totals()
    assert (totals.calls, totals.uncounted, totals.input_tokens) == (3, 1, 3)


def test_an_answer_without_tokens_or_in_no_time_has_no_rate() -> None:
    meter = Meter()
    meter.add("answered", Usage(10, 9), MEASURED)
    meter.add("answered", Usage(10, 0), MEASURED)
    assert meter.totals().decode_tokens_per_second == 8 / 8
    meter = Meter()
    meter.add("answered", Usage(0, 5), None)
    meter.add("answered", Usage(5, 1), Metrics(queued=1, first_token=1 - 1e-9))  # as sums of floats may be
    totals = meter.totals()
    assert (totals.prompt_tokens_per_second, totals.decode_tokens_per_second, totals.uncounted) == (0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))))
def test_totals_add_up(usages: list[tuple[int, int, int]]) -> None:
    meter = Meter()
    for usage in usages:
        meter.add("answered", Usage(*usage), None)
    totals = meter.totals()
    sums = [sum(column) for column in zip(*usages, strict=True)] or [0, 0, 0]
    assert [totals.input_tokens, totals.output_tokens, totals.cached_tokens] == sums
    assert totals.prefix_hits == sum(cached > 0 for _, _, cached in usages)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork_the_new_process_counts_on() -> None:
    meter = Meter()
    meter._adding.acquire()  # as if a thread of the old process were at it
    child = os.fork()
    if not child:
        meter.add("answered", Usage(), None)
        os._exit(meter.totals().calls)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
