"""When a server wants to be asked again."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

_HINT = re.compile(r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?\s*[a-z]+\s*)+)", re.IGNORECASE)
_AMOUNT = re.compile(  # from the first digit of a number only: else it takes the square of its length
    r"(?<!\d)(\d+(?:\.\d+)?)\s*(ms|millisecond|s|sec|second|m|min|minute|h|hour)s?(?![a-z])", re.IGNORECASE
)
_UNITS = {
    "ms": 0.001,
    "millisecond": 0.001,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
}
_LONGEST = 10 * 365 * 86400.0  # more is no time to wait, but a mistake


def retry_after(headers: Mapping[str, str], message: str = "") -> float | None:
    """The seconds that a server asked to wait, or None if it did not say, or nonsense.

    Args:
        headers: of its answer, by lower-case name: ``retry-after-ms``, or
            ``retry-after`` as seconds or a date.
        message: of its error: OpenAI and Groq write ``Please try again in 1m2.5s``, Azure ``Please retry
            after 33 seconds``.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if (seconds := _number(headers.get(name, ""))) is not None:
            return seconds * unit
    if (seconds := _until(headers.get("retry-after", ""))) is not None:
        return seconds
    hint = _HINT.search(message)
    return _amount(hint[1]) if hint else None


def reset_after(headers: Mapping[str, str]) -> float | None:
    """The seconds until the rate limits that are used up begin anew, or None if the headers do not tell.

    OpenAI and those like it send ``x-ratelimit-reset-tokens: 2m59.56s`` beside
    ``x-ratelimit-remaining-tokens: 0``; Anthropic a date, in ``anthropic-ratelimit-tokens-reset``. A bare
    number means something else everywhere, and is passed over.
    """
    waits = [
        _until(value) if "T" in value else _amount(value)
        for name, value in headers.items()
        if "ratelimit" in name and "reset" in name and headers.get(name.replace("reset", "remaining")) == "0"
    ]
    return max((seconds for seconds in waits if seconds is not None), default=None)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value < _LONGEST else None


def _amount(text: str) -> float | None:
    """The seconds in ``1m2.5s``."""
    found = _AMOUNT.findall(text)
    seconds = sum(float(amount) * _UNITS.get(unit.lower(), 1.0) for amount, unit in found)
    return seconds if found and seconds < _LONGEST else None


def _until(text: str) -> float | None:
    """The seconds until a date, of HTTP or of RFC 3339; the one place that asks what time it is."""
    try:
        rfc_3339 = text[10:11] == "T"
        date = (
            datetime.fromisoformat(text.replace("Z", "+00:00")) if rfc_3339 else parsedate_to_datetime(text)
        )
        if date.tzinfo is None:  # asctime's form of HTTP, and -0000: it is UTC (RFC 9110, 5.6.7)
            date = date.replace(tzinfo=timezone.utc)
        seconds = date.timestamp() - time.time()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return seconds if seconds >= 0 else None
