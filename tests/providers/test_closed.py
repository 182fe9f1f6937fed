"""Schemas whose objects are closed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from genkit.errors import BadRequest
from genkit.providers.closed import closed

OPEN: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
CLOSED: dict[str, Any] = {**OPEN, "additionalProperties": False}
REF = {"$ref": "#/$defs/A"}


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: inner,
        lambda inner: {"$defs": {"A": inner}, "$ref": "#/$defs/A"},
        lambda inner: {"definitions": {"A": inner}},
        lambda inner: {"type": "object", "additionalProperties": inner},
        lambda inner: {"type": "object", "patternProperties": {"^x": inner}},
        lambda inner: {"properties": {"properties": inner}, "additionalProperties": True},
        lambda inner: {"type": "array", "items": inner},
        lambda inner: {"type": "array", "items": [inner]},
        lambda inner: {"type": "array", "prefixItems": [inner, True]},
        lambda inner: {"type": "array", "contains": inner},
        lambda inner: {"anyOf": [inner, {"type": "null"}]},
        lambda inner: {"oneOf": [{"anyOf": [inner]}]},
        lambda inner: {"$defs": {"A": inner}, "allOf": [REF], "description": "d"},
        lambda inner: {"$defs": {"A": inner, "B": {"allOf": [{"$ref": "#/$defs/C"}, {}]}}, "anyOf": [REF]},
    ],
)
def test_an_object_is_closed_wherever_it_is(around: Any) -> None:
    given = around(deepcopy(OPEN))
    assert closed(given) == around(CLOSED)
    assert given == around(OPEN)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {**OPEN, "additionalProperties": True},
        {**OPEN, "additionalProperties": {"type": "string"}},
        {"enum": [OPEN], "const": OPEN, "default": OPEN, "examples": [OPEN]},
        {"allOf": [OPEN, {"properties": {"b": {}}}]},
        {**OPEN, "allOf": [{"properties": {"b": {}}}]},
        {**OPEN, **REF},
        {"not": OPEN},
        {**OPEN, "anyOf": [{"properties": {"b": {}}}]},
        {**OPEN, "oneOf": [OPEN, {"required": ["b"]}]},
        {**OPEN, "if": OPEN, "then": OPEN, "else": OPEN},
        {**OPEN, "dependentSchemas": {"a": OPEN}},
        {**OPEN, "dependencies": {"a": OPEN, "b": ["a"]}},
        {"allOf": [OPEN], "anyOf": [OPEN]},
        {"$defs": {"A": OPEN, "B": OPEN}, "allOf": [REF, {"$ref": "#/$defs/B"}]},
        {"$defs": {"A": OPEN}, "allOf": [REF, {"required": ["b"]}]},
        {"definitions": {"A": OPEN}, "not": {"$ref": "#/definitions/A"}},
        {"$defs": {"A": OPEN}, **OPEN, **REF},
        {"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/B"}]}, "B": OPEN}, "allOf": [REF, {}]},
        {"$defs": {"A": {**OPEN, "anyOf": [{"$ref": "#/$defs/B"}]}, "B": OPEN}, **REF},
        {"$defs": {"a/b c": OPEN}, "allOf": [{"$ref": "#/$defs/a~1b%20c"}, {}]},
        {**OPEN, "$defs": {"A": {"allOf": [{"$ref": "#"}, {}]}}},
    ],
)
def test_what_says_so_itself_is_no_schema_or_is_one_of_several_stays_as_it_is(schema: Any) -> None:
    assert closed(schema) == schema


def _itself() -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array"}
    schema["items"] = schema
    return schema


def _deep() -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(10_000):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize("make", [_itself, _deep])
def test_a_schema_without_end_is_an_error(make: Any) -> None:
    with pytest.raises(BadRequest, match="holds itself, or is nested too deeply"):
        closed(make())
