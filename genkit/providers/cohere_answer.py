"""What Cohere's Chat API answers, as events.

Wire format: "Chat" and "Chat with Streaming" in Cohere's API reference, and its guides "Streaming Responses",
"Citations" and "Reasoning". A plan to call tools is reasoning, which goes back in a field of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import ProtocolError
from ..events import (
    Event,
    Finish,
    FinishReason,
    Logprobs,
    PartEnd,
    ReasoningDelta,
    Start,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from ..messages import Citation, Native, Reasoning, Text
from .reading import label, listed, mapping, number, numbers, objects, text

NAME = "cohere.chat"

_REASONS: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
    "TIMEOUT": "incomplete",
    "USER_CANCEL": "incomplete",
}


class Answer:
    """An answer as it arrives: of a stream, or of one body.

    Attributes:
        failed: the end of the answer, if it says that it failed.
        ended: whether the end has come.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._plan: list[str] = []
        self._blocks: dict[int, tuple[str, list[str]]] = {}
        self._citations: dict[int, list[Citation]] = {}
        self._calls: list[bool] = []  # whether they have arguments
        self._places: dict[int, int] = {}
        self.failed: Mapping[str, Any] | None = None
        self.ended = False

    def read(self, payload: Mapping[str, Any]) -> Iterable[Event]:
        """The events in one payload; kinds that are not known have none.

        Raises:
            ProtocolError: the payload makes no sense.
        """
        delta = mapping(payload.get("delta") or {}, "a delta")
        message = mapping(delta.get("message") or {}, "a message")
        match payload.get("type"):
            case "content-delta" | "content-start":
                content = mapping(message.get("content") or {}, "content")
                return [*self._content(number(payload, "index"), content), *_logprobs(payload)]
            case "message-start":
                return (Start(self._model, label(payload, "id")),)
            case "tool-plan-delta":
                return self._planned(text(message, "tool_plan"))
            case "tool-call-start":
                return self._begin(payload.get("index"), message.get("tool_calls"))
            case "tool-call-delta":
                return self._more(payload.get("index"), message.get("tool_calls"))
            case "citation-start":
                self._cite(listed(message.get("citations")))
            case "message-end":
                return self.end(delta)
            case None if "message" in payload or "finish_reason" in payload:
                return self._whole(payload)
            case None:
                raise ProtocolError(f"the answer is no message: {str(payload)[:200]}")
        return ()

    def end(self, told: Mapping[str, Any]) -> Iterator[Event]:
        """The last events, with the parts complete, since citations come after their text."""
        reason = text(told, "finish_reason")
        if reason == "ERROR" or told.get("error"):
            self.failed = {**told, "message": told.get("error") or "the generation failed"}
            return
        self.ended = True
        if plan := "".join(self._plan):
            yield PartEnd(Reasoning(plan))
            yield PartEnd(Native(dialect=NAME, data={"tool_plan": plan}))
        for index, (kind, pieces) in sorted(self._blocks.items()):
            if not (whole := "".join(pieces)):
                continue
            if kind == "thinking":
                yield PartEnd(Reasoning(whole))
            else:
                yield PartEnd(Text(whole, tuple(self._citations.get(index, ()))))
        for place, has_arguments in enumerate(self._calls):
            if not has_arguments:
                yield ToolCallDelta(place, "{}")
        if usage := mapping(told.get("usage") or {}, "usage"):
            tokens = mapping(usage.get("tokens") or usage.get("billed_units") or {}, "usage")
            yield Usage(
                number(tokens, "input_tokens"),
                number(tokens, "output_tokens"),
                number(usage, "cached_tokens"),
                number(tokens, "reasoning_tokens"),
            )
        known = _REASONS.get(reason, "error" if reason.startswith("ERROR") else "stop")
        yield Finish("tool_calls" if self._calls and known == "stop" else known, reason)

    def _whole(self, body: Mapping[str, Any]) -> Iterator[Event]:
        yield Start(self._model, label(body, "id"))
        message = mapping(body.get("message") or {}, "the message")
        yield from self._planned(text(message, "tool_plan"))
        content = message.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        for index, piece in enumerate(objects({"content": content}, "content")):
            yield from self._content(index, piece)
        for index, call in enumerate(objects(message, "tool_calls")):
            yield from self._begin(index, call)
        for piece in objects(body, "logprobs"):
            yield from _logprobs({"logprobs": piece})
        self._cite(objects(message, "citations"))
        yield from self.end(body)

    def _planned(self, plan: str) -> Iterable[Event]:
        if plan:
            self._plan.append(plan)
        return (ReasoningDelta(plan),) if plan else ()

    def _content(self, index: int, content: Mapping[str, Any]) -> Iterable[Event]:
        thought, words = text(content, "thinking"), text(content, "text")
        kind = "thinking" if thought or content.get("type") == "thinking" else "text"
        if thought or words:
            self._blocks.setdefault(index, (kind, []))[1].append(thought or words)
        if thought:
            return (ReasoningDelta(thought),)
        return (TextDelta(words),) if words else ()

    def _begin(self, index: Any, told: Any) -> Iterable[Event]:
        """A call, with all of its arguments or none yet; the indices of calls are their own."""
        call = _first(told)
        function = mapping(call.get("function") or {}, "a call")
        name, arguments = text(function, "name"), text(function, "arguments")
        if not name:
            raise ProtocolError(f"a tool call without a name: {str(told)[:200]}")
        place = len(self._calls)
        self._places[index if isinstance(index, int) else place] = place
        self._calls.append(bool(arguments))
        return (ToolCallDelta(place, arguments, text(call, "id"), name),)

    def _more(self, index: Any, told: Any) -> Iterable[Event]:
        """More of a call's arguments: of the last one, where no index is told."""
        if not self._calls:
            raise ProtocolError(f"the answer goes on with a tool call that never began: {str(told)[:200]}")
        last = len(self._calls) - 1
        place = self._places.get(index, last) if isinstance(index, int) else last
        arguments = text(mapping(_first(told).get("function") or {}, "a call"), "arguments")
        self._calls[place] |= bool(arguments)
        return (ToolCallDelta(place, arguments),)

    def _cite(self, citations: Iterable[Any]) -> None:
        """Keep citations of the answer; those of thoughts and plans have no place."""
        texts = [place for place, (kind, _) in self._blocks.items() if kind == "text"]
        last = max(texts, default=0)
        for data in citations:
            citation = mapping(data, "a citation")
            if citation.get("type") in (None, "TEXT_CONTENT"):
                place = number(citation, "content_index") if "content_index" in citation else last
                kept = self._citations.setdefault(place if place in texts else last, [])
                kept += _cited(citation)


def _first(told: Any) -> Mapping[str, Any]:
    """The one call in a piece of a stream."""
    return mapping(next(iter(listed(told)), {}), "a call")


def _cited(citation: Mapping[str, Any]) -> list[Citation]:
    """One for each source; offsets are those in the answer, the quotation is the source's."""
    start, end = (number(citation, name) if name in citation else None for name in ("start", "end"))
    found = []
    for source in objects(citation, "sources") or [{}]:
        data = source.get("document") or source.get("tool_output") or {}
        fields = mapping(data, "a source")
        words = {name: value for name, value in fields.items() if isinstance(value, str)}
        quote = words.get("text") or words.get("snippet") or ""
        url = words.get("url") or text(source, "id")
        found.append(Citation(url=url, title=words.get("title", ""), quote=quote, start=start, end=end))
    return found


def _logprobs(payload: Mapping[str, Any]) -> list[Event]:
    """The log probability of a piece of text, which may be several tokens: then it is their sum."""
    if not payload.get("logprobs"):
        return []
    told = mapping(payload["logprobs"], "'logprobs'")
    chances = numbers(told.get("logprobs") or [], "'logprobs'")
    return [Logprobs([TokenLogprob(text(told, "text"), sum(chances), {})])] if chances else []
