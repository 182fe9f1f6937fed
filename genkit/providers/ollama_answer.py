"""What Ollama's Chat API answers, as events.

Wire format: "Generate a chat message", "Streaming", "Thinking" and "Tool calling" in Ollama's documentation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ProtocolError
from ..events import (
    Event,
    Finish,
    FinishReason,
    Logprobs,
    ReasoningDelta,
    Start,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from .reading import label, mapping, number, numbers, objects, text

NAME = "ollama.chat"

_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "load": "stop", "unload": "stop"}


class Answer:
    """An answer as it arrives: of a stream, or of one body, which is a stream's last line with all in it.

    Attributes:
        ended: whether the end has come.
    """

    def __init__(self) -> None:
        self._started = False
        self._calls = 0
        self.ended = False

    def read(self, payload: Mapping[str, Any]) -> Iterator[Event]:
        """The events in one line. Raises ProtocolError."""
        if not self._started:
            self._started = True
            yield Start(label(payload, "model"))
        message = mapping(payload.get("message") or {}, "a message")
        if thought := text(message, "thinking"):
            yield ReasoningDelta(thought)
        if words := text(message, "content"):
            yield TextDelta(words)
        for call in objects(message, "tool_calls"):
            yield self._call(call)
        if payload.get("logprobs"):
            yield Logprobs([_logprob(token) for token in objects(payload, "logprobs")])
        if payload.get("done"):
            yield from self.end(payload)

    def end(self, last: Mapping[str, Any]) -> Iterator[Event]:
        """The last events."""
        self.ended = True
        if last.keys() & {"prompt_eval_count", "eval_count"}:
            yield Usage(number(last, "prompt_eval_count"), number(last, "eval_count"))
        raw = text(last, "done_reason")
        reason = _REASONS.get(raw, "stop")
        yield Finish("tool_calls" if self._calls and reason == "stop" else reason, raw)

    def _call(self, call: Mapping[str, Any]) -> Event:
        """A call, which comes whole; old servers give it no id."""
        function = mapping(call.get("function"), "a call")
        name, arguments = text(function, "name"), function.get("arguments")
        if not name:
            raise ProtocolError(f"a tool call without a name: {str(call)[:200]}")
        written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        self._calls += 1
        return ToolCallDelta(self._calls - 1, written if arguments else "{}", text(call, "id"), name)


def _logprob(token: Mapping[str, Any]) -> TokenLogprob:
    others = objects(token, "top_logprobs")
    chosen, *rest = numbers([item.get("logprob") for item in (token, *others)], "'logprob'")
    top = {text(item, "token"): chance for item, chance in zip(others, rest, strict=True)}
    return TokenLogprob(text(token, "token"), chosen, top)
