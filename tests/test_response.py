"""A response is the fold of a stream's events."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from genkit import (
    Event,
    Finish,
    Message,
    Reasoning,
    ReasoningDelta,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from genkit.events import PartEnd
from genkit.response import Collector, collect

anything = st.lists(st.from_type(Event), max_size=12)
deltas = anything.map(lambda events: [event for event in events if not isinstance(event, PartEnd)])


def folded(events: list[Event]) -> Response:
    collector = Collector()
    for event in events:
        collector.add(event)
    return collector.response()


def test_each_kind_of_event_has_its_place() -> None:
    response = folded(
        [
            Start("model-1", "id-1"),
            ReasoningDelta("let me "),
            ReasoningDelta("think"),
            PartEnd(Reasoning("let me think", "signed")),
            TextDelta("Look"),
            TextDelta("ing."),
            ToolCallDelta(0, "", "call-1", "weather"),
            ToolCallDelta(0, '{"city":'),
            ToolCallDelta(0, '"Oslo"}'),
            Usage(5, 7, 2, 3),
            Finish("tool_calls", "tool_use"),
        ]
    )
    call = ToolCall(id="call-1", name="weather", arguments='{"city":"Oslo"}')
    assert response.message == Message.assistant(Reasoning("let me think", "signed"), Text("Looking."), call)
    assert (response.text, response.reasoning, response.tool_calls) == ("Looking.", "let me think", (call,))
    assert (response.finish_reason, response.raw_finish_reason) == ("tool_calls", "tool_use")
    assert (response.model, response.id) == ("model-1", "id-1")
    assert (response.usage.input_tokens, response.usage.total_tokens) == (5, 12)


def test_nothing_is_an_incomplete_answer() -> None:
    assert folded([]) == Response(message=Message.assistant(), finish_reason="incomplete")


@given(deltas)
def test_text_and_reasoning_are_the_deltas_joined(events: list[Event]) -> None:
    response = folded(events)
    assert response.text == "".join(e.text for e in events if isinstance(e, TextDelta))
    assert response.reasoning == "".join(e.text for e in events if isinstance(e, ReasoningDelta))


@given(anything)
def test_a_response_stays_incomplete_until_its_finish(events: list[Event]) -> None:
    finishes = [event for event in events if isinstance(event, Finish)]
    last = finishes[-1] if finishes else Finish("incomplete")
    assert (folded(events).finish_reason, folded(events).raw_finish_reason) == (last.reason, last.raw_reason)


@given(st.lists(st.lists(st.text(), min_size=1, max_size=4), max_size=4), st.randoms(use_true_random=False))
def test_calls_that_arrive_interleaved_are_put_together(calls: list[list[str]], random) -> None:
    waiting = {index: list(fragments) for index, fragments in enumerate(calls)}
    events = []
    while waiting:
        index = random.choice(list(waiting))
        first = len(waiting[index]) == len(calls[index])
        fragment = waiting[index].pop(0)
        events.append(ToolCallDelta(index, fragment, *((f"id{index}", f"tool{index}") if first else ())))
        if not waiting[index]:
            del waiting[index]
    assert folded(events).tool_calls == tuple(
        ToolCall(id=f"id{index}", name=f"tool{index}", arguments="".join(fragments))
        for index, fragments in enumerate(calls)
    )


@given(anything)
def test_reading_half_way_changes_nothing(events: list[Event]) -> None:
    collector = Collector()
    for event, many in zip(events, itertools.count(1), strict=False):
        collector.add(event)
        assert collector.response() == folded(events[:many])


@given(anything)
def test_collect_folds_a_whole_stream(events: list[Event]) -> None:
    async def stream() -> AsyncIterator[Event]:
        for event in events:
            yield event

    assert asyncio.run(collect(stream())) == folded(events)


def test_the_end_of_a_part_replaces_the_deltas_it_came_in() -> None:
    whole = ToolCall(id="1", name="n", arguments="{}")
    parts = (Reasoning("r", "signed"), Text("ab"), whole, Text("c"))
    events = [ReasoningDelta("r"), PartEnd(parts[0]), TextDelta("a"), TextDelta("b"), PartEnd(parts[1])]
    events += [ToolCallDelta(0, "{}", "1", "n"), PartEnd(whole), TextDelta("c")]
    assert folded(events).message == Message.assistant(*parts)


def test_an_answer_can_be_put_back_into_a_conversation() -> None:
    answer = folded([TextDelta("hi"), Finish("stop")]).message
    assert [Message.user("a"), answer][1] == Message.assistant("hi")


def test_a_call_in_many_pieces_is_put_together_in_no_time() -> None:
    collector, start = Collector(), time.process_time()
    for _ in range(200_000):
        collector.add(ToolCallDelta(0, "12345678"))
    assert len(collector.response().tool_calls[0].arguments) == 1_600_000
    assert time.process_time() - start < 5
