"""Prefixes: what two sequences have in common, and what is kept the longest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genkit.local.prefixes import Kept, common

TOKENS = st.lists(st.integers(0, 1), max_size=20)


@given(TOKENS, TOKENS, TOKENS)
def test_what_two_sequences_have_in_common(start: list[int], one: list[int], other: list[int]) -> None:
    one, other = start + one, start + other
    length = common(one, other)
    assert one[:length] == other[:length]
    assert length == min(len(one), len(other)) or one[length] != other[length]


def test_the_least_recently_used_goes_first() -> None:
    kept = Kept()
    for slot in (1, 2, 3):
        kept.add(slot, [slot])
    kept.use(1)
    assert list(kept.items()) == [(2, [2]), (3, [3]), (1, [1])]
    assert (kept.pop(), kept.pop(1), kept.pop()) == (2, 1, 3)
    assert not kept
