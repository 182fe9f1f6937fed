"""OpenAI Responses' answers: recorded ones, cut ones and broken ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
import recordings
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import corpus, damaged, needs_corpus

from genkit import errors
from genkit.errors import GenkitError, IncompleteStream, ProtocolError
from genkit.events import Event, Finish, Logprobs, PartEnd, TextDelta, ToolCallDelta, Usage
from genkit.messages import Citation, Image, Native, Reasoning, Refusal, Text, ToolCall
from genkit.providers.base import DONE, Target
from genkit.providers.openai_responses import OpenAIResponses
from genkit.providers.openai_responses_answer import TOLD
from genkit.response import Collector, Response

RECORDED = corpus.exchanges("openai.responses")
GOOD = [x for x in RECORDED if x.response["status"] == 200]
JUDGED = [x for x in RECORDED if x.expected]
COUNTED = corpus.exchanges("openai.count_tokens")
STREAMED = [x for x in GOOD if x.body_kind == "sse"]
TARGET = recordings.target()
DIALECT = OpenAIResponses()

# The official SDK reads the text from the last event, whose output this server leaves empty.
ORACLE_IS_WRONG = {
    "chatgpt_codex/tool_result/rig__nested_arguments_roundtrip_nonstreaming__1": {"text"},
}

pytestmark = needs_corpus


def decode(items: list[Any], to: Target = TARGET) -> list[Event]:
    return recordings.events(DIALECT, items, to)


def fold(events: list[Event]) -> Response:
    collector = Collector()
    for event in events:
        collector.add(event)
    return collector.response()


def answer(*items: dict[str, Any], **more: Any) -> Response:
    return fold(decode([{"object": "response", "status": "completed", "output": list(items), **more}]))


def known(text: str) -> Any:
    """A call's arguments as the expectation holds them."""
    try:
        return json.loads(text)
    except ValueError:
        return {"$raw": text}


@pytest.mark.parametrize("exchange", [x for x in JUDGED if x in GOOD], ids=str)
def test_a_recorded_answer_is_what_the_official_sdk_makes_of_it(exchange: corpus.Exchange) -> None:
    assert exchange.expected
    items = recordings.payloads(exchange)
    if exchange.expected["outcome"] == "error":
        with pytest.raises(GenkitError) as caught:
            decode(items)
        assert caught.value.code == exchange.expected["error"]["code"]
        return
    expected, response = exchange.expected["result"], fold(decode(items))
    text = expected["delta_text"] if "text" in ORACLE_IS_WRONG.get(exchange.id, ()) else expected["text"]
    assert response.text == text
    assert response.refusal == (expected["refusal"] or "")
    assert [(c.id, c.name, known(c.arguments)) for c in response.tool_calls] == [
        (call["id"], call["name"], call["arguments"]) for call in expected["tool_calls"]
    ]
    assert response.raw_finish_reason == expected["finish_reason"]
    assert (response.finish_reason == "length") == (expected["incomplete"] == "max_output_tokens")
    assert (response.model, response.id) == (expected["model"], expected["id"])
    counts = expected["usage"]
    assert response.usage.input_tokens == counts["input"]
    assert response.usage.output_tokens == counts["output"]
    assert response.usage.cached_tokens == (counts["cached"] or 0)
    assert response.usage.reasoning_tokens == (counts["reasoning"] or 0)


FAMILIES = {
    "RateLimitError": (errors.RateLimited, errors.QuotaExceeded),
    "BadRequestError": errors.BadRequest,
    "NotFoundError": errors.BadRequest,
    "AuthenticationError": errors.AuthFailed,
    "PermissionDeniedError": errors.AuthFailed,
    "InternalServerError": errors.ServerFailed,
}


@pytest.mark.parametrize("exchange", [x for x in JUDGED if x not in GOOD], ids=str)
def test_a_recorded_failure_is_of_the_official_sdks_class(exchange: corpus.Exchange) -> None:
    assert exchange.expected
    expected = exchange.expected["error"]
    error = DIALECT.error(exchange.response["status"], exchange.response["body"], TARGET)
    assert isinstance(error, FAMILIES[expected["cls"]])
    assert error.status == expected["status"]
    assert error.code == (expected["code"] or error.code)
    assert error.message in expected["message"] or expected["message"] == "Error code: 400"


def item_kinds(response: Response) -> list[str]:
    """The types of the output items that the parts stand for; parts of one item in a row count once."""
    kinds: list[str] = []
    ids: list[Any] = []
    for part in response.message.parts:
        if isinstance(part, Native):
            kind, id = part.data["type"], part.data.get("id")
            if kind in TOLD and TOLD[kind] not in part.data:  # what the next part does not tell
                continue
        else:
            kind = {
                Text: "message",
                Refusal: "message",
                Reasoning: "reasoning",
                ToolCall: "function_call",
            }.get(type(part), "image_generation_call")
            id = part.id if isinstance(part, (Reasoning, ToolCall)) else None
        if not (kinds and kinds[-1] == kind and ids[-1] == id):
            kinds.append(kind)
            ids.append(id)
    return kinds


@pytest.mark.parametrize("exchange", [x for x in RECORDED if "result" in (x.expected or {})], ids=str)
def test_every_item_of_a_recorded_output_is_kept_in_order(exchange: corpus.Exchange) -> None:
    assert exchange.expected
    items = [p for p in recordings.payloads(exchange) if p is not DONE]
    output = items[-1].get("response", items[-1])["output"]
    wanted = [
        item["type"] for item in output if any(c.get("text", True) for c in item.get("content") or [{}])
    ]
    kinds = item_kinds(fold(decode(items)))
    assert kinds == (wanted or kinds)
    deltas = [e.text for e in decode(items) if isinstance(e, TextDelta)]
    assert "".join(deltas) == exchange.expected["result"].get(
        "delta_text", exchange.expected["result"]["text"]
    )


@pytest.mark.parametrize("exchange", STREAMED, ids=str)
def test_a_stream_cut_anywhere_is_incomplete(exchange: corpus.Exchange) -> None:
    items = [p for p in recordings.payloads(exchange) if p is not DONE]
    kinds = [payload["type"] for payload in items]
    last = next(
        i for i, kind in enumerate(kinds) if kind in ("response.completed", "response.incomplete", "error")
    )
    for end in range(last + 1):
        with pytest.raises(IncompleteStream):
            decode(items[:end])


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "slow"}, errors.RateLimited),
        (
            {"type": "error", "error": {"type": "server_error", "code": None, "message": "x"}},
            errors.ServerFailed,
        ),
        ({"type": "response.failed", "response": {"error": {"code": "invalid_prompt"}}}, errors.BadRequest),
        ({"type": "response.failed", "response": {"error": {"code": "bio_policy"}}}, errors.BadRequest),
        ({"type": "error", "code": "empty_image_file", "message": "x"}, errors.BadRequest),
        (
            {"type": "response.failed", "response": {"error": {"code": "invalid_image_mode"}}},
            errors.BadRequest,
        ),
        ({"type": "response.failed", "response": {"status": "failed", "error": None}}, errors.ServerFailed),
        ({"error": {"message": "x", "code": 429}}, errors.RateLimited),
        ({"error": "no such model", "code": "server_error"}, errors.ServerFailed),
        ({"code": "server_error", "message": "data of an event: error"}, errors.ServerFailed),
        (
            {"status": "failed", "output": [], "error": {"code": "server_error", "message": "x"}},
            errors.ServerFailed,
        ),
        ({"object": "response", "error": None}, ProtocolError),
        ({}, ProtocolError),
        ("<html>", ProtocolError),
        ([], ProtocolError),
        (None, ProtocolError),
    ],
)
def test_an_error_in_a_good_answer_is_raised(payload: Any, kind: type[GenkitError]) -> None:
    with pytest.raises(kind) as caught:
        decode([payload])
    assert "None" not in caught.value.message or kind is ProtocolError


def test_citations_tell_of_pages_and_of_files() -> None:
    notes = [
        {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 1, "end_index": 2},
        {"type": "file_citation", "file_id": "file-1", "filename": "a.pdf", "index": 4},
        {"type": "container_file_citation", "container_id": "c", "file_id": "f", "filename": "b.csv"},
    ]
    content = [{"type": "output_text", "text": "text", "annotations": notes}]
    assert answer({"type": "message", "content": content}).citations == (
        Citation(url="https://a.example", title="A", start=1, end=2),
        Citation(url="/files/file-1/content", title="a.pdf", start=4),
        Citation(url="/containers/c/files/f/content", title="b.csv"),
    )


def test_logprobs_are_told_once() -> None:
    token = {"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1}]}
    content = {"type": "output_text", "text": "a", "logprobs": [token]}
    item = {"type": "message", "content": [content]}
    done = {"type": "response.completed", "response": {"output": [item]}}
    delta = {"type": "response.output_text.delta", "output_index": 0, "delta": "a", "logprobs": [token]}
    for items in ([done], [delta, done]):
        (told,) = (e for e in decode(items) if isinstance(e, Logprobs))
        assert (told.tokens[0].token, told.tokens[0].logprob, told.tokens[0].top) == ("a", -0.5, {"b": -1})


def test_an_image_is_an_image_and_its_item_is_kept() -> None:
    item = {"type": "image_generation_call", "id": "ig", "result": "aGk=", "output_format": "webp"}
    response = answer(item)
    assert response.images == (Image(data=b"hi", media_type="image/webp"),)
    assert answer({**item, "result": "a"}).message.parts == (
        Native(dialect="openai.responses", data={**item, "result": "a"}),
    )


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    def call(number: int) -> dict[str, Any]:
        return {"type": "function_call", "id": f"fc{number}", "call_id": f"c{number}", "name": "f"}

    items = [{"type": "response.output_item.added", "item": call(n)} for n in (0, 1)]
    for number in (1, 0):
        delta = {
            "type": "response.function_call_arguments.delta",
            "item_id": f"fc{number}",
            "delta": f"{number}",
        }
        items.append(delta)
    told = [
        e
        for e in decode([*items, {"type": "response.completed", "response": {}}])
        if isinstance(e, ToolCallDelta)
    ]
    assert [(e.index, e.arguments) for e in told[2:]] == [(1, "1"), (0, "0")]


def test_what_was_not_told_in_deltas_is_told_at_the_end() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    events = decode(
        [{"type": "response.completed", "response": {"output": [message, call], "status": "completed"}}]
    )
    assert events[1:] == [
        TextDelta("hi"),
        PartEnd(Text("hi")),
        ToolCallDelta(1, "{}", "c", "f"),
        PartEnd(ToolCall(id="c", name="f", arguments="{}")),
        Finish("tool_calls", "completed"),
    ]


def test_why_an_answer_is_not_complete() -> None:
    def reason(status: str, details: Any = None) -> str:
        return answer(status=status, incomplete_details=details).finish_reason

    assert reason("incomplete", {"reason": "max_output_tokens"}) == "length"
    assert reason("incomplete", {"reason": "content_filter"}) == "content_filter"
    assert reason("incomplete") == reason("queued") == reason("cancelled") == "incomplete"


def test_cache_writes_are_counted() -> None:
    usage = {"input_tokens": 9, "output_tokens": 1, "input_tokens_details": {"cache_write_tokens": 8}}
    assert answer(usage=usage).usage == Usage(9, 1, 0, 0, 8)


@pytest.mark.parametrize("exchange", COUNTED, ids=str)
def test_tokens_are_counted(exchange: corpus.Exchange) -> None:
    body = exchange.response["body"]
    assert DIALECT.decode_count(body, TARGET) == body["input_tokens"]


@pytest.mark.parametrize("body", [None, [], {}, {"input_tokens": "many"}, {"error": {"message": "no"}}])
def test_a_count_without_a_number_is_an_error(body: Any) -> None:
    with pytest.raises(GenkitError):
        DIALECT.decode_count(body, TARGET)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JUNK, max_size=3))
@settings(max_examples=100)
def test_junk_is_a_typed_error(items: list[Any]) -> None:
    with pytest.raises(GenkitError):
        decode(items)


@pytest.mark.parametrize("exchange", GOOD, ids=str)
def test_a_damaged_answer_is_decoded_or_a_typed_error(exchange: corpus.Exchange) -> None:
    items = [item for item in recordings.payloads(exchange) if item is not DONE]
    for seed in range(20):
        try:
            events = decode(damaged(damaged(items, seed), seed + 1))
        except GenkitError:
            continue
        assert isinstance(events[-1], Finish)
