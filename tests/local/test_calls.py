"""Calls that a model chooses to make are held to the tools there are, and to their schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fabricate
import pytest
from fabricate import BYTES

import genkit
from genkit import Tool
from genkit.errors import UnsupportedOption
from genkit.local.answer import AnswerStream
from genkit.local.calls import TOLD, Calls, Spelling, spelling
from genkit.local.chat import ChatTemplate
from genkit.local.constrain import Constraints
from genkit.local.conversation import EXAMPLE, Conversation
from genkit.local.llama import Model
from genkit.local.prompt import Prompts
from genkit.local.toolsyntax import by_name, find

EXTRA = ["</tool_call><tool_call>", '<tool_call>{"name":"we', "<tool_call>no", "<think>", "</think>"]
TEMPLATES = Path(__file__).resolve().parents[3] / "shared" / "chat_templates"
# The token that ends a call, and opens the next, always; and no blanks, which noise would not end.
ALWAYS = {len(fabricate.TOKENS): 100, **dict.fromkeys(map(BYTES.index, b" \n\r\t"), -100)}
SHORT = {BYTES.index(ord("}")): 100}
WEATHER = Tool(
    name="weather",
    parameters={
        "type": "object",
        "properties": {"city": {"$ref": "#/$defs/city"}, "days": {"enum": [1, 2, 3]}},
        "required": ["city", "days"],
        "$defs": {"city": {"enum": ["Oslo", "Rome"]}},
    },
)
CLOCK = Tool(name="clock")
ACTION = Spelling(
    "<|START_ACTION|>",
    ("tool_call_id", "tool_name", "parameters"),
    name="tool_name",
    arguments="parameters",
    listed=True,
)


MISTRAL = Spelling("[TOOL_CALLS]", (), between="[ARGS]")


@pytest.fixture(scope="module")
def caller_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights, with tokens that open calls and thoughts."""
    return fabricate.noise(tmp_path_factory.mktemp("models") / "caller.gguf", extra=EXTRA)


@pytest.fixture(scope="module")
def caller(caller_file: Path) -> Iterator[genkit.Generator]:
    with genkit.Generator(caller_file, seed=1) as generator:
        yield generator


@pytest.mark.parametrize("seed", range(8))
def test_every_call_is_of_a_tool_and_fits_its_schema(caller: genkit.Generator, seed: int) -> None:
    answer = caller.generate(
        "x", tools=[WEATHER, CLOCK], logit_bias=ALWAYS, seed=seed, max_tokens=400, temperature=2
    )
    assert len(answer.tool_calls) > 2  # the last may be cut off
    for call in answer.tool_calls:
        arguments = json.loads(call.arguments)
        if call.name == "weather":
            assert arguments["city"] in ("Oslo", "Rome")
            assert arguments["days"] in (1, 2, 3)
        else:
            assert (call.name, arguments) == ("clock", {})


def test_unless_no_tool_is_to_be_held_to_anything(caller: genkit.Generator) -> None:
    loose = Tool(name="clock", strict=False)
    answer = caller.generate("x", tools=[loose], logit_bias=ALWAYS, seed=1, max_tokens=20)
    assert answer.text == "</tool_call>" + "<tool_call></tool_call>" * 19 + "<tool_call>"


CALL_IDS = (
    "{% for message in messages %}{% if message.content is string %}{{ message.content }}{% endif %}"
    "{% for call in message.tool_calls or [] %}[TOOL_CALLS]{{ call.function.name }}[CALL_ID]{{ call.id }}"
    "[ARGS]{{ call.function.arguments | tojson }}{% endfor %}{% endfor %}{{ tools | tojson }}"
)


def test_a_call_may_have_control_tokens_in_it(tmp_path: Path) -> None:
    file = fabricate.noise(tmp_path / "m.gguf", control=["[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"])
    called = list[str]()
    with genkit.Generator(file, template=CALL_IDS) as generator:
        for seed in range(8):
            bias = {**ALWAYS, fabricate.END: 98}
            answer = generator.generate(
                "x", tools=[WEATHER, CLOCK], logit_bias=bias, seed=seed, max_tokens=3000
            )
            assert not answer.text
            called += [call.name for call in answer.tool_calls]
    assert set(called) == {"weather", "clock"}


@pytest.mark.parametrize(
    ("tool", "spelled", "fitting", "unfitting"),
    [
        (  # what was learned from json.dumps
            Tool(name="a", parameters={"type": "object", "properties": {"b": {"type": "string"}}}),
            TOLD,
            r'{"name": "a", "arguments": {"b": "Troms\u00f8"}}',
            '{"name": "a", "arguments": {"c": "x"}}',
        ),
        (
            Tool(name='ü"\\\x7f'),
            TOLD,
            '{"name": "ü\\"\\\\\x7f", "arguments": {}}',
            '{"name": "ü", "arguments": {}}',
        ),
        (
            Tool(name="a", parameters={"description": "says little"}),
            TOLD,
            '{"name":"a","arguments":{"b":1}}',
            "{1}",
        ),
        (
            Tool(name="a", parameters={"type": "object", "properties": {}, "title": "A", "required": []}),
            TOLD,
            '{"name":"a","arguments":{}}',
            '{"name":"a","arguments":{"b":1}}',
        ),
        (Tool(name="a"), ACTION, '[{"tool_name": "a", "parameters": {}}]', '[{"tool_name": "a"}]'),
        (
            Tool(name="a"),
            ACTION,
            '[{"tool_call_id": 0, "tool_name": "a", "parameters": {}}, {"tool_name": "a", "parameters": {}}]',
            "[]",
        ),
        (Tool(name="a"), TOLD, '{"name": "a", "arguments": {}}</', '{"name": "a", "arguments": {}}}'),
    ],
)
def test_what_a_call_may_be(
    noise_file: Path, tool: Tool, spelled: Spelling, fitting: str, unfitting: str
) -> None:
    function = {"name": tool.name, "parameters": tool.parameters or {"type": "object", "properties": {}}}
    mask = Constraints(Model(str(noise_file), vocabulary_only=True)).of_calls([function], [True], spelled)
    assert (fits := mask.copy()).begin(fitting)
    assert fits.whole
    assert not ((other := mask.copy()).begin(unfitting) and other.whole)


COUNTED = {"type": "object", "properties": {"n": {"const": 1}}, "required": ["n"]}


@pytest.mark.parametrize(
    "parameters",
    [
        {"anyOf": [COUNTED, {"type": "null"}]},
        {"enum": [{"n": 1}, 5]},
        {**COUNTED, "type": ["object", "null"]},
        {"$ref": "#/$defs/n", "$defs": {"n": {**COUNTED, "type": ["object", "null"]}}},
    ],
)
@pytest.mark.parametrize("spelled", [TOLD, None])
def test_arguments_are_an_object_whatever_else_their_schema_admits(
    noise_file: Path, parameters: dict[str, Any], spelled: Spelling | None
) -> None:
    function = {"name": "a", "parameters": parameters}
    mask = Constraints(Model(str(noise_file), vocabulary_only=True)).of_calls([function], [True], spelled)
    for arguments, right in (('{"n":1}', True), ("{}", False), ("null", False), ("5", False)):
        call = f'{{"name":"a","arguments":{arguments}}}'
        assert ((tried := mask.copy()).begin(call) and tried.whole) == right


@pytest.mark.parametrize(
    "parameters", [{"type": "string"}, {"const": 5}, {"anyOf": [{"type": "array"}, {"type": "null"}]}]
)
def test_arguments_that_can_be_no_object_are_refused(
    noise: genkit.Generator, parameters: dict[str, Any]
) -> None:
    strict = Tool(name="a", parameters=parameters, strict=True)
    with pytest.raises(UnsupportedOption) as caught:
        noise.generate("x", tools=[strict], tool_choice="required", max_tokens=1)
    assert caught.value.option == "tools"
    loose = Tool(name="a", parameters=parameters)  # held to its name, and to an object
    answer = noise.generate("x", tools=[loose], tool_choice="required", logit_bias=SHORT)
    assert isinstance(json.loads(answer.tool_calls[0].arguments), dict)


ODD = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?!x)a+$"}}}
UNIQUE = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}


@pytest.mark.parametrize("strict", [None, False])
def test_where_a_schema_cannot_be_enforced_the_name_is(caller: genkit.Generator, strict: bool | None) -> None:
    tools = [Tool(name="a", parameters=UNIQUE, strict=strict), Tool(name="b", parameters=UNIQUE)]
    answer = caller.generate("x", tools=tools, logit_bias=ALWAYS, seed=1, max_tokens=2000, temperature=2)
    assert {call.name for call in answer.tool_calls} <= {"a", "b"}
    assert all(isinstance(json.loads(call.arguments), dict) for call in answer.tool_calls)
    assert answer.tool_calls


def test_one_schema_that_cannot_be_enforced_does_not_free_the_others(noise_file: Path) -> None:
    city = {"type": "object", "properties": {"city": {"enum": ["Oslo", "Rome"]}}, "required": ["city"]}
    functions = [{"name": "weather", "parameters": city}, {"name": "odd", "parameters": ODD}]
    mask = Constraints(Model(str(noise_file), vocabulary_only=True)).of_calls(functions, [None, None], TOLD)
    for call, right in (
        ('{"name": "weather", "arguments": {"city": "Oslo"}}', True),
        ('{"name": "weather", "arguments": {"city": "Paris"}}', False),
        ('{"name": "odd", "arguments": {"a": 1}}', True),
    ):
        assert ((tried := mask.copy()).begin(call) and tried.whole) == right


def test_a_tool_that_must_be_held_to_a_schema_that_cannot_be_enforced_is_refused(
    caller: genkit.Generator,
) -> None:
    must = Tool(name="a", parameters=UNIQUE, strict=True)
    with pytest.raises(UnsupportedOption, match="uniqueItems") as caught:
        caller.generate("x", tools=[must])
    assert caught.value.option == "tools"
    assert "\n" not in caught.value.message  # no grammar that nobody wrote
    answer = caller.generate("x", tools=[must], max_tokens=1, on_unsupported="warn")
    assert "uniqueItems" in answer.warnings[0]


@pytest.mark.parametrize("choice", ["required", "weather"])
def test_a_call_that_must_be_made_may_have_a_schema_with_definitions(
    caller: genkit.Generator, choice: str
) -> None:
    (call,) = caller.generate("x", tools=[WEATHER], tool_choice=choice, seed=1).tool_calls
    assert json.loads(call.arguments)["city"] in ("Oslo", "Rome")


FUNCTION = (
    "{% for message in messages %}{{ message.content }}{% for call in message.tool_calls or [] %}"
    "<function={{ call.function.name }}>{{ call.function.arguments }}</function>{% endfor %}{% endfor %}"
    "{% for tool in tools or [] %}{{ tool }}{% endfor %}"
)


def test_a_model_whose_calls_cannot_be_held_refuses_a_strict_tool(noise_file: Path) -> None:
    strict = Tool(name="clock", strict=True)
    with genkit.Generator(noise_file, template=FUNCTION) as generator:
        with pytest.raises(UnsupportedOption, match=r"cannot be held to the tool's schema \(strict=True\)"):
            generator.generate("x", tools=[strict], max_tokens=1)
        answer = generator.generate("x", tools=[strict], max_tokens=1, on_unsupported="warn")
        assert "strict=True" in answer.warnings[0]
        (call,) = generator.generate("x", tools=[strict], tool_choice="required", seed=1).tool_calls
        assert (call.name, call.arguments) == ("clock", "{}")


@pytest.mark.parametrize(
    ("said", "held"),
    [
        (["<tool_call>no", "x"], False),  # what came with the marker is no call
        (['<tool_call>{"name":"we'], True),
        (['<tool_call>{"name":"we', *'ather","arguments":{"city":"Oslo","days":3}'], True),
        (['<tool_call>{"name":"we', *'ather","arguments":{"city":"Oslo","days":3}}'], False),
        (["</tool_call><tool_call>", *'{"name":"clock","arguments":{}}\n'], False),
        (["</tool_call><tool_call>", *'{"name":"clock","arguments":{}}\n{"na'], True),  # another in the same
        (["</tool_call><tool_call>", *'{"name":"clock","arguments":{}}.{"na'], False),
        ([*"<tool_call>"], True),  # a marker of many tokens
        ([*"a <tool_cal", "x", ">"], False),
        (["<think>", *"a", "</tool_call><tool_call>"], False),  # in thoughts it is none
        (["<think>", "</think>", "</tool_call><tool_call>"], True),
    ],
)
def test_a_call_is_held_from_its_marker_to_its_end(caller_file: Path, said: list[str], held: bool) -> None:
    model = Model(str(caller_file), vocabulary_only=True)
    functions = [
        {"name": tool.name, "parameters": tool.parameters or {"type": "object", "properties": {}}}
        for tool in (WEATHER, CLOCK)
    ]
    mask = Constraints(model).of_calls(functions, [None, None], TOLD)
    calls = Calls(TOLD, by_name("tagged"), thinking=False, piece=model.piece, make=mask.copy)
    for text in said:
        calls.accept(len(fabricate.TOKENS) + EXTRA.index(text) if text in EXTRA else BYTES.index(ord(text)))
    assert calls.holds == held


@pytest.mark.skipif(not TEMPLATES.is_dir(), reason="../shared (chat templates) is not here")
@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Qwen-Qwen2.5-7B-Instruct", TOLD),
        ("NousResearch-Hermes-3-Llama-3.1-8B-tool_use", TOLD),
        ("ibm-granite-granite-4.1", TOLD),
        ("CohereForAI-c4ai-command-r7b-12-2024-tool_use", ACTION),
        ("Mistral-Small-3.2-24B-Instruct-2506", MISTRAL._replace(between="[CALL_ID]\uf8ff[ARGS]")),
        ("mistralai-Ministral-3-14B-Reasoning-2512", MISTRAL),
        ("llama-cpp-deepseek-r1", None),
        ("meetkai-functionary-medium-v3.1", Spelling("<function=", (), between=">")),
        ("moonshotai-Kimi-K2", None),
        ("Qwen3-Coder", None),
        ("GLM-4.7-Flash", None),
        ("openai-gpt-oss-120b", None),
        ("meta-llama-Llama-3.1-8B-Instruct", None),
    ],
)
def test_how_a_call_is_spelled_is_seen_in_the_template(name: str, spelled: Spelling | None) -> None:
    source = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    conversation = Conversation(ChatTemplate(source, bos="<s>", eos="</s>"))
    assert spelling(conversation.example(), find(source), EXAMPLE) == spelled


HEADER = (
    "{% for m in messages %}<|start|>{{ m.role }}<|end|>{{ m.content }}CALLS<|eot|>{% endfor %}{{ tools }}"
)
CALLS = "{% for c in m.tool_calls or [] %}OPENS{{ c.function | tojson }}CLOSES{% endfor %}"


@pytest.mark.parametrize(
    ("markers", "written"),
    [
        (("", ""), '{"name": "look", "parameters": {"at": "x"}}'),  # Llama 3.2
        (
            ("<TOOLCALL>[", "]</TOOLCALL>"),
            '<TOOLCALL>[{"name": "look", "arguments": {"at": "x"}}]</TOOLCALL>',
        ),
        (("<|function_call|>", ""), '<|function_call|>{"name": "look", "arguments": {"at": "x"}}'),
    ],
)
def test_markers_that_no_table_knows_are_seen_in_the_template(
    noise_file: Path, markers: tuple[str, str], written: str
) -> None:
    calls = CALLS.replace("OPENS", markers[0]).replace("CLOSES", markers[1])
    template = ChatTemplate(HEADER.replace("CALLS", calls), bos="", eos="")
    question = {"messages": [{"role": "user", "content": "hi"}], "tools": [{"function": {}}], "held": [None]}
    prompt = Prompts(Model(str(noise_file), vocabulary_only=True), template).chat(question)
    answer = AnswerStream(by_name(prompt.syntax), tools=True, thinking=False)
    (call,) = [*answer.add(written), *answer.end()]
    assert isinstance(call, genkit.ToolCallDelta)
    assert (call.name, json.loads(call.arguments)) == ("look", {"at": "x"})
    assert bool(prompt.call) == bool(
        markers[0]
    )  # without a marker nothing tells a call from an answer in JSON
