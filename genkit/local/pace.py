"""How much of a waiting prompt may go into a step, so that no running answer stalls. Pure."""

from __future__ import annotations

import math
import statistics
from collections import deque

STALL = 2.2
"""How many times longer a step with a chunk of a prompt may take than one without prompts will."""
FIRST = 16  # before anything was measured
ROWS = 4
"""llama.cpp multiplies so many tokens at a time; what is left over takes as long as one more."""
REFRESH = 16
"""After so many steps with prompts comes one without, since answers that grow longer take longer."""
GATHER, LONGEST = 0.02, 0.025
"""How long a prompt waits for others to begin with: such a part of what it takes; at most so many seconds."""
_REMEMBERED = 9


class Pace:
    """Learns how long steps take, and from that the size of a chunk.

    Args:
        batch: the most tokens a chunk may have.
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._alone: dict[int, deque[float]] = {}
        self._each: deque[float] = deque(maxlen=_REMEMBERED)
        self._least = math.inf
        self._mixed = 0

    def observe(self, answering: int, prompt: int, seconds: float) -> None:
        """A step took so long.

        Args:
            answering: how many tokens of answers it evaluated, guessed ones too.
            prompt: how many tokens of prompts it evaluated.
            seconds: how long it took.
        """
        self._mixed = self._mixed + 1 if prompt and answering else 0
        if not prompt:
            self._alone.setdefault(answering, deque(maxlen=_REMEMBERED)).append(seconds)
        elif answering and self._alone:
            seen, took = self._seen(answering)
            self._learn(max(seconds - took, 0) / (prompt + max(answering - seen, 0)))
        elif not answering and not self._each:
            self._learn(seconds / prompt)  # more than it is, if anything: good for a first chunk

    def _learn(self, each: float) -> None:
        self._each.append(each)
        # Of several, since noise may make a single one nothing, which would then hold for ever.
        self._least = min(self._least, statistics.median(self._each))

    def chunk(self, answering: int, running: int) -> int:
        """How many tokens of prompts may go into a step; none where it is time to see what one takes without.

        Args:
            answering: beside how many answers.
            running: how many there will be once the prompts are evaluated: what their steps will take is what
                those who answer now have to expect in any case.
        """
        if answering and self._mixed >= REFRESH:
            return 0
        if not self._alone or not self._each:
            return min(FIRST, self._batch)
        each = statistics.median(self._each)
        alone, later = self._without_prompt(answering), self._without_prompt(running)
        if not each:
            return self._batch
        wanted = max(int(min((STALL * max(alone, later) - alone) / each, self._batch)), 1)
        return max((answering + wanted) // ROWS * ROWS - answering, 0) or wanted

    def patience(self, tokens: int) -> float:
        """How many seconds prompts of so many tokens may wait for others, when nothing else is to be done."""
        return min(GATHER * tokens * self._least, LONGEST) if self._each else 0.0

    def _without_prompt(self, answering: int) -> float:
        """How long a step of so many answers takes; one more than was seen takes a short prompt's token."""
        seen, took = self._seen(answering)
        return took + max(answering - seen, 0) * self._least

    def _seen(self, answering: int) -> tuple[int, float]:
        """Of the steps without prompts, those with about so many answers: how many, and how long one took."""
        nearest = min(self._alone, key=lambda count: abs(count - answering))
        return nearest, statistics.median(self._alone[nearest])
