"""From a request to what the worker is asked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import BadRequest, UnsupportedOption
from ..messages import CacheMark, Message, Native, Reasoning, Refusal, Text, ToolCall, ToolResult
from ..request import Request, Tool
from .adapter import Adapters
from .sampling import LARGEST_SEED

_UNSUPPORTED = ("metadata", "extra")


def unsupported(request: Request, *, deterministic: bool) -> Iterator[str]:
    """Options that are set and cannot be honoured: an error, or the warnings that the request prefers.

    Args:
        request: the request.
        deterministic: whether each call is computed from nothing, and keeps nothing.
    """
    names = [name for name in _UNSUPPORTED if getattr(request, name)]
    if request.output and request.output.description:
        names.append("output.description")
    if isinstance(request.reasoning, int):
        names.append("reasoning as a number of tokens, but as a word such as 'low'")
    if request.keep and deterministic:
        names.append("keep with deterministic=True, which computes each call from nothing (leave keep out)")
    for name in names:
        message = f"local models do not take {name}"
        if request.on_unsupported == "error":
            raise UnsupportedOption(message, option=name.partition(" ")[0])
        if request.on_unsupported == "warn":
            yield f"{message}; it was left out"


def generation(request: Request, adapters: Adapters) -> dict[str, Any]:
    """The request as the worker takes it, or an error before anything is sent.

    Args:
        request: the request.
        adapters: those that the model was loaded with.
    """
    sampling = request.sampling.given()
    sampling.pop("stop", None)
    seed = sampling.setdefault("seed", int.from_bytes(os.urandom(4), "little") % LARGEST_SEED)
    if seed > LARGEST_SEED:
        raise BadRequest(f"a local model takes a seed from 0 to {LARGEST_SEED}, not {seed}")
    if sampling.get("repeat_penalty") == 0:
        raise BadRequest("a local model takes a repeat_penalty above 0: llama.cpp divides by it")
    tools = _tools(request)
    form = _form(request, tools)
    try:
        tools, form = json.loads(json.dumps([tools, form], default=_object))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"the schema of a tool or of the output is not JSON: {error}") from None
    return {
        "do": "generate",
        "messages": entries(request.messages),
        "sampling": sampling,
        "tools": tools,
        "held": _strictness(request) if tools else [],
        "form": form,
        "reasoning": request.reasoning if isinstance(request.reasoning, str) else None,
        "suffix": request.suffix,
        "lora": adapters.scales(request.lora),
        "strict": request.on_unsupported == "error",
    }


def _object(value: Any) -> dict[Any, Any]:
    """Any mapping as a JSON object; Python writes only its own dict. Raises TypeError."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r:.80} is no JSON")
    return dict(value)


def _form(request: Request, tools: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The form that the answer is held to, as :meth:`genkit.local.constrain.Constraints.make` takes it."""
    must_call = request.tool_choice not in (None, "auto", "none")
    if must_call and not (tools and request.output):
        return _wanted(request, tools)
    if request.output is None:
        return None
    if tools:
        raise UnsupportedOption(
            "a local model takes tools or output, not both: call the tools first, then ask for the output",
            option="output",
        )
    return request.output.form or {"schema": {"type": "object"}}


def _wanted(request: Request, tools: list[dict[str, Any]]) -> dict[str, Any]:
    """The functions of which one must be called, and whether each must be held to its schema."""
    choice = request.tool_choice
    if not tools:
        raise BadRequest(f"tool_choice={choice!r} needs tools=")
    wanted = [
        (tool["function"], strict)
        for tool, strict in zip(tools, _strictness(request), strict=True)
        if choice in ("required", tool["function"]["name"])
    ]
    if not wanted:
        names = ", ".join(tool["function"]["name"] for tool in tools)
        raise BadRequest(f"tool_choice names {choice!r}, which is not among the tools: {names}")
    return {"calls": [function for function, _ in wanted], "strict": [strict for _, strict in wanted]}


def _strictness(request: Request) -> list[bool | None]:
    """Of each tool, whether its calls must be held to its schema."""
    return [tool.strict for tool in request.tools if isinstance(tool, Tool)]


def _tools(request: Request) -> list[dict[str, Any]]:
    """The tools in the form of Hugging Face's ``apply_chat_template``."""
    tools = []
    for tool in request.tools:
        if not isinstance(tool, Tool):
            raise BadRequest(f"a local model takes genkit.Tool, not a provider's own tool {dict(tool)!r:.80}")
        tools.append(_function(tool))
    return [] if request.tool_choice == "none" else tools


def _function(tool: Tool) -> dict[str, Any]:
    parameters: Mapping[str, Any] = tool.parameters or {"type": "object", "properties": {}}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def entries(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as chat templates expect them, after Hugging Face's ``apply_chat_template``."""
    return [entry for message in messages for entry in _entries(message)]


def _entries(message: Message) -> Iterator[dict[str, Any]]:
    """One message is one entry, but each tool result is one of its own; what templates show of both."""
    role = {"developer": "system", "tool": "user"}.get(message.role, message.role)
    # What only a provider knows of its own answer is nothing to a local model; and it keeps all prefixes.
    unheard = (CacheMark, Native) if role == "assistant" else CacheMark
    parts = [part for part in message.parts if not isinstance(part, unheard)]
    if message.parts and not parts:
        return
    text = "".join(part.text for part in parts if isinstance(part, (Text, Refusal)))
    entry: dict[str, Any] = {"role": role, "content": text}
    for part in parts:
        match part:
            case ToolCall() | Reasoning() if message.role != "assistant":
                name = type(part).__name__
                raise BadRequest(
                    f"a {name} goes into an assistant's message, not one of role {message.role!r}"
                )
            case ToolResult():
                yield {"role": "tool", "tool_call_id": part.id, "name": part.name, "content": _result(part)}
            case ToolCall():
                function = {"name": part.name, "arguments": _arguments(part)}
                entry.setdefault("tool_calls", []).append(
                    {"id": part.id, "type": "function", "function": function}
                )
            case Reasoning():
                entry["reasoning_content"] = entry.get("reasoning_content", "") + part.text
            case Text() | Refusal():
                pass
            case _:
                raise BadRequest(f"this model reads text only; a message holds {type(part).__name__}")
    if text or not any(isinstance(part, ToolResult) for part in parts):
        yield entry


def _arguments(call: ToolCall) -> Any:
    """Templates want the arguments as an object; what is none stays the text it is."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return call.arguments
    return arguments if isinstance(arguments, dict) else call.arguments


def _result(result: ToolResult) -> str:
    """What a tool answered; a failure says so, since templates have no other place for it."""
    if not isinstance(result.content, str) and any(not isinstance(part, Text) for part in result.content):
        raise BadRequest(f"this model reads text only; the result of tool {result.name!r} holds more")
    return replace(result, content=result.told).text
