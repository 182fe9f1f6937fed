"""Schemas whose objects are closed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from genkit.providers.closed import closed

OPEN: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
CLOSED: dict[str, Any] = {**OPEN, "additionalProperties": False}


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
        {**OPEN, "$ref": "#/$defs/A"},
        {"not": OPEN},
    ],
)
def test_what_says_so_itself_is_no_schema_or_is_one_of_several_stays_as_it_is(schema: Any) -> None:
    assert closed(schema) == schema
