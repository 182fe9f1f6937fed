"""From what a caller gives to a :class:`~genkit.request.Request`: a prompt, and options by name."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, TypedDict

from .errors import BadRequest, shown
from .lora import Given
from .messages import Message, Part, Reasoning, ToolCall, ToolResult
from .request import Output, Request, Tool
from .response import Response
from .runtime.base import is_duration
from .sampling import Sampling

Prompt = str | Message | Sequence[str | Message | Mapping[str, str]]
_SAMPLING = tuple(field.name for field in fields(Sampling))
_SETTING = "give it to genkit.Generator"
_ELSEWHERE = {  # what other libraries call it
    "stream": "call stream() for an answer in pieces",
    "messages": "the conversation is the first argument",
    "instructions": "write system",
    "response_format": "write output",
    "response_model": "write output",
    "response_schema": "write output",
    "json_schema": "write output",
    "guided_json": "write output",
    "schema": "write output",
    "format": "write output",
    "regex": "write output=genkit.Output(regex=...)",
    "choices": "write output=genkit.Output(choices=...)",
    "grammar": "write output=genkit.Output(grammar=...)",
    "images": "put genkit.Image into the message",
    "functions": "write tools",
    "temp": "write temperature",
    "max_completion_tokens": "write max_tokens",
    "max_output_tokens": "write max_tokens",
    "max_new_tokens": "write max_tokens",
    "num_predict": "write max_tokens",
    "n_predict": "write max_tokens",
    "stop_sequences": "write stop",
    "reasoning_effort": "write reasoning",
    "thinking": "write reasoning",
    "think": "write reasoning",
    "enable_thinking": "write reasoning",
    "chat_template_kwargs": "write reasoning, or give genkit.Generator another template",
    "extra_body": "write extra",
    "n": "make a call for each answer",
    "model": _SETTING,
    "api_key": _SETTING,
    "base_url": _SETTING,
    "api_base": f"{_SETTING}, as base_url",
    "headers": _SETTING,
    "extra_headers": f"{_SETTING}, as headers",
    "attempts": _SETTING,
    "max_retries": f"{_SETTING}, as attempts",
    "num_retries": f"{_SETTING}, as attempts",
    "retries": f"{_SETTING}, as attempts",
    "context": _SETTING,
    "num_ctx": f"{_SETTING}, as context",
    "template": _SETTING,
    "chat_template": f"{_SETTING}, as template",
    "keep_alive": f"{_SETTING}, as idle",
}


class GapOptions(TypedDict, total=False):
    """How to fill a gap: the :class:`Options` that go with one."""

    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    repeat_penalty: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    seed: int | None
    stop: str | Sequence[str] | None
    logprobs: int | None
    logit_bias: Mapping[int, float] | Mapping[str, float] | Mapping[int | str, float] | None
    output: Output | Mapping[str, Any] | None
    keep: str | None
    lora: Given | None
    metadata: Mapping[str, str] | None
    extra: Mapping[str, Any] | None
    timeout: float | None
    on_unsupported: Literal["error", "warn", "drop"] | None


class Options(GapOptions, total=False):
    """How to answer.

    ``system`` is the system message. From ``max_tokens`` to ``logit_bias`` see :class:`~genkit.Sampling`; for
    the rest see :class:`~genkit.Request`. ``output`` takes a JSON schema, or :class:`~genkit.Output`.
    ``timeout`` is how many seconds this call may take in all, instead of what its Generator allows.
    None is as good as not given.
    """

    system: str | None
    tools: Sequence[Tool | Mapping[str, Any]] | None
    tool_choice: str | None
    parallel_tool_calls: bool | None
    reasoning: str | int | None
    suffix: str | None


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
        hint = _ELSEWHERE.get(unknown, hint)
        raise BadRequest(f"{unknown!r} is not an option; {hint}")
    messages = conversation(prompt)
    if "system" in given:
        messages = [Message.system(given.pop("system")), *messages]
    if isinstance(given.get("output"), Mapping):
        given["output"] = Output(schema=given["output"])
    given["deadline"] = deadline(given.pop("timeout", None))
    sampling = Sampling(**{name: given.pop(name) for name in _SAMPLING if name in given})
    return Request(messages=messages, sampling=sampling, stream=stream, **given)


def deadline(timeout: Any) -> float | None:
    """When a call that may take so many seconds must have ended, by ``time.monotonic()``; None if any.

    Raises:
        BadRequest: that is no number above 0.
    """
    if timeout is None:
        return None
    if not is_duration(timeout):
        raise BadRequest(f"timeout takes the seconds that a call may take, above 0, not {shown(timeout)}")
    return time.monotonic() + float(timeout)


def conversation(prompt: Prompt) -> list[Message]:
    """The messages of a prompt: text is what the user says, a mapping one in OpenAI's form.

    Raises:
        BadRequest: it is of another type, or empty.
    """
    if not isinstance(prompt, (str, Message, Sequence)) or isinstance(prompt, (bytes, bytearray)):
        hint = "; a mapping is a message of a list" if isinstance(prompt, Mapping) else _meant(prompt)
        raise BadRequest(
            f"a prompt is text or genkit.Message, not {type(prompt).__name__} ({shown(prompt)}){hint}"
        )
    messages = [prompt] if isinstance(prompt, (str, Message)) else list(prompt)
    if not messages:
        raise BadRequest("the prompt is empty; give text, a message, or a list of messages")
    if len(messages) > 1 and all(isinstance(message, str) for message in messages):
        raise BadRequest(
            "a list is one conversation, not several prompts: make a call for each of these texts"
        )
    checked = [_message(message) for message in messages]
    for message in checked:
        if message.role == "user" and not message.parts:
            raise BadRequest("a user's message is empty; give it text or another part")
    return checked


_RESULT = "give genkit.Message.tool(genkit.ToolResult(id=call.id, content=...))"


def _message(given: Any) -> Message:
    if isinstance(given, str):
        return Message.user(given)
    if isinstance(given, Message):
        return given
    hint = _meant(given)
    if isinstance(given, Mapping):
        if given.keys() == {"role", "content"} and isinstance(given["content"], str):
            if given["role"] == "tool":
                raise BadRequest(f"{shown(given)} does not say which call it answers; {_RESULT}")
            return Message(given["role"], given["content"])
        hint = "; of a mapping it takes role and content alone, both text"
    raise BadRequest(f"a prompt is text or genkit.Message, not {type(given).__name__} ({shown(given)}){hint}")


def _meant(given: Any) -> str:
    """How what is part of a message, or holds one, is given."""
    if isinstance(given, Response):
        return "; give its message, response.message"
    if isinstance(given, ToolResult):
        return f"; {_RESULT}"
    whose = "assistant" if isinstance(given, (Reasoning, ToolCall)) else "user"
    return f"; put it into genkit.Message.{whose}(...)" if isinstance(given, Part) else ""
