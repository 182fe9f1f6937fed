"""What came back: the fold of a stream's events."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .events import (
    Event,
    Finish,
    FinishReason,
    Logprobs,
    Metrics,
    PartEnd,
    ReasoningDelta,
    Received,
    RefusalDelta,
    Start,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
    Warned,
)
from .messages import Citation, Image, Message, Part, Reasoning, Refusal, Text, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer.

    ``message`` can be put back into a conversation as it is. ``finish_reason`` is one of ``stop``,
    ``length``, ``tool_calls``, ``content_filter``, ``incomplete`` (the stream was closed or broke
    before its end) and ``error``; ``raw_finish_reason`` is the backend's own word for it.
    ``usage`` are the tokens it took, ``model`` who answered, ``id`` and ``request_id`` the provider's own,
    ``rate_limits`` its headers of that name. ``warnings`` tell what was left out, or perhaps done
    twice, and why the provider ended the answer, if it said more than a word;
    ``logprobs``, if asked for, how likely each token was; ``metrics`` how long a local model took for what.
    """

    message: Message
    finish_reason: FinishReason
    raw_finish_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    id: str = ""
    request_id: str = ""
    rate_limits: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    metrics: Metrics | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """The text of the answer."""
        return self.message.text

    @property
    def reasoning(self) -> str:
        """What the model thought before it answered."""
        return "".join(part.text for part in self.message.parts if isinstance(part, Reasoning))

    @property
    def refusal(self) -> str:
        """The words with which the model declined to answer, or ''."""
        return "".join(part.text for part in self.message.parts if isinstance(part, Refusal))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model wants to be run."""
        return tuple(part for part in self.message.parts if isinstance(part, ToolCall))

    @property
    def images(self) -> tuple[Image, ...]:
        """The images in the answer."""
        return tuple(part for part in self.message.parts if isinstance(part, Image))

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Where the text of the answer comes from."""
        return tuple(c for part in self.message.parts if isinstance(part, Text) for c in part.citations)


class Embeddings(list[list[float]]):
    """The embeddings of texts, in their order: a list, with what they took.

    Args:
        vectors: an embedding of each text.
        usage: the tokens of all texts together; its ``known`` says whether the backend told.
    """

    def __init__(self, vectors: Iterable[list[float]] = (), usage: Usage | None = None) -> None:
        super().__init__(vectors)
        self.usage = usage or Usage()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document that was ranked: which of those given, and its score from 0 to 1; higher answers better."""

    index: int
    score: float


class Collector:
    """Folds events into a :class:`Response`, one at a time; it can be read at any moment."""

    __slots__ = (
        "_calls", "_logprobs", "_open", "_parts", "_received", "_start", "_text", "_warnings", "closed",
        "finish", "metrics", "usage",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._open: dict[type[Any], list[str]] = {Reasoning: [], Text: [], Refusal: []}
        self._text = self._open[Text]
        self._calls: dict[int, tuple[list[str], list[str]]] = {}
        self._logprobs: list[TokenLogprob] = []
        self._warnings: list[str] = []
        self._start, self._received = Start(), Received("", {})
        self.usage, self.finish = Usage(), Finish("incomplete")
        self.metrics: Metrics | None = None
        self.closed = False
        """Whether nobody wants more."""

    def add(self, event: Event) -> None:
        """Take one more event."""
        if isinstance(event, TextDelta):  # first, and outside the match: it is nearly every event
            self._text.append(event.text)
            return
        match event:
            case ReasoningDelta(text):
                self._open[Reasoning].append(text)
            case RefusalDelta(text):
                self._open[Refusal].append(text)
            case ToolCallDelta(index, arguments, id, name):
                known, pieces = self._calls.setdefault(index, (["", ""], []))
                known[0] = known[0] or id
                known[1] = known[1] or name
                pieces.append(arguments)  # joined at the end: each sum would copy all that came before
            case PartEnd(part):
                self._complete(part)
            case Logprobs(tokens):
                self._logprobs += tokens
            case Warned(message):
                self._warnings.append(message)
            case Start():
                self._start = event
            case Received():
                self._received = event
            case Usage():
                self.usage = event
            case Metrics():
                self.metrics = event
            case Finish():
                self.finish = event

    def _complete(self, part: Part) -> None:
        """A part replaces the deltas that it came in."""
        for kind, pieces in self._open.items():
            if isinstance(part, kind):
                pieces.clear()
        if isinstance(part, ToolCall):
            for index, ((id, name), _) in self._calls.items():
                if id in (part.id, "") and name in (part.name, ""):
                    del self._calls[index]
                    break
        self._parts.append(part)

    def response(self) -> Response:
        """The answer so far; ``incomplete`` until its :class:`~genkit.Finish` has come."""
        parts = list(self._parts)
        parts += [kind("".join(pieces)) for kind, pieces in self._open.items() if pieces]
        calls = sorted(self._calls.items())
        parts += [ToolCall(id=id, name=name, arguments="".join(a)) for _, ((id, name), a) in calls]
        return Response(
            message=Message("assistant", parts),
            finish_reason=self.finish.reason,
            raw_finish_reason=self.finish.raw_reason,
            usage=replace(self.usage),
            model=self._start.model,
            id=self._start.id,
            request_id=self._received.request_id,
            rate_limits=self._received.rate_limits,
            warnings=tuple(self._warnings),
            logprobs=tuple(self._logprobs),
            metrics=self.metrics,
        )


async def collect(events: AsyncIterable[Event]) -> Response:
    """Fold a whole stream of events into its response."""
    collector = Collector()
    async for event in events:
        collector.add(event)
    return collector.response()
