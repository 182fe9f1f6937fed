"""Whether OpenAI can hold a model to a schema.

After "Supported schemas" of OpenAI's guide "Structured model outputs", and Azure's "Structured outputs".
What is not known from there to be taken is taken as refused: a schema that is not held is still shown to
the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .closed import closed

_DEFINED = ("$defs", "definitions")
_SHAPE = frozenset((
    *_DEFINED, "$schema", "additionalProperties", "anyOf", "const", "description", "enum", "items",
    "properties", "required", "title", "type",
))  # fmt: skip
_BOUNDS = frozenset((
    "exclusiveMaximum", "exclusiveMinimum", "format", "maxItems", "maximum", "minItems", "minimum",
    "multipleOf", "pattern",
))  # fmt: skip
_FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid")
_REF = re.compile(r"#|#/(\$defs|definitions)/([^/]+)")


@dataclass(frozen=True, slots=True)
class _Mode:
    """What may be in a schema, and how much: levels, fields, values of enums, characters of all names and
    values, and of the values of an enum that has more than 250.
    """

    known: frozenset[str] = _SHAPE
    levels: int = 10
    fields: int = 5000
    values: int = 1000
    written: int = 120_000
    listed: int = 15_000


_FULL, _TUNED = _Mode(_SHAPE | _BOUNDS), _Mode()
# Azure tells of fields and levels only; these are OpenAI's limits of the time when OpenAI had the same two.
_AZURE = _Mode(levels=5, fields=100, values=500, written=15_000, listed=7500)


def held(schema: Mapping[str, Any], strict: bool | None, model: str, kind: bool | str) -> dict[str, Any]:
    """The field ``schema`` for an output, and ``strict`` where it was given or the vendor has it.

    A model that is held to a schema is held to its closed form. None does so where that can be.

    Args:
        schema: the schema.
        strict: what was asked for.
        model: which one.
        kind: whether the vendor has strict mode, or whose, if not OpenAI's (``azure``).

    Raises:
        BadRequest: the schema holds itself, or is nested too deeply.
    """
    if strict is None and not kind:
        return {"schema": schema}
    if strict is not False:
        narrow = closed(schema)
        mode = _AZURE if kind == "azure" else _TUNED if model.startswith("ft:") else _FULL
        if strict or _is_taken(narrow, mode):
            return {"schema": narrow, "strict": True}
    return {"schema": schema, "strict": False}


def _is_taken(schema: Mapping[str, Any], mode: _Mode) -> bool:
    try:
        if schema.get("type") != "object" or "anyOf" in schema:
            return False
        schemas = [*_all(schema)]
        return all(_is_strict(each, mode.known) for each in schemas) and _fits(schema, schemas, mode)
    except (AttributeError, LookupError, TypeError):  # it is no schema, which the server will say
        return False


def _all(schema: Any) -> Iterator[Any]:
    """A schema and what is in it."""
    yield schema
    if isinstance(schema, Mapping):
        for each in [*_inner(schema), *(one for name in _DEFINED for one in schema.get(name, {}).values())]:
            yield from _all(each)


def _inner(schema: Mapping[str, Any]) -> list[Any]:
    items = [schema["items"]] if "items" in schema else []
    return [*schema.get("anyOf", ()), *items, *schema.get("properties", {}).values()]


def _kinds(schema: Mapping[str, Any]) -> Sequence[str]:
    kinds: Any = schema.get("type", ())
    return (kinds,) if isinstance(kinds, str) else kinds


def _is_strict(schema: Any, known: frozenset[str]) -> bool:
    """Whether strict mode takes a schema that is closed, whatever is in it."""
    if not isinstance(schema, Mapping):
        return False
    if "$ref" in schema:  # it may have no words beside it
        return schema.keys() == {"$ref"} and bool(_REF.fullmatch(schema["$ref"]))
    if not schema.keys() <= known or not schema.keys() & {"type", "anyOf"}:
        return False
    kinds, pattern = _kinds(schema), schema.get("pattern", "")
    if "object" in kinds and not _is_whole(schema):
        return False
    if ("array" in kinds and "items" not in schema) or schema.get("format", "date") not in _FORMATS:
        return False
    return "(?" not in str(pattern).replace("(?:", "")  # it does not look around


def _is_whole(schema: Mapping[str, Any]) -> bool:
    """Whether an object has all of its fields, and no others."""
    fields, required = schema.get("properties"), schema.get("required", ())
    return (
        isinstance(fields, Mapping)
        and schema.get("additionalProperties") is False
        and set(fields) == set(required)
    )


def _fits(schema: Mapping[str, Any], schemas: Sequence[Mapping[str, Any]], mode: _Mode) -> bool:
    """Whether a schema is small enough, of which these are all in it."""
    enums = [each["enum"] for each in schemas if "enum" in each]
    values = [value for enum in enums for value in enum]
    consts = [each["const"] for each in schemas if "const" in each]
    fields = [name for each in schemas for name in each.get("properties", ())]
    names = [name for each in schemas for part in _DEFINED for name in each.get(part, ())]
    return (
        _levels(schema, schema, {}) <= mode.levels
        and len(fields) <= mode.fields
        and len(values) <= mode.values
        and _written([*values, *consts, *fields, *names]) <= mode.written
        and all(len(enum) <= 250 or _written(enum) <= mode.listed for enum in enums)
    )


def _written(values: Sequence[Any]) -> int:
    return sum(len(value) for value in values if isinstance(value, str))


def _levels(schema: Mapping[str, Any], root: Mapping[str, Any], known: dict[str, int]) -> int:
    """How many objects and lists are in each other, also by references; one to what it is in ends there."""
    if "$ref" not in schema:
        inner = [_levels(each, root, known) for each in _inner(schema)]
        return max(inner, default=0) + (not {"object", "array"}.isdisjoint(_kinds(schema)))
    ref = schema["$ref"]
    if ref != "#" and ref not in known:
        known[ref] = 0
        part, name = ref.split("/")[1:]
        known[ref] = _levels(root[part][name], root, known)
    return known.get(ref, 0)
