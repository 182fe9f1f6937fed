"""Whose turn it is in a step, and how many of their tokens. Pure but for a clock."""

from __future__ import annotations

import time
from collections.abc import Callable

from .plan import Work
from .prefixes import Scales
from .sequence import Sequence

TURN = 0.1
"""For how many seconds calls with the same LoRA adapters go on while others wait: a change takes time."""


class Turns:
    """What is computed in one step has the same LoRA adapters: calls with others take turns.

    Args:
        clock: tells the seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._steps = clock, 0
        self._last: Scales = ()
        self._began = clock()

    def begin(self, sequence: Sequence) -> None:
        """It runs from now on."""
        sequence.served = self._steps

    def done(self, work: list[Work]) -> None:
        """A step is over."""
        self._steps += 1
        for sequence, _, _ in work:
            sequence.served = self._steps
            if sequence.scales != self._last:
                self._last, self._began = sequence.scales, self._clock()

    def of(self, ready: list[Sequence]) -> list[Sequence]:
        """Whose turn it is: theirs who had the last step, for a while; then his who has waited longest."""
        on = [sequence for sequence in ready if sequence.scales == self._last]
        if len(on) == len(ready) or (on and self._clock() - self._began < TURN):
            return on
        first = min(ready, key=lambda sequence: sequence.served)
        return [sequence for sequence in ready if sequence.scales == first.scales]


def share_out(
    running: list[Sequence], turns: Turns, batch: int, chunk: Callable[[int, int], int] | None
) -> list[Work]:
    """One token for whoever answers; of the rest, half to the oldest prompt, then the shortest first.

    Prompts that come while nobody answers, and that two steps can evaluate, end together in the second: else
    the first to answer would slow the others down, and then wait for them at each token.

    Args:
        running: who runs, the oldest first.
        turns: whose turn it is.
        batch: the most tokens of a step.
        chunk: the most tokens of prompts to evaluate beside so many sequences that answer, of so many.
    """
    ready = [sequence for sequence in running if sequence.begun]
    of_turn = turns.of(ready)
    prompts, some_answer = [s for s in of_turn if s.left > 1], any(s.answers for s in ready)
    waited = any(s.left == 1 and s.evaluated > s.cached for s in of_turn)  # and not again, for who came since
    alone = bool(prompts) and not some_answer and not waited
    together = alone and batch < sum(s.left for s in of_turn) <= 2 * batch
    answering = [] if together else [s for s in of_turn if s.left == 1][:batch]
    budget = batch - len(answering)
    if chunk is not None and some_answer:  # who answers with others waits for this step
        alike = sum(s.scales == of_turn[0].scales for s in running)
        budget = min(budget, chunk(len(answering), alike))
    sizes = dict.fromkeys(prompts, 0)
    shares = [(prompts[0], -(-budget // 2))] if prompts else []
    shares += [(s, budget) for s in sorted(prompts, key=lambda s: s.left)]
    for sequence, most in shares:
        size = min(most, sequence.left - sizes[sequence] - together, budget)
        sizes[sequence] += size
        budget -= size
    work = [Work(sequence, 1, True) for sequence in answering]
    return work + [Work(s, size, size == s.left) for s, size in sizes.items() if size]
