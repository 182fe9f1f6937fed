"""LoRA adapters as callers name them: files, and how much of each."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeAlias

from .errors import BadRequest, shown

LARGEST = 100
"""With more of an adapter, what a model computes overflows."""
Path: TypeAlias = str | os.PathLike[str]
Given: TypeAlias = Path | Sequence[Path | tuple[Path, float]]


def pairs(given: Given) -> tuple[tuple[str, float], ...]:
    """The adapters that a caller gave: the path of each, and how much of it to add.

    Args:
        given: the path of one, or a list of paths or of pairs of a path and a scale, from -100 to 100, by
            default 1.

    Raises:
        BadRequest: it is something else.
    """
    listed = [given] if isinstance(given, (str, os.PathLike)) else given
    if not isinstance(listed, Sequence) or isinstance(listed, (bytes, bytearray)):
        raise BadRequest(
            f"lora takes a path, or a list of paths or of (path, scale), not {shown(given, 200)}"
        )
    return tuple(_pair(each) for each in listed)


def _pair(given: Any) -> tuple[str, float]:
    path, scale = (given, 1.0) if isinstance(given, (str, os.PathLike)) else _parts(given)
    try:
        number = float(scale) if isinstance(scale, Real) and not isinstance(scale, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not -LARGEST <= number <= LARGEST:
        raise BadRequest(
            f"the scale of a LoRA adapter is a number from {-LARGEST} to {LARGEST}, not {shown(scale)}"
        )
    name = os.fspath(path)
    if not isinstance(name, str):
        raise BadRequest(f"the path of a LoRA adapter is text, not {shown(name)}")
    return name, number


def _parts(given: Any) -> tuple[Any, Any]:
    is_pair = isinstance(given, (tuple, list)) and len(given) == 2
    if not is_pair or not isinstance(given[0], (str, os.PathLike)):
        raise BadRequest(f"lora takes paths, or pairs of a path and a scale, not {shown(given, 200)}")
    return given[0], given[1]
