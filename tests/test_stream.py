"""Streams: what comes, what is kept, and that leaving one stops the work behind it."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncGenerator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit import (
    AsyncStream,
    Event,
    Finish,
    Message,
    Request,
    Start,
    Stream,
    TextDelta,
    TokenCount,
    Usage,
)
from genkit.backend import Backend
from genkit.errors import BackendError, GenkitError
from genkit.events import PartEnd
from genkit.response import Collector
from genkit.runtime.awaiting import AwaitingRuntime
from genkit.runtime.base import Runtime
from genkit.runtime.blocking import BlockingRuntime

ASK = Request(messages=[Message.user("hi")])
STORY: list[Event] = [Start("m"), TextDelta("Once "), TextDelta("upon"), Usage(1, 2), Finish("stop")]


class Replay:
    """A backend that answers with given events, through its runtime's channel, and then fails if told to."""

    def __init__(self, events: Sequence[Event], error: BaseException | None = None) -> None:
        self.events, self.error = events, error
        self.handed_out = self.closed = 0

    async def stream(self, request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
        channel = runtime.channel()
        try:
            for event in self.events:
                channel.put(event)
                self.handed_out += 1
                yield await channel.get()
            if self.error:
                raise self.error
        finally:
            self.closed += 1

    async def count(self, prompt: str | Request, runtime: Runtime) -> TokenCount:
        return TokenCount(len(prompt), exact=True)

    async def warm(self, runtime: Runtime) -> None:
        pass

    def close(self) -> None:
        pass


def opened(backend: Backend) -> Stream:
    return Stream(backend.stream(ASK, BlockingRuntime()))


def aopened(backend: Backend) -> AsyncStream:
    return AsyncStream(backend.stream(ASK, AwaitingRuntime()))


@given(st.lists(st.from_type(Event), max_size=10))
def test_every_event_comes_in_order_and_is_collected(events: list[Event]) -> None:
    collector = Collector()
    for event in events:
        collector.add(event)
    with opened(Replay(events)) as stream:
        assert list(stream) == events
    assert stream.response == collector.response()

    async def main() -> None:
        async with aopened(Replay(events)) as twin:
            assert [event async for event in twin] == events
        assert twin.response == stream.response

    asyncio.run(main())


@given(st.lists(st.from_type(Event), max_size=10))
def test_text_is_the_text_of_the_response(events: list[Event]) -> None:
    stream = opened(Replay(events))
    text = "".join(stream.text)
    if not any(isinstance(event, PartEnd) for event in events):  # that tells the text anew
        assert text == stream.response.text

    async def main() -> str:
        return "".join([piece async for piece in aopened(Replay(events)).text])

    assert asyncio.run(main()) == text


def test_nothing_is_asked_for_before_it_is_wanted() -> None:
    backend = Replay(STORY)
    with opened(backend) as stream:
        assert backend.handed_out == 0
        next(iter(stream))
        assert backend.handed_out == 1


def test_a_stream_left_early_stops_and_keeps_what_had_come() -> None:
    backend = Replay(STORY)
    with opened(backend) as stream:
        for piece in stream.text:
            assert piece == "Once "
            break
        assert not backend.closed
    assert backend.closed == 1
    assert backend.handed_out == 2
    assert (stream.response.text, stream.response.finish_reason) == ("Once ", "incomplete")
    assert list(stream) == list(stream.text) == []


def test_an_async_stream_left_early_stops_and_keeps_what_had_come() -> None:
    backend = Replay(STORY)

    async def main() -> AsyncStream:
        async with aopened(backend) as stream:
            async for _ in stream.text:
                break
        assert backend.closed == 1
        return stream

    assert asyncio.run(main()).response.text == "Once "


def test_text_may_be_taken_up_again() -> None:
    stream = opened(Replay(STORY))
    assert next(stream.text) == "Once "
    assert next(stream.text) == "upon"
    assert stream.response.finish_reason == "incomplete"
    assert list(stream) == STORY[3:]
    assert stream.response.finish_reason == "stop"


def test_closing_is_safe_at_any_time_and_twice() -> None:
    backend = Replay(STORY)
    stream = opened(backend)
    stream.close()
    stream.close()
    assert (backend.handed_out, list(stream)) == (0, [])


def test_a_dropped_stream_stops() -> None:
    backend = Replay(STORY)
    next(opened(backend).text)
    gc.collect()
    assert backend.closed == 1


@pytest.mark.parametrize("kind", [Stream, AsyncStream])
def test_a_dropped_stream_needs_no_garbage_collector(kind) -> None:
    """Which could run in any thread."""
    gc.disable()
    try:
        stream = kind(Replay(STORY).stream(ASK, BlockingRuntime()))
        dropped = weakref.ref(stream)
        del stream
        assert dropped() is None
    finally:
        gc.enable()


def test_the_callers_own_exception_stops_the_stream() -> None:
    backend = Replay(STORY)

    def read() -> None:
        with opened(backend) as stream:
            for _ in stream:
                raise KeyError

    with pytest.raises(KeyError):
        read()
    assert backend.closed == 1


@pytest.mark.parametrize("events", [STORY[:3], STORY[:1]], ids=["after text", "before any"])
def test_an_error_takes_along_what_had_arrived(events: list[Event]) -> None:
    error = BackendError("lost")
    stream = opened(Replay(events, error))
    with pytest.raises(GenkitError) as caught:
        list(stream)
    assert caught.value is error
    assert error.partial == (stream.response if len(events) > 1 else None)

    async def main() -> None:
        async for _ in aopened(Replay(events, error)):
            pass

    with pytest.raises(BackendError) as caught:
        asyncio.run(main())
    assert caught.value.partial == (stream.response if len(events) > 1 else None)


def test_cancelling_the_task_stops_the_stream() -> None:
    class Stuck(Replay):
        async def stream(self, request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
            try:
                yield TextDelta("a")
                await runtime.channel().get()
            finally:
                self.closed += 1

    backend = Stuck([])

    async def main() -> None:
        shown = asyncio.Event()

        async def read() -> None:
            async with aopened(backend) as stream:
                async for _ in stream:
                    shown.set()

        task = asyncio.ensure_future(read())
        await shown.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert backend.closed == 1

    asyncio.run(main())


def test_a_stream_works_inside_a_running_loop() -> None:
    async def main() -> list[Event]:
        with opened(Replay(STORY)) as stream:
            return list(stream)

    assert asyncio.run(main()) == STORY


def test_a_stream_may_be_closed_from_another_thread() -> None:
    """It ends with the next event, which is not handed out."""
    asked, go_on = threading.Event(), threading.Event()

    async def events() -> AsyncGenerator[Event, None]:
        yield TextDelta("a")
        asked.set()
        go_on.wait(60)
        yield TextDelta("b")
        yield TextDelta("c")

    stream, read = Stream(events()), list[str]()
    reader = threading.Thread(target=lambda: read.extend(stream.text))
    reader.start()
    asked.wait(60)
    stream.close()
    go_on.set()
    reader.join(60)
    assert read == ["a"]
    assert stream.response.finish_reason == "incomplete"


def test_an_async_stream_may_be_closed_from_another_task() -> None:
    async def main() -> list[str]:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def events() -> AsyncGenerator[Event, None]:
            yield TextDelta("a")
            asked.set()
            await go_on.wait()
            yield TextDelta("b")
            yield TextDelta("c")

        stream = AsyncStream(events())

        async def read() -> list[str]:
            return [piece async for piece in stream.text]

        reading = asyncio.create_task(read())
        await asked.wait()
        await stream.aclose()
        go_on.set()
        return await reading

    assert asyncio.run(main()) == ["a"]


def test_a_stream_that_fails_after_it_was_closed_ends() -> None:
    async def events() -> AsyncGenerator[Event, None]:
        yield TextDelta("a")
        stream.close()  # as another thread would
        raise BackendError("the server has had enough")

    stream = Stream(events())
    assert [*stream.text] == ["a"]
    assert stream.response.finish_reason == "incomplete"


def test_who_asks_for_an_event_while_another_thread_closes_the_stream_is_at_its_end() -> None:
    closing, go_on = threading.Event(), threading.Event()

    async def events() -> AsyncGenerator[Event, None]:
        try:
            yield TextDelta("a")
            yield TextDelta("b")
        finally:
            closing.set()
            go_on.wait(60)

    stream = Stream(events())
    assert next(stream) == TextDelta("a")
    closer = threading.Thread(target=stream.close)
    closer.start()
    closing.wait(60)
    assert list(stream) == []
    go_on.set()
    closer.join(60)


def test_who_asks_for_an_event_while_another_task_closes_the_stream_is_at_its_end() -> None:
    async def main() -> None:
        closing, go_on = asyncio.Event(), asyncio.Event()

        async def events() -> AsyncGenerator[Event, None]:
            try:
                yield TextDelta("a")
                yield TextDelta("b")
            finally:
                closing.set()
                await go_on.wait()

        stream = AsyncStream(events())
        assert await anext(stream) == TextDelta("a")
        closer = asyncio.create_task(stream.aclose())
        await closing.wait()
        assert [event async for event in stream] == []
        go_on.set()
        await closer

    asyncio.run(main())


def test_who_asks_for_an_event_while_another_is_asked_for_is_told() -> None:
    async def events() -> AsyncGenerator[Event, None]:
        with pytest.raises(ValueError, match="already"):
            next(stream)  # as another thread would
        yield TextDelta("a")

    async def async_events() -> AsyncGenerator[Event, None]:
        with pytest.raises(RuntimeError, match="already"):
            await anext(async_stream)  # as another task would
        yield TextDelta("a")

    async def main() -> list[str]:
        return [piece async for piece in async_stream.text]

    stream, async_stream = Stream(events()), AsyncStream(async_events())
    assert [*stream.text] == asyncio.run(main()) == ["a"]


@pytest.mark.parametrize("error", [ValueError("broken"), RuntimeError("broken")], ids=repr)
def test_what_goes_wrong_as_a_stream_is_closed_is_told(error: Exception) -> None:
    async def events() -> AsyncGenerator[Event, None]:
        try:
            yield TextDelta("a")
        finally:
            raise error

    async def main() -> None:
        stream = AsyncStream(events())
        await anext(stream)
        await stream.aclose()

    stream = Stream(events())
    next(stream)
    with pytest.raises(type(error), match="broken"):
        stream.close()
    with pytest.raises(type(error), match="broken"):
        asyncio.run(main())
