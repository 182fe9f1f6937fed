"""Which sequence ids are free, and which cells of the KV cache each of them holds. Pure bookkeeping."""

from __future__ import annotations

from collections.abc import Iterable


class Slots:
    """The sequence ids ``0 … count - 1`` of one context, and its cells, of which each holds one token.

    Sequences that begin alike may hold the same cells; a cell is free when nobody holds it any more.

    Args:
        count: how many sequences the context can hold.
        room: how many cells it has.
    """

    def __init__(self, count: int, room: int) -> None:
        self.room = room
        self._ids = list(reversed(range(count)))
        self._unused = list(reversed(range(room)))
        self._holders = [0] * room
        self._cells: dict[int, list[int]] = {}

    @property
    def left(self) -> int:
        """How many cells nobody holds."""
        return len(self._unused)

    def take(self) -> int | None:
        """A free sequence id, which holds nothing yet, or None."""
        if not self._ids:
            return None
        slot = self._ids.pop()
        self._cells[slot] = []
        return slot

    def give_back(self, slot: int) -> None:
        """The id is free again, and holds nothing."""
        self.cut(slot, 0)
        del self._cells[slot]
        self._ids.append(slot)

    def length(self, slot: int) -> int:
        """How many cells a taken id holds."""
        return len(self._cells[slot])

    def held(self, slots: Iterable[int]) -> int:
        """How many cells these ids hold, each counted once."""
        return len(self.cells(slots))

    def cells(self, slots: Iterable[int]) -> set[int]:
        """The cells that these ids hold."""
        return {cell for slot in slots for cell in self._cells[slot]}

    def grow(self, slot: int, count: int) -> None:
        """The id holds so many more cells; there must be as many left."""
        for _ in range(count):
            cell = self._unused.pop()
            self._holders[cell] = 1
            self._cells[slot].append(cell)

    def cut(self, slot: int, length: int) -> None:
        """The id holds its first ``length`` cells only."""
        self.remove(slot, length, self.length(slot) - length)

    def meet(self, one: int, other: int, at: int) -> bool:
        """Whether two taken ids hold the same cell at this place; then they do at all before it, too."""
        cells, others = self._cells[one], self._cells[other]
        return at < min(len(cells), len(others)) and cells[at] == others[at]

    def remove(self, slot: int, start: int, count: int) -> None:
        """The id holds so many cells from this one on no longer; those after them move up."""
        cells = self._cells[slot]
        for cell in reversed(cells[start : start + count]):
            self._holders[cell] -= 1
            if not self._holders[cell]:
                self._unused.append(cell)
        del cells[start : start + count]

    def share(self, source: int, slot: int, length: int) -> None:
        """An id that holds nothing holds the first ``length`` cells of another, too."""
        self._cells[slot] = self._cells[source][:length]
        for cell in self._cells[slot]:
            self._holders[cell] += 1
