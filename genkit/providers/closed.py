"""Schemas whose objects have no other fields than they say: what some APIs can hold a model to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What holds schemas by name, what a list of them, and what one (or, in older drafts, a list).
_NAMED = ("$defs", "definitions", "properties", "patternProperties")
_LISTED = ("anyOf", "oneOf", "prefixItems", "items")
_SINGLE = ("items", "additionalProperties", "contains")


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a schema in which each object that has ``properties`` has ``additionalProperties`` too.

    It is False where it was absent. What is under ``allOf`` or ``not``, and an object beside ``allOf`` or
    ``$ref``, stays as it is: closed by itself, it would have no room for what the others ask, or let in more.
    """
    made = dict(schema)
    for name in _NAMED:
        if isinstance(held := made.get(name), Mapping):
            made[name] = {key: _closed(value) for key, value in held.items()}
    for name in _LISTED:
        if isinstance(held := made.get(name), (list, tuple)):
            made[name] = [_closed(value) for value in held]
    for name in _SINGLE:
        if isinstance(held := made.get(name), Mapping):
            made[name] = closed(held)
    if isinstance(made.get("properties"), Mapping) and not made.keys() & {"allOf", "$ref"}:
        made.setdefault("additionalProperties", False)
    return made


def _closed(schema: Any) -> Any:
    return closed(schema) if isinstance(schema, Mapping) else schema
