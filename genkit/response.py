"""What came back: the fold of a stream's events."""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass, field

from .events import Event, Finish, FinishReason, ReasoningDelta, Start, TextDelta, ToolCallDelta, Usage
from .messages import Message, Part, Reasoning, Text, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer.

    ``message`` can be put back into a conversation as it is. ``finish_reason`` is one of ``stop``,
    ``length``, ``tool_calls``, ``content_filter``, ``incomplete`` (the stream was closed or broke
    before its end) and ``error``; ``raw_finish_reason`` is the backend's own word for it.
    """

    message: Message
    finish_reason: FinishReason
    raw_finish_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    id: str = ""

    @property
    def text(self) -> str:
        """The text of the answer."""
        return self.message.text

    @property
    def reasoning(self) -> str:
        """What the model thought before it answered."""
        return "".join(part.text for part in self.message.parts if isinstance(part, Reasoning))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model wants to be run."""
        return tuple(part for part in self.message.parts if isinstance(part, ToolCall))


class Collector:
    """Folds events into a :class:`Response`, one at a time; it can be read at any moment."""

    __slots__ = ("_calls", "_finish", "_reasoning", "_signature", "_start", "_text", "_usage")

    def __init__(self) -> None:
        self._start = Start()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._signature = ""
        self._calls: dict[int, list[str]] = {}
        self._usage = Usage()
        self._finish = Finish("incomplete")

    def add(self, event: Event) -> None:
        """Take one more event."""
        if isinstance(event, TextDelta):  # first, and outside the match: it is nearly every event
            self._text.append(event.text)
            return
        match event:
            case ReasoningDelta(text, signature):
                self._reasoning.append(text)
                self._signature = signature or self._signature
            case ToolCallDelta(index, arguments, id, name):
                call = self._calls.setdefault(index, ["", "", ""])
                call[0] = call[0] or id
                call[1] = call[1] or name
                call[2] += arguments
            case Start():
                self._start = event
            case Usage():
                self._usage = event
            case Finish():
                self._finish = event

    def response(self) -> Response:
        """The answer so far; ``incomplete`` until its :class:`~genkit.Finish` has come."""
        parts: list[Part] = []
        if self._reasoning:
            parts.append(Reasoning("".join(self._reasoning), self._signature))
        if self._text:
            parts.append(Text("".join(self._text)))
        parts += [ToolCall(id=i, name=n, arguments=a) for _, (i, n, a) in sorted(self._calls.items())]
        return Response(
            message=Message("assistant", parts),
            finish_reason=self._finish.reason,
            raw_finish_reason=self._finish.raw_reason,
            usage=self._usage,
            model=self._start.model,
            id=self._start.id,
        )


async def collect(events: AsyncIterable[Event]) -> Response:
    """Fold a whole stream of events into its response."""
    collector = Collector()
    async for event in events:
        collector.add(event)
    return collector.response()
