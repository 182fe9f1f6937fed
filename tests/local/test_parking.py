"""What finished calls left is set aside while others run, and is there again when it is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fabricate
import pytest

from genkit import Generator
from genkit.local.context import Context
from genkit.local.llama import Model
from genkit.local.parking import SPARE, Parking
from genkit.local.plan import Park

ONE, OTHER = [*range(100)], [*range(100, 220)]


@pytest.fixture
def context(noise_file: Path) -> Iterator[Context]:
    model = Model(str(noise_file))
    made = Context(model, size=512, sequences=2, batch=256, threads=1)
    yield made
    made.close()
    model.close()


def parking(context: Context, *, count: int = 9, free: int | None = 1 << 30) -> Parking:
    return Parking(context, count=count, free=lambda: free)


def park(where: Parking, context: Context, tokens: list[int], scales: tuple[float, ...] = ()) -> None:
    context.decode([(token, at, 0, False) for at, token in enumerate(tokens)])
    assert where.takes(0)
    where.make([Park(0, tokens, scales)])


def test_a_conversation_goes_on_as_if_no_other_had_been_between(alphabet_file: Path) -> None:
    def turns(generator: Generator, between: bool) -> list[tuple[str, int]]:
        told, prompt = [], "a" * 90
        for turn in range(3):
            answer = generator.generate(prompt, temperature=0, max_tokens=10)
            told.append((answer.text, answer.usage.cached_tokens))
            prompt += answer.text + f"and {turn} then"
            if between:
                other = generator.generate(f"{turn}" * 150, temperature=0, max_tokens=5)
                assert other.metrics
                assert other.metrics.kv_used < 200  # its own alone
        return told

    with (
        Generator(alphabet_file, lookup=False) as alone,
        Generator(alphabet_file, lookup=False, context=2048) as both,
    ):
        expected = turns(alone, between=False)
        assert [cached > 80 for _, cached in expected] == [False, True, True]
        assert turns(both, between=True) == expected


@pytest.mark.parametrize("size", [100, 101, 300])
def test_a_conversation_goes_on_where_it_ended_beyond_a_sliding_window(tmp_path: Path, size: int) -> None:
    path = fabricate.noise(tmp_path / "slides.gguf", architecture="gemma3", window=100)
    with Generator(path, context=1024, lookup=False) as generator:
        for prompt in ("a" * size, "b" * 90):
            generator.generate(prompt, max_tokens=1)
        assert generator.generate("a" * size + "c", max_tokens=1).usage.cached_tokens == size


def test_of_two_conversations_that_have_no_room_together_both_go_on(alphabet_file: Path) -> None:
    with Generator(alphabet_file, context=1024, lookup=False) as generator:
        told = [
            generator.generate(first * 600 + "more" * turn, max_tokens=3).usage.cached_tokens
            for turn in range(4)
            for first in "ab"
        ]
    assert told == [0, 0, 600, 600, 604, 604, 608, 608]


def test_of_answers_to_one_prompt_nothing_slows_others_down(alphabet_file: Path) -> None:
    with Generator(alphabet_file, context=1024, lookup=False) as generator:
        for asked in ("a" * 200, "a" * 200, "b" * 100):
            metrics = generator.generate(asked, max_tokens=9).metrics
        assert metrics
        assert metrics.kv_used == 100
        assert generator.generate("a" * 200, max_tokens=1).usage.cached_tokens == 199


def test_what_was_set_aside_is_found_by_a_prompt_that_begins_like_it(context: Context) -> None:
    where = parking(context)
    park(where, context, ONE)
    park(where, context, OTHER)
    found = where.find([*OTHER[:50], 7], ())
    assert found
    assert found.tokens == OTHER
    assert context.load(1, found.state, len(OTHER))
    assert where.find([*ONE[:15], 7], ()) is None
    where.remove(found)
    assert where.find(OTHER, ()) is None
    assert where.find(ONE, ())


def test_what_was_evaluated_with_other_adapters_is_not_found(context: Context) -> None:
    where = parking(context)
    park(where, context, ONE, (0.5,))
    assert where.find(ONE, ()) is None
    assert where.find(ONE, (0.5,))


@pytest.mark.parametrize("most", [{"count": 1}, {"free": 300_000}])  # of 53 and 63 kB
def test_the_oldest_goes_when_there_is_too_much(context: Context, most: dict[str, int]) -> None:
    where = parking(context, **most)
    park(where, context, ONE)
    park(where, context, OTHER)
    assert where.find(ONE, ()) is None
    assert where.find(OTHER, ())


def test_all_that_is_set_aside_takes_a_part_of_the_memory_that_is_free(context: Context) -> None:
    free = [1 << 30]
    where = Parking(context, count=9, free=lambda: free[0])
    park(where, context, ONE)
    context.decode([(token, at, 0, False) for at, token in enumerate(ONE)])
    size = context.size_of(0)
    free[0] = (SPARE - 1) * size  # beside what is there
    assert where.takes(0)
    free[0] -= 1
    assert not where.takes(0)


def test_nothing_is_set_aside_where_nobody_knows_what_memory_is_free(context: Context) -> None:
    context.decode([(token, at, 0, False) for at, token in enumerate(ONE)])
    assert not parking(context, free=None).takes(0)
