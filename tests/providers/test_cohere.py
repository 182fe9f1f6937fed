"""Cohere: its recorded answers, and what it is sent."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import canon, collect, corpus, damaged, events, named, needs_corpus, payloads, target

from genkit.errors import (
    AuthFailed,
    ContextOverflow,
    GenkitError,
    IncompleteStream,
    NotFound,
    ProtocolError,
    QuotaExceeded,
    RateLimited,
    ServerFailed,
    UnsupportedOption,
)
from genkit.events import Finish, Logprobs, TextDelta
from genkit.messages import (
    CacheMark,
    Citation,
    Document,
    Image,
    Message,
    Native,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from genkit.providers.cohere import Cohere
from genkit.request import Output, Request, Tool
from genkit.response import Ranked
from genkit.sampling import Sampling

COHERE, HERE = Cohere(), target("command-a-03-2025")
recorded = corpus.exchanges("cohere.chat")
streams = [exchange for exchange in recorded if exchange.body_kind == "sse"]


def event(kind: str, index: int | None = None, **message: Any) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {"type": kind, **place, "delta": {"message": message}}


def end(reason: str = "COMPLETE", **more: Any) -> dict[str, Any]:
    return {"type": "message-end", "delta": {"finish_reason": reason, **more}}


def call(name: str = "", arguments: str = "", **more: Any) -> dict[str, Any]:
    return {**more, "type": "function", "function": {"name": name, "arguments": arguments}}


def content(**fields: Any) -> dict[str, Any]:
    return {"content": fields}


PLANNED = [
    {"type": "message-start", "id": "1", "delta": {"message": {"role": "assistant", "content": []}}},
    event("tool-plan-delta", tool_plan="Look "),
    event("tool-plan-delta", tool_plan="both up."),
    event("tool-call-start", 0, tool_calls=call("a", id="a1")),
    event("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"x":'}}),
    event("tool-call-start", 1, tool_calls=call("b", id="b1")),
    event("tool-call-delta", 0, tool_calls={"function": {"arguments": "1}"}}),
    {"type": "tool-call-end", "index": 0},
    {"type": "of a kind that comes next year"},
    end("TOOL_CALL", usage={"tokens": {"input_tokens": 9.0, "output_tokens": 3.0}, "cached_tokens": 4}),
]
SOURCE = {"type": "document", "id": "doc:0", "document": {"title": "T", "text": "It is 18C.", "url": "u"}}
CITED = {"start": 0, "end": 3, "text": "18C", "sources": [SOURCE], "type": "TEXT_CONTENT", "content_index": 1}


@needs_corpus
@pytest.mark.parametrize("exchange", [e for e in streams if "ERROR" not in str(e.response["body"])], ids=str)
def test_a_stream_cut_between_two_events_is_incomplete(exchange: Any) -> None:
    whole = payloads(exchange)
    collect(COHERE, whole, HERE)
    for length in range(len(whole) - 1):
        with pytest.raises(IncompleteStream):
            collect(COHERE, whole[:length], HERE)


@needs_corpus
@given(st.integers(0, 10**9))
@settings(max_examples=200, deadline=None)
def test_damaged_answers_make_typed_errors_only(seed: int) -> None:
    items = PLANNED if seed % 3 == 0 else payloads(recorded[seed % len(recorded)])
    with contextlib.suppress(GenkitError):
        collect(COHERE, damaged(items, seed), HERE)


@pytest.mark.parametrize("wrong", [{}, "<html>", None, 3, {"message": None}, {"type": None}, {"id": "1"}])
def test_a_body_of_another_shape_is_a_protocol_error(wrong: Any) -> None:
    with pytest.raises(ProtocolError):
        collect(COHERE, [wrong], HERE)


def test_calls_come_in_fragments_after_a_plan() -> None:
    response = collect(COHERE, PLANNED, HERE)
    assert (response.reasoning, response.finish_reason) == ("Look both up.", "tool_calls")
    assert response.tool_calls == (
        ToolCall(id="a1", name="a", arguments='{"x":1}'),
        ToolCall(id="b1", name="b", arguments="{}"),
    )
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (9, 3, 4)


def test_indices_may_be_missing_or_repeated() -> None:
    items = [
        event("tool-call-start", tool_calls=call("a", id="a1")),
        event("tool-call-delta", tool_calls={"function": {"arguments": "{}"}}),
        event("tool-call-start", 0, tool_calls=[call("b", id="b1")]),
        event("tool-call-delta", 0, tool_calls={"function": {"arguments": '{"y":2}'}}),
        end("TOOL_CALL"),
    ]
    found = [(part.id, part.arguments) for part in collect(COHERE, items, HERE).tool_calls]
    assert found == [("a1", "{}"), ("b1", '{"y":2}')]


def test_citations_belong_to_their_text() -> None:
    thought = {"type": "thinking", "thinking": "hm"}
    body = {
        "id": "1",
        "message": {
            "content": [thought, {"type": "text", "text": "18C"}],
            "citations": [CITED, {**CITED, "type": "PLAN"}],
        },
        "finish_reason": "COMPLETE",
    }
    stream = [
        event("content-delta", 0, **content(thinking="hm")),
        event("content-start", 1, **content(type="text", text="")),
        event("content-delta", 1, **content(text="18C")),
        event("citation-start", 0, citations=CITED),
        {"type": "citation-end", "index": 0},
        end(),
    ]
    wanted = (
        Reasoning("hm"),
        Text("18C", (Citation(url="u", title="T", quote="It is 18C.", start=0, end=3),)),
    )
    assert collect(COHERE, [body], HERE).message.parts == wanted
    assert collect(COHERE, stream, HERE).message.parts == wanted


def test_the_chances_of_the_tokens_are_told() -> None:
    told = {"token_ids": [1, 2], "text": "ab", "logprobs": [-0.5, -0.25]}
    found = events(
        COHERE, [{**event("content-delta", 0, **content(text="ab")), "logprobs": told}, end()], HERE
    )
    (chances,) = [item for item in found if isinstance(item, Logprobs)]
    assert [(token.token, token.logprob) for token in chances.tokens] == [("ab", -0.75)]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("MAX_TOKENS", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("TIMEOUT", "incomplete"),
        ("ERROR_OF_TOMORROW", "error"),
    ],
)
def test_the_reason_for_the_end_is_translated(raw: str, reason: Any) -> None:
    assert events(COHERE, [end(raw)], HERE)[-1] == Finish(reason, raw)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"message": "invalid api token"}, AuthFailed),
        (404, {"id": "1", "message": "model 'm' not found"}, NotFound),
        (429, {"message": "You are limited to 40 API calls / minute"}, RateLimited),
        (429, {"message": "You are limited to 1000 API calls / month"}, QuotaExceeded),
        (500, "<html>", ServerFailed),
        (400, {"message": "too many tokens: …", "error_type": "TOO_MANY_TOKENS"}, ContextOverflow),
    ],
)
def test_a_failure_is_typed(status: int, body: Any, kind: type[GenkitError]) -> None:
    assert type(COHERE.error(status, body, HERE)) is kind


def test_an_error_at_the_end_of_a_stream_is_raised() -> None:
    words = event("content-delta", 0, **content(text="a"))
    with pytest.raises(ServerFailed, match="no tools today") as caught:
        collect(COHERE, [words, end("ERROR", error="no tools today", error_type="NO_TOOLS")], HERE)
    assert caught.value.code == "NO_TOOLS"


@needs_corpus
def test_an_overflow_tells_its_numbers() -> None:
    (exchange,) = [e for e in recorded if "context_length" in e.id]
    error = COHERE.error(400, exchange.response["body"], HERE)
    assert isinstance(error, ContextOverflow)
    assert (error.tokens, error.limit) == (313836, 288000)


# What it is sent


def asked(*messages: Message, **options: Any) -> Request:
    return Request(messages=messages, **{"stream": False, **options})


def sent(*messages: Message, **options: Any) -> Any:
    return COHERE.encode(asked(*messages, **options), HERE).body


def test_a_message_that_says_nothing_is_left_out() -> None:
    roles = [
        each["role"] for each in sent(Message.user("hi"), Message.assistant(), Message.user("x"))["messages"]
    ]
    assert roles == ["user", "user"]
    (said, _) = sent(
        Message.assistant(Reasoning(""), ToolCall(id="a", name="f", arguments="{}")),
        Message.tool(ToolResult(id="a", content="r")),
    )["messages"]
    assert (len(said["tool_calls"]), "content" in said) == (1, False)


TERSE = (Message.system("Be terse."), Message.user("Hello"))
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "City name"},
        "unit": {"type": "string", "enum": ["c", "f"]},
    },
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool(name="get_weather", description="Get weather", parameters=SCHEMA)
SAME = {
    "chat_stream": asked(*TERSE, stream=True),
    "chat_system_tool": asked(
        *TERSE, tools=[WEATHER], sampling=Sampling(stop=("END",), seed=7, top_k=5, top_p=0.9)
    ),
}
CALLS = {
    **{case: COHERE.encode(request, HERE) for case, request in SAME.items()},
    "embed": COHERE.encode_embed(["a"], target("embed-v4.0"), purpose="query"),
    "rerank": COHERE.encode_rerank("q", ["a"], target("rerank-v3.5"), top=1),
}


def compared(body: Any) -> Any:
    """A body without ``truncate``: the SDK leaves it at texts being cut in silence, genkit does not."""
    return {name: value for name, value in canon("cohere.chat", body).items() if name != "truncate"}


@needs_corpus
@pytest.mark.parametrize("generation", ["current", "prev"])
def test_it_sends_what_the_official_sdk_sends(generation: str) -> None:
    cases = corpus.official_requests("cohere", generation=generation)
    assert {case["case"] for case in cases} == CALLS.keys()
    for case in cases:
        call = CALLS[case["case"]]
        assert compared(call.body) == compared(case["request"]["body"])
        assert (call.method, call.path) == (case["request"]["method"], case["request"]["path"])


def part(wire: dict[str, Any]) -> Any:
    match wire:
        case {"type": "text"}:
            return Text(wire["text"])
        case {"type": "thinking"}:
            return Reasoning(wire["thinking"])
        case {"type": "image_url"}:
            return Image(url=wire["image_url"]["url"])
        case {"type": "document", "document": found}:
            data = json.dumps(found["data"]).encode()
            return Document(data=data, media_type="application/json", name=found.get("id", ""))
    raise AssertionError(wire)


def read(wire: dict[str, Any]) -> Message:
    """A recorded message in genkit's words."""
    said = wire.get("content") or []
    parts = [Text(said)] if isinstance(said, str) else [part(piece) for piece in said]
    if wire["role"] == "tool":
        found = said if isinstance(said, str) else tuple(parts)
        return Message.tool(ToolResult(id=wire["tool_call_id"], content=found))
    if plan := wire.get("tool_plan"):
        parts = [Reasoning(plan), Native(dialect="cohere.chat", data={"tool_plan": plan}), *parts]
    for one in wire.get("tool_calls") or ():
        parts.append(ToolCall(id=one["id"], **one["function"]))
    return Message(wire["role"], parts)


def plain(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Text as a string or in a list of one is the same."""
    found = []
    for message in canon("cohere.chat", {"messages": messages})["messages"]:
        said = message.get("content")
        if isinstance(said, list) and len(said) == 1 and said[0]["type"] == "text":
            message["content"] = said[0]["text"]
        found.append(message)
    return found


@needs_corpus
@pytest.mark.parametrize("exchange", recorded, ids=str)
def test_a_recorded_conversation_comes_back_as_it_was(exchange: Any) -> None:
    messages = exchange.request["body"]["messages"]
    assert plain(sent(*map(read, messages))["messages"]) == plain(messages)


def test_an_answer_goes_back_as_it_came() -> None:
    message = collect(COHERE, PLANNED, HERE).message
    assert sent(Message.user("?"), message)["messages"][1] == {
        "role": "assistant",
        "tool_plan": "Look both up.",
        "tool_calls": [call("a", '{"x":1}', id="a1"), call("b", "{}", id="b1")],
    }


def test_documents_are_apart_from_the_messages() -> None:
    note = Document(data=b"It is 18C.", media_type="text/plain", name="note")
    facts = Document(data=b'{"city": "Paris"}', media_type="application/json", name="f")
    body = sent(Message.user("Weather?", note, facts))
    assert body["messages"] == [{"role": "user", "content": "Weather?"}]
    assert body["documents"] == [
        {"data": {"title": "note", "text": "It is 18C."}},
        {"data": {"city": "Paris"}, "id": "f"},
    ]


def test_options_have_names_of_their_own() -> None:
    sampling = Sampling(
        max_tokens=9, temperature=0.5, frequency_penalty=0.1, presence_penalty=0.2, logprobs=0
    )
    body = sent(
        Message.user("?"),
        sampling=sampling,
        tools=[Tool(name="a", strict=True)],
        tool_choice="required",
        output=Output(schema={"type": "object"}),
        reasoning=64,
        extra={"safety_mode": "STRICT", "thinking": {"x": 1}},
    )
    del body["messages"], body["model"], body["stream"]
    assert body == {
        "max_tokens": 9,
        "temperature": 0.5,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "logprobs": True,
        "tools": [
            call("a") | {"function": {"name": "a", "parameters": {"type": "object", "properties": {}}}}
        ],
        "strict_tools": True,
        "tool_choice": "REQUIRED",
        "thinking": {"type": "enabled", "token_budget": 64, "x": 1},
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "safety_mode": "STRICT",
    }
    assert sent(Message.user("?"), output=Output())["response_format"] == {"type": "json_object"}
    assert sent(Message.user("?"), reasoning="none")["thinking"] == {"type": "disabled"}


def test_what_an_output_is_for_is_in_its_schema() -> None:
    # Strictness has no field: the API always holds the model to the schema.
    output = Output(schema={"type": "object"}, description="a city", strict=True)
    form = {"type": "json_object", "json_schema": {"type": "object", "description": "a city"}}
    assert sent(Message.user("?"), output=output)["response_format"] == form


def test_what_another_provider_ran_is_left_out() -> None:
    ran = Native(dialect="anthropic.messages", data={"type": "server_tool_use"})
    assert sent(Message.assistant(ran, "Hi")) == sent(Message.assistant("Hi"))


@pytest.mark.parametrize(
    ("parts", "options", "option"),
    [
        ((Native(dialect="anthropic.messages", data={}),), {}, "a part of type 'native'"),
        ((CacheMark(),), {}, "a part of type 'cache_mark'"),
        ((ToolResult(id="1", content=(Image(data=b"x"),)),), {}, "images in a tool's result"),
        ((Document(data=b"%PDF", media_type="application/pdf"),), {}, "a document of type 'application/pdf'"),
        ((), {"sampling": Sampling(logprobs=2)}, "logprobs of alternatives"),
        ((), {"sampling": Sampling(min_p=0.1)}, "min_p"),
        ((), {"tools": [Tool(name="a")], "tool_choice": "a"}, "tool_choice by name"),
        ((), {"tools": [Tool(name="a", strict=True), Tool(name="b")]}, "tools of which only some are strict"),
        ((), {"tools": [Tool(name="a", cache=True)]}, "a cache mark"),
        ((), {"reasoning": "high"}, "reasoning='high'"),
        ((), {"metadata": {"a": "b"}}, "metadata"),
        ((), {"parallel_tool_calls": False}, "parallel_tool_calls"),
    ],
)
def test_what_cannot_be_said_is_refused(parts: Any, options: dict[str, Any], option: str) -> None:
    with pytest.raises(UnsupportedOption) as caught:
        sent(Message.user("?", *parts), **options)
    assert caught.value.option == named(option)
    call = COHERE.encode(asked(Message.user("?", *parts), on_unsupported="warn", **options), HERE)
    assert len(call.warnings) == 1


# What else there is to ask


def test_embeddings_come_in_any_of_their_types() -> None:
    assert COHERE.decode_embed({"embeddings": {"float": [[0.5], [1]]}}, HERE) == [[0.5], [1.0]]
    assert COHERE.decode_embed({"embeddings": [[0.5]]}, HERE) == [[0.5]]
    assert COHERE.encode_embed(["a"], HERE, dimensions=8).body == {
        "model": HERE.model,
        "texts": ["a"],
        "input_type": "search_document",
        "embedding_types": ["float"],
        "truncate": "NONE",
        "output_dimension": 8,
    }


@needs_corpus
@pytest.mark.parametrize("exchange", corpus.exchanges("rerank"), ids=str)
def test_recorded_ranks_are_read(exchange: Any) -> None:
    body = exchange.response["body"]
    if "results" not in body:
        with pytest.raises(GenkitError):
            COHERE.decode_rerank(body, HERE)
        return
    wanted = [Ranked(row["index"], row["relevance_score"]) for row in body["results"]]
    assert COHERE.decode_rerank(body, HERE) == wanted != []


def test_a_query_alone_is_asked_with_its_documents() -> None:
    body = {"model": HERE.model, "query": "q", "documents": ["a", "b"]}
    assert COHERE.encode_rerank("q", ("a", "b"), HERE).body == body


@pytest.mark.parametrize(
    "body",
    [None, [], {"message": "no"}, {"results": 1}, {"results": [{}]}, {"results": [{"index": 0}]}]
    + [{"results": [{"index": 0, "relevance_score": score}]} for score in ("x", None, 10**400)],
)
def test_what_is_no_rank_is_typed(body: Any) -> None:
    with pytest.raises(GenkitError):
        COHERE.decode_rerank(body, HERE)


def test_models_and_tokens_are_read() -> None:
    assert COHERE.decode_models({"models": [{"name": "a"}, {"name": "b"}]}, HERE) == ["a", "b"]
    assert COHERE.decode_count({"tokens": [1, 2], "token_strings": ["a", "b"]}, HERE) == 2
    assert COHERE.encode_count_text("a b", HERE).body == {"model": HERE.model, "text": "a b"}


@pytest.mark.parametrize(
    "body", [None, [], {}, {"message": "no"}, {"embeddings": 1}, {"embeddings": {"x": 1}}]
)
def test_what_is_no_embedding_is_typed(body: Any) -> None:
    with pytest.raises(GenkitError):
        COHERE.decode_embed(body, HERE)


def test_deltas_are_told_as_they_come() -> None:
    found = events(COHERE, [event("content-delta", 0, **content(text=word)) for word in "ab"] + [end()], HERE)
    assert [item.text for item in found if isinstance(item, TextDelta)] == ["a", "b"]
