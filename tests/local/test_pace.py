"""Pace: a chunk of a prompt is as large as running answers can bear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.local.pace import FIRST, GATHER, LONGEST, REFRESH, ROWS, STALL, Pace

COST = 0.001


def seconds(answering: int, prompt: int) -> float:
    """A machine on which an answer's token takes 10 ms, two take 12, and a prompt's 1 ms each."""
    return 0.008 + 0.002 * answering + COST * prompt


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


def test_before_anything_was_measured_a_chunk_is_small() -> None:
    assert Pace(512).chunk(1, 1) == FIRST
    assert Pace(8).chunk(1, 1) == 8


def test_a_chunk_is_a_token_at_least_and_a_batch_at_most() -> None:
    for each, chunk in ((1.0, 1), (1e-9, 511), (0.0, 512)):
        pace = Pace(512)
        pace.observe(1, 0, 0.01)
        pace.observe(1, 10, 0.01 + 10 * each)
        assert pace.chunk(1, 1) == chunk


def test_now_and_then_a_step_is_taken_without_prompts_but_never_one_without_anything() -> None:
    pace = Pace(512)
    pace.observe(1, 0, seconds(1, 0))
    for _ in range(REFRESH):
        assert pace.chunk(1, 1)
        pace.observe(1, 4, seconds(1, 4))
    assert pace.chunk(1, 1) == 0
    assert pace.chunk(0, 1)  # nobody in the step would answer


def test_a_prompt_waits_for_others_for_a_small_part_of_what_it_takes() -> None:
    pace = Pace(512)
    assert pace.patience(100) == 0  # nobody knows what it takes
    pace.observe(0, 100, 0.1)
    assert pace.patience(10) == GATHER * 0.01
    assert pace.patience(100000) == LONGEST


def test_it_follows_a_machine_that_becomes_slower_at_prompts() -> None:
    pace = Pace(512)
    pace.observe(1, 0, 0.01)
    pace.observe(1, 10, 0.02)
    before = pace.chunk(1, 1)
    for _ in range(9):
        pace.observe(1, 10, 0.04)
    assert 3 * pace.chunk(1, 1) <= before + 3


def test_it_looks_now_and_then_what_answers_take_that_have_grown_longer() -> None:
    pace, took = Pace(512), []
    pace.observe(4, 0, 0.05)
    for step in range(400):
        alone = 0.05 + 0.0002 * step
        chunk = pace.chunk(4, 4)
        pace.observe(4, chunk, alone + chunk * 0.002)
        took.append((alone + chunk * 0.002) / alone)
    assert 0.8 * STALL < max(took[-50:]) <= STALL
    assert 1 <= took[-50:].count(1) <= 3


def test_where_many_are_about_to_answer_a_chunk_may_take_as_long_as_their_steps_will() -> None:
    pace = Pace(512)
    pace.observe(1, 0, seconds(1, 0))
    pace.observe(8, 0, seconds(8, 0))
    pace.observe(1, 10, seconds(1, 10))
    assert seconds(1, pace.chunk(1, 8)) <= STALL * seconds(8, 0) + 0.001
    assert pace.chunk(1, 8) > 2 * pace.chunk(1, 1)


def test_what_eight_answers_will_take_is_reckoned_before_it_was_seen() -> None:
    pace = Pace(512)
    pace.observe(0, 100, 100 * COST)
    pace.observe(1, 0, seconds(1, 0))
    assert pace.chunk(1, 8) > 2 * pace.chunk(1, 1)
    assert seconds(1, pace.chunk(1, 8)) <= STALL * seconds(8, 0) + 0.001


def test_a_step_that_took_less_than_one_without_prompts_is_soon_forgotten() -> None:
    pace = Pace(512)
    pace.observe(0, 100, 100 * COST)
    for _ in range(9):
        pace.observe(1, 0, seconds(1, 0))
        pace.observe(1, 10, seconds(1, 10))
    patience, chunk = pace.patience(100), pace.chunk(1, 8)
    pace.observe(1, 4, 0.9 * seconds(1, 0))  # what was measured has noise
    assert (pace.patience(100), pace.chunk(1, 8)) == (patience, chunk)


def test_answers_that_were_not_seen_take_a_part_of_what_a_step_with_prompts_took() -> None:
    pace = Pace(512)
    pace.observe(1, 0, 0.01)
    pace.observe(5, 6, 0.02)  # ten more tokens than a step of one
    assert pace.patience(100) == pytest.approx(GATHER * 100 * COST)


def test_answers_and_chunk_fill_the_rows_that_are_multiplied_together() -> None:
    pace = Pace(512)
    pace.observe(0, 100, 100 * COST)
    for answering in range(1, 9):
        pace.observe(answering, 0, seconds(answering, 0))
        assert (answering + pace.chunk(answering, answering)) % ROWS == 0


def test_what_is_left_over_beside_answers_is_used_where_it_is_all_that_may_be() -> None:
    pace = Pace(512)
    pace.observe(4, 0, 0.01)
    pace.observe(4, 10, 0.01 + 10 * 0.004)
    assert pace.chunk(4, 4) == 3


def test_what_answers_take_is_what_about_as_many_took() -> None:
    pace = Pace(512)
    pace.observe(0, 100, 100 * COST)
    for answering, took in ((1, 0.01), (8, 0.1)):
        pace.observe(answering, 0, took)
    assert pace.chunk(2, 2) < 20
    assert pace.chunk(7, 7) > 100


def test_a_prompt_that_has_grown_long_is_not_what_an_answer_will_cost() -> None:
    pace = Pace(512)
    pace.observe(4, 0, 0.05)
    pace.observe(4, 8, 0.05 + 8 * 0.008)
    for _ in range(9):
        pace.observe(4, 2, 0.05 + 2 * 0.06)
    assert pace.chunk(4, 5) <= 1 + (STALL * 0.058 - 0.05) / 0.06


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 600), st.floats(0, 9)), max_size=30),
    st.integers(1, 9),
)
def test_a_chunk_is_seldom_nothing_and_never_more_than_a_batch(
    seen: list[tuple[int, int, float]], running: int
) -> None:
    pace = Pace(512)
    for answering, prompt, took in seen:
        pace.observe(answering, prompt, took)
        chunk = pace.chunk(answering, running)
        assert 0 <= chunk <= 512
        if not chunk:
            pace.observe(answering, 0, took)
            assert pace.chunk(answering, running)
