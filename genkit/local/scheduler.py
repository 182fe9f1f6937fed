"""Which sequences run in the next step, and how many of their tokens. Pure: decides, and touches nothing."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .sequence import Sequence
from .slots import Slots


class Work(NamedTuple):
    """Evaluate the next ``size`` tokens of a sequence; the logits of the last are wanted if ``sample``."""

    sequence: Sequence
    size: int
    sample: bool


class Scheduler:
    """First come, first served: as many sequences run as there are slots.

    Args:
        slots: the sequence ids there are.
        batch: the most tokens one step may evaluate.
    """

    def __init__(self, slots: Slots, batch: int) -> None:
        self._slots, self._batch = slots, batch
        self._waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence."""
        self._waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """The sequence is done or no longer wanted: free its slot, or its place in the queue."""
        if sequence in self.running:
            self.running.remove(sequence)
            self._slots.give_back(sequence.slot)
        elif sequence in self._waiting:
            self._waiting.remove(sequence)

    def everyone(self) -> list[Sequence]:
        """The sequences that run or wait."""
        return [*self.running, *self._waiting]

    def plan(self) -> list[Work]:
        """What to evaluate in the next step; empty when there is nothing to do."""
        while self._waiting and (slot := self._slots.take()) is not None:
            sequence = self._waiting.popleft()
            sequence.slot = slot
            self.running.append(sequence)
        work, room = [], self._batch
        for sequence in self.running:
            left = len(sequence.tokens) - sequence.evaluated
            if size := min(left, room):
                work.append(Work(sequence, size, sample=size == left))
                room -= size
        return work
