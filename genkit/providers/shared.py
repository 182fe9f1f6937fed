"""What several dialects write alike: a tool call's arguments as an object, and an output's schema."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from ..request import Output


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


def described(output: Output) -> dict[str, Any]:
    """An output's schema, in which is also what it is for: such an API has no field for that."""
    what_for = {"description": output.description} if output.description else {}
    return {**what_for, **(output.schema or {})}
