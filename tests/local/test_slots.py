"""Slots: each id is lent to one at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genkit.local.slots import Slots


@given(st.integers(0, 20))
def test_there_are_as_many_ids_as_were_asked_for(count: int) -> None:
    slots = Slots(count)
    assert sorted(slots.take() for _ in range(count)) == list(range(count))
    assert slots.take() is None


@given(st.integers(1, 5), st.lists(st.none() | st.integers(0, 9), max_size=40))
def test_an_id_is_never_lent_twice(count: int, moves: list[int | None]) -> None:
    slots, lent = Slots(count), []
    for move in moves:
        if move is None or not lent:
            slot = slots.take()
            assert (slot is None) == (len(lent) == count)
            assert slot not in lent
            lent += [] if slot is None else [slot]
        else:
            slots.give_back(lent.pop(move % len(lent)))
    assert all(slot in range(count) for slot in lent)
