"""Answers with drafts are the answers without, however they are chosen. Real llama.cpp, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fabricate
import pytest
from fabricate import BYTES
from test_engine import Ears
from test_engine import engine as make_engine

from genkit import Generator, Output
from genkit.errors import BackendError, ConfigError
from genkit.local.constrain import Constraints
from genkit.local.context import Context
from genkit.local.engine import Engine
from genkit.local.llama import Model
from genkit.local.plan import Work
from genkit.local.sampling import steps
from genkit.local.sequence import Chosen, Sequence
from genkit.local.speculation import Speculation

TEXT = "the cat sat on the mat, the cat sat on the hat, the cat "
SAMPLED = {"temperature": 0.7, "top_k": 5}
WAYS: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0},
    "sampled": SAMPLED,
    "penalties": {**SAMPLED, "frequency_penalty": 0.3, "presence_penalty": 0.2, "repeat_penalty": 1.1},
    "biased": {**SAMPLED, "logit_bias": [(BYTES.index(ord("t")), 2.0)]},
}


class Free:
    """Costs that make every guess worth a draft, on a machine however busy."""

    def observe(self, rows: int, seconds: float) -> None: ...

    def seconds(self, rows: int) -> float:
        return 1


class Heard(Ears):
    """Keeps the tokens of each call by the steps in which they came, and log probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: dict[int, list[str]] = {}
        self.logprobs: dict[int, list[float]] = {}

    def _tokens(self, tokens: list[Chosen]) -> None:
        for call in dict.fromkeys(call for call, *_ in tokens):
            text = "".join(chr(BYTES[token]) for other, token, _ in tokens if other == call)
            self.steps.setdefault(call, []).append(text)
        for call, _, chances in tokens:
            if chances:
                self.logprobs.setdefault(call, []).append(chances.logprob)
        super()._tokens(tokens)


def start(path: Path, *, drafts: bool = True, **options: Any) -> tuple[Engine, Heard]:
    heard = Heard()
    speculation = Speculation(Free()) if drafts else None  # type: ignore[arg-type]
    return make_engine(path, heard, speculation=speculation, **options), heard


def asked(call: int, prompt: str, most: int = 999, **options: Any) -> Sequence:
    chain = steps({"seed": 7, "temperature": 0, **options})
    return Sequence(call, [BYTES.index(byte) for byte in prompt.encode()], chain, most)


def answer(path: Path, make: Callable[[], Sequence], *, drafts: bool) -> tuple[Sequence, Heard, str]:
    """One answer of an engine of its own, and why it ended."""
    engine, heard = start(path, drafts=drafts)
    sequence = make()
    engine.submit(sequence)
    while (what := heard.heard.get()[1]) not in ("eog", "max_tokens", "context_full"):
        if isinstance(what, Exception):
            raise what
    engine.close()
    return sequence, heard, str(what)


def both(path: Path, make: Callable[[], Sequence]) -> tuple[Sequence, Heard]:
    """An answer with drafts, which must be the one without, and come in fewer steps."""
    plain, plainly, reason = answer(path, make, drafts=False)
    drafted, heard, why = answer(path, make, drafts=True)
    assert drafted.tokens == plain.tokens
    assert why == reason
    assert all(len(text) == 1 for text in plainly.steps[plain.call])
    assert any(len(text) > 1 for text in heard.steps[drafted.call])
    assert len(drafted.tokens) - 1 <= drafted.evaluated + (why == "eog")
    return drafted, heard


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_the_same_however_it_is_chosen(noise_file: Path, way: str) -> None:
    made = Constraints(Model(str(noise_file), vocabulary_only=True))

    def held() -> Sequence:
        one = asked(1, TEXT, 120, **WAYS[way])
        one.constraint = made.make({"regex": "((the|a) (cat|dog) (sat|ran) on the [mh]at, ){5}"})
        return one

    both(noise_file, held)


RECORD = {
    "type": "object",
    "properties": {"full_name": {"enum": ["Ana", "Bo"]}, "nickname": {"enum": ["Cat", "Dog"]}},
    "required": ["full_name", "nickname"],
    "additionalProperties": False,
}


def test_the_keys_of_json_come_many_tokens_at_a_time(noise_file: Path) -> None:
    made = Constraints(Model(str(noise_file), vocabulary_only=True))

    def held() -> Sequence:
        one = asked(1, "who?", 200, logit_bias=[(BYTES.index(each), -99) for each in b" \n\t\r"])
        one.constraint = made.make({"schema": RECORD})
        return one

    _, heard = both(noise_file, held)
    assert heard.steps[1] in (
        ["{", '"full_name":"', first, rest + '","nickname":"', second, end]
        for first, rest in (("A", "na"), ("B", "o"))
        for second, end in (("C", 'at"}'), ("D", 'og"}'))
    )


def test_what_goes_round_comes_many_tokens_at_a_time(alphabet_file: Path) -> None:
    _, heard = both(alphabet_file, lambda: asked(1, "0", 200))
    assert "".join(heard.steps[1]) == "1234567890" * 20
    assert max(map(len, heard.steps[1])) == 16


def test_a_guess_is_refused_where_the_answer_goes_elsewhere(alphabet_file: Path) -> None:
    _, heard = both(alphabet_file, lambda: asked(1, "abcdefgh!! stuv!! abc"))
    assert "".join(heard.steps[1]) == "defghijklmnopqrstuvwxyz"
    assert heard.steps[1][1:3] == ["efghi", "j"]  # "!! stuv…" came after h, and was refused


def test_an_answer_may_end_inside_a_draft(alphabet_file: Path) -> None:
    _, heard = both(alphabet_file, lambda: asked(1, "uvwxyz, as in uvw"))
    assert "".join(heard.steps[1]) == "xyz"


@pytest.mark.parametrize("most", range(1, 40, 3))
def test_no_answer_is_longer_than_its_limit(alphabet_file: Path, most: int) -> None:
    drafted, _, why = answer(alphabet_file, lambda: asked(1, "0123456789", most), drafts=True)
    assert (drafted.generated, why) == (most, "max_tokens")


def test_an_answer_fills_the_context_to_the_last_token(alphabet_file: Path) -> None:
    engine, heard = start(alphabet_file, context_size=300)
    one = asked(1, "0123456789")
    engine.submit(one)
    heard.until(1, "context_full")
    assert len(one.tokens) == 300
    assert "".join(heard.steps[1]) == ("0123456789" * 30)[:290]


def test_log_probabilities_are_those_of_each_token(noise_file: Path) -> None:
    def telling() -> Sequence:
        one = asked(1, TEXT, 60, logit_bias=[(BYTES.index(ord(each)), 30) for each in "the ca"])
        one.logprobs = 2
        return one

    plain, plainly, _ = answer(noise_file, telling, drafts=False)
    drafted, heard, _ = answer(noise_file, telling, drafts=True)
    assert drafted.tokens == plain.tokens
    assert heard.logprobs[1] == pytest.approx(plainly.logprobs[1], abs=1e-3)
    assert len(heard.logprobs[1]) == 60


def test_what_follows_a_drafted_answer_is_what_follows_a_plain_one(alphabet_file: Path) -> None:
    """What was refused is gone: the next turn begins with the tokens that were said, and no others."""
    engine, heard = start(alphabet_file)
    first = asked(1, "abcdefgh!! stuv!! and a long tail abc", 12)
    engine.submit(first)
    heard.until(1, "max_tokens")
    turn = Sequence(
        2, [*first.tokens, *(BYTES.index(byte) for byte in b" 0123401234 xyz vwx")], first.steps, 50
    )
    engine.submit(turn)
    heard.until(2, "eog")
    assert turn.cached == len(first.tokens) - 1
    assert "".join(heard.steps[2]) == "yz"


def test_several_that_run_together_each_say_what_they_say_alone(noise_file: Path) -> None:
    prompts = [TEXT, "one two three one two three one ", "aaaa bbbb aaaa bbbb aaaa "]
    favoured = [(BYTES.index(ord(each)), 25) for each in "the on"]
    alone = []
    for call, prompt in enumerate(prompts, 1):
        plain, *_ = answer(
            noise_file, lambda p=prompt, c=call: asked(c, p, 80, logit_bias=favoured), drafts=False
        )
        alone.append(plain.tokens)
    engine, heard = start(noise_file, parallel=3)
    together = [asked(call, prompt, 80, logit_bias=favoured) for call, prompt in enumerate(prompts, 1)]
    for one in together:
        engine.submit(one)
    waiting = {one.call for one in together}
    while waiting:
        call, what = heard.heard.get()
        waiting -= {call} if what == "max_tokens" else set()
    assert [one.tokens for one in together] == alone
    assert any(len(text) > 1 for texts in heard.steps.values() for text in texts)
    engine.close()


class Failing:
    """A constraint that forbids nothing, and cannot go on after some tokens."""

    def __init__(self, after: int) -> None:
        self.left = after

    def apply(self, context: Context, row: int) -> None:
        if not self.left:
            raise BackendError("it cannot go on")

    def accept(self, token: int) -> None:
        self.left -= 1

    def guess(self) -> list[int]:
        return []


def test_what_was_said_before_a_failure_is_told_first(alphabet_file: Path) -> None:
    engine, heard = start(alphabet_file)
    one = asked(1, "0123456789")
    one.constraint = Failing(5)
    engine.submit(one)
    while not isinstance(what := heard.heard.get()[1], BackendError):
        pass
    assert "it cannot go on" in str(what)
    assert heard.text == {1: "01234"}
    engine.submit(asked(2, "y"))
    assert heard.until(2, "eog") == [(2, "z"), (2, "eog")]


def test_a_call_cancelled_among_drafts_leaves_no_trace(alphabet_file: Path) -> None:
    engine, heard = start(alphabet_file)
    for call in range(1, 20, 2):
        engine.submit(asked(call, "0123456789"))
        heard.until(call, "7")
        engine.cancel(call)
        engine.submit(asked(call + 1, "0123456789", 30))
        heard.until(call + 1, "max_tokens")
        assert "".join(heard.steps[call + 1]) == "0123456789" * 3


def test_a_state_that_goes_forward_only_is_never_put_at_risk(tmp_path: Path) -> None:
    _, heard, _ = answer(fabricate.recurrent(tmp_path / "mamba.gguf"), lambda: asked(1, "0", 60), drafts=True)
    assert heard.steps[1] == list("1234567890" * 6)


def test_a_cache_that_cannot_be_cut_after_all_ends_drafts_and_not_the_answer(tmp_path: Path) -> None:
    engine, heard = start(fabricate.recurrent(tmp_path / "mamba.gguf"), drafts=False)
    engine._speculation = Speculation(Free())  # type: ignore[arg-type] - as if the model did not say so
    engine.submit(asked(1, "abcdefgh!! stuv!! abc"))
    heard.until(1, "eog")
    assert "".join(heard.steps[1]) == "defghijklmnopqrstuvwxyz"
    assert engine._speculation is None


# --- as a user sees it


@pytest.mark.parametrize("lookup", [True, False])
def test_a_generator_answers_the_same_with_and_without(alphabet_file: Path, lookup: bool) -> None:
    with Generator(alphabet_file, lookup=lookup) as generator:
        reply = generator.generate("0123456789", temperature=0, max_tokens=100, stop="89012")
        assert reply.text == "01234567"
        assert reply.finish_reason == "stop"
        again = generator.generate("0123456789", temperature=0, max_tokens=100, logprobs=0)
        assert again.text == "0123456789" * 10
        assert again.usage.output_tokens == len(again.logprobs) == 100
        held = generator.generate("abcabcabc", output=Output(choices=["abcabcabcabc"]), temperature=0)
        assert held.text == "abcabcabcabc"


def test_lookup_takes_true_or_false(alphabet_file: Path) -> None:
    with pytest.raises(ConfigError, match="lookup takes True or False, not 'yes'"):
        Generator(alphabet_file, lookup="yes")  # type: ignore[arg-type]


def test_a_prompt_gets_on_beside_an_answer_that_goes_round(
    alphabet_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genkit.local.pace.STALL", 0)  # a token of the prompt in a step,
    monkeypatch.setattr("genkit.local.pace.REFRESH", 1)  # and then a step without: with drafts
    engine, heard = start(alphabet_file, parallel=2)
    engine.submit(asked(1, "0", 3000))
    heard.until(1, "9")
    engine.submit(asked(2, "a" * 39 + "x"))
    said = heard.until(2, "eog")
    engine.close()
    assert heard.text[2] == "yz"
    assert (1, "max_tokens") not in said
    assert any(len(text) > 1 for text in heard.steps[1])


def test_what_is_still_evaluated_gets_no_draft() -> None:
    """As after a shift of the context: its rows would be more than the batch has."""
    sequence = Sequence(1, [1, 2, 3, 4] * 128, [], 10**6)
    sequence.prompt_length = 100
    speculation = Speculation(Free())
    for size, sample in ((512, True), (1, False)):
        speculation.draft([Work(sequence, size, sample)], 512, 4096)
        assert not sequence.draft
    speculation.draft([Work(sequence, 1, True)], 512, 4096)
    assert sequence.draft


def test_no_more_rows_than_a_batch_has_are_ever_written(alphabet_file: Path) -> None:
    context = Context(Model(str(alphabet_file)), size=256, sequences=1, batch=4, threads=1)
    with pytest.raises(BackendError, match="5 rows in a batch of 4"):
        context.decode([(1, at, 0, False) for at in range(5)])
    context.close()
