"""``keep="name"``: a prompt that stays in the KV cache until it is dropped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fabricate
import pytest

from genkit import Generator
from genkit.errors import BadRequest, ContextOverflow, UnsupportedOption

RULES = "these are the rules " * 20  # 400 tokens
GREEDY = {"temperature": 0, "max_tokens": 5}


@pytest.fixture
def generator(noise_file: Path) -> Iterator[Generator]:
    with Generator(noise_file, context=1024) as made:
        yield made


def crowd(generator: Generator) -> None:
    """Calls that need all the room there is beside what is kept, one after the other."""
    for call in range(10):
        generator.generate(f"{call}" * 618, **GREEDY)


def test_a_kept_prompt_stays_where_others_make_room(generator: Generator) -> None:
    expected = generator.generate(RULES + "one", **GREEDY).text
    crowd(generator)
    assert generator.generate(RULES + "one", **GREEDY).usage.cached_tokens == 0
    generator.generate(RULES + "two", keep="rules", **GREEDY)
    crowd(generator)
    again = generator.generate(RULES + "one", **GREEDY)
    assert (again.usage.cached_tokens, again.text) == (400, expected)


def test_a_kept_prompt_stays_beyond_a_sliding_window(tmp_path: Path) -> None:
    path = fabricate.noise(tmp_path / "slides.gguf", architecture="gemma3", window=32)
    with Generator(path, context=1024, threads=1, lookup=False) as generator:
        expected = generator.generate(RULES + "one", **GREEDY).text
        generator.generate(RULES + "two", keep="rules", **GREEDY)
        for first in "abcdefghijkl":  # more often than there are names
            generator.generate(first * 20, keep="other", **GREEDY)
            with ThreadPoolExecutor(4) as threads:
                sizes = [90, 130, 170, 210]
                list(threads.map(lambda n, c=first: generator.generate(c * n, max_tokens=50), sizes))
        again = generator.generate(RULES + "one", **GREEDY)
        assert (again.usage.cached_tokens, again.text) == (400, expected)
        generator.drop("rules")
        generator.drop("other")
        assert generator.generate("x" * 1000, **GREEDY).usage.output_tokens == 5  # no cell is held any more


def test_its_answer_is_not_kept(generator: Generator) -> None:
    answer = generator.generate(RULES, keep="rules", **GREEDY)
    crowd(generator)
    longer = generator.generate(RULES + answer.text, **GREEDY)
    assert longer.usage.cached_tokens == 400


def test_what_is_dropped_makes_room(generator: Generator) -> None:
    generator.generate(RULES, keep="rules", **GREEDY)
    with pytest.raises(ContextOverflow, match=r"700 tokens.*\(rules\) holds 400.*1024.*Generator.drop"):
        generator.generate("x" * 700, **GREEDY)
    generator.drop("rules")
    assert generator.generate("x" * 700, **GREEDY).usage.output_tokens == 5


def test_what_is_dropped_just_as_the_worker_asks_itself_whether_it_is_idle_makes_room(
    generator: Generator,
) -> None:
    class Calls(dict[int, Any]):
        def __bool__(self) -> bool:
            if not dropped:
                dropped.append(True)
                generator.drop("rules")
            return len(self) > 0

    dropped = list[bool]()
    generator.generate(RULES, keep="rules", **GREEDY)
    connection = generator._backend.worker.worker._connection  # type: ignore[attr-defined]
    connection._calls = Calls()
    with generator.stream("a") as stream:
        next(iter(stream))
        assert not connection.retire()
    assert dropped
    assert generator.generate("x" * 700, **GREEDY).usage.output_tokens == 5


def test_dropping_what_is_not_kept_is_nothing_and_loads_nothing(noise_file: Path) -> None:
    with Generator(noise_file) as generator:
        generator.drop("nothing")
        for name in ("", None, 5):
            with pytest.raises(BadRequest, match="name of a kept prompt"):
                generator.drop(name)  # type: ignore[arg-type]
        assert generator._backend.worker.pid is None  # type: ignore[attr-defined]


def test_the_same_name_holds_the_last_prompt_alone(generator: Generator) -> None:
    for call in "abcdefghijkl":  # more than there are names
        generator.generate(call * 400, keep="rules", **GREEDY)
    crowd(generator)
    assert generator.generate("a" * 400, **GREEDY).usage.cached_tokens == 0
    assert generator.generate("l" * 400, **GREEDY).usage.cached_tokens == 399


def test_what_has_the_name_makes_room_for_what_is_to_have_it(generator: Generator) -> None:
    for call in "abc":
        generator.generate(call * 700, keep="rules", **GREEDY)
    crowd_out = generator.generate("d" * 300, **GREEDY)
    assert crowd_out.usage.cached_tokens == 0
    assert generator.generate("c" * 700, **GREEDY).usage.cached_tokens == 699


def test_a_ninth_name_is_an_error_before_any_work(generator: Generator) -> None:
    for name in "abcdefgh":
        generator.generate(name * 20, keep=name, **GREEDY)
    with pytest.raises(BadRequest, match="8 prompts can be kept at a time, and there are a, b, c"):
        generator.generate("i" * 20, keep="i", **GREEDY)
    generator.generate("A" * 20, keep="a", **GREEDY)
    generator.drop("b")
    generator.generate("i" * 20, keep="i", **GREEDY)


def test_a_prompt_that_would_leave_no_room_is_an_error(generator: Generator) -> None:
    with pytest.raises(ContextOverflow, match="leave less than 256 for calls"):
        generator.generate("x" * 800, keep="rules", **GREEDY)
    assert generator.generate("x" * 800, **GREEDY).usage.output_tokens == 5


def test_an_answer_ends_where_what_is_kept_begins(generator: Generator) -> None:
    generator.generate(RULES, keep="rules", **GREEDY)
    answer = generator.generate("hello", temperature=0, max_tokens=1000)
    assert (answer.finish_reason, answer.raw_finish_reason) == ("length", "context_full")
    assert answer.usage.output_tokens == pytest.approx(1024 - 400 - 5, abs=2)
    assert generator.generate("hello", **GREEDY).text == answer.text[:5]


def test_what_was_kept_by_a_generator_goes_with_it(noise_file: Path, generator: Generator) -> None:
    with Generator(noise_file, context=1024) as other:
        other.generate(RULES, keep="rules", **GREEDY)
        generator.drop("rules")  # its own, of which there is none
        with pytest.raises(ContextOverflow):
            generator.generate("x" * 700, **GREEDY)
        assert generator._backend.worker.pid == other._backend.worker.pid  # type: ignore[attr-defined]
    assert generator.generate("x" * 700, **GREEDY).usage.output_tokens == 5


def test_many_calls_at_once_may_keep_the_same_name(generator: Generator) -> None:
    expected = {call: generator.generate(f"{RULES}{call}", **GREEDY).text for call in range(8)}
    together = threading.Barrier(8)

    def ask(call: int) -> str:
        together.wait()
        return generator.generate(f"{RULES}{call}", keep="rules", **GREEDY).text

    with ThreadPoolExecutor(8) as threads:
        assert dict(enumerate(threads.map(ask, range(8)))) == expected
    crowd(generator)
    assert generator.generate(RULES, **GREEDY).usage.cached_tokens == 399


def test_calls_that_come_together_keep_what_they_have_in_common_once(generator: Generator) -> None:
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(generator.generate, f"{RULES}{name}", keep=name, **GREEDY) for name in "ab"]
    assert all(call.result().text for call in calls)
    crowd(generator)
    assert [generator.generate(f"{RULES}{n}", **GREEDY).usage.cached_tokens for n in "ab"] == [400, 400]


def test_a_call_that_is_left_once_its_prompt_is_done_has_kept_it(generator: Generator) -> None:
    with generator.stream(RULES, keep="rules", temperature=0) as stream:
        next(iter(stream.text))
    crowd(generator)
    assert generator.generate(RULES, **GREEDY).usage.cached_tokens == 399


@pytest.mark.parametrize("name", ["", 3, ["a"]])
def test_a_name_is_text(generator: Generator, name: object) -> None:
    with pytest.raises(BadRequest, match="keep takes a name"):
        generator.generate("a", keep=name)  # type: ignore[arg-type]


def test_remote_models_keep_nothing() -> None:
    with Generator("chat:m", base_url="http://127.0.0.1:9", api_key="k") as remote:
        with pytest.raises(UnsupportedOption, match="keep"):
            remote.generate("a", keep="rules")
        remote.drop("rules")
