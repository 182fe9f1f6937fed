"""The scheduler: first come, first served, within its slots and its batch."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from genkit.local.scheduler import Scheduler
from genkit.local.sequence import Sequence
from genkit.local.slots import Slots


def sequence(call: int, size: int, answers: int = 1) -> Sequence:
    return Sequence(call, list(range(size)), [], answers)


class Served(RuleBasedStateMachine):
    """Sequences come, are evaluated and sampled, and go, as an engine does it, but in any order."""

    @initialize(slots=st.integers(1, 4), batch=st.integers(1, 12))
    def start(self, slots: int, batch: int) -> None:
        self.slots, self.batch = slots, batch
        self.scheduler = Scheduler(Slots(slots), batch)
        self.alive: list[Sequence] = []  # in the order they came
        self.seen: dict[int, list[int]] = {}  # the tokens of a call that were evaluated
        self.calls = 0

    @rule(size=st.integers(1, 30), answers=st.integers(1, 4))
    def add(self, size: int, answers: int) -> None:
        self.calls += 1
        new = sequence(self.calls, size, answers)
        self.scheduler.add(new)
        self.alive.append(new)
        self.seen[self.calls] = []

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 30))
    def remove(self, which: int) -> None:
        """At any moment: it waits, is half evaluated, or was sampled."""
        self.go(self.alive[which % len(self.alive)])

    def go(self, one: Sequence) -> None:
        was_running = one in self.scheduler.running
        free = self.slots - len(self.scheduler.running)
        self.scheduler.remove(one)
        self.scheduler.remove(one)  # again, as a cancellation that comes too late does
        self.alive.remove(one)
        assert self.slots - len(self.scheduler.running) == free + was_running

    @rule()
    def aborted(self) -> None:
        """A step that was planned but not made changes nothing about the next."""
        assert self.scheduler.plan() == self.scheduler.plan()

    @rule()
    def step(self) -> None:
        work = self.scheduler.plan()
        assert bool(work) == bool(self.alive)
        assert sum(size for _, size, _ in work) <= self.batch
        assert [w.sequence.call for w in work] == sorted({w.sequence.call for w in work})
        if work:
            assert work[0].sequence is self.alive[0]  # the oldest always gets on
        for one, size, sample in work:
            assert size > 0
            self.seen[one.call] += one.tokens[one.evaluated : one.evaluated + size]
            one.evaluated += size
            assert sample == (one.evaluated == len(one.tokens))
            if sample and one.generated == one.max_tokens:
                assert self.seen[one.call] == one.tokens  # each token once, and in order
                self.go(one)
            elif sample:
                one.tokens.append(1000 + one.generated)

    @invariant()
    def nobody_is_lost_and_the_first_run(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        assert self.scheduler.everyone() == self.alive
        running = self.scheduler.running
        assert running == self.alive[: len(running)]
        slots = [one.slot for one in running]
        assert len(slots) == len(set(slots)) <= self.slots
        assert set(slots) <= set(range(self.slots))

    def teardown(self) -> None:
        """Everyone is served in the end."""
        if hasattr(self, "scheduler"):
            most = sum(len(one.tokens) + one.max_tokens for one in self.alive)
            for _ in range(most):
                self.step()
            assert not self.alive


TestServed = Served.TestCase
TestServed.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_long_prompt_does_not_stall_an_answer_that_came_before() -> None:
    scheduler = Scheduler(Slots(2), batch=8)
    first, second = sequence(1, 3), sequence(2, 100)
    scheduler.add(first)
    assert scheduler.plan() == [(first, 3, True)]
    first.evaluated = 3
    first.tokens.append(9)
    scheduler.add(second)
    assert scheduler.plan() == [(first, 1, True), (second, 7, False)]


def test_a_freed_slot_goes_to_whoever_waits_longest() -> None:
    scheduler = Scheduler(Slots(1), batch=8)
    first, second, third = (sequence(call, 2) for call in (1, 2, 3))
    for one in (first, second, third):
        scheduler.add(one)
    scheduler.plan()
    scheduler.remove(first)
    assert [work.sequence for work in scheduler.plan()] == [second]
    assert second.slot == first.slot


def test_nothing_to_do_is_no_work() -> None:
    scheduler = Scheduler(Slots(1), batch=8)
    assert scheduler.plan() == []
    scheduler.remove(sequence(1, 2))  # nobody it knows
    assert scheduler.plan() == []
