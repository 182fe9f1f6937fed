"""Schemas as Claude's API can hold a model to them, at Anthropic, Vertex AI and Bedrock.

Wire format: "Structured outputs" in the Claude API documentation, and how Anthropic's SDK transforms schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import shown
from ..request import Tool
from .base import Encoding
from .closed import closed

# What the model is held to, or what asks nothing of it and may be there.
_KEPT = (
    "$ref", "additionalProperties", "const", "default", "description", "enum", "pattern", "required",
    "title", "type",
)  # fmt: skip
_NAMED = ("$defs", "definitions", "properties")
_LISTED = ("anyOf", "allOf")
_VALUES: Mapping[str, tuple[Any, ...]] = {
    "format": (
        "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid",
    ),
    "minItems": (0, 1),
}  # fmt: skip
# These ask nothing of a value either.
_NOTES = ("$comment", "$id", "$schema", "deprecated", "discriminator", "examples", "readOnly", "writeOnly")


def held(schema: Mapping[str, Any], what: str, encoding: Encoding) -> dict[str, Any] | None:
    """A schema to which a model can be held, with closed objects, and ``anyOf`` for ``oneOf``.

    Other keywords than the API knows are told to the model in descriptions, as Anthropic's SDK does it, and
    named in a warning.

    Args:
        schema: the schema.
        what: what it is of, for the warning.
        encoding: refuses and warns.

    Returns:
        None if its objects may have fields that it does not name, which was refused and may be left out.

    Raises:
        BadRequest: the schema holds itself, or is nested too deeply.
    """
    fitting = _Fitting()
    made = fitting.fit(closed(schema))
    if fitting.open:
        why = "each needs properties, and additionalProperties=False or none; what several schemas describe"
        why += " together (in allOf, or properties beside anyOf) is open too"
        encoding.refuse(f"{what} with objects of any fields", why)
        return None
    if fitting.told:
        encoding.warn(f"{what}: the model is told of {', '.join(fitting.told)}, and not held to it")
    return made


def parameters(tool: Tool, encoding: Encoding) -> tuple[dict[str, Any], bool | None]:
    """The schema of a tool's arguments, and whether the model is to be held to it."""
    schema = {"type": "object", **tool.parameters}
    if not tool.strict:
        return schema, tool.strict
    # A tool without parameters takes none.
    strict = held({"properties": {}, **schema}, f"strict tool {tool.name!r}", encoding)
    return (schema, None) if strict is None else (strict, True)


class _Fitting:
    """What is seen as a schema is made to fit: keywords that are only told, and objects of any fields."""

    def __init__(self) -> None:
        self.told: dict[str, None] = {}
        self.open = False

    def fit(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A schema of what the API knows."""
        made: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for name, value in schema.items():
            if name in _NAMED and isinstance(value, Mapping):
                made[name] = {key: self._fit(each) for key, each in value.items()}
            elif name in _LISTED and isinstance(value, (list, tuple)):
                made[name] = [self._fit(each) for each in value]
            elif name == "oneOf" and isinstance(value, (list, tuple)) and "anyOf" not in schema:
                made["anyOf"] = [self._fit(each) for each in value]
            elif name == "items" and isinstance(value, Mapping):
                made[name] = self.fit(value)
            elif name in _KEPT or value in _VALUES.get(name, ()):
                made[name] = value
            else:
                rest[name] = value
        self.open |= _is_open(schema)
        if rest:
            self.told.update(dict.fromkeys(name for name in rest if name not in _NOTES))
            words = "{" + ", ".join(f"{name}: {_written(value)}" for name, value in rest.items()) + "}"
            made["description"] = f"{made['description']}\n\n{words}" if made.get("description") else words
        return made

    def _fit(self, schema: Any) -> Any:
        return self.fit(schema) if isinstance(schema, Mapping) else schema


def _written(value: Any) -> str:
    return value if isinstance(value, str) else shown(value, longest=10_000)


def _is_open(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    is_object = "properties" in schema or kind == "object" or (isinstance(kind, list) and "object" in kind)
    return "patternProperties" in schema or (is_object and schema.get("additionalProperties") is not False)
