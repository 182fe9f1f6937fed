"""Whose turn it is in a step, and how many of their tokens. Pure."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as List

from .plan import Work
from .prefixes import Scales
from .sequence import Sequence


def share_out(
    running: List[Sequence], last: Scales, batch: int, chunk: Callable[[int, int], int] | None
) -> list[Work]:
    """One token for whoever answers; of the rest, half to the oldest prompt, then the shortest first.

    What is computed in one step has the same LoRA adapters: those with others take turns.

    Args:
        running: who runs, the oldest first.
        last: the adapters of the step before.
        batch: the most tokens of a step.
        chunk: the most tokens of prompts to evaluate beside so many sequences that answer, of so many.
    """
    ready = [sequence for sequence in running if sequence.begun]
    groups = sorted({sequence.scales for sequence in ready})
    scales = next((group for group in groups if group > last), groups[0] if groups else ())
    of_turn = [s for s in ready if s.scales == scales]
    answering = [s for s in of_turn if _left(s) == 1][:batch]
    prompts = [s for s in of_turn if _left(s) > 1]
    budget = batch - len(answering)
    if chunk is not None and any(_left(s) == 1 for s in ready):  # who answers with others waits for this step
        budget = min(budget, chunk(len(answering), sum(s.scales == scales for s in running)))
    sizes = dict.fromkeys(prompts, 0)
    shares = [(prompts[0], -(-budget // 2))] if prompts else []
    shares += [(s, budget) for s in sorted(prompts, key=_left)]
    for sequence, most in shares:
        size = min(most, _left(sequence) - sizes[sequence], budget)
        sizes[sequence] += size
        budget -= size
    work = [Work(sequence, 1, True) for sequence in answering]
    return work + [Work(s, size, size == _left(s)) for s, size in sizes.items() if size]


def _left(sequence: Sequence) -> int:
    """How many of its tokens are still to be evaluated."""
    return len(sequence.tokens) - sequence.evaluated
