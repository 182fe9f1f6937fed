"""What finished sequences left, set aside while others run: attention passes over all cells, each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import BackendError
from .context import Context
from .plan import Move, Park
from .prefixes import WORTHWHILE, Scales, common
from .scheduler import Scheduler
from .sequence import Sequence as Call
from .shelf import Saved

SPARE = 4
"""All that is set aside may take such a part of the memory that would be free without it."""


class Parking:
    """Makes the moves that a scheduler decided on in its context, and keeps what they set aside.

    Args:
        context: the context.
        count: the most sequences; the least recently used go first, as they do where memory is short.
        free: how many bytes of memory are free, or None if that cannot be known.
    """

    def __init__(self, context: Context, *, count: int, free: Callable[[], int | None]) -> None:
        self._context, self._count, self._free = context, count, free
        self._parked: list[tuple[Scales, Saved]] = []
        self._limit = 0.0

    def takes(self, slot: int) -> bool:
        """Whether what an id holds can be set aside, and memory is there for it."""
        self._limit = ((self._free() or 0) + self._held()) / SPARE
        return self._context.can_save(slot) and self._context.size_of(slot) <= self._limit

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

    def restore(self, sequence: Call, scheduler: Scheduler) -> None:
        """Load what was saved or set aside for it; if that cannot be, it is evaluated as others are."""
        found = sequence.saved or self.find(sequence.tokens, sequence.scales)
        if found is None:
            return
        slot = scheduler.restore(sequence, found.tokens)
        if slot is not None:
            self.remove(found)
        self.make(scheduler.take_moves())
        if slot is None or self._context.load(slot, found.state, len(found.tokens)):
            sequence.saved = None
        else:
            scheduler.not_restored(slot)

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
        while len(self._parked) > self._count or self._held() > self._limit:
            del self._parked[0]

    def _held(self) -> int:
        """How many bytes all that is set aside takes."""
        return sum(len(saved.state) for _, saved in self._parked)
