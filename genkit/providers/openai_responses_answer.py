"""The answer of OpenAI Responses, item by item: payloads in, events out."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ProtocolError
from ..events import (
    Event,
    Finish,
    FinishReason,
    Logprobs,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from ..messages import Citation, Image, Native, Reasoning, Refusal, Text, ToolCall
from .reading import label, mapping, number, numbers, objects, text

NAME = "openai.responses"
TOLD = {"message": "content", "function_call": "call_id", "image_generation_call": "result"}
"""The field that genkit's parts tell, by type of item: a Native without it is the rest of the next part's."""
LINKS = ("id", "status")
"""What ties a message or a call to the reasoning before it."""

_REASONING = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
_BEGUN = ("response.created", "response.queued", "response.in_progress")
_ENDED = ("response.completed", "response.incomplete", "response.cancelled")
_INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}


class Answer:
    """What is known of an answer that is coming in.

    Attributes:
        told: the indices of the items of which deltas were told; -1 for one without.
        failed: the response, once it says that it failed.
        over: whether the terminal mark has come.
    """

    def __init__(self) -> None:
        self.told: set[int] = set()
        self.failed: Mapping[str, Any] | None = None
        self.over = False
        self._started = self._called = self._thought = False
        self._ended: dict[int, Mapping[str, Any]] = {}
        self._next = 0
        self._ids: dict[str, int] = {}

    def _index(self, payload: Mapping[str, Any], default: int = -1) -> int:
        """The index of the item that a payload is about; some servers leave it out."""
        index = payload.get("output_index")
        return index if type(index) is int else self._ids.get(text(payload, "item_id"), default)

    def take(self, kind: Any, payload: Mapping[str, Any]) -> Iterator[Event]:
        """The events in a payload of this type (None: a whole body). Raises ProtocolError."""
        if kind in _REASONING:
            self.told.add(self._index(payload))
            yield ReasoningDelta(text(payload, "delta"))
        elif kind == "response.refusal.delta":
            self.told.add(self._index(payload))
            yield RefusalDelta(text(payload, "delta"))
        elif kind == "response.function_call_arguments.delta":
            index = self._index(payload)
            self.told.add(index)
            yield ToolCallDelta(index, text(payload, "delta"))
        elif kind == "response.output_item.added":
            item = mapping(payload.get("item"), "an item")
            index = self._index(payload, len(self._ids))
            self._ids[text(item, "id")] = index
            if item.get("type") == "function_call":
                self._called = True
                yield ToolCallDelta(index, "", text(item, "call_id") or text(item, "id"), text(item, "name"))
        elif kind == "response.output_item.done":
            index = self._index(payload, len(self._ended))
            yield from self._end(index, mapping(payload.get("item"), "an item"))
        elif kind in _BEGUN:
            yield from self._start(mapping(payload.get("response"), "a response"))
        elif kind in _ENDED:
            response = mapping(payload.get("response"), "a response")
            yield from self.finish(response, kind.removeprefix("response."))
        elif kind is None:
            yield from self.finish(payload, "completed")

    def finish(self, response: Mapping[str, Any], status: str) -> Iterator[Event]:
        """The events at the end of a response, and of what of its output was not told before."""
        status = text(response, "status") or status
        if status == "failed" or response.get("error"):
            self.failed = response
            return
        yield from self._start(response)
        output = objects(response, "output")
        for index, item in enumerate(output if len(output) > len(self._ended) else ()):
            if index not in self._ended:
                yield from self._end(index, item)
        for index in sorted(index for index in self._ended if index >= self._next):
            yield from self._parts(index, self._ended[index])
        if response.get("usage"):
            yield _usage(mapping(response["usage"], "'usage'"))
        reason: FinishReason = "tool_calls" if self._called else "stop"
        if status != "completed":
            details = response.get("incomplete_details") or {}
            reason = _INCOMPLETE.get(text(mapping(details, "'incomplete_details'"), "reason"), "incomplete")
        self.over = True
        yield Finish(reason, status)

    def _start(self, response: Mapping[str, Any]) -> Iterator[Event]:
        if response and not self._started:
            self._started = True
            yield Start(label(response, "model"), label(response, "id"))

    def _end(self, index: int, item: Mapping[str, Any]) -> Iterator[Event]:
        """Keeps the order of the output: OpenRouter ends its reasoning after the text that follows it."""
        self._ended[index] = item
        while self._next in self._ended:
            yield from self._parts(self._next, self._ended[self._next])
            self._next += 1

    def _parts(self, index: int, item: Mapping[str, Any]) -> Iterator[Event]:
        """The parts of a complete item, after the deltas that were not told."""
        told = index in self.told or -1 in self.told
        kind = text(item, "type")
        # Reasoning that is sent back needs the item that followed it, known by its id.
        names = ("phase", "namespace", *(LINKS if self._thought else ()))
        rest = {name: item[name] for name in names if item.get(name)}
        if item.get("caller") not in (None, {"type": "direct"}):  # a program of the model's
            rest["caller"] = item["caller"]
        if kind in ("message", "function_call"):
            if rest:
                yield PartEnd(Native(dialect=NAME, data={"type": kind, **rest}))
            yield from _message(item, told) if kind == "message" else self._call(index, item, told)
        elif kind == "reasoning":
            self._thought = True
            yield from _reasoning(item, told)
        elif kind == "image_generation_call" and (image := _image(item)):
            yield PartEnd(Native(dialect=NAME, data={k: v for k, v in item.items() if k != "result"}))
            yield PartEnd(image)
        elif kind:
            yield PartEnd(Native(dialect=NAME, data=item))
        else:
            raise ProtocolError(f"an item of the answer has no type: {item!r:.200}")

    def _call(self, index: int, item: Mapping[str, Any], told: bool) -> Iterator[Event]:
        id, name = text(item, "call_id") or text(item, "id"), text(item, "name")
        if not name:
            raise ProtocolError(f"a call in the answer names no function: {item!r:.200}")
        self._called = True
        arguments = item.get("arguments")
        written = json.dumps(arguments) if isinstance(arguments, dict) else text(item, "arguments") or "{}"
        if not told:
            yield ToolCallDelta(index, written, id, name)
        yield PartEnd(ToolCall(id=id, name=name, arguments=written))


def _message(item: Mapping[str, Any], told: bool) -> Iterator[Event]:
    for content in objects(item, "content"):
        words = text(content, "text") or text(content, "refusal")
        if content.get("type") == "refusal":
            if not told:
                yield RefusalDelta(words)
            yield PartEnd(Refusal(words))
        elif words:
            if not told:
                yield TextDelta(words)
                if content.get("logprobs"):
                    yield Logprobs(logprobs(content))
            yield PartEnd(Text(words, tuple(_citation(note) for note in objects(content, "annotations"))))


def _citation(note: Mapping[str, Any]) -> Citation:
    """A source on the web, or a file at the provider: then ``url`` is its path there."""
    url, start, end = text(note, "url"), note.get("start_index", note.get("index")), note.get("end_index")
    if file := text(note, "file_id"):
        container = text(note, "container_id")
        url = f"/containers/{container}/files/{file}/content" if container else f"/files/{file}/content"
    start, end = (place if isinstance(place, int) else None for place in (start, end))
    return Citation(url=url, title=text(note, "title") or text(note, "filename"), start=start, end=end)


def _reasoning(item: Mapping[str, Any], told: bool) -> Iterator[Event]:
    id, signature = text(item, "id"), text(item, "encrypted_content")
    thoughts = [text(piece, "text") for name in ("summary", "content") for piece in objects(item, name)]
    for at, thought in enumerate(thoughts or [""]):
        if thought and not told:
            yield ReasoningDelta(thought)
        yield PartEnd(Reasoning(thought, "" if at else signature, id, dialect=NAME))


def _image(item: Mapping[str, Any]) -> Image | None:
    """The image that was made; None for one that is missing, or cannot be read: its item is kept as it is."""
    try:
        data = base64.b64decode(text(item, "result"))
    except (binascii.Error, ValueError):
        return None
    return Image(data=data, media_type=f"image/{text(item, 'output_format') or 'png'}") if data else None


def _usage(counts: Mapping[str, Any]) -> Usage:
    prompt = mapping(counts.get("input_tokens_details") or {}, "'input_tokens_details'")
    output = mapping(counts.get("output_tokens_details") or {}, "'output_tokens_details'")
    return Usage(
        number(counts, "input_tokens"),
        number(counts, "output_tokens"),
        number(prompt, "cached_tokens"),
        number(output, "reasoning_tokens"),
        number(prompt, "cache_write_tokens"),
    )


def logprobs(source: Mapping[str, Any]) -> list[TokenLogprob]:
    """The log probabilities in a delta or a content part. Raises ProtocolError."""
    return [
        TokenLogprob(
            text(token, "token"),
            _logprob(token),
            {text(t, "token"): _logprob(t) for t in objects(token, "top_logprobs")},
        )
        for token in objects(source, "logprobs")
    ]


def _logprob(token: Mapping[str, Any]) -> float:
    return numbers([token.get("logprob")], "a token's 'logprob'")[0]
