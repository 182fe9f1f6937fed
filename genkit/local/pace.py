"""How much of a waiting prompt may go into a step, so that no running answer stalls. Pure."""

from __future__ import annotations

import statistics
from collections import deque

STALL = 2.2
"""How many times longer a step with a chunk of a prompt may take than one without prompts will."""
FIRST = 16  # before anything was measured
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

    def observe(self, answering: int, prompt: int, seconds: float) -> None:
        """A step took so long.

        Args:
            answering: how many sequences it took one token further.
            prompt: how many tokens of prompts it evaluated.
            seconds: how long it took.
        """
        if not prompt:
            self._alone.setdefault(answering, deque(maxlen=_REMEMBERED)).append(seconds)
        elif answering and (alone := self._without_prompt(answering)):
            self._each.append(max(seconds - alone, 0) / prompt)
        elif not answering and not self._each:
            self._each.append(seconds / prompt)  # more than it is, if anything: good for a first chunk

    def chunk(self, answering: int, running: int) -> int:
        """How many tokens of prompts may go into a step.

        Args:
            answering: beside how many answers.
            running: how many there will be once the prompts are evaluated: what their steps will take is what
                those who answer now have to expect in any case.
        """
        alone, later = self._without_prompt(answering), self._without_prompt(running)
        if not alone or not self._each:
            return min(FIRST, self._batch)
        each = statistics.median(self._each)
        wanted = (STALL * max(alone, later) - alone) / each if each else self._batch
        return max(min(int(wanted), self._batch), 1)

    def _without_prompt(self, answering: int) -> float:
        """How long a step of so many answers takes, or of about so many; 0 if none was seen."""
        if not self._alone:
            return 0.0
        nearest = min(self._alone, key=lambda count: abs(count - answering))
        return statistics.median(self._alone[nearest])
