"""How the next token is chosen: the options for it, and the values that they take."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, ClassVar

from .errors import BadRequest, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen. What is None is left to the backend.

    Args:
        max_tokens: the most tokens to generate.
        temperature: 0 always takes the likeliest token; higher is more varied.
        top_p: sample from the fewest tokens whose probabilities add up to this (nucleus sampling).
        top_k: sample from this many likeliest tokens.
        min_p: drop tokens less likely than this share of the likeliest one.
        repeat_penalty: above 1, tokens that came up in the last 64 become less likely.
        frequency_penalty: subtracted from a token's logit for each time it came up; in a local model, in the
            last 64 tokens.
        presence_penalty: subtracted once from the logit of a token that came up; likewise.
        seed: the same seed, request and backend give the same answer, as far as the backend can: remote ones
            do their best, and a local one computes slightly other probabilities after, or beside, other
            calls, if it is not ``Generator(..., deterministic=True)``.
        stop: generation ends before the first of these strings, or of one alone. They are kept as a tuple.
        logprobs: how many alternatives to tell the log probabilities of, at each token (0: only of
            the chosen one).
        logit_bias: what is added to the logits of tokens, from -100 (as good as never) to 100: a mapping
            of token ids, or for local models also of the texts of single tokens. It is kept as pairs.

    Raises:
        BadRequest: a value is out of its range.
    """

    # Read by pydantic, in serialize.py: what is written otherwise is refused, not guessed at.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: Sequence[str] = ()
    logprobs: int | None = None
    logit_bias: Mapping[int | str, float] | tuple[tuple[int | str, float], ...] = ()

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, checked_number(name, value, low, high, whole=name in _WHOLE))
        given: Any = (self.stop,) if isinstance(self.stop, str) else () if self.stop is None else self.stop
        listed = isinstance(given, Iterable) and not isinstance(given, Mapping)
        stop = tuple(given) if listed else (given,)
        if not all(isinstance(text, str) and text for text in stop):
            raise BadRequest(f"stop takes strings of at least one character, not {shown(self.stop)}")
        object.__setattr__(self, "stop", stop)
        object.__setattr__(self, "logit_bias", _biases(self.logit_bias))

    def given(self) -> dict[str, Any]:
        """The options that were set, by name."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in options.items() if value or value == 0}


_WHOLE = frozenset(("max_tokens", "top_k", "seed", "logprobs"))
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("max_tokens", 1, 2**31 - 1),
    ("temperature", 0, 100),
    ("top_p", 0, 1),
    ("top_k", 0, 2**31 - 1),
    ("min_p", 0, 1),
    ("repeat_penalty", 0, 100),
    ("frequency_penalty", -100, 100),
    ("presence_penalty", -100, 100),
    ("seed", 0, 2**64 - 1),
    ("logprobs", 0, 100),
)


def checked_number(name: str, value: Any, low: float, high: float, *, whole: bool) -> int | float:
    """The value of an option as Python's own number, which JSON has, whoever made it (numpy, say).

    Raises:
        BadRequest: it is no number, or out of its range.
    """
    number: Any = whole_number(value)
    if number is None and not whole and isinstance(value, Real) and not isinstance(value, bool):
        number = value
    if number is None or not low <= number <= high:
        kind = "a whole number" if whole else "a number"
        raise BadRequest(f"{name} takes {kind} from {low} to {high}, not {shown(value)}")
    return number if isinstance(number, int) else float(number)


def whole_number(value: Any) -> int | None:
    """The whole number that something is, whoever made it (numpy, say); None where it is none, as True is."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def _biases(given: Any) -> tuple[tuple[int | str, float], ...]:
    """Pairs of a token and what is added to its logit; in JSON, a mapping's keys would all become text."""
    try:
        pairs = list(given.items()) if isinstance(given, Mapping) else list(given or ())
        biases = dict(pairs)
    except (TypeError, ValueError):
        raise BadRequest(f"logit_bias takes a mapping of tokens to numbers, not {shown(given)}") from None
    if len(biases) < len(pairs):
        raise BadRequest(f"logit_bias names a token twice: {shown(pairs)}")
    found: list[tuple[int | str, float]] = []
    for token, bias in biases.items():
        number = whole_number(token)
        is_id = number is not None and 0 <= number < 2**31
        if not is_id and not (isinstance(token, str) and token):
            raise BadRequest(f"logit_bias takes token ids from 0, or texts of one token, not {shown(token)}")
        name = f"logit_bias of {shown(token)}"
        added = checked_number(name, bias, -100, 100, whole=False)
        found.append((token if number is None else number, added))
    return tuple(found)
