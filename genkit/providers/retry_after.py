"""When a server wants to be asked again."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_HINT = re.compile(r"(?:try again|retry) in ((?:\d+(?:\.\d+)?(?:ms|h|m|s)\s*)+)", re.IGNORECASE)
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def retry_after(headers: Mapping[str, str], message: str = "") -> float | None:
    """The seconds that a server asked to wait, or None if it did not say, or nonsense.

    Args:
        headers: of its answer, by lower-case name: ``retry-after-ms``, or
            ``retry-after`` as seconds or a date.
        message: of its error: OpenAI and Groq write ``Please try again in 1m2.5s``.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if name in headers:
            seconds = _number(headers[name])
            if seconds is not None:
                return seconds * unit
    if "retry-after" in headers and (seconds := _until(headers["retry-after"])) is not None:
        return seconds
    if hint := _HINT.search(message):
        return sum(float(amount) * _SECONDS[unit.lower()] for amount, unit in _AMOUNT.findall(hint[1]))
    return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value < _LONGEST else None


_LONGEST = 10 * 365 * 86400.0  # more is no time to wait, but a mistake


def _until(text: str) -> float | None:
    """The seconds until a date; the one place that asks what time it is."""
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return seconds if seconds >= 0 else None
