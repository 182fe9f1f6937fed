"""What finished sequences left, set aside while others run: attention passes over all cells, each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import BackendError
from .context import Context
from .plan import Move, Park
from .prefixes import WORTHWHILE, Scales, common
from .shelf import Saved

SPARE = 8
"""One state may take such a part of the memory that is free."""


class Parking:
    """Makes the moves that a scheduler decided on in its context, and keeps what they set aside.

    Args:
        context: the context.
        room: the most tokens it keeps, of all sequences together.
        count: the most sequences; the least recently used go first, here and there.
        free: how many bytes of memory are free, or None if that cannot be known.
    """

    def __init__(self, context: Context, *, room: int, count: int, free: Callable[[], int | None]) -> None:
        self._context, self._room, self._count, self._free = context, room, count, free
        self._parked: list[tuple[Scales, Saved]] = []

    def takes(self, slot: int) -> bool:
        """Whether what an id holds can be set aside, and memory is there for it."""
        return self._context.can_save(slot) and self._context.size_of(slot) * SPARE <= (self._free() or 0)

    def make(self, moves: list[Move]) -> None:
        """Make moves in the KV cache, in this order."""
        for move in moves:
            if isinstance(move, Park):
                self._park(move)
            else:
                self._context.make(move)

    def find(self, prompt: Sequence[int], scales: Scales) -> Saved | None:
        """What a prompt has most in common with, of what was set aside and evaluated with these adapters."""
        alike = [(common(prompt, saved.tokens), saved) for with_, saved in self._parked if with_ == scales]
        length, saved = max(alike, key=lambda each: each[0], default=(0, None))
        return saved if length >= WORTHWHILE else None

    def remove(self, saved: Saved) -> None:
        """It is in the KV cache again, or was never here."""
        self._parked = [each for each in self._parked if each[1] is not saved]

    def _park(self, move: Park) -> None:
        try:
            state = self._context.save(move.slot)
        except (BackendError, MemoryError):
            state = None  # it was kept for others to begin with: they will have to do without
        self._context.forget(move.slot)
        if state is not None:
            self._parked.append((move.scales, Saved(move.tokens, state)))
        while len(self._parked) > self._count or sum(len(s.tokens) for _, s in self._parked) > self._room:
            del self._parked[0]
