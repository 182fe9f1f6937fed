"""What families of models write, read back: text, reasoning and tool calls, however it is cut."""

from __future__ import annotations

import inspect
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.events import ReasoningDelta, TextDelta, ToolCallDelta
from genkit.local.answer import AnswerStream
from genkit.local.toolreaders import Call
from genkit.local.toolsyntax import SYNTAXES, Section, Syntax, between, by_name, find

SHARED = Path(__file__).resolve().parents[3] / "shared" / "chat_templates"
OSLO = ("weather", {"city": "Oslo"})
ROME = ("weather", {"city": "Rome"})

# syntax, what the model wrote, its reasoning, its text, its calls
WRITTEN: list[tuple[str, str, str, str, list[tuple[str, dict[str, Any]]]]] = [
    ("tagged", "Plain <b>text</b>, 1 < 2.", "", "Plain <b>text</b>, 1 < 2.", []),
    (
        "tagged",
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
        "",
        "",
        [OSLO],
    ),
    (
        "tagged",
        '<think>\nWhere?\n</think>\n\nLooking.\n<tool_call>{"name":"weather","arguments":{"city":"Oslo"}}'
        '</tool_call>\n<tool_call>{"name":"weather","arguments":{"city":"Rome"}}</tool_call>',
        "Where?\n",
        "Looking.\n",
        [OSLO, ROME],
    ),
    ("tagged", '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}', "", "", [OSLO]),
    (
        "tagged",
        '<tool_call>\n<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
        "",
        "",
        [OSLO],
    ),
    (
        "tagged",
        '<tool_call>{"function": {"name": "weather", "arguments": {"city": "Oslo"}}}</tool_call>',
        "",
        "",
        [OSLO],
    ),
    (
        "tagged",
        '<tool_call>{"name": "print", "arguments": {"text": "\\"</tool_call>\\""}}</tool_call> Done.',
        "",
        "Done.",
        [("print", {"text": '"</tool_call>"'})],
    ),
    (
        "tagged",
        '<tool_call>{"name": "print", "arguments": {"text": "</tool_call>"}}',
        "",
        "",
        [("print", {"text": "</tool_call>"})],
    ),
    (
        "tagged",
        "<tool_call>\n<function=weather>\n<parameter=city>\nOslo\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
        "</function>\n</tool_call>",
        "",
        "",
        [("weather", {"city": "Oslo", "days": 3})],
    ),
    (
        "tagged",
        "Let me look.\n\n<function=weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n</tool_call>",
        "",
        "Let me look.\n\n",
        [OSLO],
    ),
    (
        "tagged",
        "<function=weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n"
        "<function=weather>\n<parameter=city>\nOslo\n</parameter>\n</function>",
        "",
        "",
        [OSLO, OSLO],
    ),
    (
        "tagged",
        "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>",
        "",
        "",
        [OSLO],
    ),
    (
        "told",
        'So:\n<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
        "",
        "So:\n",
        [OSLO],
    ),
    ("tagged", "<think>Hm.</thi", "Hm.</thi", "", []),
    ("tagged", '<think>5" wide?</think>Yes.', '5" wide?', "Yes.", []),
    ("llama", '{"name": "weather", "parameters": {"city": "Oslo"}}', "", "", [OSLO]),
    (
        "llama",
        '<|python_tag|>{"name": "weather", "parameters": {"city": "Oslo"}}; '
        '{"name": "weather", "parameters": {"city": "Rome"}}',
        "",
        "",
        [OSLO, ROME],
    ),
    (
        "llama",
        "<|python_tag|>"
        + '{"function": "weather", "parameters": {"city": "Oslo"}}%s' * 3 % (",", "\n", ";")
        + '{"function": "weather", "parameters": {"city": "Rome"}}',
        "",
        "",
        [OSLO, OSLO, OSLO, ROME],
    ),
    ("llama", '<function=weather>{"city": "Oslo"}</function>', "", "", [OSLO]),
    ("function", 'One moment. <function=weather>{"city": "Oslo"}</function>', "", "One moment. ", [OSLO]),
    (
        "mistral",
        '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Oslo"}}, '
        '{"name": "weather", "arguments": {"city": "Rome"}}]',
        "",
        "",
        [OSLO, ROME],
    ),
    (
        "mistral",
        '[THINK]Hm.[/THINK]Yes.[TOOL_CALLS]weather[ARGS]{"city": "Oslo"}'
        '[TOOL_CALLS]weather[ARGS]{"city": "Rome"}',
        "Hm.",
        "Yes.",
        [OSLO, ROME],
    ),
    (
        "mistral",
        '[TOOL_CALLS] [\n  {"name": "weather", "arguments": {"city": "Oslo"}}\n]',
        "",
        "",
        [OSLO],
    ),
    ("mistral", '[TOOL_CALLS]{"name": "weather", "arguments": {"city": "Oslo"}}', "", "", [OSLO]),
    ("mistral", '[TOOL_CALLS]weather{"city": "Oslo"} I asked {', "", "I asked {", [OSLO]),
    (
        "mistral",
        '[TOOL_CALLS]{"name": "weather", "arguments": {"city": "Oslo"}}, [so] 5" '
        '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Rome"}}]',
        "",
        ', [so] 5" ',
        [OSLO, ROME],
    ),
    (
        "mistral",
        '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Oslo"}}]\nI asked.',
        "",
        "I asked.",
        [OSLO],
    ),
    ("mistral", '[TOOL_CALLS]weather[CALL_ID]abc123def[ARGS]{"city": "Oslo"}', "", "", [OSLO]),
    (
        "gemma",
        '<|channel>thought\nHm.<channel|><|tool_call>call:weather{city:<|"|>Oslo<|"|>,days:[1,2],deep:{a:true}}'
        "<tool_call|>",
        "Hm.",
        "",
        [("weather", {"city": "Oslo", "days": [1, 2], "deep": {"a": True}})],
    ),
    (
        "listed",
        '<|tool_call|>[{"name": "weather", "arguments": {"city": "Oslo"}}]<|/tool_call|>',
        "",
        "",
        [OSLO],
    ),
    ("listed", '<|tool_call|>[{"name": "weather", "arguments": {"city": "Oslo"}}]', "", "", [OSLO]),
    (
        "deepseek",
        "<think>Hm.</think>Yes.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n"
        '{"city": "Oslo"}\n```<｜tool▁call▁end｜>\n'
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n"
        '{"city": "Rome"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        "Hm.",
        "Yes.",
        [OSLO, ROME],
    ),
    (
        "deepseek",
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"city": "Oslo"}<｜tool▁call▁end｜>'
        "<｜tool▁calls▁end｜>",
        "",
        "",
        [OSLO],
    ),
    (
        "command-r",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_ACTION|>[\n"
        '{"tool_call_id": "0", "tool_name": "weather", "parameters": {"city": "Oslo"}}\n]<|END_ACTION|>',
        "Hm.",
        "",
        [OSLO],
    ),
    ("command-r", "<|START_RESPONSE|>It rains.<|END_RESPONSE|>", "", "It rains.", []),
    ("command-r", "<|START_RESPONSE|>It rains.<|END_", "", "It rains.<|END_", []),
    (
        "kimi",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>"
        '{"city": "Oslo"}<|tool_call_end|><|tool_calls_section_end|>',
        "",
        "",
        [OSLO],
    ),
    (
        "harmony",
        "<|channel|>analysis<|message|>Hm.<|end|>"
        "<|start|>assistant<|channel|>commentary to=functions.weather "
        '<|constrain|>json<|message|>{"city": "Oslo"}<|call|>',
        "Hm.",
        "",
        [OSLO],
    ),
    (
        "harmony",
        "<|channel|>analysis<|message|>Hm.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>It rains.<|return|>",
        "Hm.",
        "It rains.",
        [],
    ),
    ("harmony", '<|channel|>commentary to=functions.weather<|message|>{"city": "Oslo"}', "", "", [OSLO]),
    (  # the prompt ends with "<|start|>assistant"
        "harmony",
        ' to=functions.weather<|channel|>commentary json<|message|>{"city": "Oslo"}<|call|>',
        "",
        "",
        [OSLO],
    ),
    ("harmony", '<|channel|>commentary to=weather<|message|>{"city": "Oslo"}', "", "", [OSLO]),
    (
        "harmony",
        "<|channel|>analysis<|message|>Hm.<|start|>assistant<|channel|>final<|message|>It rains.",
        "Hm.",
        "It rains.",
        [],
    ),
    ("harmony", "<|channel|>final<|message|>Go to=Oslo.", "", "Go to=Oslo.", []),
    ("command-r", "<|START_TEXT|>It rains.<|END_TEXT|>", "", "It rains.", []),
    ("function", "<think>Hm.</think>It rains.", "Hm.", "It rains.", []),
    ("mistral", "<think>Hm.</think>It rains.", "Hm.", "It rains.", []),
    ("alone", '{"name": "weather", "parameters": {"city": "Oslo"}}', "", "", [OSLO]),
    (
        "[CALL] [/CALL]",
        '<think>Hm.</think>[CALL]{"name": "weather", "arguments": {"city": "Oslo"}}[/CALL]It rains.',
        "Hm.",
        "It rains.",
        [OSLO],
    ),
    ("[CALL]", 'So: [CALL]{"name": "weather", "arguments": {"city": "Oslo"}}', "", "So: ", [OSLO]),
]


def read(syntax: str, pieces: Iterable[str], **options: bool) -> tuple[str, str, list[tuple[str, Any]]]:
    stream = AnswerStream(by_name(syntax), **{"tools": True, "thinking": False, **options})
    events = [event for piece in pieces for event in stream.add(piece)]
    events += stream.end()
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [call.index for call in calls] == list(range(stream.calls))
    assert all(len(call.id) == 9 for call in calls)
    return (
        "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        [(call.name, json.loads(call.arguments)) for call in calls],
    )


@pytest.mark.parametrize(
    ("syntax", "written", "reasoning", "text", "calls"), WRITTEN, ids=[w[0] for w in WRITTEN]
)
def test_families_of_models_are_understood_however_their_words_are_cut(
    syntax: str, written: str, reasoning: str, text: str, calls: Sequence[Any]
) -> None:
    expected = (reasoning, text, list(calls))
    assert read(syntax, [written]) == expected
    assert read(syntax, written) == expected
    assert read(syntax, [written[at : at + 7] for at in range(0, len(written), 7)]) == expected


def test_all_families_are_understood_in_the_form_that_they_are_told_where_their_template_fails() -> None:
    written = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    for syntax in SYNTAXES:
        assert read(syntax.name, [written]) == ("", "", [OSLO])


def test_a_template_that_shows_calls_without_markers_has_them_alone() -> None:
    assert between("") is by_name("alone")


@pytest.mark.parametrize(
    ("syntax", "written"),
    [
        ("tagged", "a <tool_call>no JSON</tool_call> b"),
        ("tagged", 'a <tool_call>{"name": "f"}</tool_call>'),
        ("tagged", '<tool_call>{"name": "", "arguments": {}}</tool_call>'),
        ("tagged", '<tool_call>{"name": 1, "arguments": {}}</tool_call>'),
        ("tagged", "<tool_call>{"),
        ("tagged", '<tool_call>{"name": "f", "arguments": {"a": 1e999}}</tool_call>'),  # Python's inf
        ("tagged", '<tool_call>{"name": "f", "arguments": "Oslo"}</tool_call>'),
        ("tagged", '<tool_call>{"name": "f", "arguments": "[1]"}</tool_call>'),
        ("tagged", '<tool_call>{"name": "f", "arguments": {"a": NaN}}</tool_call>'),
        ("mistral", '[TOOL_CALLS]f{"a":NaN}'),
        ("tagged", "a <tool_ca"),
        ("tagged", "<function=f></function> and so on"),
        ("tagged", "write <function=name of it"),
        ("tagged", "write <function=name> to call it"),
        ("tagged", "<function=weather>\n<parameter=city>\nOs"),
        ("tagged", 'to=f<|message|>{"a": 1}'),  # which is Harmony
        ("tagged", '{"name": "f", "arguments": {}}'),  # which a model of this family would mark
        ("llama", '{"city": "Oslo"}'),
        ("llama", '{"name": "Bob"'),
        ("llama", 'So: {"name": "f", "parameters": {}}'),
        ("mistral", "[TOOL_CALLS]nothing"),
        ("mistral", "[TOOL_CALLS][]"),
        ("mistral", "[TOOL_CALLS]nothing[TOOL_CALLS]f{[TOOL_CALLS]"),
        ("gemma", "<|tool_call>call:f{a:<tool_call|>"),
        ("function", "<function=f>{</function>"),
        ("listed", "<|tool_call|>[1]"),
        ("harmony", "<|channel|>anal"),
        ("harmony", " to"),
        ("harmony", " to=functions.weather"),
        ("deepseek", "<｜tool▁calls▁begin｜>x<｜tool▁calls▁end｜>"),
        ("tagged", "<tool_call>" + "[" * 100_000),
        ("listed", "<|tool_call|>" + "[" * 100_000),
        ("mistral", '[TOOL_CALLS]f{"a":' + "[" * 100_000 + "}"),
        ("mistral", "[TOOL_CALLS]" + "x" * 100_000),
        ("gemma", "<|tool_call>call:f{" + "x" * 100_000 + "<tool_call|>"),
        (
            "deepseek",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f\n```json" + "\n" * 50_000 + "{" + "\n" * 50_000,
        ),
    ],
)
def test_what_is_no_call_is_text(syntax: str, written: str) -> None:
    assert read(syntax, [written]) == ("", written, [])
    if len(written) < 1000:
        assert read(syntax, written) == ("", written, [])


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ('""', "{}"),
        ('"{\\"a\\": 1}"', '{"a": 1}'),
        (r'{"a": "\ud83d"}', r'{"a": "\ud83d"}'),
        ('{"a": "é"}', '{"a": "é"}'),
    ],
)
def test_arguments_are_a_json_object_that_can_be_encoded(written: str, arguments: str) -> None:
    answer = f'<tool_call>{{"name": "f", "arguments": {written}}}</tool_call>'
    stream = AnswerStream(by_name("tagged"), tools=True, thinking=False)
    (call,) = stream.add(answer)
    assert isinstance(call, ToolCallDelta)
    assert call.arguments == arguments
    assert arguments.encode()


def test_letters_of_arguments_stay_as_they_are_in_every_form() -> None:
    for syntax, written in [
        ("gemma", '<|tool_call>call:f{é:<|"|>é<|"|>,1:{}}<tool_call|>'),
        (
            "tagged",
            "<tool_call>f<arg_key>é</arg_key><arg_value>é</arg_value><arg_key>1</arg_key>"
            "<arg_value>{}</arg_value></tool_call>",
        ),
        ("mistral", '[TOOL_CALLS]f{"é": "é", "1": {}}'),
    ]:
        stream = AnswerStream(by_name(syntax), tools=True, thinking=False)
        (call,) = [*stream.add(written), *stream.end()]
        assert isinstance(call, ToolCallDelta)
        assert call.arguments.replace(" ", "") == '{"é":"é","1":{}}'


def test_a_value_without_quotes_that_is_too_deep_for_json_is_text() -> None:
    deep = "[" * 100_000
    written = f"<tool_call><function=f><parameter=a>{deep}</parameter></function></tool_call>"
    assert read("tagged", [written]) == ("", "", [("f", {"a": deep})])


@pytest.mark.parametrize("syntax", ["llama", "bare"])
def test_blanks_before_a_call_are_nothing_however_they_come(syntax: str) -> None:
    call = '{"name": "weather", "arguments": {"city": "Oslo"}}'
    for pieces in ([f"\n {call}"], ["\n", " ", call], list(f"\n {call}")):
        assert read(syntax, pieces) == ("", "", [OSLO])
    assert read(syntax, ["\n", " ", "no call"])[1] == "\n no call"
    assert read(syntax, ["\n", " "])[1] == "\n "


BROKEN = '<tool_call>{"name": "f", "arguments": {"size": "5}}</tool_call>'


def test_a_call_that_is_broken_takes_none_after_it_along() -> None:
    good = '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>'
    written = f"{BROKEN}\n{good} Done."
    for cut in (1, 7, 1000):
        pieces = [written[at : at + cut] for at in range(0, len(written), cut)]
        assert read("tagged", pieces) == ("", f"{BROKEN}\nDone.", [OSLO])
    assert read("tagged", [f"{BROKEN} 1 <"]) == ("", f"{BROKEN} 1 <", [])


def test_of_calls_that_are_broken_there_may_be_more_than_python_has_frames() -> None:
    written, limit = '<tool_call>{"</tool_call>"' * 300, sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        assert read("tagged", [written]) == ("", written, [])
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("cut", [7, 50_000])
@pytest.mark.parametrize("broken", ['<call>{"</call>"', '<call>x"</call>"'])
def test_of_calls_that_are_broken_each_does_not_have_all_that_follows_read_again(
    broken: str, cut: int
) -> None:
    written, was_read = broken * 3_000, 0

    def read_none(text: str) -> list[Call]:
        nonlocal was_read
        was_read += len(text)
        assert was_read < 40 * len(written)
        raise ValueError("no call")

    syntax = Syntax("", (), (Section("call", "<call>", ("</call>",), read_none),))
    stream = AnswerStream(syntax, tools=True, thinking=False)
    events = [event for at in range(0, len(written), cut) for event in stream.add(written[at : at + cut])]
    events += stream.end()
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == written


def test_text_is_shown_as_soon_as_it_cannot_be_a_marker() -> None:
    stream = AnswerStream(by_name("tagged"), tools=True, thinking=False)
    assert list(stream.add("a <")) == [TextDelta("a ")]
    assert list(stream.add("tool")) == []
    assert list(stream.add("s> b")) == [TextDelta("<tools> b")]
    assert list(stream.add("<think>")) == []
    assert list(stream.add("x</")) == [ReasoningDelta("x")]
    stream = AnswerStream(by_name("plain"), tools=True, thinking=False)
    assert list(stream.add("<think>")) == [TextDelta("<think>")]
    stream = AnswerStream(by_name("command-r"), tools=True, thinking=False)
    assert list(stream.add("<|START_RESPONSE|>It")) == [TextDelta("It")]


def test_a_call_and_what_is_none_are_told_as_soon_as_they_end() -> None:
    stream = AnswerStream(by_name("tagged"), tools=True, thinking=False)
    inches = '<tool_call><function=f><parameter=size>5"</parameter></function></tool_call>'
    assert [type(event) for event in stream.add(inches)] == [ToolCallDelta]
    assert list(stream.add("<tool_call>no")) == []
    assert list(stream.add(" call</tool_call>")) == [TextDelta("<tool_call>no call</tool_call>")]


@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_of_several_calls_the_first_alone_comes_if_that_is_wanted(cut: int) -> None:
    for syntax, written, _, _, calls in WRITTEN:
        pieces = [written[at : at + cut] for at in range(0, len(written), cut)]
        assert read(syntax, pieces, single=True)[2] == list(calls[:1])


def test_a_call_of_mistrals_is_told_when_the_next_begins_which_may_be_none() -> None:
    first, second = '[TOOL_CALLS]weather[ARGS]{"city": "Oslo"}', '[TOOL_CALLS]weather[ARGS]{"city": "Ro'
    assert read("mistral", [first + second]) == read("mistral", first + second) == ("", second, [OSLO])
    stream = AnswerStream(by_name("mistral"), tools=True, thinking=False, single=True)
    assert list(stream.add(first)) == []
    assert [type(event) for event in stream.add(second[:13])] == [ToolCallDelta]
    assert stream.done


def test_nothing_comes_after_the_one_call_that_is_wanted() -> None:
    written = 'So: <tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call> And: <think>Hm.'
    for pieces in (list(written), [written], [written, "more"]):
        assert read("tagged", pieces, single=True) == ("", "So: ", [OSLO])
        assert read("tagged", pieces)[1:] == ("So: And: ", [OSLO])
    assert read("tagged", [BROKEN + written], single=True) == ("", f"{BROKEN}So: ", [OSLO])


def test_a_prompt_may_end_where_the_model_thinks() -> None:
    assert read("tagged", ["Hm.</think>\n\nYes."], thinking=True) == ("Hm.", "Yes.", [])
    assert read("llama", ["Yes."], thinking=True) == ("", "Yes.", [])  # where no syntax knows of thoughts
    assert read("alone", ['{"a": 1}?</think>Yes.'], thinking=True) == ('{"a": 1}?', "Yes.", [])
    stream = AnswerStream(by_name("tagged"), tools=True, thinking=True)
    assert stream.thinking
    list(stream.add("Hm.</think>"))
    assert not stream.thinking
    list(stream.add("Yes.<tool_call>{"))
    assert not stream.thinking


def test_without_tools_a_call_is_text() -> None:
    for syntax, written, reasoning, _, calls in WRITTEN:
        if calls and syntax not in ("harmony", "command-r"):
            thought, text, found = read(syntax, [written], tools=False)
            assert (thought, found) == (reasoning, [])
            assert written.endswith(text)


@given(st.sampled_from(WRITTEN), st.data())
def test_nothing_raises_on_what_is_cut_short(case: tuple[Any, ...], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(case[1])))
    read(case[0], [case[1][:at]])


# What it would take again for each part or beginning, it takes once: the times are a tenth of those allowed.
@pytest.mark.parametrize(
    ("syntax", "part", "times", "limit"),
    [
        ("tagged", "f<arg_key>a</arg_key><arg_value>", 700, 3),  # beginnings without an end
        ("tagged", "<function=f><parameter=a>", 8_000, 5),
        ("tagged", '{"t": "' + "</tool_call> ", 30_000, 10),  # ends within a string
        ("harmony", "word ", 100_000, 10),
        ("deepseek", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>", 8_000, 5),
        ("kimi", "<|tool_call_begin|>f<|tool_call_argument_begin|>", 8_000, 5),
    ],
)
def test_what_never_ends_takes_no_longer_than_it_is_long(
    syntax: str, part: str, times: int, limit: float
) -> None:
    opens = {
        "harmony": "<|channel|>commentary to=functions.f<|message|>",
        "deepseek": "<｜tool▁calls▁begin｜>",
        "kimi": "<|tool_calls_section_begin|>",
    }.get(syntax, "<tool_call>")
    began = time.process_time()
    pieces = [opens, *([part] * times)]
    read(syntax, pieces)
    assert time.process_time() - began < limit


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared (chat templates of models) is not here")
@pytest.mark.parametrize(
    ("template", "syntax"),
    [
        ("meta-llama-Llama-3.1-8B-Instruct", "llama"),
        ("meta-llama-Llama-3.3-70B-Instruct", "llama"),
        ("Qwen-Qwen2.5-7B-Instruct", "tagged"),
        ("Qwen3-Coder", "tagged"),
        ("NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "tagged"),
        ("GLM-4.7-Flash", "tagged"),
        ("Mistral-Small-3.2-24B-Instruct-2506", "mistral"),
        ("mistralai-Ministral-3-14B-Reasoning-2512", "mistral"),
        ("google-gemma-4-31B-it-interleaved", "gemma"),
        ("deepseek-ai-DeepSeek-V3.1", "deepseek"),
        ("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "deepseek"),
        ("ibm-granite-granite-3.3-2B-Instruct", "listed"),
        ("ibm-granite-granite-4.1", "tagged"),
        ("CohereForAI-c4ai-command-r7b-12-2024-tool_use", "command-r"),
        ("openai-gpt-oss-120b", "harmony"),
        ("moonshotai-Kimi-K2", "kimi"),
        ("meetkai-functionary-medium-v3.1", "function"),
    ],
)
def test_the_syntax_is_found_from_the_template(template: str, syntax: str) -> None:
    assert find((SHARED / f"{template}.jinja").read_text(encoding="utf-8")).name == syntax
