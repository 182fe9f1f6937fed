"""JSON schemas for answers: what people mean by a schema, where it says more than they mean.

A schema with ``properties`` and no ``type`` admits any number, one without ``additionalProperties`` any
further field, and an integer may have a million digits. An answer that is generated should do none of
these. What is narrowed here still fits the schema as it was given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .patterns import FORMATS, others

_SPELLING = {"json_allow_general_unicode_escapes": True}  # "\u00f8", as many have learned to write it
JSON_OPTIONS: Mapping[str, Any] = {
    # A model may put blanks between the parts of JSON, and not go on with them for ever.
    "whitespace_pattern": r"[\x20\x0A\x0D\x09]{1,20}",
    **_SPELLING,
}
"""What llguidance is told of JSON beside the schema."""
USUAL_JSON: Sequence[Mapping[str, Any]] = [
    {"whitespace_flexible": False, "item_separator": f",{blank}", "key_separator": f":{blank}", **_SPELLING}
    for blank in (" ", "")
]
"""The same for the ways in which most models write it: on one line, with and without blanks."""
_LARGEST = 2**53 - 1
"""Integers beyond are not read exactly by most that read JSON (RFC 8259, 6), llguidance among them."""

_IMPLIED = {
    "object": (
        *("properties", "additionalProperties", "required", "patternProperties"),
        *("minProperties", "maxProperties"),
    ),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_SCHEMAS = ("items", "additionalProperties", "contains")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions", "patternProperties")
COMBINED = ("anyOf", "oneOf", "allOf", "$ref", "not", "if")
FIXED = ("const", "enum")
_BOUNDS = {
    "minimum": "",
    "maximum": "",
    "exclusiveMinimum": "minimum",
    "exclusiveMaximum": "maximum",
}
_LETTERS = 300
_DATA = (*FIXED, "default", "examples")
_DECIMAL = r"^(?!^[-+.]*$)[+-]?0*"  # how the pattern begins; llguidance looks at nothing that is ahead
_ANY_TEXT = ("password", "binary", "path")
"""What OpenAPI and pydantic write beside strings that may be any."""


def narrowed(schema: Any) -> Any:
    """A copy of a schema, without what nobody wants of an answer.

    Raises:
        ValueError: it asks for numbers or keys that cannot be held to, or for what is none.
    """
    return _narrowed(schema, closed=not _is_mixed(schema))


def takes_nothing(schema: Mapping[str, Any]) -> bool:
    """Whether a schema of arguments says that there are none, though it does not forbid others."""
    keys = {key for key in (*_IMPLIED["object"], *COMBINED, *FIXED) if schema.get(key)}
    return schema.get("properties") == {} and not keys


def further_keys(schema: Any) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Of objects whose keys are named, or have a pattern: the patterns, and what a key is that is not named.

    Where there is none, llguidance would take a comma after the last that is named, and nothing then.

    Args:
        schema: a narrowed one.
    """
    if isinstance(schema, list):
        for each in schema:
            yield from further_keys(each)
    if not isinstance(schema, Mapping):
        return
    patterns, required = schema.get("patternProperties"), schema.get("required")
    if isinstance(patterns, Mapping) and patterns and schema.get("additionalProperties") is False:
        names = [*(schema.get("properties") or ()), *(required if isinstance(required, list) else ())]
        if names and all(isinstance(name, str) for name in names):
            rest = {"type": "string", "pattern": others(names)}
            if rest["pattern"] not in patterns:  # which leaves all others, and was mostly made of free keys
                yield list(patterns), {"anyOf": [{**rest, "allOf": [{"pattern": each}]} for each in patterns]}
    for key, value in schema.items():
        if key not in _DATA:
            below = list(value.values()) if key in _MAPS and isinstance(value, Mapping) else value
            yield from further_keys(below)


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
    _check(schema)
    result = _with_tuples(schema)
    for key in _SCHEMAS:
        if key in result:
            result[key] = _narrowed(result[key], closed)
    for key in _LISTS:
        if isinstance(result.get(key), list):
            result[key] = [_narrowed(each, closed) for each in result[key]]
    if isinstance(result.get("anyOf"), list):
        result["anyOf"] = _as_numbers(result["anyOf"])
    for key in _MAPS:
        if isinstance(result.get(key), Mapping):
            result[key] = {name: _narrowed(each, closed) for name, each in result[key].items()}
    if not any(key in schema for key in (*COMBINED, *FIXED)):
        _narrow(result, closed)
    if result.get("format") in _ANY_TEXT:
        del result["format"]
    return result


def _as_numbers(choices: list[Any]) -> list[Any]:
    """Of a number, or its digits as pydantic 2.12 and 2.13 let a ``Decimal`` be text, the number alone."""
    kinds = [each.get("type") for each in choices if isinstance(each, Mapping)]
    return [each for each in choices if "number" not in kinds or not _is_decimal(each)]


def _is_decimal(schema: Any) -> bool:
    return isinstance(schema, Mapping) and str(schema.get("pattern")).startswith(_DECIMAL)


def _check(schema: Mapping[str, Any]) -> None:
    """Refuse what llguidance would leave out, or write otherwise."""
    for key, beside in _BOUNDS.items():
        bound = schema.get(key, 0)
        # In draft 4 it says whether the bound beside it is out of bounds itself.
        is_draft_4 = isinstance(bound, bool) and beside and (not bound or beside in schema)
        if not is_draft_4 and type(bound) not in (int, float):
            raise ValueError(f'"{key}" takes a number, not {json.dumps(bound)}')
    names, patterns = (schema.get(key) for key in ("properties", "patternProperties"))
    names, patterns = (each if isinstance(each, Mapping) else {} for each in (names, patterns))
    if twice := [name for name in names if f"^{name}$" in patterns]:
        # After all others, llguidance would take a comma and wait for this key, which has come.
        raise ValueError(f'"properties" and "patternProperties" both have {twice[0]!r}; write it once')
    for number in _numbers([schema.get(key) for key in FIXED]):
        if not _is_kept(number):
            raise ValueError(f"{number!r} would not be written exactly; take text")


def _numbers(data: Any) -> Iterator[int | float]:
    if type(data) in (int, float):
        yield data
    elif isinstance(data, (list, Mapping)):
        for each in data.values() if isinstance(data, Mapping) else data:
            yield from _numbers(each)


def _is_kept(number: int | float) -> bool:
    """Whether llguidance reads a number exactly: it is serde_json's digits times, or by, a power of ten."""
    if isinstance(number, int) or abs(number) > _LARGEST:
        return abs(number) <= _LARGEST
    digits, power = Decimal(repr(abs(number))).as_tuple()[1:]
    whole, ten = float("".join(map(str, digits))), float(f"1e{abs(int(power))}")
    return abs(number) == (whole * ten if int(power) > 0 else whole / ten)


def _with_tuples(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with tuples as draft 2020-12 has them: as ``prefixItems``, and ``items`` after them."""
    result = {key: value for key, value in schema.items() if (key, value) != ("uniqueItems", False)}
    rest = result.pop("additionalItems", None)  # says nothing but after a list of items
    if isinstance(schema.get("items"), list):
        result["prefixItems"] = result.pop("items")
        result |= {} if rest is None else {"items": rest}
    return result


def _narrow(schema: dict[str, Any], closed: bool) -> None:
    """Narrow a schema that is no combination of others."""
    if "type" not in schema:
        implied = [kind for kind, keys in _IMPLIED.items() if any(key in schema for key in keys)]
        if len(implied) == 1:
            schema["type"] = implied[0]
    _narrow_keys(schema, closed)
    if pattern := FORMATS.get(str(schema.get("format"))):
        schema |= {"pattern": pattern, **({"allOf": [dict(schema)]} if "pattern" in schema else {})}
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "integer" in kinds and "number" not in kinds:
        _bound(schema)


def _are_few(names: Iterable[str]) -> bool:
    """Whether a pattern of all other names is made in no time, and held to as it is written."""
    text = "".join(names)
    return 0 < len(text) <= _LETTERS and not set('"\\') & set(text)


def _narrow_keys(schema: dict[str, Any], closed: bool) -> None:
    """Leave no keys free that people do not mean to, nor one that is known to be spelled otherwise."""
    properties, patterns = schema.get("properties"), schema.get("patternProperties")
    if closed and (properties or patterns):
        schema.setdefault("additionalProperties", False)
    free = schema.get("additionalProperties", True)
    least, required = schema.get("minProperties"), schema.get("required")
    sure = 1 + (len(required) if isinstance(required, list) else 0)
    if (free is not False or patterns) and isinstance(least, int) and least > sure:
        raise ValueError(f'"minProperties": {least} is not looked at where keys are free: one may come twice')
    if not isinstance(properties, Mapping) or not closed or patterns or free is False:
        return
    if _are_few(properties):
        schema["patternProperties"] = {others(properties): free}  # llguidance reads "\u0061" as another "a"
        schema["additionalProperties"] = False


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
