"""Slots: each id is lent to one at a time, and each cell is counted once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from genkit.local.slots import Slots


@given(st.integers(0, 20))
def test_there_are_as_many_ids_as_were_asked_for(count: int) -> None:
    slots = Slots(count, 9)
    assert sorted(slots.take() for _ in range(count)) == list(range(count))
    assert slots.take() is None


class Lent(RuleBasedStateMachine):
    """Ids come and go, grow, are cut, and share; the model keeps a set of objects for each."""

    @initialize(count=st.integers(1, 4), room=st.integers(0, 30))
    def start(self, count: int, room: int) -> None:
        self.slots, self.count, self.room = Slots(count, room), count, room
        self.held: dict[int, list[object]] = {}

    def used(self) -> int:
        return len({id(cell) for cells in self.held.values() for cell in cells})

    def one(self, which: int) -> int:
        return sorted(self.held)[which % len(self.held)]

    @rule()
    def take(self) -> None:
        slot = self.slots.take()
        assert (slot is None) == (len(self.held) == self.count)
        if slot is not None:
            assert slot not in self.held
            self.held[slot] = []

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 9))
    def give_back(self, which: int) -> None:
        slot = self.one(which)
        self.slots.give_back(slot)
        del self.held[slot]

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 9), count=st.integers(0, 9))
    def grow(self, which: int, count: int) -> None:
        count = min(count, self.slots.left)
        self.slots.grow(self.one(which), count)
        self.held[self.one(which)] += [object() for _ in range(count)]

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 9), length=st.integers(0, 9))
    def cut(self, which: int, length: int) -> None:
        self.slots.cut(self.one(which), length)
        del self.held[self.one(which)][length:]

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 9), start=st.integers(0, 9), count=st.integers(0, 9))
    def remove(self, which: int, start: int, count: int) -> None:
        self.slots.remove(self.one(which), start, count)
        del self.held[self.one(which)][start : start + count]

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 9), other=st.integers(0, 9), at=st.integers(0, 9))
    def meet(self, which: int, other: int, at: int) -> None:
        cells, others = self.held[self.one(which)], self.held[self.one(other)]
        same = at < min(len(cells), len(others)) and cells[at] is others[at]
        assert self.slots.meet(self.one(which), self.one(other), at) == same

    @precondition(lambda self: any(not cells for cells in self.held.values()))
    @rule(which=st.integers(0, 9), length=st.integers(0, 9))
    def share(self, which: int, length: int) -> None:
        slot = next(slot for slot, cells in self.held.items() if not cells)
        self.slots.share(self.one(which), slot, length)
        self.held[slot] = self.held[self.one(which)][:length]

    @invariant()
    def the_books_are_right(self) -> None:
        if hasattr(self, "slots"):
            assert self.slots.left == self.room - self.used()
            assert self.slots.held(self.held) == self.used()
            assert all(self.slots.length(slot) == len(cells) for slot, cells in self.held.items())


TestLent = Lent.TestCase
