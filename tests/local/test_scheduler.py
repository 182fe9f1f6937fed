"""The scheduler: first come, first served, within its ids, its room and its batch."""

from __future__ import annotations

import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from genkit.errors import BadRequest, ContextOverflow
from genkit.local import prefixes
from genkit.local.pins import outstanding
from genkit.local.plan import Cut, Forget, Move, Park, Plan, Share, Shift, Work
from genkit.local.prefixes import WORTHWHILE, Name, common
from genkit.local.scheduler import Scheduler
from genkit.local.sequence import Sequence
from genkit.local.slots import Slots
from genkit.local.turns import TURN, Turns


def short_turns() -> Turns:
    """Each of a step."""
    return Turns(itertools.count().__next__)


def sequence(call: int, size: int, answers: int = 1, *, first: int = 0) -> Sequence:
    return Sequence(call, list(range(first, first + size)), [], answers)


def scheduler(*, ids: int = 4, room: int = 1000, parallel: int = 2, batch: int = 8) -> Scheduler:
    return Scheduler(Slots(ids, room), parallel=parallel, batch=batch, turns=short_turns())


def do(one: Scheduler, plan: Plan) -> list[Work]:
    """Evaluate what was planned, and sample."""
    one.done(plan.work)
    for work in plan.work:
        if work.sample:
            work.sequence.tokens.append(-work.sequence.generated - 1)
    return plan.work


def fail(one: Scheduler, sequence: Sequence) -> None:
    """It cannot go on, and nothing of it is kept."""
    one.lost(sequence, 0)
    one.remove(sequence)


class Served(RuleBasedStateMachine):
    """Sequences come, are evaluated and sampled, and go, as an engine does it, but in any order.

    ``cache`` is what llama.cpp would hold: for each id its cells, of which each is a token at a place.
    """

    @initialize(
        parallel=st.integers(1, 4),
        kept=st.integers(0, 3),
        room=st.integers(40, 120),
        batch=st.integers(8, 40),
        parks=st.sampled_from([True, True, False]),
    )
    def start(self, parallel: int, kept: int, room: int, batch: int, parks: bool) -> None:
        self.parallel, self.room, self.batch = parallel, room, batch
        self.idle, prefixes.IDLE = prefixes.IDLE, 1  # prompts are short here
        self.slots = Slots(parallel + kept, room)
        self.scheduler = Scheduler(
            self.slots,
            parallel=parallel,
            batch=batch,
            names=kept,
            intact=self.is_intact,
            parks=lambda _: parks,
            restores=self.restore,
            turns=short_turns(),
        )
        self.parked: list[Park] = []
        self.pinned: dict[Name, list[int]] = {}
        self.cache: dict[int, list[list[object]]] = {slot: [] for slot in range(parallel + kept)}
        self.alive: list[Sequence] = []
        self.broken: set[int] = set()
        self.calls = self.waited = 0
        self.oldest: Sequence | None = None

    def is_intact(self, slot: int) -> bool:
        return slot not in self.broken

    @rule(
        parts=st.lists(st.integers(0, 2), min_size=1, max_size=4),
        answers=st.integers(1, 30),
        keep=st.sampled_from([None, None, *(Name(owner, name) for owner in (1, 2) for name in "ab")]),
        head=st.none() | st.integers(0, 50),
        scales=st.tuples(st.integers(0, 6).map(float)),
    )
    def add(
        self, parts: list[int], answers: int, keep: Name | None, head: int | None, scales: tuple[float, ...]
    ) -> None:
        """Prompts of blocks that others may begin with, too; some are to be pinned."""
        self.calls += 1
        tokens = [part * 100 + at for part in parts for at in range(18)]
        new = Sequence(self.calls, tokens[: self.room - 1], [], answers, keep=keep, scales=scales)
        new.head = head
        self.scheduler.add(new)
        self.alive.append(new)

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 30), keep=st.booleans())
    def remove(self, which: int, keep: bool) -> None:
        """At any moment: it waits, is half evaluated, or was sampled."""
        one = self.alive[which % len(self.alive)]
        if not keep and one in self.scheduler.running:
            self.cache[one.slot] = []
            self.scheduler.lost(one, 0)
        self.go(one)

    def go(self, one: Sequence) -> None:
        self.scheduler.remove(one)
        self.scheduler.remove(one)  # again, as a cancellation that comes too late does
        self.alive.remove(one)

    @rule(name=st.sampled_from([Name(1, "a"), Name(2, "b"), Name(1, ""), Name(2, "")]))
    def unpin(self, name: Name) -> None:
        self.scheduler.unpin(name)
        for one in list(self.pinned):
            if one == name or (not name.name and one.owner == name.owner):
                del self.pinned[one]

    @rule(slot=st.integers(0, 3))
    def slide(self, slot: int) -> None:
        """What an id holds can be shared as a whole only from now on."""
        self.broken ^= {slot}

    @precondition(lambda self: self.scheduler.running)
    @rule(which=st.integers(0, 9), share=st.floats(0, 1))
    def abort(self, which: int, share: float) -> None:
        """A step was stopped, and took some of what was evaluated with it."""
        one = self.scheduler.running[which % len(self.scheduler.running)]
        remaining = int(one.evaluated * share)
        self.cache[one.slot] = self.cache[one.slot][:remaining]
        self.scheduler.lost(one, remaining)

    @rule()
    def step(self) -> None:
        self.move(self.scheduler.plan(lambda answering, running: 9).moves)  # planned, and not made
        moves, work = self.scheduler.plan(lambda answering, running: 9)
        self.move(moves)
        while self.scheduler.refused:
            for one, error in self.scheduler.refused:
                assert isinstance(error, (BadRequest, ContextOverflow))
                assert self.pinned or one.keep
                self.alive.remove(one)
            self.scheduler.refused.clear()
            moves, work = self.scheduler.plan(lambda answering, running: 9)
            self.move(moves)
        assert bool(work) == bool(self.alive)
        assert sum(size for _, size, _ in work) <= self.batch
        assert len({id(w.sequence) for w in work}) == len(work)
        assert len({w.sequence.scales for w in work}) <= 1
        self.waited += 1
        if not self.alive or self.alive[0] in [w.sequence for w in work] or self.alive[0] is not self.oldest:
            self.oldest, self.waited = self.alive[0] if self.alive else None, 0
        assert self.waited < self.parallel  # each of the others has its turn before the oldest again
        for one, size, sample in work:
            self.evaluate(one, size)
            assert sample == (one.evaluated + size == len(one.tokens))
        self.move(self.scheduler.done(work))
        for one, _, sample in work:
            if sample and one.keep and not one.generated:
                self.pinned[one.keep] = list(one.tokens)
            assert self.cache[one.slot] == [[token, one.scales] for token in one.tokens[: one.evaluated]]
            if sample and one.generated == one.max_tokens:
                self.go(one)
            elif sample:
                one.tokens.append(1000 * one.call + one.generated)
                if len(one.tokens) >= self.room and not self.scheduler.shorten(one):
                    self.go(one)
        self.move(self.scheduler.take_moves())

    def restore(self, sequence: Sequence) -> None:
        """What was set aside last and begins like it is loaded."""
        for park in reversed(self.parked):
            if park.scales == sequence.scales and common(park.tokens, sequence.tokens) >= WORTHWHILE:
                slot = self.scheduler.restore(sequence, park.tokens)
                self.move(self.scheduler.take_moves())
                if slot is not None:
                    assert self.cache[slot] == []
                    self.cache[slot] = [[token, park.scales] for token in park.tokens]
                    self.parked.remove(park)
                return

    def move(self, moves: list[Move]) -> None:
        for move in moves:
            if isinstance(move, Park):
                assert self.cache[move.slot] == [[token, move.scales] for token in move.tokens]
                assert move.slot not in [one.slot for one in self.scheduler.running]
                self.cache[move.slot] = []
                self.parked.append(move)
                continue
            if isinstance(move, Forget | Cut):
                start = move.start if isinstance(move, Cut) else 0
                self.cache[move.slot] = self.cache[move.slot][:start]
                continue
            if isinstance(move, Shift):
                slot, start, length = move
                moving = {id(cell) for cell in self.cache[slot][start + length :]}
                others = [held for other, held in self.cache.items() if other != slot]
                assert not moving & {id(cell) for held in others for cell in held}
                assert len(self.cache[slot]) >= start + length
                del self.cache[slot][start : start + length]
                continue
            source, slot, length = move
            assert not self.cache[slot]
            assert length == len(self.cache[source]) or self.is_intact(source)
            self.cache[slot] = self.cache[source][:length]

    def evaluate(self, one: Sequence, size: int) -> None:
        cells = self.cache[one.slot]
        assert len(cells) == one.evaluated < len(one.tokens)
        assert size > 0
        cells += [[token, one.scales] for token in one.tokens[one.evaluated : one.evaluated + size]]
        used = {id(cell) for held in self.cache.values() for cell in held}
        assert len(used) <= self.room

    @invariant()
    def nobody_is_lost_and_the_first_run(self) -> None:
        if not hasattr(self, "scheduler"):
            return
        assert self.scheduler.everyone() == self.alive
        running = self.scheduler.running
        assert len(running) <= self.parallel
        ids = [one.slot for one in running]
        assert len(ids) == len(set(ids))

    @invariant()
    def what_is_pinned_stays(self) -> None:
        if hasattr(self, "scheduler"):
            pinned = self.scheduler._kept.pinned
            for name in {one.keep for one in self.scheduler.running if not one.pinned} - {*pinned}:
                self.pinned.pop(name, None)  # it made room for what is to have its name
            assert {n: [token for token, _ in self.cache[slot]] for n, slot in pinned.items()} == self.pinned

    @invariant()
    def the_books_are_right(self) -> None:
        if hasattr(self, "scheduler") and not self.scheduler._moves:
            used = {id(cell) for held in self.cache.values() for cell in held}
            assert self.slots.left == self.room - len(used)

    def teardown(self) -> None:
        """Everyone is served in the end."""
        if not hasattr(self, "scheduler"):
            return
        prefixes.IDLE = self.idle
        most = sum(len(one.tokens) + one.max_tokens for one in self.alive) * (len(self.alive) + 1)
        most *= self.parallel
        while self.alive and most:
            self.step()
            most -= 1
        assert not self.alive


TestServed = Served.TestCase
TestServed.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_a_long_prompt_does_not_stall_an_answer_that_came_before() -> None:
    one, first, second = scheduler(), sequence(1, 3), sequence(2, 100, first=500)
    one.add(first)
    assert do(one, one.plan()) == [(first, 3, True)]
    one.add(second)
    assert do(one, one.plan(lambda answering, running: 5)) == [(first, 1, True), (second, 5, False)]
    assert do(one, one.plan()) == [(first, 1, True), (second, 7, False)]


def test_only_beside_answers_is_asked_how_much_of_prompts_may_be_evaluated() -> None:
    one, first, second = scheduler(), sequence(1, 3, 9), sequence(2, 20, first=500)
    asked = list[tuple[int, int]]()

    def nothing(answering: int, running: int) -> int:
        asked.append((answering, running))
        return 0

    one.add(first)
    assert do(one, one.plan(nothing)) == [(first, 3, True)]
    assert asked == []
    one.add(second)
    assert do(one, one.plan(nothing)) == [(first, 1, True)]
    assert asked == [(1, 2)]


def test_a_short_prompt_overtakes_a_long_one_that_goes_on_with_half_of_the_chunk() -> None:
    one, long, short = scheduler(), sequence(1, 100), sequence(2, 6, first=500)
    one.add(long)
    one.add(short)
    assert do(one, one.plan()) == [(long, 4, False), (short, 4, False)]
    assert do(one, one.plan()) == [(long, 6, False), (short, 2, True)]


def test_prompts_that_two_steps_can_evaluate_answer_together() -> None:
    one = scheduler(parallel=4)
    calls = [sequence(call, 4, 9, first=call * 100) for call in range(3)]
    for each in calls:
        one.add(each)
    first, second, third = calls
    assert do(one, one.plan()) == [(first, 3, False), (second, 3, False), (third, 2, False)]
    together = [(first, 1, True), (second, 1, True)]
    assert do(one, one.plan()) == [*together, (third, 2, True)]
    one.add(fourth := sequence(4, 10, first=900))
    answers = [*together, (third, 1, True)]
    assert do(one, one.plan(lambda answering, running: 9)) == [*answers, (fourth, 5, False)]


def test_prompts_answer_in_the_first_step_if_it_takes_all_and_in_the_second_if_both_do() -> None:
    def planned(one_size: int, other_size: int) -> list[tuple[int, int, bool]]:
        one = scheduler()
        one.add(sequence(1, one_size))
        one.add(sequence(2, other_size, first=500))
        steps = [do(one, one.plan()) for _ in range(2)]
        return [(w.sequence.call, w.size, w.sample) for step in steps for w in step][:4]

    assert planned(4, 4) == [(1, 4, True), (2, 4, True), (1, 1, True), (2, 1, True)]
    assert planned(1, 10) == [(2, 8, False), (1, 1, True), (2, 2, True)]
    assert planned(8, 8) == [(1, 7, False), (2, 1, False), (1, 1, True), (2, 7, True)]
    assert planned(8, 9) == [(1, 8, True), (1, 1, True), (2, 7, False)]


def test_the_rest_of_a_long_prompt_and_one_that_has_come_since_answer_together() -> None:
    one, long, short = scheduler(), sequence(1, 30), sequence(2, 2, first=500)
    one.add(long)
    for _ in range(2):
        assert do(one, one.plan()) == [(long, 8, False)]
    one.add(short)
    assert do(one, one.plan()) == [(long, 7, False), (short, 1, False)]
    assert do(one, one.plan()) == [(short, 1, True), (long, 7, True)]


def test_a_prompt_that_takes_longer_keeps_no_other_from_its_answer() -> None:
    one = scheduler(parallel=4)
    calls = [sequence(call, 5, 9, first=call * 100) for call in range(2)]
    for each in calls:
        one.add(each)
    first, second = calls
    assert do(one, one.plan()) == [(first, 4, False), (second, 4, False)]
    one.add(long := sequence(3, 50, first=900))
    assert do(one, one.plan()) == [(first, 1, True), (second, 1, True), (long, 6, False)]


def test_prompts_that_keep_coming_keep_no_other_from_its_answer() -> None:
    one = scheduler(parallel=4)
    first, second, third, fourth = (sequence(call, 6, 9, first=call * 100) for call in range(4))
    one.add(first)
    one.add(second)
    assert do(one, one.plan()) == [(first, 5, False), (second, 3, False)]
    one.add(third)
    assert do(one, one.plan()) == [(first, 1, True), (second, 3, True), (third, 4, False)]
    one.add(fourth)
    assert do(one, one.plan())[:2] == [(first, 1, True), (second, 1, True)]


def test_more_calls_than_a_step_has_rows_all_have_their_turn() -> None:
    one = scheduler(ids=12, parallel=12)
    calls = [sequence(call, 1, first=call * 100) for call in range(12)]
    for each in calls:
        one.add(each)
    assert [(w.sequence, w.sample) for w in do(one, one.plan())] == [(each, True) for each in calls[:8]]


def test_a_freed_place_goes_to_whoever_waits_longest() -> None:
    one = scheduler(parallel=1)
    first, second, third = (sequence(call, 2, first=call * 100) for call in (1, 2, 3))
    for each in (first, second, third):
        one.add(each)
    do(one, one.plan())
    one.remove(first)
    assert [work.sequence for work in one.plan().work] == [second]


def test_a_next_turn_goes_on_where_the_last_one_ended() -> None:
    one, turn = scheduler(batch=64), sequence(1, 30)
    one.add(turn)
    do(one, one.plan())
    do(one, one.plan())
    one.remove(turn)
    following = Sequence(2, [*turn.tokens, 7, 8, 9], [], 1)
    one.add(following)
    assert one.plan() == ([], [(following, 4, True)])  # the last token was never evaluated
    assert (following.slot, following.cached) == (turn.slot, 31)


def test_the_same_prompt_again_evaluates_its_last_token() -> None:
    one, again = scheduler(batch=64), sequence(2, 30)
    one.add(sequence(1, 30))
    (work,) = do(one, one.plan())
    one.remove(work.sequence)
    one.add(again)
    moves, work = one.plan()
    assert moves == [Share(0, again.slot, 29)]
    assert work == [(again, 1, True)]


def test_what_arrives_together_is_evaluated_once() -> None:
    one = scheduler(ids=8, parallel=4, batch=32)
    calls = [Sequence(call, [*range(40), call], [], 1) for call in (101, 102, 103, 104)]
    for each in calls:
        one.add(each)
    assert do(one, one.plan()) == [(calls[0], 32, False)]
    assert do(one, one.plan()) == [(calls[0], 9, True)]
    moves, work = one.plan()
    assert moves == [Share(calls[0].slot, each.slot, 40) for each in calls[1:]]
    assert [(w.sequence, w.size) for w in work] == [(each, 1) for each in calls]


def test_what_was_evaluated_with_other_adapters_is_of_no_use() -> None:
    one = scheduler(ids=8, parallel=4, batch=64)
    for call, scale in enumerate((1.0, 2.0, 1.0)):
        one.add(Sequence(call, list(range(40)), [], 1, scales=(scale,)))
    first, other, again = one.everyone()
    assert [(w.sequence, w.size) for w in do(one, one.plan())] == [(first, 40)]
    assert [(w.sequence, w.size) for w in do(one, one.plan())] == [(other, 40)]
    assert [(w.sequence, w.size) for w in do(one, one.plan())] == [(first, 1), (again, 1)]
    one.remove(other)
    one.add(late := Sequence(4, list(range(40)), [], 1, scales=(2.0,)))
    do(one, one.plan())
    assert (late.cached, again.cached) == (39, 39)


def test_a_turn_lasts_for_a_while_and_then_it_is_his_who_waited_longest() -> None:
    now = 0.0
    one = Scheduler(Slots(8, 1000), parallel=4, batch=64, turns=Turns(lambda: now))
    for call, scale in enumerate((1.0, 2.0, 1.0, 3.0)):
        one.add(Sequence(call, [call], [], 100, scales=(scale,)))
    seen = []
    for _ in range(8):
        seen.append([w.sequence.call for w in do(one, one.plan())])
        now += TURN * 0.6
    assert seen == [[0, 2], [0, 2], [1], [1], [3], [3], [0, 2], [0, 2]]


def test_calls_that_come_with_ever_other_adapters_do_not_overtake_for_ever() -> None:
    one = scheduler(ids=4, parallel=4)
    one.add(waiting := Sequence(0, [1], [], 1000, scales=(1.0,)))
    others = [Sequence(call, [call], [], 1, scales=(call / 1000,)) for call in range(1, 200)]
    for other in others[:3]:
        one.add(other)
    coming, waited, longest = iter(others[3:]), 0, 0
    for _ in range(100):
        (work,) = do(one, one.plan())
        waited = 0 if work.sequence is waiting else waited + 1
        longest = max(longest, waited)
        if work.sequence is not waiting:
            fail(one, work.sequence)
            one.add(next(coming))
    assert longest < 4


def test_a_pin_is_of_use_to_calls_with_its_adapters() -> None:
    one = Scheduler(Slots(6, 1000), parallel=2, batch=64, names=4, turns=short_turns())
    one.add(first := Sequence(1, list(range(50)), [], 1, keep=A, scales=(1.0,)))
    do(one, one.plan())
    fail(one, first)  # what is pinned is all there is
    one.add(same := Sequence(2, list(range(50)), [], 1, scales=(1.0,)))
    one.add(other := Sequence(3, list(range(50)), [], 1, scales=(2.0,)))
    for _ in range(2):
        do(one, one.plan())
    assert (same.cached, other.cached) == (49, 0)


def test_what_was_restored_is_of_use_to_the_call_it_is_for() -> None:
    one = scheduler(ids=6)
    call = Sequence(1, list(range(50)), [], 1, scales=(1.0,))
    assert one.restore(call, list(range(40))) is not None
    one.add(call)
    do(one, one.plan())
    assert call.cached == 40


def test_room_for_what_is_pinned_is_reckoned_by_its_adapters() -> None:
    one = Scheduler(Slots(6, 100), parallel=2, batch=64, names=4, turns=short_turns())
    one.add(first := Sequence(1, list(range(40)), [], 1, keep=A, scales=(1.0,)))
    do(one, one.plan())
    fail(one, first)
    one.add(Sequence(2, list(range(80)), [], 1, scales=(1.0,)))
    assert one.plan().work
    one.add(Sequence(3, list(range(80)), [], 1, scales=(2.0,)))
    fail(one, one.running[0])
    assert not one.plan().work
    assert [(call.call, type(error)) for call, error in one.refused] == [(3, ContextOverflow)]


def test_a_prompt_with_other_adapters_does_not_stall_an_answer() -> None:
    one = scheduler(batch=64)
    answering = sequence(1, 20, 10)
    one.add(answering)
    do(one, one.plan())
    one.add(Sequence(2, list(range(60)), [], 1, scales=(1.0,)))
    asked = list[tuple[int, int]]()

    def chunk(answering: int, running: int) -> int:
        asked.append((answering, running))
        return 7

    assert [(w.sequence.call, w.size) for _ in range(4) for w in do(one, one.plan(chunk))] == [
        (1, 1),
        (2, 7),
        (1, 1),
        (2, 7),
    ]
    assert (0, 1) in asked


def test_who_waited_for_another_that_went_evaluates_it_all() -> None:
    one = scheduler(batch=32)
    calls = [Sequence(call, [*range(40), call], [], 1) for call in (101, 102)]
    for each in calls:
        one.add(each)
    do(one, one.plan())
    fail(one, calls[0])
    assert one.plan().work == [(calls[1], 32, False)]


def test_a_call_that_finds_no_room_waits_and_what_was_kept_makes_way_first() -> None:
    one = scheduler(room=100, batch=200)
    kept, large, larger = sequence(1, 40), sequence(2, 70, first=100), sequence(3, 70, first=200)
    one.add(kept)
    do(one, one.plan())
    one.remove(kept)
    one.add(large)
    one.add(larger)
    moves, work = one.plan()
    assert moves == [Forget(kept.slot)]
    assert work == [(large, 70, True)]


def test_when_answers_outgrow_the_room_the_last_that_came_goes_back_to_wait() -> None:
    one = scheduler(room=600, batch=200)
    first, second = sequence(1, 20, 9999), sequence(2, 20, 9999, first=100)
    one.add(first)
    one.add(second)
    do(one, one.plan())
    while len(one.running) == 2:
        do(one, one.plan())
    assert one.running == [first]
    assert (second.evaluated, second.slot) == (0, -1)
    assert len(second.tokens) > 280  # what it said stays said
    one.remove(first)
    assert one.plan().work == [(second, 200, False)]


A, B, C = (Name(1, name) for name in "abc")


def pinned(one: Scheduler, call: int, size: int, name: Name, *, first: int = 0) -> Sequence:
    """A call that has come and gone, and left its prompt."""
    new = Sequence(call, list(range(first, first + size)), [], 1, keep=name)
    one.add(new)
    while new not in [work.sequence for work in do(one, one.plan()) if work.sample]:
        assert not one.refused
    one.remove(new)
    return new


def roomy(*, room: int = 600, names: int = 2) -> Scheduler:
    return Scheduler(Slots(2 + names, room), parallel=2, batch=1000, names=names)


def test_what_is_pinned_outlives_what_was_used_since() -> None:
    one = roomy()
    pinned(one, 1, 100, A)
    for call in range(2, 9):  # each needs the room of those before
        one.add(other := sequence(call, 400, first=call * 1000))
        do(one, one.plan())
        one.remove(other)
    one.add(again := sequence(10, 120))
    one.plan()
    assert again.cached == 100


def test_what_is_dropped_makes_room_again() -> None:
    one = roomy()
    pinned(one, 1, 100, A)
    one.unpin(Name(1, "other"))
    one.add(large := sequence(2, 590, first=5000))
    assert one.plan().work == []
    ((refused, error),) = one.refused
    assert refused is large
    assert isinstance(error, ContextOverflow)
    assert (error.tokens, error.limit) == (590, 500)
    assert "(a)" in error.message
    one.refused.clear()
    one.unpin(A)
    one.add(large)
    assert one.plan().work == [(large, 590, True)]


def test_all_of_an_owner_goes_with_it() -> None:
    one = roomy()
    for call, name in enumerate((A, B)):
        pinned(one, call, 50, name, first=1000 * call)
    one.unpin(Name(2, ""))
    assert set(one._kept.pinned) == {A, B}
    one.unpin(Name(1, ""))
    assert not one._kept.pinned


def test_a_name_holds_the_prompt_that_had_it_last() -> None:
    one = roomy(names=1)
    pinned(one, 1, 50, A)
    pinned(one, 2, 60, A, first=1000)
    (slot,) = one._kept.pinned.values()
    assert dict(one._kept.items())[slot] == list(range(1000, 1060))


def test_a_prompt_that_begins_with_what_is_pinned_needs_room_for_the_rest_alone() -> None:
    one = roomy()
    pinned(one, 1, 300, A)
    one.add(longer := sequence(2, 590))
    assert one.plan().work == [(longer, 290, True)]


def test_a_prompt_that_would_leave_others_no_room_is_not_pinned() -> None:
    one = roomy()
    pinned(one, 1, 200, A)
    one.add(Sequence(2, list(range(1000, 1200)), [], 1, keep=B))
    assert one.plan().work == []
    assert "what is kept (a) would hold 400 of the context window's 600" in str(one.refused[0][1])
    one.refused.clear()
    one.add(Sequence(3, list(range(1000, 1200)), [], 1, keep=A))  # in the place of the other
    assert one.plan().work


def test_calls_that_come_together_pin_no_more_than_there_is_room_for() -> None:
    one = roomy()
    for call, name in ((1, A), (2, B)):
        one.add(Sequence(call, list(range(call * 1000, call * 1000 + 200)), [], 1, keep=name))
    assert [work.sequence.call for work in one.plan().work] == [1]
    assert [refused.call for refused, _ in one.refused] == [2]


def test_what_is_kept_leaves_so_much_for_calls_and_no_more() -> None:
    for room, most in ((600, 344), (100, 50)):
        for size, refused in ((most, []), (most + 1, [2])):
            one = roomy(room=room)
            one.add(sequence(1, 10, 9, first=5000))  # of which nothing is kept
            one.add(Sequence(2, list(range(size)), [], 1, keep=A))
            one.plan()
            assert [call.call for call, _ in one.refused] == refused
            for _, error in one.refused:
                assert isinstance(error, ContextOverflow)
                assert (error.tokens, error.limit) == (size, most)
                assert f"(nothing else) would hold {size} of" in error.message


def test_what_has_a_name_counts_no_more_where_another_is_to_have_it() -> None:
    one = roomy(names=1)
    for call in (1, 2):
        pinned(one, call, 340, A, first=1000 * call)


def test_of_prompts_that_are_to_have_one_name_the_longest_counts() -> None:
    one = Scheduler(Slots(6, 600), parallel=4, batch=1000, names=2)
    for call, size, name in ((1, 300, A), (2, 10, A), (3, 60, B)):
        one.add(Sequence(call, list(range(call * 1000, call * 1000 + size)), [], 1, keep=name))
    one.plan()
    assert [call.call for call, _ in one.refused] == [3]


def test_a_prompt_that_does_not_fit_is_told_how_long_it_may_be() -> None:
    one = roomy()
    pinned(one, 1, 200, A)
    pinned(one, 2, 100, B, first=1000)
    one.add(sequence(3, 500))
    one.plan()
    ((_, error),) = one.refused
    assert isinstance(error, ContextOverflow)
    assert (error.tokens, error.limit) == (500, 500)
    one.refused.clear()
    one.add(fits := sequence(4, 499))
    assert one.plan().work == [(fits, 299, True)]


def test_calls_that_come_together_may_pin_what_they_may_one_after_the_other() -> None:
    one = roomy()
    calls = [Sequence(call, [*range(250), call], [], 1, keep=name) for call, name in ((1, A), (2, B))]
    for each in calls:
        one.add(each)
    while not all(each.pinned for each in calls):
        assert do(one, one.plan())
    assert not one.refused
    assert one._slots.held(one._kept.pinned.values()) == 252


def test_calls_with_other_adapters_pin_nothing_in_common() -> None:
    one = roomy()
    for call, name in ((1, A), (2, B)):
        one.add(Sequence(call, [*range(250), call], [], 1, keep=name, scales=(float(call),)))
    one.plan()
    assert [call.call for call, _ in one.refused] == [2]


def test_prompts_that_are_pinned_share_what_they_have_in_common() -> None:
    one = roomy()
    pinned(one, 1, 200, A)
    pinned(one, 2, 250, B)
    assert len(one._kept.pinned) == 2


def test_there_are_so_many_names_and_no_more() -> None:
    one = roomy()
    for call, name in enumerate((A, B)):
        pinned(one, call, 20, name, first=1000 * call)
    one.add(Sequence(3, list(range(9000, 9020)), [], 1, keep=C))
    one.plan()
    assert "2 prompts can be kept at a time, and there are a, b;" in str(one.refused[0][1])


def test_an_answer_beside_what_is_pinned_ends_where_the_room_does() -> None:
    one = roomy()
    pinned(one, 1, 300, A)
    one.add(talker := sequence(2, 100, 9999, first=5000))
    while not one.refused:
        do(one, one.plan())
    assert [refused for refused, _ in one.refused] == [talker]
    assert talker.evaluated == 300
    assert not one.everyone()


def full(one: Scheduler, call: int, size: int, head: int, **options: object) -> Sequence:
    """A sequence of which all is evaluated but the token that was chosen last."""
    new = Sequence(call, list(range(size)), [], 9999, **options)  # type: ignore[arg-type]
    new.head = head
    one.add(new)
    while not new.generated:
        do(one, one.plan())
    return new


def test_the_older_half_after_the_head_is_dropped_and_the_rest_moves_up() -> None:
    one = roomy()
    talker = full(one, 1, 100, 20)
    assert one.shorten(talker)
    assert talker.tokens == [*range(20), *range(60, 100), -1]
    assert (talker.evaluated, talker.generated) == (60, 1)
    assert one.plan() == ([Shift(talker.slot, 20, 40)], [(talker, 1, True)])


def test_what_others_hold_does_not_move_and_is_evaluated_anew() -> None:
    one = roomy()
    talker = full(one, 1, 100, 20, keep=A)
    assert one.shorten(talker)
    moves, work = one.plan()
    assert moves == [Cut(talker.slot, 20)]
    assert work == [(talker, 41, True)]  # and the token that was chosen last
    do(one, Plan(moves, work))
    assert one.shorten(talker)  # now it holds all of it alone
    assert isinstance(one.plan().moves[0], Shift)


def test_what_was_kept_for_others_is_no_hindrance() -> None:
    one = roomy()
    first = full(one, 1, 100, 20)
    one.remove(first)
    talker = full(one, 2, 110, 20)
    assert talker.cached == 100
    assert one.shorten(talker)
    assert any(isinstance(move, Shift) for move in one.plan().moves)


def test_nobody_begins_with_what_was_evaluated_after_dropped_tokens() -> None:
    one = roomy()
    talker = full(one, 1, 100, 20)
    one.shorten(talker)
    one.add(other := Sequence(2, talker.tokens[:50], [], 1))
    one.plan()
    assert other.cached == 0
    one.remove(other)
    one.remove(talker)
    one.add(again := Sequence(3, talker.tokens[:50], [], 1))
    one.plan()
    assert again.cached == 0


def test_without_a_head_or_with_nothing_else_nothing_is_dropped() -> None:
    one = roomy()
    talker = full(one, 1, 100, 101)
    assert not one.shorten(talker)
    talker.head = None
    assert not one.shorten(talker)
    assert len(talker.tokens) == 101


def test_an_answer_that_may_go_on_does_beside_what_is_pinned() -> None:
    one = roomy()
    pinned(one, 1, 300, A)
    one.add(talker := sequence(2, 100, 2000, first=5000))
    talker.head = 10
    while talker.generated < 1999:
        do(one, one.plan())
        assert not one.refused
    assert talker.tokens[:10] == list(range(5000, 5010))
    assert talker.tokens[-1] == -1999


def test_nothing_to_do_is_no_work() -> None:
    one = scheduler()
    assert one.plan() == ([], [])
    one.remove(sequence(1, 2))  # nobody it knows
    assert one.plan() == ([], [])


def parked(*waiting: Sequence, first: Sequence, then: Sequence, parks: bool = True) -> list[Move]:
    """What is set aside when one that has ended is followed by another."""
    one = Scheduler(Slots(9, 1000), parallel=1, batch=999, names=1, parks=lambda _: parks)
    one.add(first)
    do(one, one.plan())
    one.remove(first)
    assert not one.plan().moves  # while nobody runs, nobody is slowed down
    for each in (then, *waiting):
        one.add(each)
    return [move for move in one.plan().moves if isinstance(move, Park)]


def test_what_was_left_is_set_aside_while_others_run() -> None:
    first, unlike = sequence(1, 80), sequence(2, 5, first=500)
    assert parked(first=first, then=unlike) == [(0, list(range(80)), ())]
    assert parked(first=sequence(1, 80), then=unlike, parks=False) == []
    assert parked(first=sequence(1, 63), then=unlike) == []  # too little to slow anybody down


def test_what_is_of_use_to_those_that_run_or_wait_stays() -> None:
    unlike, alike, half = sequence(2, 5, first=500), sequence(3, 90), sequence(3, 41)
    pinned = Sequence(1, list(range(80)), [], 1, keep=Name(1, "a"))
    assert parked(first=sequence(1, 80), then=alike) == []
    assert parked(first=sequence(1, 80), then=half) == []
    assert parked(alike, first=sequence(1, 80), then=unlike) == []
    assert len(parked(first=pinned, then=unlike)) == 0


def test_what_a_call_begins_with_is_loaded_no_sooner_than_it_begins() -> None:
    loaded: list[int] = []
    one = Scheduler(Slots(9, 1000), parallel=1, batch=999, restores=lambda which: loaded.append(which.call))
    calls = [sequence(call, 90, first=500 * call) for call in (1, 2)]
    for each in calls:
        one.add(each)
    for _ in range(3):
        do(one, one.plan())
    assert loaded == [1]
    one.remove(calls[0])
    do(one, one.plan())
    assert loaded == [1, 2]


def test_what_makes_room_for_what_is_loaded_is_set_aside() -> None:
    one = Scheduler(Slots(9, 150), parallel=1, batch=999, parks=lambda _: True)
    first = sequence(1, 80)
    one.add(first)
    do(one, one.plan())
    one.remove(first)
    later = sequence(2, 90, first=500)
    assert one.restore(later, later.tokens[:80]) is not None
    assert [type(move) for move in one.take_moves()] == [Park]


def test_what_makes_room_for_an_answer_is_set_aside_for_those_who_wait_for_it() -> None:
    one = Scheduler(Slots(9, 150), parallel=1, batch=999, parks=lambda _: True)
    first, grows, waits = sequence(1, 80), sequence(2, 60, first=500, answers=20), sequence(3, 80)
    one.add(first)
    do(one, one.plan())
    one.remove(first)
    one.add(grows)
    one.add(waits)
    moves: list[Move] = []
    for _ in range(15):
        moves += (plan := one.plan()).moves
        do(one, plan)
    assert moves == [Park(0, list(range(80)), ())]


def test_who_was_sent_back_as_it_waited_for_another_is_to_take_all_of_its_cells() -> None:
    one, other = sequence(1, 90, answers=10), sequence(2, 90, answers=10)
    other.leader, other.led = one, 80
    assert outstanding(other) == 20
    other.start_over()
    assert (outstanding(other), other.leader) == (100, None)
