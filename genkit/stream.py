"""The handle on one answer while it is being generated."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from types import TracebackType

from .errors import GenkitError
from .events import Event, TextDelta
from .response import Collector, Response
from .runtime.drive import drive


async def observe(events: AsyncGenerator[Event, None], collector: Collector) -> AsyncGenerator[Event, None]:
    """Pass events on and collect them; an error on the way takes along what had arrived."""
    try:
        async for event in events:
            collector.add(event)
            yield event
    except GenkitError as error:
        so_far = collector.response()
        error.partial = so_far if so_far.message.parts else None
        raise
    finally:
        await events.aclose()  # now: left to the garbage collector, it would be closed some time later


class Stream:
    """An answer as it is generated: iterate over its events, or over :attr:`text`.

    Use it in a ``with`` block, or call :meth:`close`: a stream that is left early stops generating
    and frees what it held at once.

    Raises:
        GenkitError: while iterating; its ``partial`` is what had arrived.
    """

    def __init__(self, events: AsyncGenerator[Event, None]) -> None:
        self._collector = Collector()
        self._events = drive(observe(events, self._collector))

    def __iter__(self) -> Iterator[Event]:
        return self._events

    @property
    def text(self) -> Iterator[str]:
        """The text of the answer, piece by piece; other events are passed over, but collected."""
        return (event.text for event in self._events if isinstance(event, TextDelta))

    @property
    def response(self) -> Response:
        """The answer so far; all of it once the iteration has ended, ``incomplete`` before."""
        return self._collector.response()

    def close(self) -> None:
        """Stop generating; safe to call twice."""
        self._events.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream:
    """The asynchronous twin of :class:`Stream`: ``async for``, ``async with``, :meth:`aclose`."""

    def __init__(self, events: AsyncGenerator[Event, None]) -> None:
        self._collector = Collector()
        self._events = observe(events, self._collector)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    @property
    def text(self) -> AsyncIterator[str]:
        """The text of the answer, piece by piece; other events are passed over, but collected."""
        return (event.text async for event in self._events if isinstance(event, TextDelta))

    @property
    def response(self) -> Response:
        """The answer so far; all of it once the iteration has ended, ``incomplete`` before."""
        return self._collector.response()

    async def aclose(self) -> None:
        """Stop generating; safe to call twice."""
        await self._events.aclose()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
