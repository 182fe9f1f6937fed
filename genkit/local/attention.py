"""How attention is computed, as it suits those that run.

llama.cpp's flash kernel passes over what others hold for next to nothing, and is slow where a few tokens look
back at many. Without it each token pays for all cells, but less for each.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .context import FEW, Context
from .parking import SPARE
from .plan import Work

LATE = 1024
"""How many tokens are enough to look back at for it to be slow."""
RARELY = 50
"""Doing without the kernel again has to wait so many times as long as the last change took."""
MOST = 1 << 30
"""So many bytes take about a second to move, in which nothing else is heard; more are left where they are."""
AGAIN = 10.0
"""After how many seconds to look anew whether memory is there."""


class Attention:
    """Changes how a context computes attention, which takes about 0.1 seconds, when that pays.

    Args:
        context: the context, which uses the flash kernel.
        takes: how many bytes of memory a change takes meanwhile; None to change nothing.
        free: how many bytes of memory are free, or None if that cannot be known.
    """

    def __init__(self, context: Context, *, takes: int | None, free: Callable[[], int | None]) -> None:
        self._context, self._takes, self._free = context, takes or 0, free
        self._able = takes is not None and takes <= MOST and context.can_shift
        self._earliest = 0.0

    def suit(self, work: list[Work], calls: int) -> None:
        """Change it before a step, if need be.

        Args:
            work: the step.
            calls: how many run, or will as soon as there is room.
        """
        sequence, size, _ = work[0]
        late, began = calls == 1 and sequence.evaluated >= LATE, time.monotonic()
        stays = not late or size > FEW if self._context.flash else late
        if stays or not self._able or began < self._earliest:
            return
        if self._takes * SPARE > (self._free() or 0):
            self._earliest = began + AGAIN
            return
        self._able = self._context.attend(flash=not self._context.flash)
        now = time.monotonic()
        self._earliest = now + RARELY * (now - began) if self._context.flash else now
