"""Guesses how a sequence goes on: as it did after the same tokens before (prompt lookup). Pure.

Answers repeat their prompt and themselves: what is quoted, extracted, corrected, or the keys of JSON. After
"Prompt Lookup Decoding" (A. Saxena, 2023), which needs no second model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

LENGTH = 3
"""How many tokens in a row must have come up before."""
RATE = 1 / 8
"""How much the last guess counts in how often guesses are right."""


@dataclass(slots=True)
class HitRates:
    """How often guesses are right: the first, and those after one that was right."""

    fresh: float = 0.5
    running: float = 0.6

    def mean(self, other: HitRates) -> HitRates:
        """What lies between these and others."""
        return HitRates((self.fresh + other.fresh) / 2, (self.running + other.running) / 2)


class Lookup:
    """Guesses for one sequence.

    Args:
        tokens: what it has so far.
        rates: what to expect of guesses before there were any.
    """

    def __init__(self, tokens: Sequence[int], rates: HitRates) -> None:
        runs = zip(*(tokens[start:] for start in range(LENGTH)), strict=False)
        self._next = dict(zip(runs, range(LENGTH, len(tokens)), strict=False))  # run -> where it went on last
        self._known = max(LENGTH, len(tokens))
        self._right = False
        self.rates = HitRates(rates.fresh, rates.running)

    def follow(self, tokens: Sequence[int]) -> None:
        """Learn from what it has said since: the sequence is longer now."""
        for at in range(self._known, len(tokens)):
            run = tuple(tokens[at - LENGTH : at])
            if (before := self._next.get(run)) is not None:  # as after every guess that was right
                self._learn(tokens[before] == tokens[at])
            self._next[run] = at
        self._known = max(self._known, len(tokens))

    def _learn(self, right: bool) -> None:
        rates = self.rates
        if self._right:
            rates.running += (right - rates.running) * RATE
        else:
            rates.fresh += (right - rates.fresh) * RATE
        self._right = right

    def guess(self, tokens: Sequence[int], size: int) -> list[int]:
        """The next ``size`` tokens as they came before, or none; call :meth:`follow` first."""
        at = self._next.get(tuple(tokens[-LENGTH:]))
        if at is None or size < 1:
            return []
        return list(islice(cycle(tokens[at : at + size]), size))  # what goes round may go on so

    def expected(self, size: int) -> float:
        """How many of so many guessed tokens are likely to be right, up to the first wrong one."""
        return hits(self.rates.running if self._right else self.rates.fresh, self.rates.running, size)


def hits(first: float, running: float, size: int) -> float:
    """How many of so many guesses are right before a wrong one, if the first and each next are so often."""
    running = min(running, 0.999)
    return first * float(1 - running**size) / (1 - running)
