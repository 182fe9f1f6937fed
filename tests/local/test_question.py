"""Requests as the worker is asked them: tools, their results and reasoning, in the form of chat templates."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest

import genkit
from genkit import CacheMark, Message, Native, Refusal, Tool, ToolCall, ToolResult
from genkit.errors import BadRequest, UnsupportedOption
from genkit.local.pipe import DEEPEST
from genkit.local.question import entries

WEATHER = Tool(name="weather", description="d", parameters={"type": "object", "properties": {"c": {}}})
SHOW = (
    "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}"
    "{% for m in messages %}{{ m | tojson }}{% endfor %}{% if enable_thinking %}think{% endif %}"
)


def prompt_length(file: Path, **options: object) -> int:
    with genkit.Generator(file, template=SHOW) as generator:
        return generator.generate("x", max_tokens=1, **options).usage.input_tokens  # type: ignore[arg-type]


def test_a_template_sees_tools_and_the_wish_to_think(alphabet_file: Path) -> None:
    plain = prompt_length(alphabet_file)
    shown = (
        '{"type": "function", "function": {"name": "weather", "description": "d", "parameters": '
        '{"type": "object", "properties": {"c": {}}}}}'
    )
    assert prompt_length(alphabet_file, tools=[WEATHER]) == plain + len(shown)
    assert prompt_length(alphabet_file, tools=[WEATHER], tool_choice="none") == plain
    none = (
        '{"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object", '
    )
    none += '"properties": {}}}}'
    assert prompt_length(alphabet_file, tools=[Tool(name="f")]) == plain + len(none)
    assert prompt_length(alphabet_file, reasoning="high") == plain + len("think")
    assert prompt_length(alphabet_file, reasoning="none") == plain


@pytest.mark.parametrize("output", [None, {"type": "object"}])
def test_a_tool_must_be_there_to_be_called(alphabet: genkit.Generator, output: dict[str, str] | None) -> None:
    for choice in ("required", "weather"):
        with pytest.raises(BadRequest, match=f"tool_choice='{choice}' needs tools="):
            alphabet.generate("x", tool_choice=choice, output=output)
        with pytest.raises(
            BadRequest, match=f"tool_choice='{choice}' needs tools="
        ):  # what may have them goes
            alphabet.generate("x", tool_choice=choice, output=output, extra={"a": 1}, on_unsupported="drop")


def test_a_schema_may_be_any_mapping(alphabet_file: Path) -> None:
    schema = {"type": "object", "properties": {"c": {}}}
    proxy = MappingProxyType({**schema, "properties": MappingProxyType({"c": {}})})
    tools = [Tool(name="weather", description="d", parameters=proxy)]
    assert prompt_length(alphabet_file, tools=tools) == prompt_length(alphabet_file, tools=[WEATHER])
    constant = MappingProxyType({"const": 5})
    with genkit.Generator() as demo:
        assert demo.generate("x", output=constant).text == "5"


def circular() -> dict[str, object]:
    schema: dict[str, object] = {"type": "object"}
    schema["not"] = schema
    return schema


def deep() -> dict[str, object]:
    schema: dict[str, object] = {}
    for _ in range(100_000):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize("make", [circular, deep, lambda: {"const": object()}])
def test_a_schema_that_is_no_json_is_refused(
    alphabet: genkit.Generator, make: Callable[[], dict[str, object]]
) -> None:
    for options in ({"tools": [Tool(name="f", parameters=make())]}, {"output": genkit.Output(schema=make())}):
        with pytest.raises(BadRequest, match="the schema of a tool or of the output is not JSON"):
            alphabet.generate("x", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "shown"),
    [('{"c": 1}', {"c": 1}), ("", {}), ("[1]", "[1]"), ("{", "{"), ("[" * 9999, "[" * 9999)],
)
def test_arguments_of_a_call_are_shown_as_an_object_if_they_are_one(written: str, shown: object) -> None:
    (entry,) = entries([Message.assistant(ToolCall(id="1", name="f", arguments=written))])
    (call,) = entry["tool_calls"]
    assert (call["id"], call["function"]) == ("1", {"name": "f", "arguments": shown})


@pytest.mark.parametrize("text", ["1", '"<|end|>"'])
def test_arguments_are_shown_to_any_depth_or_refused(alphabet: genkit.Generator, text: str) -> None:
    def asked(depth: int) -> None:
        call = ToolCall(id="a", name="b", arguments='{"a":' * depth + text + "}" * depth)
        alphabet.generate([Message.user("a"), Message.assistant(call)], max_tokens=1)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)  # a program may have raised it; the worker has not
    try:
        asked(DEEPEST - 10)
        for depth in (DEEPEST, 980, 5_000):
            with pytest.raises(BadRequest, match=rf"nested deeper than {DEEPEST}; make them flatter$"):
                asked(depth)
    finally:
        sys.setrecursionlimit(limit)


def test_a_message_without_parts_is_shown_as_one_without_text() -> None:
    assert entries([Message("assistant", ())]) == [{"role": "assistant", "content": ""}]


def test_a_result_that_is_no_text_is_refused(alphabet: genkit.Generator) -> None:
    picture = ToolResult(id="1", name="draw", content=[genkit.Image(url="http://x/y.png")])
    with pytest.raises(BadRequest, match="reads text only; the result of tool 'draw' holds more"):
        alphabet.count([Message.user("x"), Message.tool(picture)])


def test_calls_and_results_are_part_of_a_conversation(alphabet: genkit.Generator) -> None:
    told = [
        Message.user("x"),
        Message.assistant(ToolCall(id="1", name="weather", arguments='{"c": 1}')),
        Message.tool(ToolResult(id="1", name="weather", content="no such city", error=True)),
    ]
    expected = "<tool_response>\nError: no such city\n</tool_response>"
    assert alphabet.count(told).tokens == len(expected)


def test_what_a_template_does_not_know_is_an_error_or_a_warning(alphabet: genkit.Generator) -> None:
    with pytest.raises(UnsupportedOption, match="cannot be told how much to think"):
        alphabet.generate("x", reasoning="high")
    answer = alphabet.generate("x", reasoning="high", on_unsupported="warn")
    assert answer.text == "yz"
    assert "how much to think" in answer.warnings[0]
    assert not alphabet.generate("x", reasoning="high", on_unsupported="drop").warnings
    with pytest.raises(UnsupportedOption, match="reasoning as a number of tokens, but as a word"):
        alphabet.generate("x", reasoning=100)
    assert alphabet.generate("x", reasoning=100, on_unsupported="warn").text == "yz"
    with pytest.raises(BadRequest, match="not a provider's own tool"):
        alphabet.generate("x", tools=[{"type": "web_search"}])


def test_a_developers_message_is_the_systems(alphabet_file: Path) -> None:
    system = "{% for m in messages if m.role == 'system' %}{{ m.content }}{% endfor %}"
    with genkit.Generator(alphabet_file, template=system + "{{ messages[-1].content }}") as generator:
        assert generator.count([Message("developer", "abc"), Message.user("x")]).tokens == 4


def test_text_in_a_tools_message_is_the_users(alphabet: genkit.Generator) -> None:
    assert alphabet.count([Message.user("x"), Message("tool", "abc")]).tokens == 3


@pytest.mark.parametrize("part", [genkit.Reasoning("hm"), genkit.ToolCall(id="1", name="f", arguments="{}")])
def test_what_only_a_model_does_is_no_users(alphabet: genkit.Generator, part: genkit.Part) -> None:
    with pytest.raises(BadRequest, match="goes into an assistant's message, not one of role 'user'"):
        alphabet.count([Message("user", (part,))])


def test_thoughts_do_not_fit_into_a_form(alphabet_file: Path) -> None:
    with genkit.Generator(alphabet_file, template=SHOW) as generator:
        for options in ({"output": {"type": "object"}}, {"tools": [WEATHER], "tool_choice": "required"}):
            with pytest.raises(UnsupportedOption, match="thoughts do not fit"):
                generator.generate("x", reasoning="high", **options)  # type: ignore[arg-type]


def test_a_template_that_only_mentions_thinking_cannot_be_told_how_much(alphabet_file: Path) -> None:
    mentions = "{# thinking #}{{ messages[-1].content }}"
    told = pytest.raises(UnsupportedOption, match="cannot be told how much to think")
    with genkit.Generator(alphabet_file, template=mentions) as generator, told:
        generator.generate("x", reasoning="high")


def test_what_an_output_is_for_cannot_be_told(alphabet: genkit.Generator) -> None:
    described = genkit.Output(schema={"type": "object"}, description="A person.")
    with pytest.raises(UnsupportedOption, match=r"do not take output\.description"):
        alphabet.generate("x", output=described)


def test_an_answer_from_elsewhere_is_what_was_said_in_it(alphabet_file: Path) -> None:
    elsewhere = Message.assistant(
        Native(dialect="openai.responses", data={"phase": 1}), "a", CacheMark(), Refusal("b")
    )
    search = Message.assistant(Native(dialect="openai.responses", data={"type": "search"}))
    with genkit.Generator(alphabet_file, template=SHOW) as generator:
        said = generator.count([Message.user("x"), Message.assistant("ab"), Message.user("y")])
        assert generator.count([Message.user("x"), elsewhere, search, Message.user("y")]) == said
        assert (
            generator.count([Message.user("x", CacheMark()), Message.assistant("ab"), Message.user("y")])
            == said
        )
