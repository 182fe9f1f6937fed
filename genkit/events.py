"""What a backend says while it answers: the events of one stream, in order.

Deltas are to be shown as they come. A :class:`PartEnd` tells that a part is complete, with all that is
known of it; the deltas before it added up to its text. Backends that know no such thing send none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .messages import Part

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "incomplete", "error"]


@dataclass(slots=True)
class Start:
    """The backend took the request: the model that answers, and the provider's id of the response."""

    model: str = ""
    id: str = ""


@dataclass(slots=True)
class Received:
    """What the HTTP headers told: the provider's id of the request, and its rate limits by header name."""

    request_id: str
    rate_limits: Mapping[str, str]


@dataclass(slots=True)
class Warned:
    """Something was left out, as an option that the backend cannot honour, or may have been done twice; or
    the words in which the provider tells why it ended the answer.
    """

    message: str


@dataclass(slots=True)
class TextDelta:
    """More of the answer."""

    text: str


@dataclass(slots=True)
class ReasoningDelta:
    """More of what the model thinks before it answers."""

    text: str


@dataclass(slots=True)
class RefusalDelta:
    """More of the words with which the model declines to answer."""

    text: str


@dataclass(slots=True)
class ToolCallDelta:
    """More of the tool call at ``index``; id and name come whole, arguments in fragments of JSON text."""

    index: int
    arguments: str = ""
    id: str = ""
    name: str = ""


@dataclass(slots=True)
class PartEnd:
    """A part of the answer is complete."""

    part: Part


@dataclass(slots=True)
class TokenLogprob:
    """A token that was chosen, its log probability, and those of the likeliest alternatives."""

    token: str
    logprob: float
    top: Mapping[str, float]


@dataclass(slots=True)
class Logprobs:
    """The log probabilities of the next tokens of the answer."""

    tokens: list[TokenLogprob]


@dataclass(slots=True)
class Usage:
    """Tokens used: of the prompt as soon as they are known; the last of a stream counts all.

    ``input_tokens`` counts the whole prompt; ``cached_tokens`` of them were read from a cache, and
    ``cache_write_tokens`` written to one. ``reasoning_tokens`` are part of ``output_tokens``.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def known(self) -> bool:
        """Whether the backend told how many: no call has none, since every prompt has tokens."""
        return self.total_tokens > 0

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclass(slots=True)
class Metrics:
    """How long a local model took, in seconds.

    ``queued`` until work on the prompt began, ``first_token`` from the call's arrival to its first
    token, ``decoding`` from there to the last. ``kv_used`` of ``kv_room`` tokens were in the KV cache
    at the first token, of all calls and of what is kept for others to begin with.
    """

    queued: float = 0
    first_token: float = 0
    decoding: float = 0
    prompt_tokens_per_second: float = 0
    decode_tokens_per_second: float = 0
    kv_used: int = 0
    kv_room: int = 0


@dataclass(slots=True)
class Finish:
    """The answer ended: why, in genkit's words and in the backend's own."""

    reason: FinishReason
    raw_reason: str = ""


Event: TypeAlias = (
    Start
    | Received
    | Warned
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallDelta
    | PartEnd
    | Logprobs
    | Usage
    | Metrics
    | Finish
)
