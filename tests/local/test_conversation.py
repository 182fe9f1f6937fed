"""Conversations in the form that a template takes: nothing that was said is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from genkit.errors import BadRequest
from genkit.local.chat import ChatTemplate
from genkit.local.conversation import Conversation

SHARED = Path(__file__).resolve().parents[3] / "shared"
TEMPLATES = sorted((SHARED / "chat_templates").glob("*.jinja"))
SPEAKING = [path for path in TEMPLATES if "firefunction" not in path.stem]  # it wants more than messages
needs_shared = pytest.mark.skipif(not TEMPLATES, reason="../shared (chat templates of models) is not here")

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather in a city now.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "description": "which"}},
                "required": ["city"],
            },
        },
    }
]
CALL = {"id": "abc123def", "type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo"}}}
TOOL_TURNS: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Do I need an umbrella?"},
    {"role": "assistant", "content": "", "reasoning_content": "Let me look.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "abc123def", "name": "weather", "content": "It pours."},
    {"role": "assistant", "content": "You do."},
    {"role": "user", "content": "And tomorrow?"},
]
PLAIN = TOOL_TURNS[:2]


def conversation(source: str) -> Conversation:
    return Conversation(ChatTemplate(source, bos="<s>", eos="</s>"))


@needs_shared
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_the_templates_of_known_models_show_all_that_was_said(path: Path) -> None:
    shaped = conversation(path.read_text(encoding="utf-8"))
    if "firefunction" in path.stem:
        with pytest.raises(BadRequest, match="'functions' is undefined"):
            shaped.render(PLAIN)
        return
    text = shaped.render(TOOL_TURNS, tools=TOOLS)
    for said in ("Be brief.", "umbrella", "weather", "Oslo", "It pours.", "You do.", "tomorrow"):
        assert said in text
    text = shaped.render(PLAIN)
    assert "Be brief." in text
    assert "umbrella" in text


@needs_shared
def test_prompts_are_those_of_llama_cpp() -> None:
    file = SHARED / "corpus" / "conformance" / "llamacpp_chat_templates.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    assert len(data["cases"]) == 36
    for case in data["cases"]:
        expected = case["expected_output_jinja"] or case["expected_output"]
        template = ChatTemplate(case["template"], bos=case["bos"], eos=case["eos"])
        messages = data["conversation"]
        if "tool call" in case["name"]:  # what llama.cpp's own test adds to the conversation
            call = expected.partition("<|tool_call|>")[2].partition("<|end_of_text|>")[0]
            messages = [
                *messages,
                {"role": "user", "content": "What is the weather?"},
                {"role": "assistant_tool_call", "content": call},
                {"role": "tool_response", "content": '{"temperature": 72}'},
            ]
        if "GigaChat" in case["name"]:  # its template names tokens that only its tokenizer_config.json has
            tokens = ["<|role_sep|>", "<|message_sep|>", "[", "]"]
            template = ChatTemplate(case["template"], bos="<s>", eos="</s>")
            text = template.render(messages, additional_special_tokens=tokens)
        else:
            text = Conversation(template).render(messages)
        assert text == expected, case["name"]


CHAT = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHAT
DROPS_SYSTEM = "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{{ m.content }}{% endfor %}"


@pytest.mark.parametrize("source", [NO_SYSTEM, DROPS_SYSTEM])
def test_a_system_message_goes_to_the_user_where_it_has_no_place(source: str) -> None:
    assert conversation(source).render(PLAIN) == "[user]Be brief.\nDo I need an umbrella?"
    assert conversation(source).render(PLAIN[:1]) == "[user]Be brief."
    assert conversation(source).render(PLAIN[1:]) == "[user]Do I need an umbrella?"


def test_a_template_without_tools_is_told_of_them_in_text() -> None:
    shaped = conversation(CHAT)
    assert not shaped.takes_tools
    text = shaped.render(TOOL_TURNS, tools=TOOLS)
    assert text.startswith("[system]You may call these functions:\n" + json.dumps(TOOLS[0]["function"]))
    assert text.endswith(
        '\nBe brief.[user]Do I need an umbrella?[assistant]<tool_call>\n{"name": "weather", "arguments": '
        '{"city": "Oslo"}}\n</tool_call>[user]<tool_response>\nIt pours.\n</tool_response>'
        "[assistant]You do.[user]And tomorrow?"
    )


def test_results_of_several_tools_are_told_in_one_message() -> None:
    results = [{"role": "tool", "content": "one"}, {"role": "tool", "content": "two"}]
    text = conversation(CHAT).render([*PLAIN, *results])
    assert text.endswith(
        "umbrella?\n<tool_response>\none\n</tool_response>\n<tool_response>\ntwo\n</tool_response>"
    )


CALLS = "{%% for c in m.tool_calls or [] %%}{{ c.function.name }}{{ %s }}{%% endfor %%}"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ m.content }}" + CALLS % "c.function.arguments | tojson", 'weather{"city": "Oslo"}'),
        ("{{ m.content }}" + CALLS % "'' + c.function.arguments", 'weather{"city": "Oslo"}'),
        (
            "{% if m.content is none %}"
            + CALLS % "c.function.arguments.k or c.function.arguments.city"
            + "{% else %}{{ m.content }}{% endif %}",
            "weatherOslo",
        ),
    ],
    ids=["an object", "text", "no content"],
)
def test_calls_have_the_form_that_the_template_takes(source: str, shown: str) -> None:
    text = conversation("{% for m in messages %}" + source + "{% endfor %}").render(TOOL_TURNS)
    assert shown in text


def test_a_template_that_needs_a_list_of_tools_gets_an_empty_one() -> None:
    source = "{% for t in tools %}{{ t }}{% endfor %}" + CHAT
    assert conversation(source).render(PLAIN[1:]) == "[user]Do I need an umbrella?"


def turns(text: str, calls: int) -> list[dict[str, Any]]:
    """A conversation in which some text and so many calls are in one message."""
    ids = [f"call{number:05}" for number in range(calls)]
    made = [
        {"id": id, "type": "function", "function": {"name": "weather", "arguments": {"city": f"City{id}"}}}
        for id in ids
    ]
    results = [{"role": "tool", "tool_call_id": id, "name": "weather", "content": f"Rain{id}"} for id in ids]
    asked = [
        {"role": "user", "content": "Umbrella?"},
        {"role": "assistant", "content": text, "tool_calls": made},
    ]
    return [*asked, *results]


@needs_shared
@pytest.mark.parametrize(("text", "calls"), [("Looking.", 1), ("", 2), ("Looking.", 2)])
@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.stem)
def test_text_beside_calls_and_every_call_are_shown(path: Path, text: str, calls: int) -> None:
    shown = conversation(path.read_text(encoding="utf-8")).render(turns(text, calls), tools=TOOLS)
    assert text in shown
    for number in range(calls):
        assert f"Citycall{number:05}" in shown
        assert shown.index(f"Citycall{number:05}") < shown.index(f"Raincall{number:05}")


@needs_shared
@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.stem)
def test_a_system_message_in_the_middle_is_shown(path: Path) -> None:
    said = [
        *PLAIN[1:],
        {"role": "assistant", "content": "Yes."},
        PLAIN[0],
        {"role": "user", "content": "Why?"},
    ]
    assert "Be brief." in conversation(path.read_text(encoding="utf-8")).render(said)


def test_ids_of_other_vendors_go_into_a_template_that_wants_its_own() -> None:
    source = (
        "{% for m in messages %}[{{ m.role }}]{% for c in m.tool_calls or [] %}{{ check(c.id) }}"
        "{{ c.function.arguments }}{% endfor %}{{ m.content }}"
        "{% if m.tool_call_id %}{{ check(m.tool_call_id) }}{% endif %}{% endfor %}{{ tools }}"
    )
    strict = (
        "{% macro check(id) %}{% if id | length != 9 %}{{ raise_exception('nine') }}{% endif %}{{ id }}"
        "{% endmacro %}"
    )
    spoken = json.loads(json.dumps(turns("", 1)).replace("call00000", "call_abc123"))
    shown = conversation(strict + source).render(spoken, tools=TOOLS)
    (id,) = re.findall(r"\[assistant\]([0-9a-f]{9})\{", shown)
    assert shown.count(id) == 2
    assert "call_abc123" in conversation("{% macro check(id) %}{{ id }}{% endmacro %}" + source).render(
        spoken
    )


def test_arguments_that_are_no_object_are_shown_all_the_same() -> None:
    source = (
        "{% for m in messages %}[{{ m.role }}]{% for c in m.tool_calls or [] %}"
        "{% for key, value in c.function.arguments.items() %}{{ key }}={{ value }}{% endfor %}{% endfor %}"
        "{{ m.content }}{% endfor %}{{ tools }}"
    )
    whole, broken = turns("", 1), turns("", 1)
    broken[-2]["tool_calls"][0]["function"]["arguments"] = '{"city": "Os'
    shaped = conversation(source)
    assert '{\\"city\\": \\"Os' in shaped.render(broken, tools=TOOLS)
    assert "[assistant]city=Citycall00000[tool]" in shaped.render(whole, tools=TOOLS)


def test_a_late_system_message_that_others_said_too_is_not_lost() -> None:
    source = (
        "{% if messages[0].role == 'system' %}[{{ messages[0].content }}]{% endif %}"
        "{% for m in messages if m.role != 'system' %}{{ m.content }}{% endfor %}"
    )
    said = [{"role": "user", "content": "talk of JSON"}, {"role": "system", "content": "JSON"}]
    assert conversation(source).render(said) == "[JSON]talk of JSON"


def test_an_empty_system_message_adds_nothing_where_there_is_no_place_for_it() -> None:
    source = "{% for m in messages if m.role != 'system' %}<{{ m.content }}>{% endfor %}"
    assert conversation(source).render([{"role": "system", "content": ""}, *PLAIN[1:]]).count("\n") == 0


def test_an_error_says_if_it_is_about_the_tools() -> None:
    source = (
        "{% for m in messages %}{{ m.content }}{% endfor %}{% for t in tools or [] %}{{ t.function.name }}"
        "{% if t.function.parameters.properties.kind %}{{ raise_exception('odd') }}{% endif %}{% endfor %}"
    )
    odd = {"name": "f", "parameters": {"properties": {"kind": {"type": "string"}}}}
    with pytest.raises(BadRequest, match=r"odd \(without tools it does: simplify"):
        conversation(source).render(PLAIN, tools=[{"type": "function", "function": odd}])


def test_calls_that_a_template_shows_one_at_a_time_stay_with_their_results() -> None:
    """A template that shows only the first call of a message, and no text beside it."""
    source = (
        "{% for m in messages %}[{{ m.role }}]{% if m.tool_calls %}{{ m.tool_calls[0].function.arguments }}"
        "{% else %}{{ m.content }}{% endif %}{% endfor %}{{ tools }}"
    )
    shown = conversation(source).render(turns("Looking.", 2), tools=TOOLS)
    assert shown.startswith(
        "[user]Umbrella?[assistant]Looking.[assistant]{'city': 'Citycall00000'}[tool]Raincall00000"
        "[assistant]{'city': 'Citycall00001'}[tool]Raincall00001"
    )


ALTERNATING = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}"
)


def said(*words: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": text} for role, _, text in (word.partition(":") for word in words)]


def test_what_one_role_said_in_a_row_is_one_message_where_turns_must_alternate() -> None:
    talk = said("user:a", "user:b", "assistant:c", "assistant:", "assistant:d", "user:e")
    shown = "[user]a\n\nb[assistant]c\n\nd[user]e"
    assert conversation(ALTERNATING).render(talk) == shown
    strict_but_for_systems = ALTERNATING.replace("messages %}", "messages if m.role != 'system' %}")
    assert conversation(strict_but_for_systems).render(said("system:s", "user:a", "user:b")) == (
        "[user]s\na\n\nb"
    )


def test_messages_stay_apart_where_a_template_takes_them_so() -> None:
    free = ALTERNATING.replace("raise_exception('roles must alternate')", "''")
    assert conversation(free).render(said("user:a", "user:b")) == "[user]a[user]b"


def test_turns_that_cannot_alternate_are_refused_in_the_templates_own_words() -> None:
    for talk in (said("assistant:a", "user:b"), said("assistant:a", "assistant:b", "user:c")):
        with pytest.raises(BadRequest, match="roles must alternate"):
            conversation(ALTERNATING).render(talk)


def test_a_template_that_refuses_messages_is_not_asked_the_same_again() -> None:
    asked: list[int] = []

    @contextmanager
    def counted() -> Iterator[None]:
        asked.append(1)
        yield

    source = "{% if messages[-1].content != 'hi' %}{{ raise_exception('no') }}{% endif %}"
    shaped = Conversation(ChatTemplate(source, bos="<s>", eos="</s>", limited=counted))
    shaped.render([{"role": "user", "content": "hi"}])  # what it finds out of the template, it knows now
    asked.clear()
    with pytest.raises(BadRequest, match="no"):
        shaped.render([{"role": "user", "content": "ho"}])
    assert len(asked) == 1


@needs_shared
@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.stem)
def test_two_questions_in_a_row_reach_every_model(path: Path) -> None:
    talk = said("system:Be brief.", "user:First?", "user:Second?", "assistant:Yes.", "user:Third?")
    text = conversation(path.read_text(encoding="utf-8")).render(talk)
    assert re.search("First.*Second.*Yes.*Third", text, re.DOTALL)


@needs_shared
@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.stem)
def test_what_was_interrupted_between_calls_and_results_goes_on(path: Path) -> None:
    """A result that the model never spoke of, a call that was never run, a result whose call is gone."""
    shaped = conversation(path.read_text(encoding="utf-8"))
    ask, call, result, *_ = TOOL_TURNS[1:]
    call, then = {**call, "content": ""}, {"role": "user", "content": "Never mind."}
    for talk in ([ask, call, result, then], [ask, call, then], [ask, result, then]):
        text = shaped.render(talk, tools=TOOLS)
        for said, words in ((call, "Oslo"), (result, "It pours."), (then, "Never mind."), (ask, "umbrella")):
            assert words in text or said not in talk


LAST_USER_ALONE = (
    "{% set system = messages[0].content if messages[0].role == 'system' else '' %}"
    "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{% if loop.last and m.role == 'user' %}"
    "{{ system }}|{% endif %}{% for c in m.tool_calls or [] %}{{ c.function }}{% endfor %}{{ m.content }}"
    "{% endfor %}{{ tools }}"
)
"""As in some of Mistral's templates, what the system says is shown where the user speaks last."""


def test_what_the_system_says_is_not_lost_when_somebody_else_speaks_last() -> None:
    shaped = conversation(LAST_USER_ALONE)
    assert shaped.render(said("system:s", "user:a", "assistant:b", "user:c")).startswith(
        "[user]a[assistant]b[user]s|c"
    )
    assert shaped.render(said("system:s", "user:a", "assistant:b")).startswith("[user]s\na[assistant]b")
    assert shaped.render(said("system:s")).startswith("[user]|s")
    asked = shaped.render(TOOL_TURNS[:4], tools=TOOLS)
    assert asked.startswith("[user]Be brief.\nDo I need an umbrella?")


@needs_shared
def test_the_system_is_heard_after_calls_by_all_models_that_llama_cpp_knows() -> None:
    file = SHARED / "corpus" / "conformance" / "llamacpp_chat_templates.json"
    for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
        if "GigaChat" in case["name"]:  # it wants a list of the tokenizer's
            continue
        shaped = Conversation(ChatTemplate(case["template"], bos=case["bos"], eos=case["eos"]))
        for talk in (TOOL_TURNS[:1], TOOL_TURNS[:2], TOOL_TURNS[:4], TOOL_TURNS[:5], TOOL_TURNS):
            assert "Be brief." in shaped.render(talk, tools=TOOLS), case["name"]
