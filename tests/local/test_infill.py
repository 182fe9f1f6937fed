"""Filling a gap between two texts, with the tokens that a model's vocabulary has for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fabricate
import pytest
from fabricate import BYTES, TOKENS

from genkit import Generator, Message, Output, Tool
from genkit.errors import BadRequest, ModelFileError, UnsupportedOption
from genkit.local.llama import Model
from genkit.local.prompt import Prompts

MARKS = ("<before>", "<after>", "<gap>")
BEFORE, AFTER, GAP = range(len(TOKENS), len(TOKENS) + 3)


@pytest.fixture(scope="module")
def coder_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fabricate.noise(tmp_path_factory.mktemp("models") / "coder.gguf", control=MARKS, gap=True)


@pytest.fixture(scope="module")
def coder(coder_file: Path) -> Iterator[Generator]:
    with Generator(coder_file) as generator:
        yield generator


def ids(text: str) -> list[int]:
    return [BYTES.index(byte) for byte in text.encode()]


@pytest.mark.parametrize("defined", [False, True])
@pytest.mark.parametrize(
    ("prefix", "suffix"), [("def f(", "): pass"), ("", "x"), ("x", ""), ("<gap>", "<before><after>")]
)
def test_a_gap_is_between_its_marks_and_data_is_no_mark(
    tmp_path: Path, defined: bool, prefix: str, suffix: str
) -> None:
    model = Model(
        str(fabricate.noise(tmp_path / "coder.gguf", control=MARKS, gap=True, defined=defined)),
        vocabulary_only=True,
    )
    question = {"messages": [{"role": "user", "content": prefix}], "suffix": suffix}
    assert Prompts(model, None).of(question).tokens == [BEFORE, *ids(prefix), AFTER, *ids(suffix), GAP]
    model.close()


def test_infill_is_streamed_sampled_and_counted_like_any_answer(coder: Generator) -> None:
    options: Any = {"max_tokens": 12, "seed": 3, "stop": ["\0"], "logprobs": 1}
    answer = coder.infill("def f(", "): pass", **options)
    assert answer.usage.input_tokens == len("def f(" + "): pass") + 3
    assert answer.usage.output_tokens == 12 == len(answer.logprobs)
    assert coder.generate("def f(", suffix="): pass", **options).text == answer.text
    with coder.stream("def f(", suffix="): pass", **options) as stream:
        assert "".join(stream.text) == answer.text
    assert asyncio.run(coder.ainfill("def f(", "): pass", **options)).text == answer.text
    assert coder.infill("def f(", "): fail", **options).text != answer.text
    assert coder.count("def f(", suffix="): pass").tokens == answer.usage.input_tokens


def test_a_gap_may_have_a_form(coder: Generator) -> None:
    assert coder.infill("a", "b", output=Output(choices=["one", "two"])).text in ("one", "two")


def test_a_model_without_the_tokens_does_not_infill(noise: Generator) -> None:
    with pytest.raises(ModelFileError, match="not made to fill a gap"):
        noise.infill("a", "b")


@pytest.mark.parametrize(
    ("prefix", "options"),
    [
        ("a", {"system": "Be brief."}),
        ("a", {"tools": [Tool(name="f")]}),
        ("a", {"reasoning": "high"}),
        ([Message.user("a"), Message.assistant("b")], {}),
        ("a", {"suffix": 1}),
    ],
    ids=str,
)
def test_what_goes_with_no_gap_is_refused(coder: Generator, prefix: Any, options: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="suffix"):
        coder.generate(prefix, **{"suffix": "b", **options})


@pytest.mark.parametrize("suffix", [None, 5, b"b"])
def test_what_follows_a_gap_is_text(coder: Generator, suffix: Any) -> None:
    with pytest.raises(BadRequest, match="suffix takes text"):
        coder.infill("a", suffix)
    with pytest.raises(BadRequest, match="suffix takes text"):
        asyncio.run(coder.ainfill("a", suffix))


def test_a_vendor_that_fills_no_gaps_says_so() -> None:
    with (
        Generator("anthropic:m", base_url="http://127.0.0.1:9", api_key="k") as generator,
        pytest.raises(UnsupportedOption, match="anthropic does not take suffix"),
    ):
        generator.infill("a", "b")
