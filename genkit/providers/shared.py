"""What several dialects do alike: functions and calls of them, an output's schema, the last words."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from ..errors import BadRequest
from ..events import Event, Warned
from ..messages import Text, ToolCall
from ..request import Output, Request, Tool
from .base import Target


def tool_input(arguments: str) -> dict[str, Any]:
    """A tool call's arguments as the JSON object that an API takes.

    What a model wrote and is no such object is wrapped, as Anthropic's documentation of fine-grained
    tool streaming says, so that the model can be told.
    """
    value = json_object(arguments or "{}")
    return {"INVALID_JSON": arguments} if value is None else value


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object in a text; None if it is none, or holds what JSON cannot (NaN, half a character)."""
    try:
        value = from_json(text, allow_inf_nan=False)
        json.dumps(value, allow_nan=False)  # 1e999 is read as infinite
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def function_of(tool: Tool) -> dict[str, Any]:
    """A tool as OpenAI describes a function, and others after it."""
    what_for = {"description": tool.description} if tool.description else {}
    parameters = tool.parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": {"name": tool.name, **what_for, "parameters": parameters}}


def call_of(call: ToolCall) -> dict[str, Any]:
    """A call of a function, likewise."""
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def described(output: Output) -> dict[str, Any]:
    """An output's schema, in which is also what it is for: such an API has no field for that."""
    what_for = {"description": output.description} if output.description else {}
    return {**what_for, **(output.schema or {})}


def check_last(request: Request, target: Target, *, blank: bool = False) -> None:
    """Where empty text is left out, since the API refuses it, the model would go on with its own last turn.

    Args:
        request: the request.
        target: what it is for.
        blank: whether text that is blank is left out too.

    Raises:
        BadRequest: what the user said last is nothing.
    """
    last = request.messages[-1] if request.messages else None
    said = str.strip if blank else str
    if last and last.role == "user" and all(isinstance(p, Text) and not said(p.text) for p in last.parts):
        name = target.vendor.name
        raise BadRequest(f"the last message is empty, which {name} does not take", provider=name)


def told_why(raw: str, *words: Any) -> list[Event]:
    """A warning with the words in which a provider tells why it ended an answer, if it has any."""
    why = ": ".join(word for word in words if word and isinstance(word, str))
    return [Warned(f"the answer ended with {raw}: {why[:2000]}")] if why else []
