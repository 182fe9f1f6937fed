"""From what a caller gives to a :class:`~genkit.request.Request`: a prompt, and options by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, TypedDict

from .errors import BadRequest
from .messages import Message, conversation
from .request import Output, Request, Sampling, Tool

Prompt = str | Message | Sequence[Message]
_SAMPLING = tuple(field.name for field in fields(Sampling))


class Options(TypedDict, total=False):
    """How to answer.

    ``system`` is the system message. From ``max_tokens`` to ``logit_bias`` see :class:`~genkit.Sampling`; for
    the rest see :class:`~genkit.Request`. ``output`` takes a JSON schema, or :class:`~genkit.Output`.
    """

    system: str
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    repeat_penalty: float
    frequency_penalty: float
    presence_penalty: float
    seed: int
    stop: str | Sequence[str]
    logprobs: int
    logit_bias: Mapping[int | str, float]
    tools: Sequence[Tool | Mapping[str, Any]]
    tool_choice: str
    parallel_tool_calls: bool
    output: Output | Mapping[str, Any]
    reasoning: str | int
    keep: str
    suffix: str
    metadata: Mapping[str, str]
    extra: Mapping[str, Any]
    on_unsupported: Literal["error", "warn", "drop"]


def make_request(prompt: Prompt, options: Mapping[str, Any], *, stream: bool) -> Request:
    """The request for a prompt.

    Args:
        prompt: text, one message, or a conversation.
        options: those of :class:`Options` that were set.
        stream: whether the answer is wanted in pieces.

    Raises:
        BadRequest: there is no such option, a value is out of its range, or the prompt is of another type.
    """
    given = dict(options)
    if unknown := next((name for name in given if name not in Options.__annotations__), None):
        close = difflib.get_close_matches(unknown, Options.__annotations__, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(Options.__annotations__)}"
        raise BadRequest(f"{unknown!r} is not an option; {hint}")
    messages = conversation(prompt)
    if "system" in given:
        messages = [Message.system(given.pop("system")), *messages]
    if isinstance(given.get("output"), Mapping):
        given["output"] = Output(schema=given["output"])
    sampling = Sampling(**{name: given.pop(name) for name in _SAMPLING if name in given})
    return Request(messages=messages, sampling=sampling, stream=stream, **given)
