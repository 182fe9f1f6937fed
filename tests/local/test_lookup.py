"""Guesses from what was said before, and how much of them it pays to evaluate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.local.lookup import LENGTH, HitRates, Lookup
from genkit.local.plan import Work
from genkit.local.sequence import Sequence
from genkit.local.speculation import FEW, TOTALS, Costs, Foreseen, Speculation

few_tokens = st.lists(st.integers(0, 3), max_size=60)


def lookup(tokens: list[int], **chances: float) -> Lookup:
    return Lookup(tokens, HitRates(**chances))


# --- guesses


def test_a_sequence_is_guessed_to_go_on_as_it_did_before() -> None:
    tokens = [1, 2, 3, 4, 5, 6, 9, 9, 1, 2, 3]
    assert lookup(tokens).guess(tokens, 3) == [4, 5, 6]


def test_the_last_time_counts() -> None:
    tokens = [1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3]
    assert lookup(tokens).guess(tokens, 1) == [5]


def test_what_goes_round_is_guessed_to_go_on_so() -> None:
    tokens = [1, 2, 3, 4, 1, 2, 3]
    assert lookup(tokens).guess(tokens, 9) == [4, 1, 2, 3, 4, 1, 2, 3, 4]
    assert lookup([7] * 4).guess([7] * 4, 5) == [7] * 5


def test_without_a_repetition_there_is_no_guess() -> None:
    for tokens in ([], [1], [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 9, 1, 2]):
        assert lookup(tokens).guess(tokens, 5) == []


@given(few_tokens, few_tokens, st.integers(1, 20))
def test_a_guess_is_what_followed_the_last_time(prompt: list[int], answer: list[int], size: int) -> None:
    one, tokens = lookup(prompt), list(prompt)
    for token in answer:
        tokens.append(token)
        one.follow(tokens)
    run, end = tokens[-LENGTH:], len(tokens)
    places = [at for at in range(LENGTH, end) if tokens[at - LENGTH : at] == run]
    expected = list(tokens)
    for _ in range(size if places else 0):
        expected.append(expected[len(expected) - end + places[-1]])
    assert one.guess(tokens, size) == expected[end:]


@given(few_tokens, few_tokens, st.integers(1, 5))
def test_it_makes_no_difference_how_many_tokens_are_followed_at_once(
    prompt: list[int], answer: list[int], step: int
) -> None:
    at_once, by_steps, tokens = lookup(prompt), lookup(prompt), [*prompt, *answer]
    at_once.follow(tokens)
    for end in (*range(len(prompt), len(tokens), step), len(tokens)):
        by_steps.follow(tokens[:end])
    assert by_steps.guess(tokens, 9) == at_once.guess(tokens, 9)
    assert by_steps.expected(7) == at_once.expected(7)


@given(few_tokens, few_tokens, st.integers(1, 30))
def test_no_more_and_no_less_is_expected_than_can_be(prompt: list[int], answer: list[int], size: int) -> None:
    one = lookup(prompt)
    one.follow([*prompt, *answer])
    assert 0 < one.expected(size) < size
    assert one.expected(size) < one.expected(size + 1)


def test_right_guesses_raise_what_is_expected_and_wrong_ones_lower_it() -> None:
    period = [1, 2, 3, 4, 5, 6, 7, 8]
    one = lookup(period)
    first = one.expected(7)
    one.follow(period * 4)
    assert one.expected(7) > 5 > first
    wrong = [token for n in range(10, 20) for token in (1, 2, 3, n)]  # after 1, 2, 3 never the same again
    other = lookup(period)
    other.follow([*period, *wrong, 1, 2, 3])
    assert other.expected(7) < first / 2


def test_a_guess_that_is_wrong_after_right_ones_makes_the_next_less_likely_to_go_on() -> None:
    one = lookup(period := [1, 2, 3, 4, 5, 6, 7, 8])
    one.follow(period * 4)
    before = one.rates.running
    one.follow([*period * 4, 9])
    assert one.rates.running < before


def test_however_long_it_goes_round_a_wrong_guess_is_not_ruled_out() -> None:
    one = lookup([7] * 4)
    one.follow([7] * 5000)
    assert 14 < one.expected(15) < 15


def test_what_to_expect_lies_between_what_two_answers_taught() -> None:
    mean = HitRates(0.2, 0.4).mean(HitRates(0.4, 0.8))
    assert (mean.fresh, mean.running) == pytest.approx((0.3, 0.6))


# --- how much pays


def answering(call: int = 1, prompt: tuple[int, ...] = (1, 2, 3, 4) * 9, most: int = 999) -> Work:
    """The work for a sequence that has said one token, and may say so many more."""
    sequence = Sequence(call, list(prompt[:-1]), [], most + 1)
    sequence.tokens.append(prompt[-1])
    return Work(sequence, 1, True)


def sizes(speculation: Speculation, *work: Work, room: int = 999, longest: int = 999) -> list[int]:
    speculation.draft(list(work), room, longest)
    return [len(each.sequence.draft) for each in work]


class Priced:
    """Costs that are known."""

    def __init__(self, row: float) -> None:
        self.row = row

    def observe(self, rows: int, seconds: float) -> None: ...

    def seconds(self, rows: int) -> float:
        return 1 + (rows - 1) * self.row


def priced(row: float) -> Speculation:
    return Speculation(Priced(row))  # type: ignore[arg-type]


def test_a_draft_is_long_where_rows_are_cheap_and_none_where_they_are_dear() -> None:
    assert sizes(priced(0), answering()) == [15]
    assert sizes(priced(0.9), answering()) == [0]
    certain = answering()
    speculation = priced(0.3)
    short = sizes(speculation, certain)
    certain.sequence.tokens += [1, 2, 3, 4] * 20  # as guessed
    assert short < sizes(speculation, certain)


def test_a_draft_is_what_came_before() -> None:
    work = answering(prompt=(1, 2, 3, 4, 5, 1, 2, 3))
    priced(0).draft([work], 999, 999)
    assert work.sequence.draft == [4, 5, 1, 2, 3] * 3


class Expecting:
    """A constraint that leads to expect some tokens, and is asked for nothing else."""

    def __init__(self, tokens: list[int]) -> None:
        self.tokens = tokens

    def guess(self) -> list[int]:
        return self.tokens


def foreseen(tokens: list[int]) -> Work:
    work = answering(prompt=tuple(range(100, 130)))  # nothing of which comes twice
    work.sequence.constraint = Expecting(tokens)  # type: ignore[assignment]
    return work


def test_what_a_form_leads_to_expect_is_the_draft_as_long_as_it_is_right() -> None:
    work, speculation = foreseen([7, 8, 9]), priced(0.3)
    assert sizes(speculation, work) == [3]
    assert work.sequence.draft == [7, 8, 9]
    for token in range(200, 230):
        work.sequence.tokens.append(token)
        last = sizes(speculation, work)
    assert last == [0]
    other = foreseen([7, 8, 9])  # another answer, and it holds for it too
    assert sizes(speculation, other) == [0]
    for _ in range(20):
        other.sequence.tokens += [7, 8, 9]
        last = sizes(speculation, other)
    assert last == [3]


def test_each_right_token_of_what_a_form_led_to_expect_counts_and_none_after_a_wrong_one() -> None:
    def after(*said: int, forgotten: bool = False) -> float:
        forms, sequence = Foreseen(), foreseen([7, 8, 9]).sequence
        assert forms.guess(sequence) == [7, 8, 9]
        if forgotten:
            forms.forget(sequence.call)
        sequence.tokens += said
        forms.guess(sequence)
        return forms.expected(3)

    assert after(7, 8, 9) > after(7, 8) > after(7) > after() > after(1) == after(1, 8, 9)
    assert after(1, forgotten=True) == after()


def test_a_step_is_filled_up_where_that_is_cheaper_and_no_more_is_hoped_for() -> None:
    assert sizes(priced(0.1), foreseen([7, 8])) == [3]
    assert sizes(priced(0.1), foreseen([7])) == [3]
    assert sizes(priced(0.5), foreseen([7])) == [0]
    assert sizes(priced(0.05), foreseen(list(range(40, 70)))) == [15]
    assert sizes(priced(0), foreseen([7, 8, 9]), room=3) == [0]  # a token of its own takes part of it


def test_a_draft_leaves_a_token_to_choose_within_every_limit() -> None:
    for left in range(1, 20):
        fitting = [total - 1 for total in TOTALS if total <= left]
        expected = max(fitting, default=0)
        assert sizes(priced(0), answering(most=left)) == [expected]
        assert sizes(priced(0), answering(), room=left) == [expected]
        assert sizes(priced(0), answering(), longest=36 + left) == [expected]


def test_a_step_with_drafts_has_one_of_the_sizes_that_are_measured() -> None:
    for count in range(1, FEW + 1):
        work = [answering(call) for call in range(count)]
        assert count + sum(sizes(priced(0.2), *work)) in (count, *TOTALS)
    assert sum(sizes(priced(0), *(answering(call) for call in range(FEW)))) == TOTALS[-1] - FEW
    assert sizes(priced(0), *(answering(call) for call in range(FEW + 1))) == [0] * (FEW + 1)


def test_nothing_is_drafted_beside_a_prompt() -> None:
    prompt = Work(Sequence(2, [1, 2, 3, 4] * 3, [], 9), 12, True)
    assert sizes(priced(0), answering(), prompt) == [0, 0]
    last = Work(Sequence(2, [1, 2, 3, 4] * 3, [], 9), 1, True)
    assert sizes(priced(0), answering(), last) == [0, 0]


def test_who_says_nothing_twice_leaves_the_rows_to_others() -> None:
    first, second = sizes(priced(0.2), answering(1, tuple(range(40))), answering(2))
    assert first == 0
    assert 2 + second in TOTALS


def test_what_the_drafts_before_it_are_hoped_to_bring_counts_for_the_next() -> None:
    assert sizes(priced(0.2), answering(1), answering(2)) == [2, 0]
    assert sizes(priced(0), *(answering(call) for call in range(3)), room=4) == [1, 0, 0]


def test_what_one_answer_taught_the_next_begins_with() -> None:
    speculation, one = priced(0.3), answering(prompt=(1, 2, 3, 4) * 9)
    before = sizes(speculation, one)
    one.sequence.tokens += [token for n in range(10, 30) for token in (1, 2, 3, n)]
    sizes(speculation, one)
    speculation.forget(1)
    assert before > sizes(speculation, answering(2)) == [0]


# --- costs


def test_costs_are_reckoned_until_they_are_measured_twice() -> None:
    costs = Costs()
    assert costs.seconds(4) / costs.seconds(1) == pytest.approx(1.75)
    for seconds in (0.2, 0.1):
        costs.observe(1, seconds)
    assert costs.seconds(1) == 0.1
    assert costs.seconds(4) == pytest.approx(0.175)
    costs.observe(4, 9.0)  # a hiccup
    assert costs.seconds(4) == pytest.approx(0.175)
    costs.observe(4, 0.3)
    assert costs.seconds(4) == 0.3


def test_costs_are_reckoned_from_the_nearest_that_are_measured() -> None:
    costs = Costs()
    for rows, seconds in ((1, 0.1), (8, 0.4)):
        costs.observe(rows, seconds)
        costs.observe(rows, seconds)
    assert costs.seconds(9) == pytest.approx(0.4 * 3 / 2.75)
    assert costs.seconds(2) == pytest.approx(0.1 * 1.25)


def test_what_is_measured_late_counts_too() -> None:
    costs = Costs()
    for _ in range(1000):
        costs.observe(1, 0.1)
    assert costs.seconds(1) == 0.1


def test_what_did_not_pay_with_fewer_threads_says_nothing_of_more() -> None:
    speculation, work = Speculation(), answering()

    def measured(threads: int, each: float) -> None:
        for rows in (1, *TOTALS):
            for _ in range(2):
                speculation.observe(rows, 0.1 + each * rows, threads)

    measured(2, 0.001)
    assert sizes(speculation, work) != [0]
    measured(1, 1.0)
    assert sizes(speculation, work) == [0]
    speculation.observe(1, 0.1, 2)  # the other program is gone
    assert sizes(speculation, work) != [0]


def test_what_did_not_pay_is_tried_again_after_a_while() -> None:
    costs = Costs()
    speculation, work = Speculation(costs), answering()
    for _ in range(2):
        costs.observe(1, 0.01)
        for rows in TOTALS:
            costs.observe(rows, 1.0)
    for _ in range(100):
        assert sizes(speculation, work) == [0]
        speculation.observe(1, 0.01)
    for _ in range(200):
        speculation.observe(1, 0.01)
    assert sizes(speculation, work) != [0]


def test_costs_follow_a_machine_that_becomes_slower() -> None:
    costs = Costs()
    for seconds in (0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2):
        costs.observe(1, seconds)
    assert costs.seconds(1) == 0.2
