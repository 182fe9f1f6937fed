"""Calls of tools, by a model that writes nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import fabricate
import pytest

import genkit

CALL = '<tool_call>{"name":"look","arguments":{}}</tool_call>'
ALWAYS = {len(fabricate.TOKENS): 100}  # the token that is a call
LOOK = genkit.Tool(name="look", description="Looks.")


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[genkit.Generator]:
    path = fabricate.noise(tmp_path_factory.mktemp("models") / "caller.gguf", extra=[CALL])
    with genkit.Generator(path) as generator:
        yield generator


@pytest.mark.parametrize("parallel", [None, True])
def test_a_model_may_call_several_tools_at_once(caller: genkit.Generator, parallel: bool | None) -> None:
    answer = caller.generate("x", tools=[LOOK], parallel_tool_calls=parallel, logit_bias=ALWAYS, max_tokens=4)  # type: ignore[misc]
    assert [call.name for call in answer.tool_calls] == ["look"] * 4
    assert answer.finish_reason == "length"


def test_or_one_alone_with_which_the_answer_ends(caller: genkit.Generator) -> None:
    answer = caller.generate("x", tools=[LOOK], parallel_tool_calls=False, logit_bias=ALWAYS, max_tokens=4)
    assert [call.name for call in answer.tool_calls] == ["look"]
    assert (answer.finish_reason, answer.raw_finish_reason) == ("tool_calls", "tool_call")
    assert answer.usage.output_tokens == 1
    assert answer.metrics
    with caller.stream("x", tools=[LOOK], parallel_tool_calls=False, logit_bias=ALWAYS) as stream:
        assert sum(isinstance(event, genkit.ToolCallDelta) for event in stream) == 1


def test_where_no_tool_may_be_called_a_call_is_text(caller: genkit.Generator) -> None:
    answer = caller.generate("x", tools=[LOOK], tool_choice="none", logit_bias=ALWAYS, max_tokens=2)  # type: ignore[misc]
    assert (answer.text, answer.tool_calls) == (CALL * 2, ())


def test_without_tools_there_is_nothing_to_bound(caller: genkit.Generator) -> None:
    answer = caller.generate("x", parallel_tool_calls=False, logit_bias=ALWAYS, max_tokens=3)
    assert answer.text == CALL * 3
