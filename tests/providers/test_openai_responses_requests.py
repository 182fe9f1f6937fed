"""OpenAI Responses' requests: what the official SDK sends, and what recorded conversations went on with."""

from __future__ import annotations

import json
from typing import Any

import pytest
import recordings
from recordings import canon, corpus, needs_corpus

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
from genkit.providers.openai_responses import OpenAIResponses
from genkit.request import Output, Request, Tool
from genkit.sampling import Sampling

NAME = "openai.responses"
DIALECT = OpenAIResponses()
RECORDED = corpus.exchanges(NAME)
OFFICIAL = {case["case"]: case for case in corpus.official_requests("openai")}
needs_official = pytest.mark.skipif(not OFFICIAL, reason="the corpus has no requests of the official SDKs")
RAW = {"deepseek"}  # take reasoning back as text


def body_of(request: Request, model: str = "m", **quirks: Any) -> dict[str, Any]:
    return dict(DIALECT.encode(request, recordings.target(model, **quirks)).body or {})


def items_of(*messages: Message, **quirks: Any) -> Any:
    return body_of(Request(messages=messages, stream=False), **quirks)["input"]


PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAA"
    "AElFTkSuQmCC"
)
LOOK = Message.user("What?", Image(url=PIXEL, detail="auto"))
WEATHER = Tool(
    name="get_weather",
    description="Get weather",
    parameters={
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "City name"},
            "unit": {"type": "string", "enum": ["c", "f"]},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
    strict=True,
)
PERSON = {
    "properties": {
        "name": {"title": "Name", "type": "string"},
        "age": {"title": "Age", "type": "integer"},
        "tags": {"default": [], "items": {"type": "string"}, "title": "Tags", "type": "array"},
    },
    "required": ["name", "age", "tags"],
    "title": "Person",
    "type": "object",
    "additionalProperties": False,
}
MINI, X = "gpt-4o-mini", [Message.user("x")]
INTENTS = {
    "responses_builtin_tools": (
        MINI,
        Request(
            messages=X,
            tools=[{"type": "web_search"}, {"type": "code_interpreter", "container": {"type": "auto"}}],
            metadata={"k": "v"},
            extra={"previous_response_id": "resp_0", "truncation": "auto"},
            stream=False,
        ),
    ),
    # A leading system message becomes `instructions`; as an item, it is OpenAI's own way to say it.
    "responses_messages": (
        MINI,
        Request(
            messages=[
                Message.user(Native(dialect=NAME, data={"role": "system", "content": "Be terse."})),
                LOOK,
            ],
            stream=False,
        ),
    ),
    "responses_parse_pydantic": (
        MINI,
        Request(messages=X, output=Output(name="Person", schema=PERSON, strict=True), stream=False),
    ),
    "responses_reasoning": (
        "o4-mini",
        Request(
            messages=X,
            sampling=Sampling(max_tokens=50),
            extra={
                "include": ["reasoning.encrypted_content"],
                "reasoning": {"effort": "low", "summary": "auto"},
                "store": False,
            },
            stream=False,
        ),
    ),
    "responses_stream_tool_image": (
        MINI,
        Request(messages=[Message.system("Be terse."), LOOK], tools=[WEATHER]),
    ),
    "responses_system_user": (
        MINI,
        Request(messages=[Message.system("Be terse."), Message.user("Hello")], stream=False),
    ),
    "responses_tool_loop": (
        MINI,
        Request(
            messages=[
                Message.user("Weather?"),
                Message.assistant(ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}')),
                Message.tool(ToolResult(id="call_1", content="18C")),
            ],
            tools=[WEATHER],
            tool_choice="auto",
            parallel_tool_calls=True,
            stream=False,
        ),
    ),
}


@needs_official
def test_every_official_request_has_its_twin_here() -> None:
    assert {name for name in OFFICIAL if "responses" in name} == INTENTS.keys()


@needs_official
@pytest.mark.parametrize("name", INTENTS)
def test_a_request_is_the_official_sdks(name: str) -> None:
    model, request = INTENTS[name]
    call = DIALECT.encode(request, recordings.target(model))
    official = OFFICIAL[name]["request"]
    assert canon(NAME, dict(call.body or {})) == canon(NAME, official["body"])
    assert (call.method, f"/v1{call.path}") == (official["method"], official["path"])
    assert not call.query


def test_an_effort_is_a_word() -> None:
    assert body_of(Request(messages=X, reasoning="low"))["reasoning"] == {"effort": "low"}
    summed = Request(messages=X, reasoning="low", extra={"reasoning": {"summary": "auto"}})
    assert body_of(summed)["reasoning"] == {"effort": "low", "summary": "auto"}
    with pytest.raises(UnsupportedOption, match="number of tokens"):
        body_of(Request(messages=X, reasoning=1000))


def test_a_schema_is_held_to_where_that_can_be_and_else_shown() -> None:
    def form(output: Output) -> Any:
        return body_of(Request(messages=X, output=output))["text"]["format"]

    name = {"type": "json_schema", "name": "output"}
    assert form(Output(schema=OPEN)) == {**name, "schema": SHUT, "strict": True}
    assert form(Output(schema=OPEN, strict=False)) == {**name, "schema": OPEN, "strict": False}
    assert form(Output(schema=LOOSE)) == {**name, "schema": LOOSE, "strict": False}
    shut = {**LOOSE, "additionalProperties": False}
    assert form(Output(schema=LOOSE, strict=True)) == {**name, "schema": shut, "strict": True}


OPEN: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
SHUT = {**OPEN, "additionalProperties": False}
LOOSE = {**OPEN, "required": []}


def holding(**fields: Any) -> dict[str, Any]:
    """A schema of an object that has these fields, all of them."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def deep(levels: int) -> dict[str, Any]:
    """A schema of lists and objects in each other."""
    made: dict[str, Any] = {"type": "string"}
    for level in reversed(range(levels)):
        made = {"type": "array", "items": made} if level % 2 else holding(a=made)
    return made


def nested(levels: int) -> dict[str, Any]:
    """A schema of objects in each other by references."""
    more = {f"{n}": holding(a={"$ref": f"#/$defs/{n + 1}"}) for n in range(2, levels)}
    last = {f"{levels}": holding(a={"$ref": "#"}, b={"$ref": f"#/$defs/{levels}"})}
    return {**holding(a={"$ref": "#/$defs/2"}), "$defs": {**more, **last}}


# "Supported schemas" in OpenAI's guide, and errors that the API was seen to tell of.
@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (holding(), True),
        (
            holding(a={"type": ["string", "null"], "enum": ["x", None], "description": "d", "title": "A"}),
            True,
        ),
        (holding(a={"type": "string", "format": "date-time", "pattern": "^(?:a|b)$"}), True),
        (holding(a={"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 1}), True),
        (holding(a={"anyOf": [OPEN, {"type": "null"}]}), True),
        (holding(a={"const": "x", "type": "string"}), True),
        ({**holding(a={"$ref": "#/$defs/A"}), "$defs": {"A": OPEN}}, True),
        ({**holding(a={"$ref": "#"}), "title": "T", "description": "d"}, True),
        ({**holding(a={"$ref": "#/$defs/A"}), "$defs": {"A": LOOSE}}, False),
        ({"anyOf": [OPEN]}, False),
        ({"type": "array", "items": OPEN}, False),
        ({"$defs": {"A": OPEN}, "$ref": "#/$defs/A"}, False),
        ({**OPEN, "additionalProperties": True}, False),
        (holding(a=LOOSE), False),
        (holding(a={"type": "object"}), False),
        (holding(a={"type": "object", "additionalProperties": {"type": "string"}}), False),
        (holding(a={}), False),
        (holding(a=True), False),
        (holding(a={"type": "array"}), False),
        (holding(a={"type": "string", "default": "x"}), False),
        (holding(a={"type": "string", "format": "uri"}), False),
        (holding(a={"type": "string", "pattern": "^(?!a)"}), False),
        (holding(a={"oneOf": [OPEN]}), False),
        (holding(a={"allOf": [OPEN]}), False),
        (holding(a={"$ref": "#", "description": "d"}), False),
        (holding(a={"type": "array", "items": OPEN, "uniqueItems": True}), False),
        (holding(a={"$ref": "#/properties/a"}), False),
        ({**holding(a={"$ref": "#/$defs/A/properties/a"}), "$defs": {"A": OPEN}}, False),
        (holding(a={"$ref": "#/$defs/A"}), False),
        (deep(10), True),
        (deep(11), False),
        (nested(10), True),
        (nested(11), False),
        (holding(**{f"a{n}": {"type": "null"} for n in range(5000)}), True),
        (holding(**{f"a{n}": {"type": "null"} for n in range(5001)}), False),
        (holding(a={"enum": list(range(1000)), "type": "integer"}), True),
        (holding(a={"enum": list(range(1001)), "type": "integer"}), False),
        (holding(a={"const": "x" * 119_999, "type": "string"}), True),
        (holding(a={"const": "x" * 120_000, "type": "string"}), False),
        (holding(a={"enum": [f"{n:050}" for n in range(300)], "type": "string"}), True),
        (holding(a={"enum": [f"{n:051}" for n in range(300)], "type": "string"}), False),
        ({"type": "object", "properties": ["a"]}, False),
        ({**OPEN, "$defs": ["a"]}, False),
        (holding(a={"anyOf": 1}), False),
    ],
)
def test_what_strict_mode_takes(schema: dict[str, Any], strict: bool) -> None:
    sent = body_of(Request(messages=X, output=Output(schema=schema)))["text"]["format"]
    assert sent["strict"] is strict
    assert strict or sent["schema"] == schema


# "Unsupported type-specific keywords" in Azure's documentation; OpenAI's guide says the same of tuned models.
@pytest.mark.parametrize(("model", "kind"), [("m", "azure"), ("ft:gpt-4.1:o::1", True)])
@pytest.mark.parametrize(
    ("field", "strict"),
    [
        ({"type": "string", "description": "d"}, True),
        ({"type": "string", "pattern": "^a$"}, False),
        ({"type": "string", "format": "date"}, False),
        ({"type": "number", "minimum": 0}, False),
        ({"type": "number", "maximum": 9}, False),
        ({"type": "number", "multipleOf": 2}, False),
        ({"type": "array", "items": {"type": "null"}, "minItems": 1}, False),
        ({"type": "array", "items": {"type": "null"}, "maxItems": 1}, False),
    ],
)
def test_azure_and_fine_tuned_models_are_held_to_less(
    field: Any, strict: bool, model: str, kind: Any
) -> None:
    request = Request(messages=X, output=Output(schema=holding(a=field)))
    assert body_of(request, model, strict=kind)["text"]["format"]["strict"] is strict


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (deep(5), True),
        (deep(6), False),
        (holding(**{f"a{n}": {"type": "null"} for n in range(100)}), True),
        (holding(**{f"a{n}": {"type": "null"} for n in range(101)}), False),
    ],
)
def test_azure_takes_smaller_schemas(schema: Any, strict: bool) -> None:
    request = Request(messages=X, output=Output(schema=schema))
    assert body_of(request, strict="azure")["text"]["format"]["strict"] is strict
    assert body_of(request, "ft:gpt-4.1:o::1")["text"]["format"]["strict"]


def test_a_tool_is_strict_only_where_it_is_asked_to_be_and_its_schema_is_closed_then() -> None:
    tools = [Tool(name="a", strict=True)]
    tools += [Tool(name=f"{strict}", parameters=OPEN, strict=strict) for strict in (None, False, True)]
    sent = body_of(Request(messages=X, tools=tools))["tools"]
    assert [tool["strict"] for tool in sent] == [True, False, False, True]
    none = {"type": "object", "properties": {}, "additionalProperties": False}
    assert [tool["parameters"] for tool in sent] == [none, OPEN, OPEN, SHUT]


def words_of(item: dict[str, Any]) -> Message:
    """An item of a recorded request in genkit's words."""
    match item.get("type", "message"):
        case "message":
            content = item["content"]
            pieces = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
            return Message(item["role"], [part_of(piece) for piece in pieces])
        case "function_call":
            call = ToolCall(id=item["call_id"], name=item["name"], arguments=item["arguments"])
            return Message.assistant(call)
        case "function_call_output":
            output = item["output"]
            content = output if isinstance(output, str) else tuple(part_of(piece) for piece in output)
            return Message.tool(ToolResult(id=item["call_id"], content=content))  # type: ignore[arg-type]
        case "reasoning":
            texts = [piece["text"] for piece in (*item["summary"], *item.get("content", ()))]
            signature = item.get("encrypted_content") or ""
            return Message.assistant(Reasoning("".join(texts), signature, item.get("id", "")))
        case _:
            return Message.assistant(Native(dialect=NAME, data=item))


def part_of(piece: dict[str, Any]) -> Part:
    match piece["type"]:
        case "input_text" | "output_text":
            return Text(piece["text"])
        case "input_image":
            return Image(url=piece["image_url"], detail=piece.get("detail", ""))
        case "input_file":
            return Document(url=piece["file_data"], name=piece["filename"])
    raise AssertionError(piece)


def request_of(body: dict[str, Any]) -> Request:
    """A recorded request in genkit's words."""
    given = dict(body)
    items = given.pop("input")
    messages = [
        words_of(item) for item in ([{"role": "user", "content": items}] if isinstance(items, str) else items)
    ]
    if "instructions" in given:
        messages.insert(0, Message.system(given.pop("instructions")))
    given.pop("model")
    tools = [tool_of(tool) for tool in given.pop("tools", ())]
    stream = given.pop("stream", False)
    sampling = Sampling(
        max_tokens=given.pop("max_output_tokens", None), temperature=given.pop("temperature", None)
    )
    output = None
    if form := given.pop("text", {}).get("format"):
        output = Output(**{name: value for name, value in form.items() if name != "type"})
    choice = given.pop("tool_choice", None)
    if not isinstance(choice, str) and choice:
        given["tool_choice"], choice = choice, None
    effort = (
        given.get("reasoning", {}).get("effort") if given.get("reasoning", {}).keys() == {"effort"} else None
    )
    if effort:
        del given["reasoning"]
    return Request(
        messages=messages,
        tools=tools,
        stream=stream,
        sampling=sampling,
        output=output,
        tool_choice=choice,
        reasoning=effort,
        extra=given,
    )


def tool_of(tool: dict[str, Any]) -> Any:
    if tool["type"] != "function" or tool.keys() - {"type", "name", "description", "parameters", "strict"}:
        return tool
    given = {name: value for name, value in tool.items() if name != "type" and value is not None}
    return Tool(**given)


def loose(tools: Any) -> Any:
    """Recorded tools, as genkit says that they are not strict: a client that does not say has strict ones."""
    return tools and [{"strict": False, **tool} if tool.get("type") == "function" else tool for tool in tools]


def has_body(exchange: Any) -> bool:
    return isinstance(exchange.request["body"], dict) and "input" in exchange.request["body"]


# Where a recording client says the same with more words than the API needs.
SPELLED_OUT = {"id", "status", "namespace"}


def plain(items: Any) -> Any:
    """Items without what the recording clients differ in: ids and states of calls and outputs."""
    if not isinstance(items, list):
        return items
    return [
        {
            name: value
            for name, value in item.items()
            if item.get("type") not in ("function_call", "function_call_output") or name not in SPELLED_OUT
        }
        for item in items
    ]


@needs_corpus
@pytest.mark.parametrize("exchange", [x for x in RECORDED if has_body(x)], ids=str)
def test_a_recorded_request_can_be_said_in_genkits_words(exchange: corpus.Exchange) -> None:
    recorded = exchange.request["body"]
    ours = body_of(request_of(recorded), recorded["model"], raw_reasoning=exchange.provider in RAW)
    ours, theirs = canon(NAME, ours), canon(NAME, recorded)
    if "instructions" not in theirs and theirs["input"][0].get("role") == "system":
        theirs["instructions"] = theirs["input"].pop(0)[
            "content"
        ]  # the same, as its client prefers to say it
    if (form := theirs.get("text", {}).get("format")) and "strict" not in form:
        told = next(payload for payload in recordings.payloads(exchange) if "response" in payload)
        form["strict"] = told["response"]["text"]["format"]["strict"]
    if "tools" in theirs:
        theirs["tools"] = loose(theirs["tools"])
    assert plain(ours.pop("input")) == plain(theirs.pop("input"))
    assert ours == theirs


def turns() -> list[tuple[Any, Any]]:
    """Pairs of exchanges of a conversation, one after the other."""
    groups: dict[str, dict[int, Any]] = {}
    for exchange in RECORDED:
        groups.setdefault(exchange.group, {})[exchange.order] = exchange
    return [(g[n], g[n + 1]) for g in groups.values() for n in g if n + 1 in g]


# This client leaves out the ids of the reasoning that it sends back.
WITHOUT_IDS = "xai/"


@needs_corpus
@pytest.mark.parametrize("pair", turns(), ids=lambda pair: pair[1].id)
def test_a_conversation_goes_on_as_it_was_recorded(pair: tuple[Any, Any]) -> None:
    first, second = (exchange.request["body"] for exchange in pair)
    request, raw = request_of(first), pair[0].provider in RAW
    response = recordings.collect(DIALECT, recordings.payloads(pair[0]), recordings.target())
    said = len(first["input"])
    if "previous_response_id" in second:
        assert response.id == second["previous_response_id"]
        added = [words_of(item) for item in second["input"]]
        assert canon(NAME, {"input": items_of(*added)}) == canon(NAME, {"input": second["input"]})
        return
    made = body_of(Request(messages=[*request.messages, response.message]), raw_reasoning=raw)["input"]
    rest = [words_of(item) for item in second["input"][len(made) :]]
    ours = body_of(
        Request(
            messages=[*request.messages, response.message, *rest], tools=request.tools, extra=request.extra
        ),
        first["model"],
        raw_reasoning=raw,
    )
    if pair[1].id.startswith(WITHOUT_IDS):
        for item in ours["input"][said:]:
            assert item.get("type") != "reasoning" or item["id"]
    theirs = canon(NAME, second)
    ours = canon(NAME, ours)
    for item, recorded in zip(ours["input"], theirs["input"], strict=True):
        for name in {"id", "status"} - recorded.keys():  # not all clients send what ties it to its reasoning
            item.pop(name, None)
    assert ours["input"] == theirs["input"]
    assert ours.get("instructions") == theirs.get("instructions")
    assert ours.get("tools", []) == loose(theirs.get("tools", []))


def test_what_an_item_says_beside_its_parts_is_sent_back() -> None:
    output = [
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"type": "summary_text", "text": t} for t in ("a", "b")],
        },
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "phase": "commentary",
            "content": [{"type": "output_text", "text": "hm"}],
        },
        {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search"}},
        {
            "type": "function_call",
            "id": "fc",
            "status": "completed",
            "call_id": "c",
            "name": "f",
            "arguments": "{}",
            "namespace": "tools",
        },
        {"type": "image_generation_call", "id": "ig", "result": "aGk=", "status": "completed"},
        {
            "type": "message",
            "id": "msg_2",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "refusal", "refusal": "no"}],
        },
    ]
    body = {"object": "response", "status": "completed", "output": output}
    response = recordings.collect(DIALECT, [body], recordings.target())
    assert items_of(response.message) == output


THOUGHT: dict[str, Any] = {"type": "reasoning", "id": "rs", "summary": []}
SEALED = {**THOUGHT, "encrypted_content": "x"}
CONTENT = [{"type": "output_text", "text": "hi"}]
SAID = {"type": "message", "id": "msg", "status": "completed", "role": "assistant", "content": CONTENT}
CALLED = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{}"}
SEARCHED = {"type": "web_search_call", "id": "ws", "action": {"type": "search"}}


def sent_back(*output: dict[str, Any], **extra: Any) -> list[dict[str, Any]]:
    """The items that tell the next request of an answer of these."""
    body = {"object": "response", "status": "completed", "output": list(output)}
    answer = recordings.collect(DIALECT, [body], recordings.target()).message
    items = body_of(Request(messages=[*X, answer, *X], extra=extra))["input"]
    assert items[0] == items[-1] == {"role": "user", "content": "x"}
    return list(items[1:-1])


def test_what_a_program_called_goes_back_with_its_caller() -> None:
    caller = {"type": "program", "caller_id": "call_prog"}
    program = {"type": "program", "id": "prog", "call_id": "call_prog", "code": "1", "fingerprint": "x"}
    called = {**CALLED, "caller": caller}
    direct = {**CALLED, "call_id": "d", "caller": {"type": "direct"}}
    body = {"object": "response", "status": "completed", "output": [program, called, direct]}
    answer = recordings.collect(DIALECT, [body], recordings.target()).message
    results = [Message.tool(ToolResult(id=id, content="1")) for id in ("c", "d")]
    sent = items_of(*X, answer, *results)[1:]
    plain = {"type": "function_call", "name": "f", "arguments": "{}"}
    assert sent == [
        program,
        {**plain, "call_id": "c", "caller": caller},
        {**plain, "call_id": "d"},
        {"type": "function_call_output", "call_id": "c", "output": "1", "caller": caller},
        {"type": "function_call_output", "call_id": "d", "output": "1"},
    ]


def without_id(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("id", "status")}


@pytest.mark.parametrize("item", [SAID, CALLED, SEARCHED])
def test_what_followed_reasoning_goes_back_with_the_id_that_ties_them(item: dict[str, Any]) -> None:
    assert sent_back(THOUGHT, item) == [THOUGHT, item]
    assert sent_back(SEALED, item) == [SEALED, item]


@pytest.mark.parametrize("item", [SAID, CALLED])
def test_without_reasoning_an_item_has_no_id(item: dict[str, Any]) -> None:
    assert sent_back(item) == [without_id(item)]
    body = {"object": "response", "status": "completed", "output": [THOUGHT, item]}
    parts = recordings.collect(DIALECT, [body], recordings.target()).message.parts
    bare = Message.assistant(*(part for part in parts if not isinstance(part, Reasoning)))
    assert items_of(bare) == [without_id(item)]
    assert items_of(Message.assistant(Native(dialect=NAME, data=item))) == [item]  # the user's own word


def test_an_image_keeps_its_id_without_reasoning() -> None:
    image = {"type": "image_generation_call", "id": "ig", "status": "completed", "result": "aGk="}
    assert sent_back(image) == [image]


def test_what_is_not_kept_has_no_id_and_reasoning_is_encrypted_or_left_out() -> None:
    thought = {**SEALED, "summary": [{"type": "summary_text", "text": text} for text in "ab"]}
    assert sent_back(thought, SAID, CALLED, store=False) == [thought, without_id(SAID), without_id(CALLED)]
    assert sent_back(THOUGHT, SAID, store=False) == [without_id(SAID)]


@pytest.mark.parametrize("thought", [THOUGHT, SEALED])
def test_reasoning_that_nothing_followed_is_left_out(thought: dict[str, Any]) -> None:
    assert sent_back(thought) == []
    assert sent_back(SAID, thought, {**thought, "id": "rs_2"}) == [without_id(SAID)]
    assert items_of(*X, Message.assistant(Reasoning("hm", "x", "rs"))) == [{"role": "user", "content": "x"}]


def test_reasoning_is_left_out_where_what_followed_it_came_without_its_id() -> None:
    cut = Message.assistant(Reasoning("hm", id="rs"), Text("h"))
    assert items_of(cut) == items_of(Message.assistant("h"))


def test_every_part_has_its_item() -> None:
    assert items_of(
        Message("developer", "d"),
        Message.user(
            Document(data=b"hi", media_type="application/pdf", name="a.pdf"),
            Document(url="https://a.example/b.pdf"),
            Image(url="https://a.example/c.png"),
            Native(dialect=NAME, data={"type": "input_file", "file_id": "file-1"}),
        ),
        Message.assistant(Refusal("no")),
        Message.tool(ToolResult(id="c", content=(Text("t"), Image(url="https://a.example/c.png")))),
    ) == [
        {"role": "developer", "content": "d"},
        {
            "role": "user",
            "content": [
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="},
                {"type": "input_file", "file_url": "https://a.example/b.pdf"},
                {"type": "input_image", "image_url": "https://a.example/c.png"},
                {"type": "input_file", "file_id": "file-1"},
            ],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [
                {"type": "input_text", "text": "t"},
                {"type": "input_image", "image_url": "https://a.example/c.png"},
            ],
        },
    ]


def test_what_another_provider_thought_or_ran_is_left_out() -> None:
    foreign = Native(dialect="anthropic.messages", data={"type": "server_tool_use"})
    assert items_of(Message.assistant(Reasoning("hm"), foreign, Text("hi"))) == items_of(
        Message.assistant("hi")
    )


def test_a_user_cannot_say_what_only_another_provider_knows() -> None:
    with pytest.raises(UnsupportedOption, match="Native in a message of role user"):
        items_of(Message.user(Native(dialect="anthropic.messages", data={"type": "document"})))


def test_a_tools_result_may_hold_what_its_own_dialect_knows() -> None:
    file = {"type": "input_file", "file_id": "f"}
    (item,) = items_of(Message.tool(ToolResult(id="c", content=(Native(dialect=NAME, data=file),))))
    assert item["output"] == [file]
    foreign = Native(dialect="anthropic.messages", data={"type": "tool_reference"})
    with pytest.raises(UnsupportedOption, match=r"content of anthropic\.messages in a tool's result"):
        items_of(Message.tool(ToolResult(id="c", content=(foreign,))))


def test_a_cache_mark_is_refused_where_it_is_not_taken() -> None:
    for asked in (
        Request(messages=[Message.user("long", CacheMark(), "short")]),
        Request(messages=X, tools=[Tool(name="a", cache=True)]),
    ):
        with pytest.raises(UnsupportedOption, match="a cache mark"):
            body_of(asked)
    dropped = Request(messages=[Message.system("long", CacheMark()), *X], on_unsupported="drop")
    assert body_of(dropped)["input"][0]["content"] == "long"


@pytest.mark.parametrize(
    "part", [Audio(data=b"x", media_type="audio/wav"), Image(data=b"x", media_type="image/png")]
)
def test_what_the_api_does_not_take_is_refused(part: Part) -> None:
    with pytest.raises(UnsupportedOption, match=type(part).__name__):
        items_of(Message.assistant(part))


@pytest.mark.parametrize(
    "option", [{"seed": 1}, {"stop": "x"}, {"top_k": 1}, {"frequency_penalty": 1.0}, {"min_p": 0.1}]
)
def test_an_option_that_the_api_does_not_have_is_refused_or_told(option: dict[str, Any]) -> None:
    sampling = Sampling(**option)
    with pytest.raises(UnsupportedOption):
        body_of(Request(messages=X, sampling=sampling))
    call = DIALECT.encode(Request(messages=X, sampling=sampling, on_unsupported="warn"), recordings.target())
    assert next(iter(option)) in call.warnings[0]


def test_a_choice_of_tool() -> None:
    def choice(word: str) -> Any:
        tools = [WEATHER, {"type": "web_search"}]
        return body_of(Request(messages=X, tools=tools, tool_choice=word))["tool_choice"]

    assert choice("required") == "required"
    assert choice("get_weather") == {"type": "function", "name": "get_weather"}
    assert choice("web_search") == {"type": "web_search"}


def test_logprobs_are_asked_for() -> None:
    body = body_of(Request(messages=X, sampling=Sampling(logprobs=0)))
    assert (body["top_logprobs"], body["include"]) == (0, ["message.output_text.logprobs"])


@needs_corpus
@pytest.mark.parametrize("exchange", corpus.exchanges("openai.count_tokens"), ids=str)
def test_counting_asks_about_the_prompt_only(exchange: corpus.Exchange) -> None:
    recorded = exchange.request["body"]
    request = request_of({**recorded, "stream": True, "max_output_tokens": 5})
    call = DIALECT.encode_count(request, recordings.target(recorded["model"]))
    assert canon(NAME, json.loads(json.dumps(call.body))) == canon(NAME, recorded)
    assert exchange.request["url"].endswith(call.path)
