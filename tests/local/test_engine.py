"""The engine: sequences in, tokens out, cancelled at any moment. Real llama.cpp, in this process."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fabricate import BYTES, alphabet, recurrent

from genkit.errors import BackendError, GenkitError, RateLimited
from genkit.local import pace
from genkit.local.ahead import Ahead
from genkit.local.context import Context
from genkit.local.engine import BATCH, QUEUE, Engine
from genkit.local.listener import Listener
from genkit.local.llama import Model, lib
from genkit.local.pooler import Pooler, Text
from genkit.local.sampler import Sampler
from genkit.local.sequence import Chosen, Sequence
from genkit.local.speculation import Speculation

GREEDY = (("greedy",),)
_RUNNING: list[Engine] = []


class Ears:
    """A listener that keeps what it heard."""

    def __init__(self) -> None:
        self.heard: queue.Queue[tuple[int, object]] = queue.Queue()
        self.text: dict[int, str] = {}
        self.calls_of_steps: list[set[int]] = []
        self.listener = Listener(lambda *_: None, self._tokens, self._finished, self._failed, self._broken)

    def _tokens(self, tokens: list[Chosen]) -> None:
        self.calls_of_steps.append({call for call, *_ in tokens})
        for call, token, _ in tokens:
            self.text[call] = self.text.get(call, "") + chr(BYTES[token])
            self.heard.put((call, chr(BYTES[token])))

    def _finished(self, sequence: Sequence, reason: str) -> None:
        self.heard.put((sequence.call, reason))

    def _failed(self, sequence: Sequence, error: GenkitError) -> None:
        self.heard.put((sequence.call, error))

    def _broken(self, error: Exception) -> None:
        self.heard.put((0, error))

    def until(self, call: int, what: object) -> list[tuple[int, object]]:
        """What was heard until this."""
        heard = []
        while not heard or heard[-1] != (call, what):
            heard.append(self.heard.get())
        return heard


@pytest.fixture(autouse=True)
def _end() -> Iterator[None]:
    yield
    while _RUNNING:
        _RUNNING.pop().close()


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def alphabet_engine(alphabet_file: Path, ears: Ears) -> Engine:
    return engine(alphabet_file, ears)


def engine(path: Path, ears: Ears, **options: Any) -> Engine:
    threading.Thread(target=(made := built(path, ears, **options)).run, daemon=True).start()
    _RUNNING.append(made)
    return made


def built(
    path: Path,
    ears: Ears,
    *,
    context_size: int = 4096,
    parallel: int = 1,
    queue: int = QUEUE,
    speculation: Speculation | None = None,
    changing: int | None = None,
    threads: int = 1,
    takes: Callable[[int], int] | None = None,
) -> Engine:
    """An engine that does not run yet."""
    pooler = Pooler(
        model := Model(str(path)), window=context_size, width=1, threads=1, told=print, failed=print
    )
    return Engine(
        model,
        context_size=context_size,
        threads=threads,
        parallel=parallel,
        listener=ears.listener,
        speculation=speculation,
        pooler=pooler,
        queue=queue,
        changing=changing,
        takes=takes,
    )


def sequence(call: int, prompt: str, *, max_tokens: int = 99999, steps: tuple = GREEDY) -> Sequence:
    return Sequence(call, [BYTES.index(byte) for byte in prompt.encode()], steps, max_tokens)


def test_a_sequence_runs_to_the_models_end(alphabet_engine: Engine, ears: Ears) -> None:
    alphabet_engine.submit(sequence(1, "w"))
    assert ears.until(1, "eog") == [(1, "x"), (1, "y"), (1, "z"), (1, "eog")]


def test_calls_that_come_together_begin_together(
    noise_file: Path, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "GATHER", 1e9)
    monkeypatch.setattr(pace, "LONGEST", 60)  # or until there is no place for another
    running = engine(noise_file, ears, parallel=2)
    running.submit(sequence(1, "before anything was measured nobody waits", max_tokens=2))
    ears.until(1, "max_tokens")
    ears.calls_of_steps.clear()
    running.submit(sequence(2, "this one waits for the next", max_tokens=3))
    running.submit(sequence(3, "that fills the last place", max_tokens=3))
    ears.until(3, "max_tokens")
    assert ears.calls_of_steps == [{2, 3}] * 3


def test_a_prompt_of_several_steps_is_one_prompt(noise_file: Path, ears: Ears) -> None:
    prompt = sequence(1, "hello" * 300, max_tokens=1)
    assert len(prompt.tokens) > 2 * BATCH
    model = Model(str(noise_file))
    at_once = Context(model, size=2048, sequences=1, batch=2048, threads=1)
    assert at_once.decode([(token, at, 0, at == 1499) for at, token in enumerate(prompt.tokens)])
    expected = Sampler(model, GREEDY, []).sample(at_once, 1499)
    engine(noise_file, ears).submit(prompt)
    ears.until(1, "max_tokens")
    assert prompt.tokens[1500:] == [expected]


@pytest.mark.parametrize(
    ("prompt", "changing", "flash"), [(1100, 1, False), (900, 1, True), (1100, None, True)]
)
def test_a_late_answer_alone_is_computed_without_the_flash_kernel(
    noise_file: Path, ears: Ears, prompt: int, changing: int | None, flash: bool
) -> None:
    runner = engine(noise_file, ears, parallel=2, changing=changing)
    runner.submit(sequence(1, "h" * prompt, max_tokens=80))
    ears.until(1, "max_tokens")
    assert runner._context.flash is flash
    runner.submit(sequence(2, "another begins as the first did", max_tokens=1))
    ears.until(2, "max_tokens")
    assert runner._context.flash


def room(tokens: int) -> int:
    return 1


@pytest.fixture
def pair(noise_file: Path, ears: Ears) -> Engine:
    """An engine that answers a call, and evaluates long prompts apart meanwhile."""
    runner = engine(noise_file, ears, parallel=3, threads=2, takes=room)
    runner.submit(sequence(1, "an answer without an end"))
    ears.until(1, ears.heard.get()[1])
    return runner


def test_a_long_prompt_beside_an_answer_is_evaluated_apart(
    noise_file: Path, ears: Ears, pair: Engine
) -> None:
    alone = sequence(1, "a long prompt " * 50, max_tokens=5)
    engine(noise_file, other := Ears()).submit(alone)
    other.until(1, "max_tokens")
    pair.submit(prompt := sequence(2, "a long prompt " * 50, max_tokens=5))
    ears.until(2, "max_tokens")
    assert (prompt.ahead, prompt.cached, prompt.saved) == (True, 0, None)
    assert 0 < prompt.times.queued <= prompt.times.started < prompt.times.first
    assert ears.text[2] == other.text[1]
    assert pair._context.cores.before() == 2


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("short " * 40, {"takes": room}),
        ("an answer without an end" * 10 + "x" * 300, {"takes": room}),
        ("a long prompt " * 50, {}),
        ("a long prompt " * 50, {"takes": lambda tokens: 1 << 60}),
        ("a long prompt " * 50, {"takes": room, "threads": 1}),
    ],
)
def test_other_prompts_are_evaluated_with_the_rest(
    noise_file: Path, ears: Ears, text: str, options: dict[str, Any]
) -> None:
    runner = engine(noise_file, ears, parallel=2, **{"threads": 2, **options})
    runner.submit(sequence(1, "an answer without an end" * 10))
    ears.until(1, ears.heard.get()[1])
    runner.submit(prompt := sequence(2, text, max_tokens=2))
    ears.until(2, "max_tokens")
    assert not prompt.ahead


def test_nobody_who_waits_for_a_long_prompt_evaluates_it_again(ears: Ears, pair: Engine) -> None:
    first, second = (sequence(call, "a long prompt " * 50 + str(call), max_tokens=2) for call in (2, 3))
    for prompt in (first, second):
        pair.submit(prompt)
    ears.until(3, "max_tokens")
    assert (first.ahead, first.cached) == (True, 0)
    assert (second.ahead, second.cached) == (False, 700)


def test_a_long_prompt_that_is_cancelled_says_nothing(
    ears: Ears, pair: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = lib.llama_init_from_model

    def cancelled_meanwhile(*arguments: object) -> object:
        pair.cancel(2)
        pair.cancel(3)
        return make(*arguments)

    monkeypatch.setattr(lib, "llama_init_from_model", cancelled_meanwhile)
    with pair._changed:  # all come together
        for call in (2, 3, 4):
            pair.submit(sequence(call, f"{call} is a long prompt " * 50, max_tokens=2))
    heard = ears.until(4, "max_tokens")
    assert {call for call, _ in heard} == {1, 4}
    assert pair._ahead.waiting == 0


def test_a_long_prompt_that_is_cancelled_as_it_comes_is_never_begun(ears: Ears, pair: Engine) -> None:
    with pair._changed:
        for call in (2, 3):
            pair.submit(sequence(call, f"{call} is a long prompt " * 50, max_tokens=2))
        pair.cancel(2)
    heard = ears.until(3, "max_tokens")
    assert {call for call, _ in heard} == {1, 3}


class Held:
    """No prompt is evaluated apart before it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.let_go, self._make = threading.Event(), threading.Event(), lib.llama_init_from_model
        monkeypatch.setattr(lib, "llama_init_from_model", self._made)

    def _made(self, *given: object) -> object:
        self.begun.set()
        self.let_go.wait(60)
        return self._make(*given)


@pytest.fixture
def held(pair: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    yield (made := Held(monkeypatch))
    made.let_go.set()


def test_who_waits_for_a_long_prompt_goes_on_when_nobody_answers_any_more(
    ears: Ears, pair: Engine, held: Held
) -> None:
    first, second = (sequence(call, f"{call} is a long prompt " * 50, max_tokens=2) for call in (2, 3))
    for prompt in (first, second):
        pair.submit(prompt)
        held.begun.wait(60)
    pair.cancel(1)
    ears.until(3, "max_tokens")
    held.let_go.set()
    ears.until(2, "max_tokens")
    assert (first.ahead, second.ahead) == (True, False)


def test_a_prompt_much_shorter_than_one_that_is_evaluated_goes_before_it(
    ears: Ears, pair: Engine, held: Held
) -> None:
    pair.submit(sequence(2, "a long prompt " * 150, max_tokens=2))
    held.begun.wait(60)
    pair.submit(sequence(3, "shorter " * 40, max_tokens=2))
    ears.until(3, "max_tokens")
    held.let_go.set()
    ears.until(2, "max_tokens")


def test_who_begins_like_a_prompt_that_is_evaluated_waits_for_it_in_any_case(
    ears: Ears, pair: Engine, held: Held
) -> None:
    pair.submit(sequence(2, "a long prompt " * 50 + "2", max_tokens=2))
    held.begun.wait(60)
    pair.cancel(1)
    pair.submit(second := sequence(3, "a long prompt " * 50 + "3", max_tokens=2))
    pair.submit(sequence(4, "short", max_tokens=2))
    ears.until(4, "max_tokens")
    held.let_go.set()
    ears.until(3, "max_tokens")
    assert (second.ahead, second.cached) == (False, 700)


def test_what_was_evaluated_apart_has_a_place_before_another_is_begun(
    noise_file: Path, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, begun, make = engine(noise_file, ears, parallel=2, threads=2, takes=room), [], Ahead._start

    def start(ahead: Ahead, prompt: Sequence) -> bool:
        begun.append((prompt.call, [one.call for one in prompts if one.saved]))
        return make(ahead, prompt)

    monkeypatch.setattr(Ahead, "_start", start)
    prompts = [sequence(call, f"{call} is a long prompt " * 50, max_tokens=2) for call in (2, 3, 4)]
    for call in (1, 5):
        runner.submit(sequence(call, "an answer without an end"))
        while ears.heard.get()[0] != call:
            pass
    for prompt in prompts:
        runner.submit(prompt)
    with runner._changed:
        assert runner._changed.wait_for(lambda: prompts[0].ahead, 60)
    for _ in range(20):
        ears.heard.get()
    runner.cancel(5)
    ears.until(4, "max_tokens")
    assert [call for call, _ in begun] == [2, 3, 4]
    assert [held for _, held in begun] == [[], [], []]


def test_what_nobody_foresaw_beside_the_engine_ends_it(
    ears: Ears, pair: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise OSError("exception: access violation")

    monkeypatch.setattr(lib, "llama_init_from_model", fault)
    pair.submit(sequence(2, "a long prompt " * 50))
    while (heard := ears.heard.get())[0] == 1:
        pass
    assert heard[0] == 0
    assert isinstance(heard[1], OSError)


@pytest.mark.parametrize("lacking", ["memory", "threads"])
def test_a_long_prompt_goes_with_the_rest_where_there_is_no_room_for_it_apart(
    ears: Ears, pair: Engine, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    if lacking == "memory":
        monkeypatch.setattr(lib, "llama_init_from_model", lambda *_: None)
    else:
        monkeypatch.setattr(threading.Thread, "start", start)
    pair.submit(prompt := sequence(2, "a long prompt " * 50, max_tokens=2))
    ears.until(2, "max_tokens")
    assert not prompt.ahead


def test_an_engine_that_is_closed_evaluates_nothing_any_more(ears: Ears, pair: Engine) -> None:
    for call in (2, 3):
        pair.submit(sequence(call, f"{call} is a long prompt " * 150, max_tokens=2))
    _RUNNING.pop().close()
    assert not [thread.name for thread in threading.enumerate() if "_evaluate" in thread.name]


def test_sequences_wait_for_a_slot_in_the_order_they_came(alphabet_engine: Engine, ears: Ears) -> None:
    for call in (3, 1, 2):
        alphabet_engine.submit(sequence(call, "x"))
    heard = ears.until(2, "eog")
    assert [call for call, what in heard if what == "eog"] == [3, 1, 2]
    assert ears.text == {1: "yz", 2: "yz", 3: "yz"}


def test_row_30_texts_and_sequences_wait_in_one_queue(alphabet_file: Path, ears: Ears) -> None:
    runner = built(alphabet_file, ears, queue=2)
    runner.submit(sequence(1, "w"))
    runner.submit([Text(2, 0, [1]), Text(2, 1, [2])])
    for more in (sequence(3, "w"), [Text(4, 0, [1])]):
        with pytest.raises(RateLimited, match="2 calls wait for this model already"):
            runner.submit(more)
    runner.cancel(2)
    threading.Thread(target=runner.run, daemon=True).start()
    assert ears.until(1, "eog") == [(1, "x"), (1, "y"), (1, "z"), (1, "eog")]


def test_with_slots_enough_sequences_share_the_steps(alphabet_file: Path, ears: Ears) -> None:
    runner = engine(alphabet_file, ears, parallel=2)
    runner.submit(sequence(1, "0"))
    ears.until(1, "1")
    runner.submit(sequence(2, "a"))
    ears.until(2, "eog")
    runner.cancel(1)
    assert ears.text[2] == "bcdefghijklmnopqrstuvwxyz"
    assert ("1234567890" * 99).startswith(ears.text[1][:900])
    assert sum(step == {1, 2} for step in ears.calls_of_steps) == 25


def test_a_running_sequence_that_is_cancelled_says_no_more(alphabet_engine: Engine, ears: Ears) -> None:
    alphabet_engine.submit(sequence(1, "0"))
    ears.until(1, "5")
    alphabet_engine.cancel(1)
    alphabet_engine.submit(sequence(2, "y"))
    heard = ears.until(2, "eog")
    assert heard[-2:] == [(2, "z"), (2, "eog")]
    assert (1, "context_full") not in heard


def test_a_waiting_sequence_that_is_cancelled_never_runs(alphabet_engine: Engine, ears: Ears) -> None:
    alphabet_engine.submit(sequence(1, "0"))
    alphabet_engine.submit(sequence(2, "0"))
    ears.until(1, "5")
    alphabet_engine.cancel(2)
    alphabet_engine.cancel(1)
    alphabet_engine.submit(sequence(3, "y"))
    ears.until(3, "eog")
    assert 2 not in ears.text


def test_row_27_a_prompt_that_is_cancelled_leaves_no_trace(noise_file: Path, ears: Ears) -> None:
    expected = Ears()
    engine(noise_file, expected).submit(sequence(1, "hello", max_tokens=30))
    expected.until(1, "max_tokens")
    runner = engine(noise_file, ears, context_size=131072)
    for call in range(0, 40, 2):
        runner.submit(sequence(call, "x" * 100_000))  # more than a minute, if it is not stopped
        runner.cancel(call)
        runner.submit(sequence(call + 1, "hello", max_tokens=30))
        ears.until(call + 1, "max_tokens")
        assert ears.text.pop(call + 1) == expected.text[1]
    assert not ears.text


def steps(monkeypatch: pytest.MonkeyPatch, begins: Callable[[int], None]) -> list[bool]:
    """Which steps end whole. ``begins`` hears of each, by its number, once it cannot be called off."""

    def decode(context: Context, *args: Any) -> bool:
        begins(len(whole))
        whole.append(real(context, *args))
        return whole[-1]

    whole: list[bool] = []
    real = Context.decode
    monkeypatch.setattr(Context, "decode", decode)
    return whole


def test_row_27_a_cancellation_ends_the_step_that_evaluates_the_prompt(
    alphabet_engine: Engine, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = steps(monkeypatch, lambda number: None if number else alphabet_engine.cancel(1))
    alphabet_engine.submit(sequence(1, "0" * 200))
    alphabet_engine.submit(sequence(2, "w"))
    assert ears.until(2, "eog") == [(2, "x"), (2, "y"), (2, "z"), (2, "eog")]
    assert whole == [False, *[True] * 4]


@pytest.mark.parametrize(("make", "others"), [(alphabet, 0), (alphabet, 1), (recurrent, 0)])
def test_row_27_a_cancellation_ends_the_step_of_an_answer_if_nobody_loses_by_it(
    tmp_path: Path, ears: Ears, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Path], others: int
) -> None:
    runner = engine(make(tmp_path / "model.gguf"), ears, parallel=1 + others)
    whole = steps(monkeypatch, lambda number: runner.cancel(1) if number == 5 else None)
    runner.submit(sequence(1, "0"))
    runner.submit(sequence(2, "a"))
    ears.until(2, "eog")
    assert ears.text[2] == "bcdefghijklmnopqrstuvwxyz"
    lost = others or make is recurrent  # of a state nothing would be left
    assert whole[5] is bool(lost)
    assert whole.count(False) == (0 if lost else 1)


def test_a_step_that_nobody_else_was_in_spares_no_prompt_from_cancellation(
    alphabet_file: Path, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = engine(alphabet_file, ears, parallel=2)

    def begins(number: int) -> None:
        if number == 5:
            runner.submit(sequence(2, "0" * 200))
            runner.submit(sequence(3, "w"))
            runner.cancel(1)
        if number == 6:
            runner.cancel(2)

    whole = steps(monkeypatch, begins)
    runner.submit(sequence(1, "0"))
    ears.until(3, "eog")
    assert whole[4:7] == [True, False, False]


def test_prompts_that_are_cancelled_all_the_time_stop_no_other_call(
    alphabet_file: Path, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = engine(alphabet_file, ears, parallel=2)

    def decode(context: Context, *args: Any) -> bool:
        whole.append(False)
        runner.cancel(len(whole) + 9)  # each in the step that evaluates it
        runner.submit(sequence(len(whole) + 10, "0" * 200))
        if len(whole) == 20:
            said.put(ears.text.get(2))
        whole[-1] = real(context, *args)
        return whole[-1]

    whole: list[bool] = []
    said: queue.Queue[str | None] = queue.Queue()
    real = Context.decode
    monkeypatch.setattr(Context, "decode", decode)
    runner.submit(sequence(10, "0" * 200))
    runner.submit(sequence(2, "w"))
    assert said.get() == "xyz"
    assert False in whole[:20]


def test_cancelling_what_is_not_there_changes_nothing(alphabet_engine: Engine, ears: Ears) -> None:
    alphabet_engine.cancel(99)
    alphabet_engine.submit(sequence(1, "y"))
    ears.until(1, "eog")
    alphabet_engine.cancel(1)
    alphabet_engine.submit(sequence(2, "y"))
    assert ears.until(2, "eog") == [(2, "z"), (2, "eog")]


def test_a_limit_of_tokens_and_of_the_context_are_exact(alphabet_file: Path, ears: Ears) -> None:
    runner = engine(alphabet_file, ears, context_size=20)
    runner.submit(sequence(1, "0", max_tokens=3))
    runner.submit(sequence(2, "0" * 15))
    ears.until(2, "context_full")
    assert ears.text == {1: "123", 2: "12345"}


def test_row_26_a_bad_token_id_fails_alone(alphabet_engine: Engine, ears: Ears) -> None:
    alphabet_engine.submit(Sequence(1, [10**6], GREEDY, 9))  # there is no such token
    call, error = ears.heard.get()
    assert call == 1
    assert isinstance(error, BackendError)
    alphabet_engine.submit(sequence(2, "y"))
    assert ears.until(2, "eog") == [(2, "z"), (2, "eog")]


def test_what_nobody_foresaw_ends_the_engine_and_is_told(alphabet_engine: Engine, ears: Ears) -> None:
    class Broken:
        def apply(self, context: Context, row: int) -> None:
            raise ZeroDivisionError

        def accept(self, token: int) -> None: ...

    alphabet_engine.submit(Sequence(1, [0], GREEDY, 9, constraint=Broken()))
    call, error = ears.heard.get()
    assert (call, type(error)) == (0, ZeroDivisionError)


class Only:
    """A constraint that leaves one token, and keeps what it was told."""

    def __init__(self, token: int) -> None:
        self.token, self.accepted = token, []

    def apply(self, context: Context, row: int) -> None:
        if len(self.accepted) == 3:
            raise BackendError("no token may come next")
        logits = context.logits(row)
        for token in range(len(BYTES) + 1):
            if token != self.token:
                logits[token] = -math.inf

    def accept(self, token: int) -> None:
        self.accepted.append(token)


def test_a_constraint_decides_about_its_own_sequence_alone(alphabet_file: Path, ears: Ears) -> None:
    runner = engine(alphabet_file, ears, parallel=2)
    dash = Only(BYTES.index(ord("-")))
    runner.submit(sequence(2, "a"))
    runner.submit(Sequence(1, [BYTES.index(ord("a"))], GREEDY, 99, constraint=dash))
    heard = ears.until(2, "eog")
    error = next(what for call, what in heard if call == 1 and isinstance(what, GenkitError))
    assert "no token may come next" in str(error)
    assert dash.accepted == [dash.token] * 3
    assert ears.text == {1: "---", 2: "bcdefghijklmnopqrstuvwxyz"}


def test_a_next_turn_says_what_it_would_have_said_without_the_turn_before(
    noise_file: Path, ears: Ears
) -> None:
    runner = engine(noise_file, ears, parallel=2)
    turn = sequence(1, "hello" * 30, max_tokens=20)
    runner.submit(turn)
    ears.until(1, "max_tokens")
    following = Sequence(2, [*turn.tokens, *range(40, 60)], GREEDY, 20)
    fresh = Sequence(2, list(following.tokens), GREEDY, 20)
    runner.submit(following)
    ears.until(2, "max_tokens")
    assert following.cached == 169  # the last token that was said was never evaluated
    expected = Ears()
    engine(noise_file, expected, parallel=2).submit(fresh)
    expected.until(2, "max_tokens")
    assert fresh.cached == 0
    assert ears.text[2] == expected.text[2]


def test_calls_that_begin_alike_evaluate_it_once_and_say_what_each_says_alone(
    noise_file: Path, ears: Ears
) -> None:
    def asked(call: int) -> Sequence:
        return sequence(call, "system " * 30 + chr(ord("a") + call), max_tokens=20)

    together = [asked(call) for call in range(1, 6)]
    runner = engine(noise_file, ears, parallel=5)
    runner.submit(sequence(99, "0" * 200, max_tokens=1))  # while it runs, the others arrive
    for one in together:
        runner.submit(one)
    waiting = {one.call for one in together}
    while waiting:
        call, what = ears.heard.get()
        waiting -= {call} if what == "max_tokens" else set()
    assert [one.cached for one in together] == [0, 210, 210, 210, 210]
    alone = Ears()
    for call in range(1, 6):
        engine(noise_file, alone).submit(asked(call))
        alone.until(call, "max_tokens")
    assert {call: ears.text[call] for call in alone.text} == alone.text


def test_answers_that_outgrow_the_room_are_said_to_their_end(alphabet_file: Path, ears: Ears) -> None:
    runner = engine(alphabet_file, ears, context_size=700, parallel=3)
    for call in (1, 2, 3):
        runner.submit(sequence(call, "0", max_tokens=500))
    ears.until(3, "max_tokens")
    assert ears.text == dict.fromkeys((1, 2, 3), "1234567890" * 50)
