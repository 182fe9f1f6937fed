"""How many guessed tokens to evaluate along with the next one, where that pays. Pure.

Guesses come from the form of the answer, where it leaves hardly any choice, as for the keys of JSON; and else
from what came after the same tokens before (``lookup.py``).

A step evaluates the tokens of a draft behind the one that was chosen last. The next tokens are then chosen as
ever, each from the logits of its own row; the draft holds as far as they are the same, and what was chosen
after that begins the next step. So a draft changes how fast tokens come, and not which.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import cycle, islice

from .lookup import RATE, HitRates, Lookup, hits
from .plan import Work
from .sequence import Sequence

TOTALS = (4, 8, 16)
"""How many rows a step with drafts has: llama.cpp's matrix kernels take four at a time."""
FEW = 4
"""With more sequences in a step, its rows are put to good use already."""
_ROW = 0.25  # of a step of one row: what another is taken to cost before it was measured
_REMEMBERED = 5
_OLD = 256  # after so many steps a measurement counts no more, and what did not pay is tried again


class Costs:
    """How long steps take, by their number of rows; the best of the last few, as noise only adds."""

    def __init__(self) -> None:
        self._steps = 0
        self._taken: dict[int, deque[tuple[int, float]]] = {}

    def observe(self, rows: int, seconds: float) -> None:
        """A step of so many rows took so long."""
        self._steps += 1
        self._taken.setdefault(rows, deque(maxlen=_REMEMBERED)).append((self._steps, seconds))

    def seconds(self, rows: int) -> float:
        """How long a step of so many rows takes: as measured, or reckoned from one of about as many."""
        known = {other: taken for other in self._taken if (taken := self._measured(other))}
        if not known:
            return _shape(rows)
        nearest = min(known, key=lambda other: abs(other - rows))
        return known[nearest] * _shape(rows) / _shape(nearest)

    def _measured(self, rows: int) -> float:
        """0 without two measurements: the first step of its size sets up its graph."""
        taken = self._taken.get(rows, ())
        recent = [seconds for step, seconds in taken if self._steps - step < _OLD]
        return min(recent) if len(recent) > 1 else 0.0


def _shape(rows: int) -> float:
    return 1 + _ROW * (rows - 1)


class Foreseen:
    """Guesses that come from the forms of answers, and how often they were right."""

    def __init__(self) -> None:
        self._rate = 0.9
        self._guesses: dict[int, tuple[int, list[int]]] = {}

    def guess(self, sequence: Sequence) -> list[int]:
        """What the form of an answer leads to expect, after learning what came of the last such guess."""
        if sequence.constraint is None:
            return []
        start, last = self._guesses.pop(sequence.call, (0, []))
        for guess, token in zip(last, sequence.tokens[start:], strict=False):
            self._rate += ((guess == token) - self._rate) * RATE
            if guess != token:
                break
        if found := sequence.constraint.guess():
            self._guesses[sequence.call] = len(sequence.tokens), found
        return found

    def expected(self, size: int) -> float:
        """How many of so many guessed tokens are likely to be right, up to the first wrong one."""
        return hits(self._rate, self._rate, size)

    def forget(self, call: int) -> None:
        """A sequence is done."""
        self._guesses.pop(call, None)


class Speculation:
    """Gives the sequences of a step their drafts.

    Args:
        costs: how long steps take.
    """

    def __init__(self, costs: Costs | None = None) -> None:
        self._costs = costs or Costs()
        self._with: dict[int, Costs] = {}  # of so many threads: the steps of others say nothing about theirs
        self._lookups: dict[int, tuple[int, Lookup]] = {}
        self._rates = HitRates()
        self._forms = Foreseen()

    def draft(self, work: list[Work], room: int, longest: int) -> None:
        """Give the sequences of a step drafts, as far as that pays; none, if one is still evaluated.

        Args:
            work: what the step evaluates in any case.
            room: how many tokens the KV cache can take.
            longest: how many tokens a sequence may have.
        """
        answering = all(sample and size == 1 and sequence.generated for sequence, size, sample in work)
        if len(work) > FEW or not answering:
            return
        rows, expected = len(work), float(len(work))
        for sequence, _, _ in work:
            left = min(sequence.max_tokens - sequence.generated, longest - len(sequence.tokens)) - 1
            guess, likely = self._guess(sequence, min(left, room - rows, TOTALS[-1] - rows))
            size = self._size(likely, rows, expected, len(guess)) if guess else 0
            rows += size
            expected += likely(size)
            sequence.draft = guess[:size]

    def _guess(self, sequence: Sequence, most: int) -> tuple[list[int], Callable[[int], float]]:
        """So many guessed tokens at most, and how many of so many of them are likely to be right."""
        lookup, foreseen = self._followed(sequence), self._forms.guess(sequence)
        if not foreseen:
            return lookup.guess(sequence.tokens, most), lookup.expected
        draft = list(islice(cycle(foreseen), most))  # steps of some sizes are cheaper than smaller ones
        return draft, lambda size: self._forms.expected(min(size, len(foreseen)))

    def _followed(self, sequence: Sequence) -> Lookup:
        drops, lookup = self._lookups.get(sequence.call, (0, None))
        if lookup is None or drops != sequence.drops:  # its tokens are not where they were
            lookup = Lookup(sequence.tokens, lookup.rates if lookup else self._rates)
            self._lookups[sequence.call] = sequence.drops, lookup
        lookup.follow(sequence.tokens)
        return lookup

    def _size(self, likely: Callable[[int], float], rows: int, expected: float, most: int) -> int:
        """The size of draft that makes most tokens a second, beside rows of which so many are expected."""
        best, rate = 0, expected / self._costs.seconds(rows)
        for total in TOTALS:
            size = total - rows
            if 0 < size <= most:
                with_it = (expected + likely(size)) / self._costs.seconds(total)
                if with_it > rate:
                    best, rate = size, with_it
        return best

    def observe(self, rows: int, seconds: float, threads: int = 0) -> None:
        """A step without prompts took so long, with so many threads."""
        if threads not in self._with:
            self._with[threads] = Costs() if self._with else self._costs
        self._costs = self._with[threads]
        self._costs.observe(rows, seconds)

    def forget(self, call: int) -> None:
        """A sequence is done; the next ones may be expected to be like it."""
        self._forms.forget(call)
        if followed := self._lookups.pop(call, None):
            self._rates = self._rates.mean(followed[1].rates)
