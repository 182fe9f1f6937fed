"""Reading an answer's JSON: a field that is absent or null is neutral, one of a wrong type is an error."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ..errors import ProtocolError


def mapping(value: Any, what: str = "the answer") -> Mapping[str, Any]:
    """The value, if it is a JSON object. Raises ProtocolError."""
    if not isinstance(value, dict):
        raise ProtocolError(f"{what} is {_kind(value)}, not a JSON object")
    return value


def text(source: Mapping[str, Any], key: str) -> str:
    """The text in a field, or ''. Raises ProtocolError."""
    value = source.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ProtocolError(f"{key!r} in the answer is {_kind(value)}, not text")
    return value


def label(source: Mapping[str, Any], key: str) -> str:
    """The name in a field, which some servers write as a number, or ''. Raises ProtocolError."""
    value = source.get(key)
    return str(value) if type(value) is int and abs(value) < 2**63 else text(source, key)


def number(source: Mapping[str, Any], key: str) -> int:
    """The count in a field, or 0; some servers write it as text. Raises ProtocolError."""
    value = source.get(key)
    if value is None:
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ProtocolError(f"{key!r} in the answer is {_kind(value)}, not a count")
    return int(value)


def objects(source: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The JSON objects in a list, or []. Raises ProtocolError."""
    value = source.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ProtocolError(f"{key!r} in the answer is {_kind(value)}, not a list")
    return [mapping(item, f"an item of {key!r} in the answer") for item in value]


def listed(value: Any) -> list[Any]:
    """The items of a list, or the one item in place of a list, or []."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def numbers(value: Any, what: str) -> list[float]:
    """The numbers in a list, which are finite. Raises ProtocolError."""
    if not isinstance(value, list):
        raise ProtocolError(f"{what} in the answer is {_kind(value)}, not a list")
    largest = sys.float_info.max  # NaN is not even below that
    wrong = [item for item in value if type(item) not in (int, float) or not abs(item) <= largest]
    if wrong:
        raise ProtocolError(f"{what} in the answer holds {_kind(wrong[0])}, not numbers alone")
    return [float(item) for item in value]


def _kind(value: Any) -> str:
    return f"{type(value).__name__} ({value!r:.60})"
