"""How attention is computed, as it suits those that run.

llama.cpp's flash kernel passes over what others hold for next to nothing, and is slow where a few tokens look
back at many. Without it each token pays for all cells, but less for each.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import OutOfMemory
from .context import FEW, Context
from .parking import SPARE
from .plan import Work

LATE = 1024
"""How many tokens are enough to look back at for it to be slow."""
MANY = 256
"""So large a chunk of a prompt is worth a change back."""
PATIENCE = 64
"""After how many tokens that look back so far a change has paid."""
PAUSE = 60.0
"""For how many seconds a change back is final, or calls that alternate would always wait for changes."""
MOST = 1 << 30
"""So many bytes take about a second to move, in which nothing else is heard; more are left where they are."""
AGAIN = 10.0
"""After how many seconds to look anew whether memory is there."""


class Attention:
    """Changes how a context computes attention, which takes up to a second, when that pays.

    Args:
        context: the context, which uses the flash kernel.
        takes: how many bytes of memory a change takes; None to change nothing.
        free: how many bytes of memory are free, or None if that cannot be known.
    """

    def __init__(self, context: Context, *, takes: int | None, free: Callable[[], int | None]) -> None:
        self._context, self._takes, self._free = context, takes or 0, free
        self._able = takes is not None and takes <= MOST and context.can_shift
        self._earliest = 0.0
        self._late = 0  # tokens that looked back so far

    def suit(self, work: list[Work], calls: int) -> None:
        """Change it before a step, if need be.

        Args:
            work: the step, if there is one.
            calls: how many run, or will as soon as there is room.
        """
        began = time.monotonic()
        if not (self._able and work) or self._suits(work[0], calls) or began < self._earliest:
            return
        if self._takes * SPARE > (self._free() or 0):
            self._earliest = began + AGAIN
            return
        self._late = 0
        try:
            self._able = self._context.attend(flash=not self._context.flash)
        except OutOfMemory:
            self._earliest = began + AGAIN
            return
        if self._context.flash:
            self._earliest = began + PAUSE

    def _suits(self, work: Work, calls: int) -> bool:
        """Whether it is best left as it is."""
        late = calls == 1 and work.sequence.evaluated >= LATE
        if not self._context.flash:
            return late and work.size < MANY
        late = late and work.size <= FEW
        self._late += work.size if late else 0
        return not late or self._late < PATIENCE
