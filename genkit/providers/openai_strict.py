"""Whether OpenAI can hold a model to a schema.

After "Supported schemas" of OpenAI's guide "Structured model outputs". What is not known from there to be
taken is taken as refused: a schema that is not held is still shown to the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .closed import closed

_KNOWN = frozenset((
    "$defs", "$schema", "additionalProperties", "anyOf", "const", "definitions", "description", "enum",
    "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maximum", "minItems", "minimum",
    "multipleOf", "pattern", "properties", "required", "title", "type",
))  # fmt: skip
_FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid")


def held(schema: Mapping[str, Any], strict: bool | None) -> dict[str, Any]:
    """The fields ``schema`` and ``strict`` for an output.

    A model that is held to a schema is held to its closed form. None does so where that can be.
    """
    if strict is not False:
        narrow = closed(schema)
        if strict or _is_taken(narrow):
            return {"schema": narrow, "strict": True}
    return {"schema": schema, "strict": False}


def _is_taken(schema: Mapping[str, Any]) -> bool:
    try:
        return schema.get("type") == "object" and "anyOf" not in schema and _is_strict(schema)
    except (AttributeError, TypeError):  # it is no schema, which the server will say
        return False


def _is_strict(schema: Any) -> bool:
    """Whether strict mode takes a schema that is closed."""
    if not isinstance(schema, Mapping):
        return False
    if "$ref" in schema:
        return schema.keys() == {"$ref"}  # it may have no words beside it
    if not schema.keys() <= _KNOWN or not schema.keys() & {"type", "anyOf"}:
        return False
    kinds, pattern = schema.get("type", ()), schema.get("pattern", "")
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if "object" in kinds and not _is_whole(schema):
        return False
    if ("array" in kinds and "items" not in schema) or schema.get("format", "date") not in _FORMATS:
        return False
    if "(?" in str(pattern).replace("(?:", ""):  # it looks around
        return False
    named = (schema.get(name, {}) for name in ("$defs", "definitions", "properties"))
    inner = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
    return all(map(_is_strict, [*inner, *(value for schemas in named for value in schemas.values())]))


def _is_whole(schema: Mapping[str, Any]) -> bool:
    """Whether an object has all of its fields, and no others."""
    fields, required = schema.get("properties"), schema.get("required", ())
    return (
        isinstance(fields, Mapping)
        and schema.get("additionalProperties") is False
        and set(fields) == set(required)
    )
