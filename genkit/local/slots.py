"""Which sequence ids of the KV cache are free. Pure bookkeeping: no tensor in sight."""

from __future__ import annotations


class Slots:
    """The sequence ids ``0 … count - 1`` of one context.

    Args:
        count: how many sequences the context can hold.
    """

    def __init__(self, count: int) -> None:
        self._free = list(reversed(range(count)))

    def take(self) -> int | None:
        """A free sequence id, or None."""
        return self._free.pop() if self._free else None

    def give_back(self, slot: int) -> None:
        """The id is free again."""
        self._free.append(slot)
