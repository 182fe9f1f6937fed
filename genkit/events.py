"""What a backend says while it answers: the events of one stream, in order.

A stream is: one :class:`Start`, any number of deltas, at most one :class:`Usage`, one :class:`Finish`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "incomplete", "error"]


@dataclass(slots=True)
class Start:
    """The backend took the request: the model that answers, and the provider's id of the response."""

    model: str = ""
    id: str = ""


@dataclass(slots=True)
class TextDelta:
    """More of the answer."""

    text: str


@dataclass(slots=True)
class ReasoningDelta:
    """More of what the model thinks before it answers."""

    text: str
    signature: str = ""


@dataclass(slots=True)
class ToolCallDelta:
    """More of the tool call at ``index``; id and name come whole, arguments in fragments of JSON text."""

    index: int
    arguments: str = ""
    id: str = ""
    name: str = ""


@dataclass(slots=True)
class Usage:
    """Tokens used. ``cached_tokens`` are those of the input that were not evaluated again."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclass(slots=True)
class Finish:
    """The answer ended: why, in genkit's words and in the backend's own."""

    reason: FinishReason
    raw_reason: str = ""


Event: TypeAlias = Start | TextDelta | ReasoningDelta | ToolCallDelta | Usage | Finish
