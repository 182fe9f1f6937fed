"""Conversations that began at another vendor, as a dialect can take them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from ..messages import Message, Native, Part, Reasoning, ToolCall, ToolResult
from ..request import Request
from .base import Target

# Claude's signatures hold wherever it runs: Anthropic's "Extended thinking", about other platforms.
_SIGNED_ALIKE = {
    "anthropic.messages": "bedrock.converse",
    "bedrock.converse": "anthropic.messages",
}

_CALL_IDS = {
    "anthropic.messages": r"[A-Za-z0-9_-]+",
    "bedrock.converse": r"[A-Za-z0-9_-]{1,64}",  # AWS, "ToolUseBlock"
    "cohere.chat": r".+",
    "openai.chat": r".+",
    "openai.responses": r".{1,64}",
}
"""What the id of a tool call must be, where not any will do; a vendor's quirk ``call_ids`` goes before."""


def from_elsewhere(request: Request, dialect: str, target: Target) -> Request:
    """The request, in which what other vendors answered is as this one can take it.

    What only their dialects know is left out; what the model itself has said stays. Ids of tool calls that
    this vendor would refuse are replaced, by the same ones at every turn.

    Args:
        request: the request.
        dialect: the name of the dialect that is spoken.
        target: the vendor that is asked.
    """
    said = [message.parts for message in request.messages if message.role == "assistant"]
    if not all(_own(part, dialect) is part for parts in said for part in parts):
        messages = []
        for message in request.messages:
            if message.role == "assistant":
                parts = [mine for part in message.parts if (mine := _own(part, dialect))]
                messages += [Message("assistant", parts)] if parts else []
            else:
                messages.append(message)
        request = replace(request, messages=messages)
    pattern = target.quirk("call_ids", _CALL_IDS.get(dialect))
    ids = [part.id for m in request.messages for part in m.parts if isinstance(part, (ToolCall, ToolResult))]
    if not pattern or all(re.fullmatch(pattern, id) for id in ids):
        return request
    return replace(request, messages=_renamed(request.messages, pattern))


def _own(part: Part, dialect: str) -> Part | None:
    """A part of an answer, without what only another dialect knows."""
    match part:
        case Native(dialect=other) if other != dialect:
            return None
        case Reasoning(text, dialect=other) if other not in ("", dialect, _SIGNED_ALIKE.get(dialect)):
            return Reasoning(text) if text else None  # the proof is one to its provider alone
    return part


def _renamed(messages: Sequence[Message], pattern: str) -> list[Message]:
    """The messages, in which every call has an id that fits; results without one follow the calls."""
    waiting: list[tuple[str, str]] = []  # calls that have no id, by the name of their function
    count = 0

    def renamed(part: Part) -> Part:
        nonlocal count
        if not isinstance(part, (ToolCall, ToolResult)) or re.fullmatch(pattern, part.id):
            return part
        if part.id:
            return replace(part, id=_short(part.id))
        if isinstance(part, ToolCall):
            count += 1
            waiting.append((part.name, _short(f"call {count}")))
            return replace(part, id=waiting[-1][1])
        named = [call for call in waiting if call[0] == part.name] or waiting[:1]
        if not named:
            return part
        waiting.remove(named[0])
        return replace(part, id=named[0][1])

    told = []
    for message in messages:
        if any(isinstance(part, ToolCall) and not part.id for part in message.parts):
            waiting.clear()  # what was not answered before is not answered now
        told.append(Message(message.role, [renamed(part) for part in message.parts]))
    return told


def _short(id: str) -> str:
    """Nine letters and digits, which every vendor takes."""
    return hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:9]
