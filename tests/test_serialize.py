"""Words as JSON, and back: everything survives, and what a stranger wrote is checked."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, get_args

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genkit
from genkit import Audio, Image, Message, Request, Response, Sampling, Text, Tool, ToolCall, Usage
from genkit.errors import BadRequest
from genkit.events import FinishReason
from genkit.messages import Part, Role
from genkit.request import Output

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=3)
messages = st.builds(Message, st.sampled_from(get_args(Role)), st.lists(st.from_type(Part), max_size=4))
samplings = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 100),
    max_tokens=st.none() | st.integers(1, 2**31 - 1),
    seed=st.none() | st.integers(0, 2**64 - 1),
    stop=st.lists(st.text(min_size=1), max_size=3),
)
names = st.text(min_size=1).filter(lambda name: name not in ("auto", "none", "required"))
requests = st.builds(
    Request,
    messages=st.lists(messages, max_size=3),
    sampling=samplings,
    tools=st.lists(
        st.builds(Tool, name=names, description=st.text(), parameters=json_objects),
        max_size=2,
        unique_by=lambda tool: tool.name,
    ),
    output=st.none() | st.builds(Output, schema=json_objects, name=st.text()),
    lora=st.none() | st.lists(st.tuples(st.text(), st.floats(-10, 10)), max_size=2),
    extra=json_objects,
)
counts = st.integers(0, 10**9)
responses = st.builds(
    Response,
    message=messages,
    finish_reason=st.sampled_from(get_args(FinishReason)),
    raw_finish_reason=st.text(),
    usage=st.builds(Usage, counts, counts, counts, counts),
    model=st.text(),
    id=st.text(),
)


def is_the_same_back(kind: type, value) -> None:
    text = genkit.dumps(value)
    assert genkit.loads(kind, text) == value
    assert genkit.loads(kind, text.encode()) == value


@given(messages)
def test_a_message_comes_back(message: Message) -> None:
    is_the_same_back(Message, message)


@given(st.lists(messages, max_size=3))
def test_a_conversation_comes_back(conversation: list[Message]) -> None:
    is_the_same_back(list[Message], conversation)
    assert list(genkit.loads(Sequence[Message], genkit.dumps(tuple(conversation)))) == conversation


@given(requests)
def test_a_request_comes_back(request: Request) -> None:
    is_the_same_back(Request, request)


def test_a_request_with_nothing_but_messages_comes_back() -> None:
    is_the_same_back(Request, Request(messages=[Message.user("hi")]))


@given(responses)
def test_a_response_comes_back(response: Response) -> None:
    is_the_same_back(Response, response)


def test_bytes_travel_as_url_safe_base64() -> None:
    written = json.loads(genkit.dumps(Message.user(Image(data=b"\xfb\xff"), Audio(data=b"a"))))
    assert [part["data"] for part in written["parts"]] == ["-_8=", "YQ=="]


def test_each_part_says_what_it_is() -> None:
    message = Message.assistant(genkit.Reasoning("r"), "t", ToolCall(id="1", name="n", arguments="{}"))
    assert [part["type"] for part in json.loads(genkit.dumps(message))["parts"]] == [
        "reasoning",
        "text",
        "tool_call",
    ]


def test_a_lone_surrogate_is_the_callers_mistake() -> None:
    with pytest.raises(BadRequest):
        genkit.dumps(Message.user("\ud800"))


@pytest.mark.parametrize(
    ("kind", "text", "place"),
    [
        (Message, "[", "the whole"),
        (Message, b"\xff", "the whole"),
        (Message, "3", "the whole"),
        (Message, '{"role": "user"}', "parts"),
        (Message, '{"role": "bot", "parts": []}', "role"),
        (Message, '{"role": "user", "parts": [{"type": "text"}]}', "parts.0"),
        (Message, '{"role": "user", "parts": [{"type": "text"}]}', "parts.0.text.text: Field required"),
        (Message, '{"role": "user", "parts": [{"type": "video", "url": "u"}]}', "parts.0: .*'video'"),
        (Message, '{"role": "user", "parts": [{"text": "a"}]}', "parts.0: .*'type'"),
        (list[Message], '[{"role": "user", "parts": []}, {"role": "bot", "parts": []}]', "1.role"),
        (Request, '{"messages": [{"role": "user", "parts": 3}]}', "messages.0.parts"),
        (Request, '{"messages": [], "sampling": {"seed": "x"}}', "sampling.seed"),
        (Request, '{"messages": [], "sampling": {"max_token": 5}}', "sampling.max_token"),
        (Request, '{"messages": [], "sampling": {"max_tokens": true}}', "sampling.max_tokens"),
        (Request, '{"messages": [], "temperature": 1}', "temperature"),
        (Message, '{"role": "user", "parts": [], "name": "a"}', "name"),
        (
            Message,
            '{"role": "tool", "parts": [{"type": "tool_result", "id": "a", "content": "", "error": "no"}]}',
            "parts.0",
        ),
        (Message, '{"role": "user", "parts": [{"type": "text", "text": "a", "b": 1}]}', "parts.0.text.b"),
        (Message, '{"role": "user", "parts": [{"type": "image", "url": "u", "b": 1}]}', "parts.0.image.b"),
        (Request, '{"messages": [], "output": {"shema": {}}}', "output.shema"),
        (Request, '{"messages": [], "output": {"strict": "yes"}}', "output.strict"),
        (Request, '{"messages": [], "stream": "no"}', "stream"),
        (Response, '{"message": {"role": "user", "parts": []}, "finish_reason": "tired"}', "finish_reason"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(kind: type, text: str | bytes, place: str) -> None:
    with pytest.raises(BadRequest, match=f"no {kind.__name__} in JSON: {place}"):
        genkit.loads(kind, text)


def test_what_is_read_comes_after_what_it_is() -> None:
    with pytest.raises(BadRequest, match=r"the type first, as in loads\(list\[Message\], text\)"):
        genkit.loads('[{"role": "user"}]', list[Message])
    for kind in (3, [Message], {}):
        with pytest.raises(BadRequest, match="JSON cannot be read as"):
            genkit.loads(kind, "3")


@pytest.mark.parametrize("sampling", ['{"top_p": 2}', '{"temperature": NaN}', '{"stop": [""]}'])
def test_a_strangers_sampling_is_checked_as_anyones(sampling: str) -> None:
    with pytest.raises(BadRequest):
        genkit.loads(Request, f'{{"messages": [], "sampling": {sampling}}}')


@given(
    st.sampled_from([Message, list[Message], Request, Response]), st.binary() | json_values.map(json.dumps)
)
def test_garbage_is_a_bad_request_and_nothing_else(kind: type, text: str | bytes) -> None:
    try:
        value = genkit.loads(kind, text)
    except BadRequest:
        return
    assert genkit.loads(kind, genkit.dumps(value)) == value


def test_a_text_part_is_never_taken_for_reasoning() -> None:
    assert genkit.loads(Message, '{"role": "user", "parts": [{"type": "text", "text": "a"}]}').parts == (
        Text("a"),
    )


def test_a_providers_own_tool_comes_back_as_one() -> None:
    own = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    request = Request(messages=[Message.user("hi")], tools=[own, Tool(name="a")])
    assert genkit.loads(Request, genkit.dumps(request)).tools == (own, Tool(name="a"))


def test_a_providers_own_tool_that_would_come_back_as_another_is_refused() -> None:
    own = {"name": "web_search", "description": "Searches.", "parameters": {}}
    with pytest.raises(BadRequest, match=r"make it a genkit\.Tool"):
        genkit.dumps(Request(messages=[], tools=[own]))


def test_a_token_that_cannot_be_comes_back() -> None:
    token = genkit.TokenLogprob("a", -math.inf, {"a": -math.inf, "b": -0.5})
    is_the_same_back(
        Response, Response(message=Message.assistant("a"), finish_reason="stop", logprobs=(token,))
    )


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_in_json_is_refused(number: float) -> None:
    native = Message.assistant(genkit.Native(dialect="d", data={"a": [number]}))
    for value in (native, Request(messages=[], extra={"a": number})):
        with pytest.raises(BadRequest, match="not to be written as JSON"):
            genkit.dumps(value)


def test_any_mapping_is_an_object() -> None:
    proxy = MappingProxyType({"type": "object", "properties": MappingProxyType({})})
    is_the_same_back(
        Request,
        Request(
            messages=[Message.assistant(genkit.Native(dialect="d", data=proxy))],
            tools=[Tool(name="a", parameters=proxy), proxy],
            output=Output(schema=proxy),
            extra=proxy,
        ),
    )


class Own(Message):
    """A program's own kind of message."""


def test_what_can_be_sent_can_be_written() -> None:
    request = Request(messages=[Message.user("hi")], extra={"since": datetime.date(2020, 1, 2)})
    assert genkit.loads(Request, genkit.dumps(request)).extra == {"since": "2020-01-02"}


def test_a_message_of_ones_own_kind_is_a_message() -> None:
    assert genkit.loads(Message, genkit.dumps(Own("user", "hi"))).parts == (Text("hi"),)


class Body(pydantic.BaseModel):
    """What a web server takes, as a model of its own."""

    messages: list[Message]


def test_messages_in_a_model_of_pydantic_may_be_what_json_was_read_as() -> None:
    body = {"messages": [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}]}
    assert Body.model_validate(body).messages == [Message.user("hi")]
    for wrong in ("role", "parts"):
        with pytest.raises(pydantic.ValidationError, match=rf"messages\.0\.{wrong}"):
            Body.model_validate({"messages": [{**body["messages"][0], wrong: "bot"}]})


@given(st.lists(messages, max_size=2))
def test_messages_in_a_model_of_pydantic_come_back(conversation: list[Message]) -> None:
    body = Body(messages=conversation)
    text = body.model_dump_json()
    assert Body.model_validate_json(text) == Body.model_validate(json.loads(text)) == body
    assert json.loads(genkit.dumps(conversation)) == json.loads(text)["messages"]


def test_a_model_of_pydantic_that_holds_messages_has_a_schema() -> None:
    assert "tool_result" in json.dumps(Body.model_json_schema())


def test_what_in_a_conversation_is_no_message_is_shown() -> None:
    mixed: Any = [Message.user("hi"), {"role": "user", "content": "Hello"}]
    with pytest.raises(BadRequest, match=r"not \{'role': 'user', 'content': 'Hello'\}$"):
        genkit.dumps(mixed)


def test_nothing_else_is_written_or_read() -> None:
    for value in ("abc", None, [{"role": "user"}], Text("a"), Request(messages=[], extra={"a": object()})):
        with pytest.raises(BadRequest):
            genkit.dumps(value)
    with pytest.raises(BadRequest, match=r"no .* in JSON"):
        genkit.loads(genkit.Part, "[]")
