"""Pace: a chunk of a prompt is as large as running answers can bear."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genkit.local.pace import STALL, Pace


def seconds(answering: int, prompt: int) -> float:
    """A machine on which an answer's token takes 10 ms, two take 12, and a prompt's 1 ms each."""
    return 0.008 + 0.002 * answering + 0.001 * prompt


def test_a_step_with_a_chunk_takes_as_long_as_it_may() -> None:
    pace = Pace(512)
    for _ in range(20):
        pace.observe(2, 0, seconds(2, 0))
        chunk = pace.chunk(2, 2)
        pace.observe(2, chunk, seconds(2, chunk))
    assert chunk > 10
    assert 0.9 * STALL < seconds(2, chunk) / seconds(2, 0) <= STALL + 0.001


def test_the_first_chunk_is_bounded_by_what_prompts_took_before() -> None:
    pace = Pace(512)
    pace.observe(0, 100, 0.8)
    pace.observe(1, 0, 0.01)
    assert pace.chunk(1, 1) == int((STALL - 1) * 0.01 / 0.008)


def test_it_follows_a_machine_that_becomes_slower_at_prompts() -> None:
    pace = Pace(512)
    pace.observe(1, 0, 0.01)
    pace.observe(1, 10, 0.02)
    before = pace.chunk(1, 1)
    for _ in range(9):
        pace.observe(1, 10, 0.04)
    assert 3 * pace.chunk(1, 1) <= before + 3


def test_where_many_are_about_to_answer_a_chunk_may_take_as_long_as_their_steps_will() -> None:
    pace = Pace(512)
    pace.observe(1, 0, seconds(1, 0))
    pace.observe(8, 0, seconds(8, 0))
    pace.observe(1, 10, seconds(1, 10))
    assert seconds(1, pace.chunk(1, 8)) <= STALL * seconds(8, 0) + 0.001
    assert pace.chunk(1, 8) > 2 * pace.chunk(1, 1)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 600), st.floats(0, 9)), max_size=30),
    st.integers(1, 9),
)
def test_a_chunk_is_never_nothing_nor_more_than_a_batch(
    seen: list[tuple[int, int, float]], running: int
) -> None:
    pace = Pace(512)
    for answering, prompt, took in seen:
        pace.observe(answering, prompt, took)
        assert 1 <= pace.chunk(answering, running) <= 512
