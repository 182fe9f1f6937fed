"""JSON schemas for answers: what people mean by a schema, where it says more than they mean.

A schema with ``properties`` and no ``type`` admits any number, one without ``additionalProperties`` any
further field, and an integer may have a million digits. An answer that is generated should do none of
these. What is narrowed here still fits the schema as it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JSON_OPTIONS: Mapping[str, Any] = {
    # A model may put blanks between the parts of JSON, and not go on with them for ever.
    "whitespace_pattern": r"[\x20\x0A\x0D\x09]{1,20}",
    "json_allow_general_unicode_escapes": True,  # "\u00f8", as many have learned to write it
}
"""What llguidance is told of JSON beside the schema."""
_LARGEST = 2**53 - 1
"""Integers beyond are not read exactly by most that read JSON (RFC 8259, 6), llguidance among them."""

_IMPLIED = {
    "object": ("properties", "additionalProperties", "required", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
}
_SCHEMAS = ("items", "additionalProperties", "contains")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions", "patternProperties")
COMBINED = ("anyOf", "oneOf", "allOf", "$ref", "not", "if")
FIXED = ("const", "enum")
_DATA = (*FIXED, "default", "examples")


def narrowed(schema: Any) -> Any:
    """A copy of a schema, without what nobody wants of an answer.

    Raises:
        ValueError: it asks for integers that cannot be held to.
    """
    return _narrowed(schema, closed=not _is_mixed(schema))


def takes_nothing(schema: Mapping[str, Any]) -> bool:
    """Whether a schema of arguments says that there are none, though it does not forbid others."""
    keys = {key for key in (*_IMPLIED["object"], *COMBINED, *FIXED) if schema.get(key)}
    return schema.get("properties") == {} and not keys


def _is_mixed(schema: Any) -> bool:
    """Whether several schemas hold for one object: what one of them does not know, another may."""
    if isinstance(schema, list):
        return any(map(_is_mixed, schema))
    if not isinstance(schema, Mapping):
        return False
    parts = [key for key in COMBINED if key in schema]
    beside = len(parts) > 1 or any(key in schema for key in ("properties", "required", "patternProperties"))
    below = [
        list(value.values()) if key in _MAPS and isinstance(value, Mapping) else value
        for key, value in schema.items()
        if key not in _DATA
    ]
    return "allOf" in parts or (bool(parts) and beside) or any(map(_is_mixed, below))


def _narrowed(schema: Any, closed: bool) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    result = dict(schema)
    for key in _SCHEMAS:
        if key in schema:
            result[key] = _narrowed(schema[key], closed)
    for key in _LISTS:
        if isinstance(schema.get(key), list):
            result[key] = [_narrowed(each, closed) for each in schema[key]]
    for key in _MAPS:
        if isinstance(schema.get(key), Mapping):
            result[key] = {name: _narrowed(each, closed) for name, each in schema[key].items()}
    if not any(key in schema for key in (*COMBINED, *FIXED)):
        _narrow(result, closed)
    return result


def _narrow(schema: dict[str, Any], closed: bool) -> None:
    """Narrow a schema that is no combination of others."""
    if "type" not in schema:
        implied = [kind for kind, keys in _IMPLIED.items() if any(key in schema for key in keys)]
        if len(implied) == 1:
            schema["type"] = implied[0]
    if closed and schema.get("properties") and "patternProperties" not in schema:
        schema.setdefault("additionalProperties", False)
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "integer" in kinds and "number" not in kinds:
        _bound(schema)


def _bound(schema: dict[str, Any]) -> None:
    """Keep integers to those that are read exactly."""
    low, high = (
        [schema[key] for key in keys if type(schema.get(key)) in (int, float)]
        for keys in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
    )
    if max(low, default=0) > _LARGEST or min(high, default=0) < -_LARGEST:
        raise ValueError(f"integers beyond {_LARGEST} are not read exactly; take text, or a number")
    if max(low, default=-_LARGEST) <= -_LARGEST:
        schema.pop("exclusiveMinimum", None)
        schema["minimum"] = -_LARGEST
    if min(high, default=_LARGEST) >= _LARGEST:
        schema.pop("exclusiveMaximum", None)
        schema["maximum"] = _LARGEST
