"""What Amazon Bedrock's Converse answers, as events.

Wire format: "Converse" and "ConverseStream" in the Amazon Bedrock API reference.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import from_json, to_json

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
from ..messages import Audio, Citation, Image, Native, Reasoning, Text, ToolCall
from .reading import mapping, number, objects, text

NAME = "bedrock.converse"

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
_MEDIA = {"image": Image, "audio": Audio}
# Tools that the service runs itself have a type of their own.
_OWN_TOOL = (None, "tool_use")


class Answer:
    """An answer as it arrives: of a stream, or of one body."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._blocks: dict[int, _Block] = {}
        self.reason = ""
        self.ended = False

    def read(self, payload: Mapping[str, Any]) -> Iterable[Event]:
        """The events in one payload: ``{event type: data}``, or a whole body.

        Raises:
            ProtocolError: the payload makes no sense.
        """
        if "contentBlockDelta" in payload:
            data = mapping(payload["contentBlockDelta"], "a delta")
            index = number(data, "contentBlockIndex")
            block = self._blocks.get(index) or self._blocks.setdefault(index, _Block(index, {}))
            return block.add(mapping(data.get("delta"), "a delta"))
        if "contentBlockStart" in payload:
            data = mapping(payload["contentBlockStart"], "a block")
            index = number(data, "contentBlockIndex")
            block = self._blocks[index] = _Block(index, mapping(data.get("start") or {}, "a block"))
            return block.begin()
        if "contentBlockStop" in payload:
            index = number(mapping(payload["contentBlockStop"], "a block"), "contentBlockIndex")
            return self._blocks.pop(index).end() if index in self._blocks else ()
        if "messageStart" in payload:
            # The answer does not name the model.
            return (Start(self._model),)
        if "messageStop" in payload:
            self.reason = text(mapping(payload["messageStop"], "the end of the message"), "stopReason")
            return ()
        if "metadata" in payload:
            return self.end(mapping(payload["metadata"], "the metadata"))
        if "output" in payload:
            return self._whole(payload)
        if len(payload) != 1:
            raise ProtocolError(f"the answer is no message: {str(payload)[:200]}")
        return ()

    def end(self, metadata: Mapping[str, Any]) -> Iterable[Event]:
        """The last events. Raises ProtocolError if the answer never said why it stopped."""
        if not self.reason:
            raise ProtocolError("the answer does not say why it stopped")
        self.ended = True
        for block in self._blocks.values():
            yield from block.end()
        if usage := mapping(metadata.get("usage") or {}, "usage"):
            cached, written = number(usage, "cacheReadInputTokens"), number(usage, "cacheWriteInputTokens")
            prompt = number(usage, "inputTokens") + cached + written
            yield Usage(prompt, number(usage, "outputTokens"), cached, 0, written)
        yield Finish(_REASONS.get(self.reason, "stop"), self.reason)

    def _whole(self, body: Mapping[str, Any]) -> Iterable[Event]:
        message = mapping(mapping(body["output"], "the output").get("message"), "the message")
        if not isinstance(message.get("content"), list):
            raise ProtocolError(f"the message has no content: {str(message)[:200]}")
        events: list[Event] = [Start(self._model)]
        for index, data in enumerate(objects(message, "content")):
            block = _Block(index, data)
            events += (*block.begin(), *block.end())
        self.reason = text(body, "stopReason")
        return (*events, *self.end(body))


class _Block:
    """One block of the content; only blocks of tools say at their start what they are."""

    __slots__ = (
        "_bytes", "_citations", "_data", "_index", "_native", "_pieces", "_signature", "_tool", "_type",
    )  # fmt: skip

    def __init__(self, index: int, data: Mapping[str, Any]) -> None:
        self._index, self._data = index, dict(data)
        self._type = ""
        self._tool: Mapping[str, Any] = {}
        self._pieces: list[str] = []
        self._bytes: list[bytes] = []
        self._signature: list[str] = []
        self._citations: list[Citation] = []
        self._native: dict[str, Any] | None = None

    def begin(self) -> tuple[Event, ...]:
        """The events in what the block began with: in one body, all of it."""
        data = self._data
        tool = mapping(data.get("toolUse") or {}, "a tool call")
        if tool and tool.get("type") in _OWN_TOOL:
            self._type, self._tool = "toolUse", tool
            if not text(tool, "toolUseId") or not text(tool, "name"):
                raise ProtocolError(f"a tool call without id or name: {str(tool)[:200]}")
            arguments = to_json(tool["input"]).decode() if tool.get("input") else ""
            self._pieces.append(arguments)
            return (ToolCallDelta(self._index, arguments, tool["toolUseId"], tool["name"]),)
        if cited := mapping(data.get("citationsContent") or {}, "citations"):
            self._citations = [_citation(citation) for citation in objects(cited, "citations")]
            return self.add({"text": "".join(text(piece, "text") for piece in objects(cited, "content"))})
        reasoning = mapping(data.get("reasoningContent") or {}, "reasoning")
        if "reasoningText" in reasoning:
            return self.add({"reasoningContent": mapping(reasoning["reasoningText"], "reasoning")})
        if "text" in data:
            return self.add(data)
        kind = next((kind for kind in _MEDIA if kind in data), "")
        if kind and "s3Location" not in mapping(mapping(data[kind], "media").get("source") or {}, "a source"):
            self._type = kind
            return self.add(data)
        self._native = data or None
        return ()

    def add(self, delta: Mapping[str, Any]) -> tuple[Event, ...]:
        """The events in a delta; kinds that are not known have none."""
        if self._native is not None:
            self._merge(delta)
        elif "text" in delta and self._type in ("", "text"):
            self._type = "text"
            self._pieces.append(text(delta, "text"))
            return (TextDelta(self._pieces[-1]),) if self._pieces[-1] else ()
        elif "toolUse" in delta and self._type == "toolUse":
            self._pieces.append(text(mapping(delta["toolUse"], "a tool call"), "input"))
            return (ToolCallDelta(self._index, self._pieces[-1]),)
        elif "citation" in delta and self._type in ("", "text"):
            self._type = "text"
            self._citations.append(_citation(mapping(delta["citation"], "a citation")))
        elif "reasoningContent" in delta and self._type in ("", "reasoning"):
            return self._think(mapping(delta["reasoningContent"], "reasoning"))
        elif self._type in _MEDIA and self._type in delta:
            return self._show(mapping(delta[self._type], "media"))
        return ()

    def end(self) -> tuple[Event, ...]:
        """The part that the block is."""
        whole = "".join(self._pieces)
        if self._native is not None:
            return (PartEnd(Native(dialect=NAME, data=self._finished_native(whole))),)
        if self._type == "toolUse":
            call = ToolCall(id=self._tool["toolUseId"], name=self._tool["name"], arguments=whole or "{}")
            return (*(() if whole else (ToolCallDelta(self._index, "{}"),)), PartEnd(call))
        if self._type in _MEDIA:
            kind = f"{self._type}/{text(mapping(self._data[self._type], 'media'), 'format')}"
            data = b"".join(self._bytes)
            return (PartEnd(_MEDIA[self._type](data=data, media_type=kind)),) if data else ()
        signature = "".join(self._signature)
        if self._type == "reasoning" and (whole or signature):
            return (PartEnd(Reasoning(whole, signature, dialect=NAME)),)
        return (PartEnd(Text(whole, tuple(self._citations))),) if whole else ()

    def _think(self, thought: Mapping[str, Any]) -> tuple[Event, ...]:
        if redacted := text(thought, "redactedContent"):
            self._native = {"reasoningContent": {"redactedContent": redacted}}
            return ()
        self._type = "reasoning"
        self._signature.append(text(thought, "signature"))
        self._pieces.append(text(thought, "text"))
        return (ReasoningDelta(self._pieces[-1]),) if self._pieces[-1] else ()

    def _show(self, media: Mapping[str, Any]) -> tuple[Event, ...]:
        """Take a piece of an image or a sound, which may tell that it failed."""
        source = mapping(media.get("source") or {}, "a source")
        try:
            self._bytes.append(base64.b64decode(text(source, "bytes"), validate=True))
        except (binascii.Error, ValueError):
            raise ProtocolError(f"what should be an {self._type} is no base64") from None
        error = mapping(media.get("error") or {}, "an error")
        return (Warned(f"the {self._type} failed: {text(error, 'message')}"),) if error else ()

    def _merge(self, delta: Mapping[str, Any]) -> None:
        """Add to a block of a tool that the service runs itself: its input as text, its result as parts."""
        if "toolUse" in delta:
            self._pieces.append(text(mapping(delta["toolUse"], "a tool call"), "input"))
        elif "toolResult" in delta and self._native is not None and "toolResult" in self._native:
            result = dict(mapping(self._native["toolResult"], "a result"))
            result["content"] = [*objects(result, "content"), *objects(delta, "toolResult")]
            self._native["toolResult"] = result

    def _finished_native(self, whole: str) -> dict[str, Any]:
        data = self._native or {}
        if not whole or "toolUse" not in data:
            return data
        try:
            return {**data, "toolUse": {**data["toolUse"], "input": from_json(whole)}}
        except ValueError:
            raise ProtocolError(f"the input of a tool is not JSON: {whole[:200]}") from None


def _citation(data: Mapping[str, Any]) -> Citation:
    location = mapping(data.get("location") or {}, "a location")
    web = mapping(location.get("web") or {}, "a location")
    quote = "".join(text(piece, "text") for piece in objects(data, "sourceContent"))
    return Citation(url=text(web, "url") or text(data, "source"), title=text(data, "title"), quote=quote)
