"""What Anthropic's Messages API answers, as events.

Wire format: "Messages", "Streaming messages" and "Citations" in the Claude API documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json

from ..errors import ProtocolError
from ..events import (
    Event,
    Finish,
    FinishReason,
    PartEnd,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    Usage,
    Warned,
)
from ..messages import Citation, Native, Reasoning, Text, ToolCall
from .reading import label, mapping, number, objects, text
from .shared import told_why, tool_input

NAME = "anthropic.messages"

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    # A turn with the provider's own tools that goes on when it is sent back as it is.
    "pause_turn": "incomplete",
    "compaction": "incomplete",
}
_SIMPLE = ("text", "thinking", "tool_use")
_WHOSE = ("caller", "toolset_name")  # of a call: the program that made it, and the provider's tools it is of


class Answer:
    """An answer as it arrives: of a stream, or of one body."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._usage: dict[str, Any] = {}
        self._details: Mapping[str, Any] = {}
        self._changes: list[Mapping[str, Any]] = []
        self.reason = ""
        self.ended = False

    def read(self, payload: Mapping[str, Any]) -> Iterable[Event]:
        """The events in one payload; kinds that are not known have none.

        Raises:
            ProtocolError: the payload makes no sense.
        """
        match payload.get("type"):
            case "content_block_delta":
                return self._block(payload).add(mapping(payload.get("delta"), "a delta"))
            case "content_block_start":
                index = number(payload, "index")
                ended = self._blocks[index].end() if index in self._blocks else ()
                block = self._blocks[index] = _Block(index, mapping(payload.get("content_block"), "a block"))
                return (*ended, *block.begin())
            case "content_block_stop":
                events = self._block(payload).end()
                del self._blocks[number(payload, "index")]
                return events
            case "message_start":
                return (*self._start(mapping(payload.get("message"), "the message")), *self._used())
            case "message_delta":
                self._stop(mapping(payload.get("delta"), "a delta"))
                self._count(payload)
                if payload.get("input_transformations") is not None:  # those of a model that took over
                    self._changes = objects(payload, "input_transformations")
            case "message_stop":
                return self.end()
            case "message":
                return self._whole(payload)
            case None if "content" in payload:
                return self._whole(payload)
            case None:
                raise ProtocolError(f"the answer is no message: {str(payload)[:200]}")
        return ()

    def end(self) -> Iterable[Event]:
        """The last events; some servers do not say why the answer stopped."""
        self.ended = True
        for block in self._blocks.values():
            yield from block.end()
        for change in self._changes:
            if change.get("type") == "thinking_dropped":  # with the beta thinking-binding-controls-2026-08-01
                why = f"{text(change, 'path')}: {text(change, 'reason')}"
                yield Warned(f"the API dropped thoughts that went back, {why}")
        yield from told_why(self.reason, self._details.get("category"), self._details.get("explanation"))
        yield from self._used()
        yield Finish(_REASONS.get(self.reason, "stop"), self.reason)

    def _used(self) -> Iterable[Event]:
        """The tokens used, as far as they were told."""
        if self._usage:
            cached = number(self._usage, "cache_read_input_tokens")
            written = number(self._usage, "cache_creation_input_tokens")
            details = mapping(self._usage.get("output_tokens_details") or {}, "usage")
            yield Usage(
                number(self._usage, "input_tokens") + cached + written,
                number(self._usage, "output_tokens"),
                cached,
                number(details, "thinking_tokens"),
                written,
            )

    def _start(self, message: Mapping[str, Any]) -> Iterable[Event]:
        self._count(message)
        self._changes = objects(message, "input_transformations")
        return (Start(label(message, "model"), label(message, "id")),)

    def _whole(self, message: Mapping[str, Any]) -> Iterable[Event]:
        events = [*self._start(message)]
        if not isinstance(message.get("content"), list) and not message.get("stop_reason"):
            raise ProtocolError(f"the message has no content: {str(message)[:200]}")
        for index, data in enumerate(objects(message, "content")):
            block = _Block(index, data)
            events += (*block.begin(), *block.end())
        self._stop(message)
        return (*events, *self.end())

    def _stop(self, told: Mapping[str, Any]) -> None:
        self.reason = text(told, "stop_reason") or self.reason
        self._details = mapping(told.get("stop_details") or self._details, "'stop_details'")

    def _count(self, source: Mapping[str, Any]) -> None:
        """What comes later holds: the counts of a stream's end are cumulative, and leave out some."""
        usage = mapping(source.get("usage") or {}, "usage")
        self._usage.update({name: count for name, count in usage.items() if count is not None})

    def _block(self, payload: Mapping[str, Any]) -> _Block:
        block = self._blocks.get(number(payload, "index"))
        if block is None:
            raise ProtocolError(f"the answer goes on with a block that never began: {str(payload)[:200]}")
        return block


class _Block:
    """One block of the content."""

    __slots__ = ("_citations", "_data", "_index", "_pieces", "_signature", "_type")

    def __init__(self, index: int, data: Mapping[str, Any]) -> None:
        self._index, self._data, self._type = index, dict(data), text(data, "type")
        self._pieces: list[str] = []
        self._signature: list[str] = []
        self._citations: list[Citation] = []
        if not self._type:
            raise ProtocolError(f"a block of the answer has no type: {str(data)[:200]}")

    def begin(self) -> tuple[Event, ...]:
        """The events in what the block began with: in one body, all of it."""
        if self._type == "text":
            self._citations += [_citation(data) for data in objects(self._data, "citations")]
            return self._said(TextDelta, text(self._data, "text"))
        if self._type == "thinking":
            self._signature.append(text(self._data, "signature"))
            return self._said(ReasoningDelta, text(self._data, "thinking"))
        if self._type == "tool_use":
            if not text(self._data, "id") or not text(self._data, "name"):
                raise ProtocolError(f"a tool call without id or name: {str(self._data)[:200]}")
            return (ToolCallDelta(self._index, "", self._data["id"], self._data["name"]),)
        return ()

    def add(self, delta: Mapping[str, Any]) -> tuple[Event, ...]:
        """The events in a delta; kinds that are not known have none."""
        match self._type, delta.get("type"):
            case "text", "text_delta":
                return self._said(TextDelta, text(delta, "text"))
            case "text", "citations_delta":
                self._citations.append(_citation(mapping(delta.get("citation"), "a citation")))
            case "thinking", "thinking_delta":
                return self._said(ReasoningDelta, text(delta, "thinking"))
            case "thinking", "signature_delta":
                self._signature.append(text(delta, "signature"))
            case "tool_use", "input_json_delta":
                self._pieces.append(text(delta, "partial_json"))
                return (ToolCallDelta(self._index, self._pieces[-1]),)
            case other, "input_json_delta" if other not in _SIMPLE:
                self._pieces.append(text(delta, "partial_json"))
            case other, _ if other not in _SIMPLE:
                self._merge(delta)
        return ()

    def end(self) -> tuple[Event, ...]:
        """The part that the block is."""
        whole = "".join(self._pieces)
        if self._type == "text":
            return (PartEnd(Text(whole, tuple(self._citations))),) if whole else ()
        if self._type == "thinking":
            signature = "".join(self._signature)
            thought = Reasoning(whole, signature, dialect=NAME)
            return (PartEnd(thought),) if whole or signature else ()
        if self._type == "tool_use":
            # Deltas hold; where there were none, what the block began with does.
            rest = "" if whole else to_json(self._data.get("input") or {}).decode()
            call = ToolCall(id=self._data["id"], name=self._data["name"], arguments=whole or rest)
            whose = {name: self._data[name] for name in _WHOSE if self._data.get(name)}
            if whose.get("caller") == {"type": "direct"}:
                del whose["caller"]
            told = [PartEnd(Native(dialect=NAME, data={"type": "tool_use", **whose}))] if whose else []
            return (*((ToolCallDelta(self._index, rest),) if rest else ()), *told, PartEnd(call))
        if whole:
            self._data["input"] = tool_input(whole)
        return (PartEnd(Native(dialect=NAME, data=self._data)),)

    def _said(self, kind: type[TextDelta | ReasoningDelta], piece: str) -> tuple[Event, ...]:
        self._pieces.append(piece)
        return (kind(piece),) if piece else ()

    def _merge(self, delta: Mapping[str, Any]) -> None:
        """Put a delta into a block of the provider's own: text is appended, the rest replaced."""
        for name, value in delta.items():
            before = self._data.get(name)
            if name != "type":
                both = isinstance(before, str) and isinstance(value, str)
                self._data[name] = f"{before}{value}" if both else value


def _citation(data: Mapping[str, Any]) -> Citation:
    """A citation of any kind; its offsets, if it has any, are in the source."""
    return Citation(
        url=text(data, "url") or text(data, "source"),
        title=text(data, "title") or text(data, "document_title"),
        quote=text(data, "cited_text"),
    )
