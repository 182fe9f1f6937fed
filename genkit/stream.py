"""The handle on one answer while it is being generated."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing

from .errors import Closed, GenkitError
from .events import Event, TextDelta
from .metrics import Meter, Outcome
from .response import Collector, Response
from .runtime.blocking import OneCall
from .runtime.drive import drive


async def observe(
    events: AsyncGenerator[Event, None], collector: Collector, meter: Meter | None = None
) -> AsyncGenerator[Event, None]:
    """Pass events on and collect them; an error on the way takes along what had arrived.

    Once the collector is closed, the next event or error is the last, and is not passed on.
    """
    outcome: Outcome | None = None
    try:
        async with aclosing(events):  # now: left to the garbage collector, it would be closed some time later
            async for event in events:
                collector.add(event)
                if collector.closed:
                    return
                yield event
        outcome = "answered"
    except GenkitError as error:
        if collector.closed:
            return
        outcome = "failed"
        so_far = collector.response()
        error.partial = so_far if so_far.message.parts else None
        raise
    except Exception:  # in a backend of one's own
        outcome = "failed"
        raise
    finally:
        if meter:  # who leaves after the end has the answer
            left: Outcome = "closed" if collector.finish.reason == "incomplete" else "answered"
            meter.add(outcome or left, collector.usage, collector.metrics)


async def fold(events: AsyncGenerator[Event, None], meter: Meter | None = None) -> Response:
    """The response that the events add up to."""
    collector = Collector()
    async with aclosing(observe(events, collector, meter)) as observed:
        async for _ in observed:
            pass
    return collector.response()


def _is_running(error: ValueError | RuntimeError) -> bool:
    """Whether a generator was asked for something while another thread or task has it do something."""
    return "already" in str(error)  # executing, or running


class Stream:
    """An answer as it is generated: iterate over its events, or over :attr:`text`.

    Use it in a ``with`` block, or call :meth:`close`: a stream that is left early stops generating
    and frees what it held at once. From another thread, :meth:`close` ends the iteration of a local model's
    answer at once, and of a remote one's with the next event.

    Raises:
        GenkitError: while iterating; its ``partial`` is what had arrived.
    """

    def __init__(
        self,
        events: AsyncGenerator[Event, None],
        meter: Meter | None = None,
        runtime: OneCall | None = None,
    ) -> None:
        self._collector, self._runtime = Collector(), runtime
        self._events = drive(observe(events, self._collector, meter))

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Event:
        try:
            return next(self._events)
        except ValueError as error:
            if self._collector.closed and _is_running(error):  # another thread closes it
                raise StopIteration from None
            raise

    @property
    def text(self) -> Iterator[str]:
        """The text of the answer, piece by piece; other events are passed over, but collected."""
        return (event.text for event in self if isinstance(event, TextDelta))

    @property
    def response(self) -> Response:
        """The answer so far; all of it once the iteration has ended, ``incomplete`` before."""
        return self._collector.response()

    def close(self) -> None:
        """Stop generating; safe to call twice, and from another thread."""
        self._collector.closed = True
        try:
            self._events.close()
        except ValueError as error:
            if not _is_running(error):
                raise
            if self._runtime:
                self._runtime.end(Closed("another thread closed the stream"))

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncStream:
    """The asynchronous twin of :class:`Stream`: ``async for``, ``async with``, :meth:`aclose`.

    Cancelling the wait for an event, as ``asyncio.wait_for`` does, ends the stream; to do something else
    while none comes, give ``asyncio.wait`` a task for ``anext(stream)``.
    """

    def __init__(self, events: AsyncGenerator[Event, None], meter: Meter | None = None) -> None:
        self._collector = Collector()
        self._events = observe(events, self._collector, meter)

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Event:
        try:
            return await self._events.__anext__()
        except RuntimeError as error:
            if self._collector.closed and _is_running(error):  # another task closes it
                raise StopAsyncIteration from None
            raise

    @property
    def text(self) -> AsyncIterator[str]:
        """The text of the answer, piece by piece; other events are passed over, but collected."""
        return (event.text async for event in self if isinstance(event, TextDelta))

    @property
    def response(self) -> Response:
        """The answer so far; all of it once the iteration has ended, ``incomplete`` before."""
        return self._collector.response()

    async def aclose(self) -> None:
        """Stop generating; safe to call twice, and from another task, where it ends with the next event."""
        self._collector.closed = True
        try:
            await self._events.aclose()
        except RuntimeError as error:
            if not _is_running(error):
                raise

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
