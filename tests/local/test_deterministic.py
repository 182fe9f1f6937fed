"""The same call gives the same answer, whatever came before it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from genkit import Generator, Logprobs, Message, Response
from genkit.errors import ConfigError, UnsupportedOption

STORY = "Tell me a story about a fox"


@pytest.fixture
def generator() -> Iterator[Generator]:
    with Generator(threads=2, context=1024, deterministic=True) as generator:
        yield generator


def story(generator: Generator) -> Response:
    # Log probabilities show what changes long before it changes a choice.
    return generator.generate(STORY, seed=3, max_tokens=60, logprobs=2)


def test_what_came_before_changes_nothing(generator: Generator) -> None:
    first = story(generator)
    generator.generate("word " * 150, max_tokens=3)
    again = story(generator)
    assert again.logprobs == first.logprobs
    assert (again.text, again.usage.cached_tokens) == (first.text, 0)


def test_a_conversation_goes_on_from_nothing(generator: Generator) -> None:
    talk = [Message.user(STORY), story(generator).message, Message.user("And then?")]
    after = generator.generate(talk, seed=3, max_tokens=8, logprobs=2)
    again = generator.generate(talk, seed=3, max_tokens=8, logprobs=2)
    assert again.logprobs == after.logprobs
    assert after.usage.cached_tokens == 0


def test_a_call_that_was_left_changes_nothing(generator: Generator) -> None:
    first = story(generator)
    with generator.stream("word " * 150, seed=1) as stream:
        next(iter(stream))
    with generator.stream(STORY, seed=1, logprobs=0) as stream:
        next(event for event in stream if isinstance(event, Logprobs))
    assert story(generator).logprobs == first.logprobs


def test_what_is_asked_meanwhile_changes_nothing(generator: Generator) -> None:
    first, found = story(generator), list[Response]()
    calls = [threading.Thread(target=lambda: found.append(story(generator))) for _ in range(3)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert [each.logprobs for each in found] == [first.logprobs] * 3


def test_a_worker_that_starts_again_changes_nothing(generator: Generator) -> None:
    first = story(generator)
    with Generator(threads=2, context=1024, deterministic=True) as another:
        another.generate("word " * 150, max_tokens=3)
        assert story(another).logprobs == first.logprobs


@pytest.mark.parametrize("setting", [{"parallel": 2}, {"lookup": True}, {"keep_on_disk": True}], ids=str)
def test_what_makes_an_answer_depend_on_others_does_not_go_with_it(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        Generator(deterministic=True, **setting)


def test_nothing_is_kept(generator: Generator) -> None:
    with pytest.raises(UnsupportedOption, match="leave keep out") as caught:
        generator.generate("Hello", keep="hello")
    assert caught.value.option == "keep"
    answer = generator.generate("Hello", keep="hello", max_tokens=1, on_unsupported="warn")
    assert ["keep" in warning for warning in answer.warnings] == [True]
