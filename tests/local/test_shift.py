"""``context_shift``: an answer that goes on where the context window is full."""

from __future__ import annotations

from pathlib import Path

import fabricate
import pytest
from fabricate import BYTES

from genkit import Generator, Message
from genkit.errors import ConfigError
from genkit.local.context import Context
from genkit.local.llama import Model
from genkit.local.plan import Shift
from genkit.local.sampler import Sampler

ROOM = 256
CHAT = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
SYSTEM = "You count. " * 2


def by_hand(path: Path, prompt: str, head: int, answers: int) -> str:
    """What a bare loop over llama.cpp makes of it."""
    model = Model(str(path))
    context = Context(model, size=ROOM, sequences=1, batch=ROOM, threads=1)
    sampler, text = Sampler(model, (("greedy",),), []), ""
    tokens, evaluated = [BYTES.index(byte) for byte in prompt.encode()], 0
    while len(text) < answers:
        rows = [(tokens[at], at, 0, at == len(tokens) - 1) for at in range(evaluated, len(tokens))]
        assert context.decode(rows)
        evaluated = len(tokens)
        tokens.append(sampler.sample(context, len(rows) - 1))
        text += chr(BYTES[tokens[-1]])
        if len(tokens) == ROOM:
            half = (ROOM - head) // 2
            context.make(Shift(0, head, half))
            del tokens[head : head + half]
            evaluated -= half
    context.close()
    model.close()
    return text


def test_without_it_an_answer_ends_where_the_window_is_full(noise_file: Path) -> None:
    with Generator(noise_file, context=ROOM, threads=1) as generator:
        answer = generator.generate("hello", temperature=0, max_tokens=1000)
    assert (answer.finish_reason, answer.raw_finish_reason) == ("length", "context_full")
    assert answer.usage.output_tokens == ROOM - 5


def test_an_answer_goes_on_beyond_the_window(alphabet_file: Path) -> None:
    with Generator(alphabet_file, context=ROOM, threads=1, context_shift=True) as generator:
        answer = generator.generate("0", temperature=0, max_tokens=1000)
        assert answer.text == "1234567890" * 100
        assert (answer.finish_reason, answer.usage.output_tokens) == ("length", 1000)
        assert generator.generate("w", temperature=0).text == "xyz"  # and ends where the model does


def test_it_drops_the_older_half_of_what_follows_the_system(noise_file: Path) -> None:
    prompt = f"<system>{SYSTEM}<user>Go on.<assistant>"
    head = len(f"<system>{SYSTEM}<user>")
    with Generator(noise_file, context=ROOM, threads=1, context_shift=True, template=CHAT) as generator:
        answer = generator.generate("Go on.", system=SYSTEM, temperature=0, max_tokens=600)
    expected = by_hand(noise_file, prompt, head, 600)
    assert answer.usage.output_tokens == 600
    assert answer.text == expected.encode("latin-1").decode("utf-8", "replace")


def test_a_model_that_cannot_is_an_error_before_any_work(tmp_path: Path) -> None:
    path = fabricate.noise(tmp_path / "sections.gguf", architecture="qwen2vl", sections=[4, 2, 2, 0])
    with (
        Generator(path, context=ROOM, context_shift=True) as generator,
        pytest.raises(ConfigError, match="context_shift"),
    ):
        generator.generate("hello")
    with Generator(path, context=ROOM, threads=1) as generator:
        assert generator.generate("hello", max_tokens=2).usage.output_tokens == 2


def test_what_others_begin_with_does_not_move(noise_file: Path) -> None:
    with Generator(noise_file, context=ROOM, threads=1, context_shift=True) as generator:
        before = generator.generate("x" * 100, temperature=0, max_tokens=20)
        kept = generator.generate("x" * 100, temperature=0, max_tokens=500, keep="x")  # held by a name, too
        assert kept.usage.output_tokens == 500
        assert (
            generator.generate("x" * 100, temperature=0, max_tokens=20).text == before.text == kept.text[:20]
        )
        generator.generate("y" * 100, temperature=0, max_tokens=500)
        assert generator.generate("x" * 100, temperature=0, max_tokens=20).usage.cached_tokens == 99


def test_a_conversation_of_several_calls_is_as_long_as_ever(noise_file: Path) -> None:
    chat = [Message.system("s" * 30), Message.user("hello")]
    with Generator(noise_file, context=ROOM, threads=1, context_shift=True, template=CHAT) as generator:
        together = [generator.stream(chat, temperature=0, max_tokens=400) for _ in range(3)]
        answers = ["".join(stream.text) for stream in together]
    assert len(set(answers)) == 1
    assert {stream.response.usage.output_tokens for stream in together} == {400}
