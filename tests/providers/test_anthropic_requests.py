"""Anthropic's requests: what the official SDK sends, and what recorded conversations went on with."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from typing import Any

import pytest
from pydantic import BaseModel
from recordings import canon, collect, corpus, named, needs_corpus, payloads, target

from genkit.errors import UnsupportedOption
from genkit.messages import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from genkit.providers.anthropic import Anthropic
from genkit.providers.base import Target
from genkit.providers.vendors import VENDORS
from genkit.request import Output, Request, Tool
from genkit.sampling import Sampling

NAME = "anthropic.messages"
ANTHROPIC = Anthropic()
SONNET = "claude-sonnet-4-5"
HERE = Target(model=SONNET, vendor=VENDORS["anthropic"])

recorded = corpus.exchanges(NAME, "anthropic.count_tokens")
OFFICIAL = {case["case"]: case for case in corpus.official_requests("anthropic")}


def body_of(*messages: Message, **options: Any) -> dict[str, Any]:
    to = options.pop("to", HERE)
    return dict(ANTHROPIC.encode(Request(messages=messages, stream=False, **options), to).body or {})


def turns_of(*messages: Message) -> Any:
    return body_of(*messages)["messages"]


HELLO = Message.user("Hello")
PIXEL = Image(
    url="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAA"
    "AElFTkSuQmCC"
)
CITY = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "City name"},
        "unit": {"type": "string", "enum": ["c", "f"]},
    },
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool(name="get_weather", description="Get weather", parameters=CITY)
LATIN_1 = Document(data=b"\xe4", media_type="text/plain")
PERSON = {
    "type": "object",
    "title": "Person",
    "properties": {
        "name": {"type": "string", "title": "Name"},
        "age": {"type": "integer", "title": "Age"},
        "tags": {
            "type": "array",
            "title": "Tags",
            "items": {"type": "string"},
            "description": "{default: []}",
        },
    },
    "additionalProperties": False,
    "required": ["name", "age"],
}


def ask(*messages: Message, limit: int = 256, stream: bool = False, **options: Any) -> Request:
    sampling = options.pop("sampling", Sampling(max_tokens=limit))
    return Request(messages=messages or [HELLO], sampling=sampling, stream=stream, **options)


def asked_for(city: str, id: str) -> ToolCall:
    return ToolCall(id=id, name="get_weather", arguments=json.dumps({"city": city}))


INTENTS = {
    "document_pdf": ask(
        Message.user(
            # Whether to cite is no word of genkit's, but any block can be sent.
            Native(
                dialect=NAME,
                data=OFFICIAL["document_pdf"]["request"]["body"]["messages"][0]["content"][0],
            )
            if OFFICIAL
            else Text(""),
            "Sum up",
        )
    ),
    "image_base64": ask(Message.user(PIXEL, "What?")),
    "image_url": ask(Message.user(Image(url="https://example.com/a.png"), "What?")),
    "parse_pydantic": ask(limit=64, output=Output(schema=PERSON)),
    "prompt_cache": ask(Message.system("Long...", CacheMark(ttl="1h")), HELLO),
    "retry_529_then_ok": ask(limit=5),
    "sampling": ask(
        sampling=Sampling(max_tokens=256, temperature=0.2, top_k=5, stop=("END",)),
        metadata={"user_id": "u1"},
        extra={"service_tier": "auto"},
    ),
    "server_tools": ask(tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]),
    "stream_create": ask(limit=64, stream=True),
    "stream_tool_image": ask(
        Message.system("Be terse."), Message.user(PIXEL, "Weather?"), limit=64, stream=True, tools=[WEATHER]
    ),
    "system_user": ask(Message.system("Be terse."), HELLO),
    "thinking": ask(limit=4096, reasoning=1024),
    "thinking_replay": ask(
        HELLO,
        Message.assistant(Reasoning("hm", "SIG"), asked_for("Paris", "tu_1")),
        Message.tool(ToolResult(id="tu_1", content=(Text("18C"), PIXEL))),
        limit=4096,
        reasoning=1024,
        tools=[WEATHER],
    ),
    "tool_any": ask(tools=[WEATHER], tool_choice="required"),
    "tool_auto": ask(tools=[WEATHER], tool_choice="auto", parallel_tool_calls=False),
    "tool_loop_parallel": ask(
        HELLO,
        Message.assistant("Checking", asked_for("Paris", "tu_1"), asked_for("Rome", "tu_2")),
        Message.tool(ToolResult(id="tu_1", content="18C"), ToolResult(id="tu_2", content="boom", error=True)),
        tools=[WEATHER],
    ),
    "tool_named": ask(tools=[WEATHER], tool_choice="get_weather"),
}
# Batches are an API of their own, which genkit does not have.
NOT_OURS = {"batch_create"}


@needs_corpus
def test_every_official_request_is_here() -> None:
    assert set(OFFICIAL) == {*INTENTS, *NOT_OURS, "count_tokens"}


@needs_corpus
@pytest.mark.parametrize("name", INTENTS)
def test_it_sends_what_the_official_sdk_sends(name: str) -> None:
    official, call = OFFICIAL[name]["request"], ANTHROPIC.encode(INTENTS[name], HERE)
    assert canon(NAME, call.body) == canon(NAME, official["body"])
    assert (call.method, f"/v1{call.path}", call.query) == (official["method"], official["path"], {})
    assert HERE.vendor.base_url.endswith("/v1")


@needs_corpus
def test_it_counts_what_the_official_sdk_counts() -> None:
    official = OFFICIAL["count_tokens"]["request"]
    request = ask(Message.system("Be terse."), HELLO, tools=[WEATHER])
    call = ANTHROPIC.encode_count(request, HERE)
    assert canon(NAME, call.body) == canon(NAME, official["body"])
    assert f"/v1{call.path}" == official["path"]


@needs_corpus
def test_version_and_key_travel_as_in_the_recorded_traffic() -> None:
    headers = [exchange.request["headers"] for exchange in recorded]
    assert {h["anthropic-version"] for h in headers if "anthropic-version" in h} == {
        HERE.vendor.headers["anthropic-version"]
    }
    assert HERE.vendor.auth in {name for h in headers for name in h}


# A recorded body, read into genkit's words.


def read_part(block: dict[str, Any]) -> Part:
    source = block.get("source", {})
    match block["type"]:
        case "text":
            return Text(block["text"])
        case "image" | "document" if source.get("type") == "base64" and "citations" not in block:
            kind = Image if block["type"] == "image" else Document
            return kind(data=base64.b64decode(source["data"]), media_type=source["media_type"])
        case "document" if source.get("type") == "text" and "citations" not in block:
            data = source["data"].encode()
            return Document(data=data, media_type=source["media_type"], name=block.get("title", ""))
        case "thinking":
            return Reasoning(block["thinking"], block["signature"])
        case "tool_use":
            return ToolCall(id=block["id"], name=block["name"], arguments=json.dumps(block["input"]))
        case "tool_result":
            content = block["content"]
            inner = content if isinstance(content, str) else tuple(read_part(item) for item in content)
            return ToolResult(id=block["tool_use_id"], content=inner, error=block.get("is_error", False))  # type: ignore[arg-type]
    return Native(dialect=NAME, data=block)


def read_parts(content: Any) -> list[Part]:
    found: list[Part] = []
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        found.append(read_part(block))
        if (mark := block.get("cache_control")) and not isinstance(found[-1], Native):
            found.append(CacheMark(ttl=mark.get("ttl", "")))
    return found


def read_tool(tool: dict[str, Any]) -> Any:
    if set(tool) - {"name", "description", "input_schema", "strict", "cache_control"}:
        return tool
    return Tool(
        name=tool["name"],
        description=tool.get("description", ""),
        parameters=tool["input_schema"],
        strict=tool.get("strict"),
        cache=bool(tool.get("cache_control")),
    )


WORDS = {"max_tokens", "temperature", "top_p", "top_k"}
KNOWN = {*WORDS, "messages", "model", "system", "stop_sequences", "tools", "tool_choice", "stream"}


def read(body: dict[str, Any]) -> Request:
    messages = [Message("system", read_parts(body["system"]))] if body.get("system") else []
    messages += [Message(turn["role"], read_parts(turn["content"])) for turn in body["messages"]]
    options: dict[str, Any] = {"extra": {name: body[name] for name in set(body) - KNOWN}}
    if choice := body.get("tool_choice"):
        options["tool_choice"] = {"any": "required", "tool": choice.get("name")}.get(
            choice["type"], choice["type"]
        )
        if "disable_parallel_tool_use" in choice:
            options["parallel_tool_calls"] = not choice["disable_parallel_tool_use"]
    return Request(
        messages=messages,
        sampling=Sampling(
            stop=tuple(body.get("stop_sequences", ())), **{name: body.get(name) for name in WORDS}
        ),
        tools=[read_tool(tool) for tool in body.get("tools", ())],
        stream=body.get("stream", False),
        **options,
    )


def expected(body: Any) -> Any:
    """A recorded body without what genkit leaves out, since it says nothing."""
    plain = {name: value for name, value in canon(NAME, body).items() if value not in ("", [])}
    for tool in plain.get("tools", ()):
        if tool.get("description") == "":
            del tool["description"]
    return plain


def at(exchange: Any) -> Target:
    path = exchange.request["url"].split("?")[0]
    if "/publishers/anthropic/" in path:
        return Target(model=path.split("/")[-1].split(":")[0], vendor=VENDORS["vertex-anthropic"])
    return Target(model=exchange.request["body"]["model"], vendor=VENDORS["anthropic"])


@needs_corpus
@pytest.mark.parametrize("exchange", [e for e in recorded if e.request["body"]], ids=str)
def test_a_recorded_request_comes_back_as_it_was(exchange: Any) -> None:
    to, body = at(exchange), exchange.request["body"]
    encode = ANTHROPIC.encode_count if exchange.dialect == "anthropic.count_tokens" else ANTHROPIC.encode
    call = encode(read(body), to)
    assert expected(call.body) == expected(body)
    assert exchange.request["url"].split("?")[0].endswith(call.path)


GROUPS: dict[str, list[Any]] = defaultdict(list)
for exchange in recorded:
    if exchange.group:
        GROUPS[exchange.group].append(exchange)
LOOPS = [sorted(group, key=lambda e: e.order) for group in GROUPS.values() if len(group) > 1]


@needs_corpus
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop[0].id)
def test_a_tool_loop_goes_on_as_it_was_recorded(loop: list[Any]) -> None:
    said: list[Message] = []
    for exchange in loop:
        request, to = read(exchange.request["body"]), at(exchange)
        answers = iter(said)
        messages = [next(answers) if m.role == "assistant" else m for m in request.messages]
        ours = ANTHROPIC.encode(Request(messages=messages), to).body or {}
        theirs = exchange.request["body"]
        assert canon(NAME, ours)["messages"] == canon(NAME, theirs)["messages"]
        assert next(answers, None) is None
        said.append(collect(ANTHROPIC, payloads(exchange), to).message)
    assert len(said) > 1


# What is not in any recording.


def test_instructions_come_first_wherever_they_were_said() -> None:
    body = body_of(Message.system("One."), HELLO, Message("developer", (CacheMark(), Text("Two."))))
    assert [block["text"] for block in body["system"]] == ["One.", "Two."]
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert len(body["messages"]) == 1


RULE, OTHER = Message.system("One."), Message("developer", "Two.")
YES = Message.assistant("Yes")


@pytest.mark.parametrize(
    ("messages", "roles"),
    [
        ((HELLO, RULE), "user system"),
        ((HELLO, RULE, OTHER, YES), "user system assistant"),
        ((HELLO, YES, HELLO, RULE, YES, HELLO), "user assistant user system assistant user"),
        # Where the API refuses them: before the user, after the model, and before the user's next turn.
        ((RULE, HELLO), "user"),
        ((HELLO, YES, RULE), "user assistant"),
        ((HELLO, RULE, HELLO), "user user"),
        ((Message.user(""), RULE, YES), "assistant"),
    ],
)
@pytest.mark.parametrize(
    "model",
    ["claude-opus-4-8", "claude-opus-5", "claude-fable-5-1", "claude-sonnet-5-5", "claude-haiku-5-5"],
)
def test_later_models_get_instructions_where_they_were_said(
    messages: tuple[Message, ...], roles: str, model: str
) -> None:
    body = body_of(*messages, to=Target(model=model, vendor=VENDORS["anthropic"]))
    assert " ".join(turn["role"] for turn in body["messages"]) == roles
    placed = [turn["content"] for turn in body["messages"] if turn["role"] == "system"]
    given = [block for content in placed for block in content] + body.get("system", [])
    assert [block["text"] for block in given] == (["One.", "Two."] if OTHER in messages else ["One."])


@pytest.mark.parametrize(
    ("vendor", "model"),
    [
        ("anthropic", "claude-opus-4-7"),
        ("anthropic", "claude-sonnet-4-6"),
        ("anthropic", "claude-sonnet-5"),
        ("anthropic", "claude-3-5-sonnet-20241022"),
        ("vertex-anthropic", "claude-opus-4-8"),
    ],
)
def test_instructions_come_first_elsewhere(vendor: str, model: str) -> None:
    body = body_of(HELLO, RULE, to=Target(model=model, vendor=VENDORS[vendor]))
    assert [turn["role"] for turn in body["messages"]] == ["user"]
    assert body["system"] == [{"type": "text", "text": "One."}]


def test_results_of_tools_come_first_in_one_turn_of_the_user() -> None:
    results = [Message.tool(ToolResult(id=id, content=id)) for id in ("a", "b")]
    *_, turn = turns_of(HELLO, Message.assistant(asked_for("Rome", "a")), *results, Message.user("And?"))
    assert turn["role"] == "user"
    assert [block["type"] for block in turn["content"]] == ["tool_result", "tool_result", "text"]
    (mixed,) = turns_of(Message.user("x", ToolResult(id="a", content="1")))
    assert [block["type"] for block in mixed["content"]] == ["tool_result", "text"]


def test_only_the_thoughts_that_anthropic_signed_are_sent_back() -> None:
    redacted = Native(dialect=NAME, data={"type": "redacted_thinking", "data": "EmwK"})
    thoughts = (Reasoning("mine", "sig"), redacted, Reasoning("unsigned"), Reasoning("", "other", id="rs_1"))
    (turn,) = turns_of(Message.assistant(*thoughts, "Hi"))
    assert [block["type"] for block in turn["content"]] == ["thinking", "redacted_thinking", "text"]


def test_a_call_goes_back_with_its_caller_and_its_toolset() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}
    calls = [
        {"type": "tool_use", "id": "a", "name": "zoom", "input": {"x": 1}, "toolset_name": "computer"},
        {"type": "tool_use", "id": "b", "name": "f", "input": {}, "caller": caller},
    ]
    direct = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    content = [*calls, {**direct, "caller": {"type": "direct"}}]
    response = collect(ANTHROPIC, [{"type": "message", "content": content, "stop_reason": "tool_use"}], HERE)
    assert [call.name for call in response.tool_calls] == ["zoom", "f", "f"]
    (turn,) = turns_of(response.message)
    assert turn["content"] == [*calls, direct]


def test_empty_text_and_empty_messages_are_left_out() -> None:
    assert turns_of(Message.user("", "x"), Message.assistant(), Message.assistant("")) == [
        {"role": "user", "content": [{"type": "text", "text": "x"}]}
    ]


def test_blank_text_which_models_write_before_a_call_is_left_out() -> None:
    called = asked_for("Rome", "a")
    (turn,) = turns_of(Message.assistant(Reasoning("mine", "sig"), "\n\n", called))
    assert [block["type"] for block in turn["content"]] == ["thinking", "tool_use"]
    body = ANTHROPIC.encode(Request(messages=[Message.system(" "), HELLO, Message.assistant(" ")]), HERE).body
    assert body
    assert "system" not in body
    assert len(body["messages"]) == 1


@pytest.mark.parametrize("content", ["", "\n", (), (Text(" "),)])
def test_a_tools_error_that_says_nothing_says_so(content: Any) -> None:
    for is_error in (True, False):
        (turn,) = turns_of(Message(role="tool", parts=(ToolResult(id="a", content=content, error=is_error),)))
        assert (turn["content"][0]["content"] == "(empty)") == is_error


def test_a_refusal_goes_back_as_text() -> None:
    assert turns_of(Message.assistant(Refusal("No.")))[0]["content"] == [{"type": "text", "text": "No."}]


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "7", '{"a": NaN}'])
def test_arguments_that_are_no_object_are_wrapped(arguments: str) -> None:
    (turn,) = turns_of(Message.assistant(ToolCall(id="t", name="f", arguments=arguments)))
    assert turn["content"][0]["input"] == {"INVALID_JSON": arguments}


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (Document(url="https://a.example/b.pdf"), {"type": "url", "url": "https://a.example/b.pdf"}),
        (
            Document(data="ä".encode(), media_type="text/csv"),
            {"type": "text", "media_type": "text/plain", "data": "ä"},
        ),
    ],
)
def test_documents_are_sent_by_their_kind(part: Document, source: dict[str, str]) -> None:
    assert turns_of(Message.user(part))[0]["content"] == [{"type": "document", "source": source}]


@pytest.mark.parametrize("effort", ["low", "high", "xhigh", "max"])
def test_an_effort_is_sent_to_models_that_take_one(effort: str) -> None:
    body = body_of(HELLO, reasoning=effort, to=target("claude-opus-4-6"), output=Output(schema=PERSON))
    # Without display, thoughts are left out from Claude 4.7 on ("Adaptive thinking").
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"]["effort"] == effort
    assert body["output_config"]["format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    ("model", "limit", "effort", "sent"),
    [
        ("claude-sonnet-4-5-20250929", None, "high", (16_000 + 24_576, 24_576)),
        ("claude-opus-4-20250514", 4096, "high", (4096, 2048)),
        ("claude-haiku-4-5", 1500, "minimal", (1500, 1024)),
        ("claude-opus-4-1", None, 3000, (19_000, 3000)),
        # These write 32,000 at most, with what they think ("Models overview").
        ("claude-opus-4-1-20250805", None, "high", (32_000, 16_000)),
        ("claude-opus-4@20250514", None, 30_000, (32_000, 30_000)),
        ("claude-opus-4-5", None, "high", (16_000 + 24_576, 24_576)),
    ],
)
def test_models_before_efforts_get_a_budget(
    model: str, limit: int | None, effort: Any, sent: tuple[int, int]
) -> None:
    to = Target(model=model, vendor=VENDORS["anthropic"])
    body = body_of(HELLO, reasoning=effort, sampling=Sampling(max_tokens=limit), to=to)
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == sent


def test_an_effort_that_is_refused_starts_no_thinking() -> None:
    assert "thinking" not in body_of(HELLO, reasoning="maximal", on_unsupported="drop")


def test_what_an_output_is_for_is_in_its_schema() -> None:
    # Strictness has no field: the API always holds the model to the schema.
    form = body_of(HELLO, output=Output(schema=CITY, description="a place", strict=True))["output_config"]
    assert form["format"]["schema"] == {**CITY, "description": "a place"}
    own = {**CITY, "description": "a city"}
    form = body_of(HELLO, output=Output(schema=own, description="a place"))["output_config"]
    assert form["format"]["schema"] == own


TOLD = {"description": "{maximum: 1}"}


class Person(BaseModel):
    name: str
    age: int
    tags: list[str] = []


def schema_of(schema: dict[str, Any], **options: Any) -> Any:
    return body_of(HELLO, output=Output(schema=schema), **options)["output_config"]["format"]["schema"]


def test_the_schema_of_a_pydantic_model_is_closed() -> None:
    # As the official SDK sends it (parse_pydantic), but for the default: the documentation lets it stay.
    sent = json.loads(json.dumps(PERSON))
    del sent["properties"]["tags"]["description"]
    sent["properties"]["tags"]["default"] = []
    assert schema_of(Person.model_json_schema()) == sent


@pytest.mark.parametrize(
    ("given", "sent", "told"),
    [
        # From the docstring of the SDK's transform_schema.
        (
            {"type": "integer", "minimum": 1, "maximum": 10, "description": "A number"},
            {"type": "integer", "description": "A number\n\n{minimum: 1, maximum: 10}"},
            ["minimum", "maximum"],
        ),
        ({"maxLength": 9}, {"description": "{maxLength: 9}"}, ["maxLength"]),
        ({"format": "regex"}, {"description": "{format: regex}"}, ["format"]),
        ({"minItems": 2}, {"description": "{minItems: 2}"}, ["minItems"]),
        ({"minItems": 1}, {"minItems": 1}, []),
        ({"format": "uuid"}, {"format": "uuid"}, []),
        ({"const": "a", "pattern": "a", "default": "a"}, {"const": "a", "pattern": "a", "default": "a"}, []),
        ({"examples": ["a"]}, {"description": "{examples: ['a']}"}, []),
        ({"oneOf": [{"type": "null"}, {"maximum": 1}]}, {"anyOf": [{"type": "null"}, TOLD]}, ["maximum"]),
        ({"items": {"anyOf": [{"maximum": 1}]}}, {"items": {"anyOf": [TOLD]}}, ["maximum"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["properties", "$defs"])
def test_a_schema_has_only_what_the_api_knows_and_the_rest_is_told(
    given: dict[str, Any], sent: dict[str, Any], told: list[str], place: str
) -> None:
    around = {"type": "object", "properties": {}, "additionalProperties": False}
    schema = {**around, place: {"minimum": given}}
    assert schema_of(schema) == {**around, place: {"minimum": sent}}
    request = Request(messages=[HELLO], output=Output(schema=schema))
    warnings = ANTHROPIC.encode(request, HERE).warnings
    words = f"output: the model is told of {', '.join(told)}, and not held to it"
    assert warnings == ((words,) if told else ())


def test_a_number_that_is_too_large_to_be_written_is_told_as_such() -> None:
    sent = schema_of({"maximum": 10**5000})
    assert sent == {"description": "{maximum: one of type int that is too large to show}"}


OPEN = [
    {"type": "object", "additionalProperties": True},
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object"},
    {"type": ["object", "null"]},
    {"allOf": [{"properties": {"a": {"type": "null"}}}, {"properties": {"b": {"type": "null"}}}]},
    {"properties": {"a": {"type": "null"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    {"type": "object", "properties": {}, "patternProperties": {"^a": {"type": "null"}}},
]


@pytest.mark.parametrize("inner", OPEN)
def test_objects_of_any_fields_are_refused_where_the_model_would_be_held_to_them(inner: Any) -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": [inner, {"type": "null"}]}}}
    with pytest.raises(UnsupportedOption, match="output with objects of any fields"):
        schema_of(schema)
    assert "output_config" not in body_of(HELLO, output=Output(schema=schema), on_unsupported="drop")
    with pytest.raises(UnsupportedOption, match="strict tool 'f' with objects of any fields"):
        body_of(HELLO, tools=[Tool(name="f", parameters=schema, strict=True)])
    tool = Tool(name="f", parameters=schema, strict=True)
    (sent,) = body_of(HELLO, tools=[tool], on_unsupported="drop")["tools"]
    assert sent == {"name": "f", "input_schema": schema}


def test_a_strict_tool_whose_arguments_have_several_forms_does_not_lose_them() -> None:
    form = {"type": "object", "properties": {"a": {"type": "null"}}}
    with pytest.raises(UnsupportedOption, match="strict tool 'f' with objects of any fields"):
        body_of(HELLO, tools=[Tool(name="f", parameters={"anyOf": [form, form]}, strict=True)])


def test_only_the_schema_of_a_strict_tool_is_made_to_fit() -> None:
    given = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    tools = [Tool(name=f"f{strict}", parameters=given, strict=strict) for strict in (True, False)]
    strict, free = (tool["input_schema"] for tool in body_of(HELLO, tools=tools)["tools"])
    number = {"type": "integer", "description": "{minimum: 1}"}
    assert strict == {"type": "object", "properties": {"n": number}, "additionalProperties": False}
    assert free == given


def test_thinking_can_be_switched_off() -> None:
    assert body_of(HELLO, reasoning="none")["thinking"] == {"type": "disabled"}
    for model in ("claude-haiku-5-5", "claude-opus-5", "claude-sonnet-5"):
        assert body_of(HELLO, reasoning="none", to=target(model))["thinking"] == {"type": "disabled"}
    # It refuses "disabled" ("What's new in Claude Sonnet 5.5").
    body = body_of(HELLO, reasoning=0, to=target("claude-sonnet-5-5"))
    assert (body["thinking"], "output_config" in body) == ({"type": "between_tools"}, False)


def test_the_last_models_with_a_budget_and_an_effort_take_both() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    for model in ("claude-opus-4-6", "claude-sonnet-4-6"):
        assert body_of(HELLO, reasoning=2000, to=target(model))["thinking"] == thinking


@pytest.mark.parametrize("reasoning", ["none", 2000])
@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-fable-5", "claude-mythos-preview"])
def test_models_that_always_think_are_not_told_otherwise(model: str, reasoning: Any) -> None:
    with pytest.raises(UnsupportedOption) as caught:
        body_of(HELLO, reasoning=reasoning, to=target(model))
    assert caught.value.option == "reasoning"
    assert "thinking" not in body_of(HELLO, reasoning=reasoning, to=target(model), on_unsupported="drop")


def test_a_limit_is_sent_though_none_was_set() -> None:
    assert body_of(HELLO) == {
        "model": SONNET,
        "max_tokens": 16_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    }


def test_a_tool_can_be_cached_and_strict() -> None:
    (tool,) = body_of(HELLO, tools=[Tool(name="f", strict=True, cache=True)])["tools"]
    assert tool == {
        "name": "f",
        "input_schema": {"type": "object", "properties": {}, "additionalProperties": False},
        "strict": True,
        "cache_control": {"type": "ephemeral"},
    }


@pytest.mark.parametrize(
    ("messages", "options", "option"),
    [
        ([HELLO], {"sampling": Sampling(seed=1)}, "seed"),
        ([HELLO], {"sampling": Sampling(min_p=0.1)}, "min_p"),
        ([HELLO], {"sampling": Sampling(logprobs=1)}, "logprobs"),
        ([HELLO], {"output": Output()}, "output without a schema"),
        ([HELLO], {"metadata": {"team": "a"}}, "metadata"),
        ([HELLO], {"reasoning": "minimal", "to": target("claude-opus-5")}, "reasoning='minimal'"),
        ([HELLO], {"reasoning": "maximal"}, "reasoning='maximal'"),
        ([HELLO], {"reasoning": 2000, "to": target("claude-opus-4-7")}, "reasoning as a number of tokens"),
        ([HELLO], {"reasoning": 2000, "to": target("claude-haiku-5-5")}, "reasoning as a number of tokens"),
        ([HELLO], {"reasoning": 2000, "to": target("claude-sonnet-5")}, "reasoning as a number of tokens"),
        ([Message.user(Audio(data=b"x", media_type="audio/wav"))], {}, "a part of type 'audio'"),
        ([Message.user(Native(dialect="other", data={}))], {}, "a part of type 'native'"),
        ([Message.user(CacheMark(), "x")], {}, "a cache mark that nothing comes before in its message"),
        ([Message.user(LATIN_1)], {}, "a text document that is not in UTF-8"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(messages: Any, options: dict[str, Any], option: str) -> None:
    with pytest.raises(UnsupportedOption) as caught:
        body_of(*messages, **options)
    assert caught.value.option == named(option)
    body_of(*messages, **options, on_unsupported="drop")


def test_through_vertex_the_model_is_in_the_path_and_the_version_in_the_body() -> None:
    to = Target(model="claude-sonnet-4-5@20250929", vendor=VENDORS["vertex-anthropic"])
    call = ANTHROPIC.encode(Request(messages=[HELLO], stream=True), to)
    assert call.path == "/models/claude-sonnet-4-5@20250929:streamRawPredict"
    assert call.body is not None
    assert call.body["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in call.body
    count = ANTHROPIC.encode_count(Request(messages=[HELLO]), to)
    assert (count.path, (count.body or {})["model"]) == ("/models/count-tokens:rawPredict", to.model)
