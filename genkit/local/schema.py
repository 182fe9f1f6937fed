"""JSON schemas for answers: what people mean by a schema, where it says more than they mean.

A schema with ``properties`` and no ``type`` admits any number, one without ``additionalProperties`` any
further field, and an integer may have a million digits. An answer that is generated should do none of
these. What is narrowed here still fits the schema as it was given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

JSON_OPTIONS: Mapping[str, Any] = {
    # A model may put blanks between the parts of JSON, and not go on with them for ever.
    "whitespace_pattern": r"[\x20\x0A\x0D\x09]{1,20}",
    "json_allow_general_unicode_escapes": True,  # "\u00f8", as many have learned to write it
}
"""What llguidance is told of JSON beside the schema."""
_LARGEST = 10**16 - 1
"""Integers of 16 digits: larger ones are not read exactly by most that read JSON (RFC 8259, 6)."""

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


def narrowed(schema: Any) -> Any:
    """A copy of a schema, without what nobody wants of an answer."""
    # A field that one part of an allOf does not know, another may.
    return _narrowed(schema, closed='"allOf"' not in json.dumps(schema))


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
    if schema.get("type") == "integer" and "multipleOf" not in schema:
        if "maximum" not in schema and "exclusiveMaximum" not in schema:
            schema["maximum"] = max(_LARGEST, schema.get("minimum", 0), schema.get("exclusiveMinimum", 0))
        if "minimum" not in schema and "exclusiveMinimum" not in schema:
            schema["minimum"] = min(-_LARGEST, schema.get("maximum", 0), schema.get("exclusiveMaximum", 0))
