"""Prefixes: what two sequences have in common, and what is kept the longest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genkit.local.prefixes import Kept, Name, common, longest

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
    assert not kept.can_go


def test_what_is_pinned_never_goes_and_comes_first() -> None:
    kept = Kept()
    for slot in (1, 2):
        kept.add(slot, [slot])
    kept.pin(Name(1, "a"), 3, [3])
    kept.use(1)
    assert [slot for slot, _ in kept.items()] == [3, 2, 1]
    assert [kept.pop(), kept.pop()] == [2, 1]
    assert not kept.can_go
    kept.unpin(Name(1, "a"))
    assert kept.pop() == 3


def test_all_names_of_an_owner_may_go_at_once() -> None:
    kept = Kept()
    for slot, name in enumerate([Name(1, "a"), Name(1, "b"), Name(2, "a")]):
        kept.pin(name, slot, [slot])
    kept.unpin(Name(1, ""))
    assert kept.pinned == {Name(2, "a"): 2}
    assert [slot for slot, _ in kept.items()] == [2, 0, 1]


def test_what_was_evaluated_with_other_adapters_is_not_there() -> None:
    kept = Kept()
    kept.add(1, [1])
    kept.add(2, [2], (0.5,))
    assert list(kept.items()) == [(1, [1])]
    assert list(kept.items((0.5,))) == list(kept.items((0.5,), [1, 2])) == [(2, [2])]
    assert list(kept.items((1.0,))) == list(kept.items((0.5,), [1])) == []


def test_a_prefix_is_shared_if_it_is_long_enough_and_can_be_divided() -> None:
    prompt, yes, no = list(range(40)), lambda slot: True, lambda slot: False
    assert longest(prompt, [(1, prompt[:15])], yes) == (None, 0)
    assert longest(prompt, [(1, prompt[:16])], no) == (1, 16)
    held = [(1, prompt[:20]), (2, [*prompt[:30], 99])]
    assert longest(prompt, held, yes) == (2, 30)
    assert longest(prompt, held, no) == (1, 20)  # all of it
    assert longest(prompt, [(1, prompt)], yes) == (1, 39)  # one token must be evaluated
    assert longest(prompt, [(1, prompt)], no) == (None, 0)


@given(TOKENS.map(tuple), st.lists(TOKENS.map(tuple), max_size=4), st.sets(st.integers(0, 3)))
def test_the_longest_that_can_be_shared(
    prompt: tuple[int, ...], held: list[tuple[int, ...]], whole: set[int]
) -> None:
    slot, length = longest(prompt * 3, enumerate(each * 3 for each in held), lambda slot: slot not in whole)
    candidates = {at: min(common(prompt * 3, each * 3), len(prompt) * 3 - 1) for at, each in enumerate(held)}
    fit = [n for at, n in candidates.items() if n >= 16 and (at not in whole or n == len(held[at]) * 3)]
    assert length == max(fit, default=0)
    assert slot is None if not fit else candidates[slot or 0] == length
