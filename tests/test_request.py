"""Requests: which sampling options there are, and which values they take."""

from __future__ import annotations

import math
import time
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit import Generator, Image, Message, Output, Sampling, Timeouts, Tool
from genkit.errors import BadRequest, ConfigError, UnsupportedOption
from genkit.options import conversation, make_request
from genkit.request import Request
from genkit.serialize import dumps, loads

# As documented for each: the smallest and the largest value, and whether it is a whole number.
RANGES = {
    "max_tokens": (1, 2**31 - 1, True),
    "temperature": (0, 100, False),
    "top_p": (0, 1, False),
    "top_k": (0, 2**31 - 1, True),
    "min_p": (0, 1, False),
    "repeat_penalty": (0, 100, False),
    "frequency_penalty": (-100, 100, False),
    "presence_penalty": (-100, 100, False),
    "seed": (0, 2**64 - 1, True),
    "logprobs": (0, 100, True),
}
every_option = pytest.mark.parametrize("name", RANGES)


def refused(**options) -> str:
    with pytest.raises(BadRequest) as caught:
        Sampling(**options)
    return caught.value.message


def test_every_option_has_a_range_here() -> None:
    assert {field.name for field in fields(Sampling)} == {*RANGES, "stop", "logit_bias"}


@every_option
def test_both_ends_of_the_range_are_in_it(name: str) -> None:
    for value in RANGES[name][:2]:
        assert getattr(Sampling(**{name: value}), name) == value


@every_option
def test_just_outside_is_refused_by_name(name: str) -> None:
    low, high, whole = RANGES[name]
    below, above = (low - 1, high + 1) if whole else (math.nextafter(low, -1e9), math.nextafter(high, 1e9))
    assert refused(**{name: below}).startswith(f"{name} takes ")
    assert repr(above) in refused(**{name: above})


@every_option
@pytest.mark.parametrize("value", [True, False, "1", math.nan, math.inf, -math.inf, [1], 1j])
def test_what_is_no_number_or_no_finite_one_is_refused(name: str, value) -> None:
    refused(**{name: value})


@every_option
def test_a_number_beyond_all_floats_is_refused(name: str) -> None:
    refused(**{name: 10**400})
    refused(**{name: -(10**400)})


ENORMOUS = 10**5000
"""Python writes no integer of so many digits: ``repr`` raises a ValueError."""


@pytest.mark.parametrize(
    "make",
    [
        *(lambda name=name: Sampling(**{name: ENORMOUS}) for name in RANGES),
        lambda: Sampling(stop=[ENORMOUS]),
        lambda: Sampling(logit_bias={ENORMOUS: 1}),
        lambda: Sampling(logit_bias={5: ENORMOUS}),
        lambda: Request(messages=[], reasoning=ENORMOUS),
        lambda: Request(messages=[], lora=[("x.gguf", ENORMOUS)]),
        lambda: Generator(context=ENORMOUS),
        lambda: Generator(timeout=ENORMOUS),
        lambda: Generator("chat:m", api_key="k", base_url="http://127.0.0.1:9", attempts=-ENORMOUS),
        lambda: Generator("chat:m", api_key="k", base_url="http://127.0.0.1:9", timeout=10**400),
        lambda: Generator("chat:m", api_key="k", base_url="http://127.0.0.1:9").embed(ENORMOUS),
        lambda: Generator("chat:m", api_key="k", base_url="http://127.0.0.1:9").rerank("", [], top=-ENORMOUS),
    ],
)
def test_a_number_too_long_to_be_written_is_refused(make) -> None:
    with pytest.raises((BadRequest, ConfigError)):
        make()


@every_option
def test_a_fraction_is_refused_where_a_whole_number_is_due(name: str) -> None:
    whole = RANGES[name][2]
    if whole:
        refused(**{name: 1.0})
    else:
        assert getattr(Sampling(**{name: 0.5}), name) == 0.5


@pytest.mark.parametrize("stop", ["END", ["END"], ("END",), {"END"}, iter(["END"])])
def test_stop_takes_a_string_or_several(stop) -> None:
    assert Sampling(stop=stop).stop == ("END",)


@pytest.mark.parametrize("stop", [None, (), []])
def test_no_stop_is_no_stop(stop) -> None:
    assert Sampling(stop=stop).stop == ()


@pytest.mark.parametrize("stop", ["", [""], ["a", ""], b"END", [b"END"], ["a", None], 5, True, {"a": 1}])
def test_stop_takes_nothing_else(stop) -> None:
    assert refused(stop=stop).startswith("stop takes strings")


@pytest.mark.parametrize("given", [{5: -100, " Yes": 2.5}, ((5, -100), (" Yes", 2.5))])
def test_logit_bias_is_kept_as_pairs_of_ids_or_texts_and_numbers(given) -> None:
    assert Sampling(logit_bias=given).logit_bias == ((5, -100), (" Yes", 2.5))


@pytest.mark.parametrize("empty", [None, {}, ()])
def test_no_logit_bias_is_none(empty) -> None:
    assert Sampling(logit_bias=empty).given() == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({-1: 1}, "token ids from 0, or texts of one token, not -1"),
        ({2**31: 1}, "token ids from 0"),
        ({True: 1}, "not True"),
        ({"": 1}, "not ''"),
        ({1.5: 1}, "not 1.5"),
        ({5: 101}, "logit_bias of 5 takes a number from -100 to 100, not 101"),
        ({"a": math.nan}, "logit_bias of 'a' takes a number"),
        ({5: "1"}, "logit_bias of 5 takes a number"),
        ([5, 6], "a mapping of tokens to numbers"),
        ("hello", "a mapping of tokens to numbers"),
        (5, "a mapping of tokens to numbers"),
        ([(5, 100), (5, -100)], "names a token twice"),
    ],
)
def test_logit_bias_takes_nothing_else(given, said: str) -> None:
    assert said in refused(logit_bias=given)


def test_ids_and_texts_of_a_logit_bias_survive_json() -> None:
    request = Request(messages=[Message.user("x")], sampling=Sampling(logit_bias={5: 1.5, "5": -2}))
    assert loads(Request, dumps(request)) == request


@given(st.dictionaries(st.sampled_from(list(RANGES)), st.sampled_from([1, 0.5, 0])))
def test_given_options_are_those_that_were_set(options) -> None:
    options = {name: int(value) or 1 if RANGES[name][2] else value for name, value in options.items()}
    assert Sampling(**options).given() == options


def test_zero_is_set_and_an_empty_stop_is_not() -> None:
    assert Sampling(temperature=0, seed=0, stop=[]).given() == {"temperature": 0, "seed": 0}


def test_a_number_of_numpys_is_a_number() -> None:
    assert Sampling(temperature=np.float64(0.5), top_p=np.float64(0)).given() == {
        "temperature": 0.5,
        "top_p": 0,
    }
    given = Sampling(max_tokens=np.int64(5), seed=np.uint8(3), min_p=np.float32(0.5))  # type: ignore[arg-type]
    given = replace(given, logit_bias={np.int64(7): np.float16(1.5)})  # type: ignore[dict-item]
    assert given == Sampling(max_tokens=5, seed=3, min_p=0.5, logit_bias={7: 1.5})
    assert loads(Request, dumps(Request(messages=[], sampling=given))).sampling == given
    with pytest.raises(BadRequest, match="max_tokens takes a whole number"):
        Sampling(max_tokens=np.float64(5))  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="temperature takes a number"):
        Sampling(temperature=np.bool_(True))  # type: ignore[arg-type]


class Five:
    """Whole to Python (``operator.index``), and of no kind of number that it knows."""

    def __index__(self) -> int:
        return 5


@pytest.mark.parametrize("five", [Five(), np.array(5)], ids=lambda five: type(five).__name__)
def test_what_python_takes_for_a_whole_number_is_one(five: Any) -> None:
    assert type(Sampling(max_tokens=five).max_tokens) is int
    assert Request(messages=[], reasoning=five).reasoning == 5
    assert Sampling(logit_bias=[(Five(), 1)]).logit_bias == ((5, 1),)
    with pytest.raises(BadRequest, match="max_tokens takes a whole number"):
        Sampling(max_tokens=np.bool_(True))


def test_a_time_and_a_budget_may_be_numpys() -> None:
    before = time.monotonic()
    request = make_request("a", {"timeout": np.float32(5), "reasoning": np.int64(2000)}, stream=False)
    assert type(request.deadline) is float
    assert before + 5 <= request.deadline <= time.monotonic() + 5
    assert loads(Request, dumps(request)).reasoning == 2000
    limits = Timeouts(total=np.int64(5), idle=np.float32(0.5))  # type: ignore[arg-type]
    assert (type(limits.total), type(limits.idle)) == (float, float)
    assert limits == Timeouts(total=5, idle=0.5)


def test_options_become_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: 100.0)
        options = {"system": "b", "output": {"type": "object"}, "temperature": 0, "timeout": 5, "keep": "c"}
        request = make_request("a", options, stream=False)
    assert request == Request(
        messages=[Message.system("b"), Message.user("a")],
        sampling=Sampling(temperature=0),
        output=Output(schema={"type": "object"}),
        deadline=105.0,
        keep="c",
        stream=False,
    )
    assert make_request("a", {"timeout": None}, stream=True) == Request(messages=[Message.user("a")])


def test_a_users_message_says_something() -> None:
    silent = Message("assistant", ())
    assert conversation([Message.user("a"), silent]) == [Message.user("a"), silent]
    with pytest.raises(BadRequest, match="a user's message is empty"):
        conversation([Message("user", ())])


def test_what_becomes_of_a_list_later_is_nothing_to_the_request() -> None:
    messages, tools = [Message.user("a")], [Tool(name="f")]
    request = Request(messages=messages, tools=tools)
    messages.clear()
    tools.clear()
    assert (request.messages, request.tools) == ((Message.user("a"),), (Tool(name="f"),))


def test_a_changed_copy_is_checked_too() -> None:
    assert replace(Sampling(stop="a"), seed=3) == Sampling(stop=["a"], seed=3)
    with pytest.raises(BadRequest):
        replace(Sampling(), seed=-1)


def test_an_answer_has_one_form() -> None:
    assert Output(choices=["yes", "no"]).form == {"choices": ("yes", "no")}  # type: ignore[arg-type]
    assert Output().form == {}
    with pytest.raises(BadRequest, match="one form, not schema and regex"):
        Output(schema={}, regex="a")
    with pytest.raises(BadRequest, match="description='a city' is of a schema"):
        Output(description="a city")
    for choices in ("yes", [], ["yes", ""], [1]):
        with pytest.raises(BadRequest, match="choices takes a list of texts"):
            Output(choices=choices)  # type: ignore[arg-type]


def test_remote_models_refuse_forms_that_no_api_takes() -> None:
    vendors = ("openai", "anthropic", "gemini", "cohere", "ollama", "groq")
    for vendor in vendors:
        generator = Generator(f"{vendor}:m", api_key="k", base_url="http://127.0.0.1:9")
        with generator, pytest.raises(UnsupportedOption, match="output of a given regex"):
            generator.generate("x", output=Output(regex="a"))


@pytest.mark.parametrize("tools", [[len], ["weather"], "weather", {"type": "function"}, 1], ids=repr)
def test_what_is_no_list_of_tools_is_refused(tools: object) -> None:
    with pytest.raises(BadRequest, match="tool"):
        Request(messages=[], tools=tools)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Tool(name=5), "a tool has a name, not 5"),
        (lambda: Tool(name=""), "a tool has a name, not ''"),
        (lambda: Tool(name="f", description=5), "tool 'f' takes description= as text, not 5"),
        (lambda: Tool(name="f", description=None), "as text, not None"),
        (lambda: Tool(name="f", strict="x"), "strict= as True, False or None, not 'x'"),
        (lambda: Tool(name="f", cache=1), "cache= as True or False, not 1"),
        (lambda: Tool(name="none"), "cannot be called 'none'"),
        (lambda: Tool(name="required"), "cannot be called 'required'"),
        (lambda: Tool(name="auto"), "cannot be called 'auto'"),
        (lambda: Output(name=7), "output takes name= as text, not 7"),
        (lambda: Output(schema={}, description=5), "description= as text, not 5"),
        (lambda: Output(schema={}, strict="x"), "strict= as True, False or None"),
        (lambda: Output(regex=5), "regex takes text, not 5"),
        (lambda: Output(grammar=5), "grammar takes text, not 5"),
        (lambda: Output(choices=5), "choices takes a list of texts, not 5"),
        (lambda: Output(choices={"a": 1}), "choices takes a list of texts"),
    ],
)
def test_a_field_of_another_type_is_refused(make, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        make()


def test_a_tool_without_parameters_takes_none_and_is_not_kept() -> None:
    assert Tool(name="f", parameters=None) == Tool(name="f")  # type: ignore[arg-type]
    assert (Tool(name="f").parameters, Tool(name="f").cache) == ({}, False)


def test_two_tools_of_one_name_are_refused() -> None:
    Request(messages=[], tools=[Tool(name="a"), Tool(name="b"), {"name": "a"}])
    with pytest.raises(BadRequest, match="two tools are called 'a'"):
        Request(messages=[], tools=[Tool(name="a"), Tool(name="b"), Tool(name="a")])


@pytest.mark.parametrize("reasoning", ["", True, 1.5, -2, 2**31])
def test_what_says_not_how_much_to_think_is_refused(reasoning) -> None:
    with pytest.raises(BadRequest, match="reasoning takes an effort or a number of tokens"):
        Request(messages=[], reasoning=reasoning)


@pytest.mark.parametrize("reasoning", [None, "high", 0, -1, 2**31 - 1])
def test_how_much_to_think_is_a_word_or_a_number_of_tokens(reasoning) -> None:
    assert Request(messages=[], reasoning=reasoning).reasoning == reasoning


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [Message.system("a")],
        [Message.assistant("a")],
        [Message("tool", "a")],
        [Message.user("a"), Message.user("b")],
        [Message.user("a", Image(url="http://x/y.png"))],
    ],
)
def test_before_a_gap_is_what_the_user_says(messages: list[Message]) -> None:
    Request(messages=[Message.user("a")], suffix="b")
    with pytest.raises(BadRequest, match="before a gap"):
        Request(messages=messages, suffix="b")


@pytest.mark.parametrize("options", [{"tools": [Tool(name="f")]}, {"reasoning": "high"}], ids=str)
def test_a_gap_is_filled_without_tools_and_thoughts(options) -> None:
    with pytest.raises(BadRequest, match=f"without {next(iter(options))}"):
        Request(messages=[Message.user("a")], suffix="b", **options)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "city", "schema": {"type": "object"}}},
        {"type": "json_schema", "name": "city", "schema": {"type": "object"}},
        {"name": "city", "schema": {"type": "object"}, "strict": True},
    ],
)
def test_a_response_format_is_not_read_as_a_schema_that_says_nothing(schema: dict[str, object]) -> None:
    with pytest.raises(
        BadRequest, match=r"not OpenAI's response_format: .*genkit.Output\(\) for any JSON object"
    ):
        Output(schema=schema)
    Output(schema={"type": "object", "properties": {"name": {}, "schema": {}}})
    Output(schema={"name": "a city", "properties": {}})
    Output(schema={"schema": {"$ref": "#"}, "properties": {}})
    Output(schema={"type": "object", "name": "a city", "schema": {}})


def test_a_tool_that_must_be_called_must_be_there() -> None:
    weather, search = Tool(name="weather"), {"type": "web_search"}
    for choice in ("required", "weather"):
        with pytest.raises(BadRequest, match=f"tool_choice='{choice}' needs tools="):
            Request(messages=[], tool_choice=choice)
        Request(messages=[], tool_choice=choice, tools=[weather])
        Request(messages=[], tool_choice=choice, extra={"tools": [search]})
    with pytest.raises(BadRequest, match="'wether', which is not among the tools: weather"):
        Request(messages=[], tool_choice="wether", tools=[weather])
    Request(messages=[], tool_choice="web_search", tools=[weather, search])
    Request(messages=[], tool_choice="none")


@pytest.mark.parametrize("output", [Output, "json", 1])
def test_what_is_no_form_of_an_answer_is_refused(output: object) -> None:
    with pytest.raises(BadRequest, match="output takes a JSON schema"):
        Request(messages=[], output=output)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_unsupported": "raise"}, 'on_unsupported takes "error", "warn" or "drop", not \'raise\''),
        ({"extra": "a"}, "extra takes a mapping, not 'a'"),
        ({"metadata": [1]}, "metadata takes a mapping"),
        ({"keep": ""}, "keep takes a name of at least one character, not ''"),
        ({"keep": 1}, "keep takes a name"),
        ({"tool_choice": ""}, "tool_choice takes"),
        ({"tool_choice": 1}, "tool_choice takes"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls takes True or False, not 'no'"),
    ],
)
def test_an_option_that_is_none_of_its_words_is_refused(options, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        Request(messages=[Message.user("x")], **options)


@pytest.mark.parametrize(
    "fields",
    [{"name": "string", "age": "integer"}, {"name": {"type": "string"}}, {"tags": {"type": "array"}}],
)
def test_fields_are_no_schema(fields: dict[str, Any]) -> None:
    for make in (lambda: Output(schema=fields), lambda: Tool(name="f", parameters=fields)):
        with pytest.raises(BadRequest, match="a JSON schema of fields is"):
            make()
    assert Output(schema={"type": "object", "properties": fields}).schema
    assert Output(schema={"items": {"type": "string"}}).schema == {"items": {"type": "string"}}
    assert Output(schema={"description": "string"}).schema
