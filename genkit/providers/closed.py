"""Schemas whose objects have no other fields than they say: what some APIs can hold a model to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ..errors import BadRequest

# What holds schemas by name; what holds one, or a list of them.
_NAMED = frozenset((
    "$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties",
))  # fmt: skip
_UNNAMED = frozenset((
    "additionalProperties", "allOf", "anyOf", "contains", "else", "if", "items", "not", "oneOf",
    "prefixItems", "then",
))  # fmt: skip
# What says which fields an object has. Where two of these do, each must let in the fields of the other.
_FIELDS = frozenset((
    "$ref", "allOf", "anyOf", "dependencies", "dependentSchemas", "else", "if", "oneOf", "properties", "then",
))  # fmt: skip
_DEFINED = ("$defs", "definitions")
# Closed, a condition would be met by less than before, and what is excluded would let in more.
_NEVER = ("dependencies", "dependentSchemas", "else", "if", "not", "then")


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a schema in which each object that has ``properties`` has ``additionalProperties`` too.

    It is False where it was absent. An object that several schemas describe together stays as it is (one
    beside ``anyOf`` or ``$ref``, those under ``allOf``), and so does what is a condition or excluded: closed
    by itself, it would have no room for what the others ask, or let in more. So do definitions that stand
    in such a place.

    Raises:
        BadRequest: the schema holds itself, or is nested too deeply.
    """
    kept = set[str]()
    try:
        while True:
            known = len(kept)
            made = _Closing(kept).close(schema, "#", alone=True)
            if len(kept) == known:
                return made
    except RecursionError:
        why = "what is in it holds itself, or is nested too deeply"
        raise BadRequest(f"the schema cannot be written: {why}; repeat with $ref, not with itself") from None


class _Closing:
    """Closes the objects of a schema.

    Args:
        kept: the places (as in ``$ref``) of schemas that stay as they are; those that are found are added.
    """

    def __init__(self, kept: set[str]) -> None:
        self._kept = kept

    def close(self, schema: Mapping[str, Any], here: str, alone: bool) -> dict[str, Any]:
        """A copy of the schema at a place, closed if it describes its object alone."""
        alone = alone and here not in self._kept and len(_FIELDS & schema.keys()) < 2
        if not alone and isinstance(ref := schema.get("$ref"), str):
            self._kept.add(unquote(ref))
        made = dict(schema)
        for name in schema.keys() & (_NAMED | _UNNAMED):
            held, place = schema[name], f"{here}/{name}"
            one = alone and name not in _NEVER
            if name in _NAMED and isinstance(held, Mapping):
                one = one or name in _DEFINED
                made[name] = {key: self._any(each, f"{place}/{_key(key)}", one) for key, each in held.items()}
            elif name in _UNNAMED and isinstance(held, (list, tuple)):
                one = one and (name != "allOf" or len(held) < 2)
                made[name] = [self._any(each, f"{place}/{key}", one) for key, each in enumerate(held)]
            elif name in _UNNAMED:
                made[name] = self._any(held, place, one)
        if alone and isinstance(schema.get("properties"), Mapping):
            made.setdefault("additionalProperties", False)
        return made

    def _any(self, schema: Any, here: str, alone: bool) -> Any:
        return self.close(schema, here, alone) if isinstance(schema, Mapping) else schema


def _key(name: object) -> str:
    """A name as a reference has it."""
    return str(name).replace("~", "~0").replace("/", "~1")
