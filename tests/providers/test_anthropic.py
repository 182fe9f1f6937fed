"""Anthropic's answers, recorded, and what the official SDK makes of them."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import collect, corpus, damaged, events, needs_corpus, payloads, target

from genkit import Generator
from genkit.errors import (
    AuthFailed,
    BadRequest,
    ContextOverflow,
    GenkitError,
    IncompleteStream,
    NotFound,
    ProtocolError,
    QuotaExceeded,
    RateLimited,
    ServerFailed,
)
from genkit.events import Event, Finish, PartEnd, ReasoningDelta, Start, TextDelta, ToolCallDelta, Usage
from genkit.messages import Citation, Native, Reasoning, Text, ToolCall
from genkit.providers.anthropic import Anthropic
from genkit.providers.base import DONE
from genkit.testing import Answer, LoopbackProvider

NAME = "anthropic.messages"
ANTHROPIC, HERE = Anthropic(), target("claude-sonnet-4-5")
CLASSES: dict[int, type[GenkitError]] = {400: BadRequest, 401: AuthFailed, 404: NotFound, 529: ServerFailed}

recorded = corpus.exchanges(NAME)
streams = [exchange for exchange in recorded if exchange.body_kind == "sse"]


def start(**usage: int) -> dict[str, Any]:
    return {"type": "message_start", "message": {"model": "m", "id": "i", "usage": usage}}


def begin(index: int = 0, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int = 0, **change: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": change}


def close(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def stop(reason: str = "end_turn", **usage: int) -> list[dict[str, Any]]:
    return [
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage},
        {"type": "message_stop"},
    ]


def parts(*items: dict[str, Any]) -> tuple[Any, ...]:
    return collect(ANTHROPIC, [start(), *items, *stop()], HERE).message.parts


def body(*content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "message", "content": list(content), "stop_reason": "end_turn", **more}


@needs_corpus
@pytest.mark.parametrize("exchange", recorded, ids=str)
def test_it_agrees_with_the_official_sdk(exchange: Any) -> None:
    status, expected = exchange.response["status"], exchange.expected
    if expected["outcome"] == "error":
        error, told = ANTHROPIC.error(status, exchange.response["body"], HERE), expected["error"]
        assert type(error) is CLASSES[status]
        assert (error.status, error.code) == (told["status"], told["type"])
        assert error.message in told["message"]
        return
    response, result = collect(ANTHROPIC, payloads(exchange), HERE), expected["result"]
    assert response.text == result["text"]
    assert response.reasoning == (result["reasoning"] or "")
    calls = [(call.id, call.name, json.loads(call.arguments)) for call in response.tool_calls]
    assert calls == [(call["id"], call["name"], call["arguments"]) for call in result["tool_calls"]]
    assert response.raw_finish_reason == result["finish_reason"]
    assert (response.model, response.id, response.refusal) == (result["model"], result["id"], "")
    # The API's own input_tokens leave out what the cache read and wrote.
    counted = {name: result["usage"][name] or 0 for name in ("input", "output", "cached", "cache_write")}
    assert response.usage.input_tokens == counted["input"] + counted["cached"] + counted["cache_write"]
    assert response.usage.output_tokens == counted["output"]
    assert response.usage.cached_tokens == counted["cached"]
    assert response.usage.cache_write_tokens == counted["cache_write"]


@needs_corpus
@pytest.mark.parametrize("exchange", streams, ids=str)
def test_the_deltas_add_up_to_the_parts(exchange: Any) -> None:
    found = events(ANTHROPIC, payloads(exchange), HERE)
    ended = [event.part for event in found if isinstance(event, PartEnd)]

    def pieces(kind: type[TextDelta] | type[ReasoningDelta]) -> str:
        return "".join(event.text for event in found if isinstance(event, kind))

    assert pieces(TextDelta) == "".join(part.text for part in ended if isinstance(part, Text))
    assert pieces(ReasoningDelta) == "".join(part.text for part in ended if isinstance(part, Reasoning))
    arguments = "".join(event.arguments for event in found if isinstance(event, ToolCallDelta))
    assert arguments == "".join(part.arguments for part in ended if isinstance(part, ToolCall))
    assert isinstance(found[0], Start)
    assert isinstance(found[-1], Finish)
    assert [type(event) for event in found].count(Finish) == 1
    assert [type(event) for event in found[-2:]] == [Usage, Finish]


@needs_corpus
@pytest.mark.parametrize("exchange", streams, ids=str)
def test_a_stream_cut_between_two_events_is_incomplete(exchange: Any) -> None:
    whole = payloads(exchange)
    for length in range(len(whole)):
        with pytest.raises(IncompleteStream):
            collect(ANTHROPIC, whole[:length], HERE)


@needs_corpus
@given(st.integers(0, 10**9))
@settings(max_examples=300)
def test_damaged_answers_make_typed_errors_only(seed: int) -> None:
    with contextlib.suppress(GenkitError):
        collect(ANTHROPIC, damaged(payloads(recorded[seed % len(recorded)]), seed), HERE)


_WORDS = st.sampled_from(
    (
        *("type", "index", "message", "content_block", "delta", "error", "content", "usage", "text", "input"),
        *("message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta"),
        *("content_block_stop", "text_delta", "tool_use", "thinking", "message", "id", "name", "stop_reason"),
    )
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(_JSON, max_size=4))
def test_junk_makes_typed_errors_only(items: list[Any]) -> None:
    with contextlib.suppress(GenkitError):
        collect(ANTHROPIC, items, HERE)
    assert isinstance(ANTHROPIC.error(500, items, HERE), GenkitError)
    for read in (ANTHROPIC.decode_count, ANTHROPIC.decode_models):
        with contextlib.suppress(GenkitError):
            read(items, HERE)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"message": "hello"}, "<html>", None, 3, {"type": "message"}, {"content": None}, body(["x"])],
)
def test_a_body_of_another_shape_is_a_protocol_error(wrong: Any) -> None:
    with pytest.raises(ProtocolError):
        collect(ANTHROPIC, [wrong], HERE)


def test_a_body_and_a_stream_make_the_same_parts() -> None:
    one = body(
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    )
    streamed = parts(
        begin(0, type="thinking", thinking="", signature=""),
        delta(0, type="thinking_delta", thinking="Hm"),
        delta(0, type="thinking_delta", thinking="."),
        delta(0, type="signature_delta", signature="sig"),
        close(0),
        {"type": "ping"},
        begin(1, type="text", text=""),
        delta(1, type="text_delta", text="Hel"),
        delta(1, type="text_delta", text="lo"),
        close(1),
        begin(2, type="tool_use", id="t", name="f", input={}),
        delta(2, type="input_json_delta", partial_json='{"a"'),
        delta(2, type="input_json_delta", partial_json=":1}"),
        close(2),
    )
    call = ToolCall(id="t", name="f", arguments='{"a":1}')
    assert collect(ANTHROPIC, [one], HERE).message.parts == streamed
    assert streamed == (Reasoning("Hm.", "sig", dialect=NAME), Text("Hello"), call)


def test_a_body_may_lack_its_type_and_why_it_stopped() -> None:
    assert events(ANTHROPIC, [{"content": [{"type": "text", "text": "a"}]}], HERE) == [
        Start(),
        TextDelta("a"),
        PartEnd(Text("a")),
        Finish("stop"),
    ]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    (call,) = parts(begin(type="tool_use", id="t", name="f", input={}), close())
    assert call == ToolCall(id="t", name="f", arguments="{}")


@pytest.mark.parametrize("pieces", [(), ("",), ('{"a"', ":1}")])
def test_arguments_may_be_told_at_the_start_of_a_call_and_again_in_pieces(pieces: tuple[str, ...]) -> None:
    told = [delta(type="input_json_delta", partial_json=piece) for piece in pieces]
    block = begin(type="tool_use", id="t", name="f", input={"a": 1})
    found = events(ANTHROPIC, [start(), block, *told, close(), *stop("tool_use")], HERE)
    (call,) = [event.part for event in found if isinstance(event, PartEnd)]
    assert call == ToolCall(id="t", name="f", arguments='{"a":1}')
    assert "".join(event.arguments for event in found if isinstance(event, ToolCallDelta)) == '{"a":1}'


def test_blocks_that_lack_an_index_or_an_end_are_kept_apart() -> None:
    first, second = begin(type="text", text="a"), begin(type="tool_use", id="t", name="f", input={"x": 1})
    del first["index"], second["index"]
    assert parts(first, second) == (Text("a"), ToolCall(id="t", name="f", arguments='{"x":1}'))


def test_a_delta_of_a_block_that_never_began_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="never began"):
        parts(delta(3, type="text_delta", text="x"))


def test_content_that_only_the_provider_knows_is_kept_verbatim() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search"}
    result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"encrypted_content": "x"}]}
    hidden = {"type": "redacted_thinking", "data": "EmwK"}
    kept = parts(
        begin(0, **hidden),
        close(0),
        begin(1, **search, input={}),
        delta(1, type="input_json_delta", partial_json='{"query":"x"}'),
        close(1),
        begin(2, **result),
        close(2),
        begin(3, type="compaction", content=""),
        delta(3, type="compaction_delta", content="So "),
        delta(3, type="compaction_delta", content="far."),
        close(3),
    )
    assert kept == tuple(
        Native(dialect=NAME, data=data)
        for data in (
            hidden,
            {**search, "input": {"query": "x"}},
            result,
            {"type": "compaction", "content": "So far."},
        )
    )


def test_citations_belong_to_their_text() -> None:
    page = {"type": "page_location", "cited_text": "Fun", "document_title": "a.pdf", "start_page_number": 1}
    web = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "x"}
    assert parts(
        begin(type="text", text="", citations=[]),
        delta(type="citations_delta", citation=page),
        delta(type="text_delta", text="It is fun"),
        delta(type="citations_delta", citation=web),
        close(),
    ) == (
        Text(
            "It is fun",
            (Citation(title="a.pdf", quote="Fun"), Citation(url="https://a.example", title="A", quote="x")),
        ),
    )


def test_later_counts_replace_earlier_ones() -> None:
    counts = {"cache_read_input_tokens": 4, "cache_creation_input_tokens": 2, "output_tokens": 1}
    more = {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}}
    response = collect(ANTHROPIC, [start(input_tokens=3, **counts), *stop(**more)], HERE)  # type: ignore[arg-type]
    assert response.usage == Usage(9, 9, 4, 5, 2)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "incomplete"),
    ],
)
def test_the_reason_for_the_end_is_translated(raw: str, reason: Any) -> None:
    assert events(ANTHROPIC, [start(), *stop(raw)], HERE)[-1] == Finish(reason, raw)


@pytest.mark.parametrize("category", ["cyber", None])
def test_why_an_answer_was_refused_is_told(category: str | None) -> None:
    details = {"type": "refusal", "category": category, "explanation": "It could enable cyber harm."}
    told = {"stop_reason": "refusal", "stop_details": details}
    why = "the answer ended with refusal: " + ("cyber: " if category else "") + "It could enable cyber harm."
    streamed = [start(), {"type": "message_delta", "delta": told}, {"type": "message_stop"}]
    for items in (streamed, [{"type": "message", "content": [], **told}]):
        response = collect(ANTHROPIC, items, HERE)
        assert (response.warnings, response.finish_reason) == ((why,), "content_filter")
    assert collect(ANTHROPIC, [start(), *stop("refusal")], HERE).warnings == ()


def test_thoughts_that_the_api_dropped_are_told_of() -> None:
    path = "messages.1.content.0"
    changes = [
        {"type": "thinking_dropped", "path": path, "reason": "prefix_binding_mismatch"},
        {"type": "thinking_mismatch_allowed", "path": "messages.3.content.0", "reason": "x"},
    ]
    told = {"input_transformations": changes}
    began = {"type": "message_start", "message": {"model": "m", "id": "i", **told}}
    end, over = stop()
    for items in ([began, end, over], [start(), {**end, **told}, over], [body(**told)]):
        why = f"the API dropped thoughts that went back, {path}: prefix_binding_mismatch"
        assert collect(ANTHROPIC, items, HERE).warnings == (why,)
    # Where another model took over, it had others.
    assert collect(ANTHROPIC, [began, {**end, "input_transformations": []}, over], HERE).warnings == ()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("overloaded_error", ServerFailed),
        ("rate_limit_error", RateLimited),
        ("api_error", ServerFailed),
        ("authentication_error", AuthFailed),
        ("billing_error", QuotaExceeded),
        ("not_found_error", BadRequest),
        ("an_error_of_tomorrow", ServerFailed),
    ],
)
def test_an_error_in_a_stream_is_raised(code: str, kind: type[GenkitError]) -> None:
    told = {"type": "error", "error": {"type": code, "message": "no"}, "request_id": "req_1"}
    begun: list[Event] = []
    with pytest.raises(kind) as caught:
        begun += events(ANTHROPIC, [start(), begin(type="text", text="a"), told], HERE)
    assert (caught.value.code, caught.value.message, caught.value.request_id) == (code, "no", "req_1")


def test_a_prompt_that_is_too_long_is_a_context_overflow() -> None:
    told = {"type": "invalid_request_error", "message": "prompt is too long: 205000 tokens > 200000 maximum"}
    error = ANTHROPIC.error(400, {"type": "error", "error": told}, HERE)
    assert isinstance(error, ContextOverflow)
    assert (error.tokens, error.limit, error.status) == (205000, 200000, 400)
    told["message"] = "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"
    error = ANTHROPIC.error(400, {"type": "error", "error": told}, HERE)
    assert isinstance(error, ContextOverflow)
    assert (error.tokens, error.limit) == (188240, 200000)


def test_an_account_without_credit_is_out_of_quota() -> None:
    told = {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API."}
    assert isinstance(ANTHROPIC.error(400, {"type": "error", "error": told}, HERE), QuotaExceeded)


@pytest.mark.parametrize("whose", ["", "workspace "])
def test_a_limit_of_what_may_be_spent_is_a_quota(whose: str) -> None:
    message = f"You have reached your specified {whose}API usage limits. You will regain access on 2026-12-01"
    told = {"type": "invalid_request_error", "message": f"{message} at 00:00 UTC."}
    assert isinstance(ANTHROPIC.error(400, {"type": "error", "error": told}, HERE), QuotaExceeded)


def test_an_error_of_vertex_itself_is_understood() -> None:
    told = [{"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}]
    error = ANTHROPIC.error(429, told, HERE)
    assert (type(error), error.code) == (RateLimited, "RESOURCE_EXHAUSTED")


def test_what_an_answer_that_breaks_off_has_cost_is_known() -> None:
    items = [
        start(input_tokens=500, cache_creation_input_tokens=400),
        begin(type="text", text=""),
        delta(text="a", type="text_delta"),
    ]
    body = "".join(f"data: {json.dumps(item)}\n\n" for item in items)
    cut = Answer(body=body, headers={"content-type": "text/event-stream"})
    with (
        LoopbackProvider(cut) as server,
        Generator("anthropic:m", base_url=server.url, api_key="k") as generator,
        pytest.raises(IncompleteStream) as caught,
    ):
        generator.generate("Hi")
    assert caught.value.partial is not None
    assert caught.value.partial.usage == Usage(900, 0, 0, 0, 400)


def test_an_answer_without_its_last_event_is_incomplete() -> None:
    items = [start(), begin(type="text", text="a"), stop()[0], DONE]
    with pytest.raises(IncompleteStream):
        collect(ANTHROPIC, items, HERE)


@needs_corpus
def test_recorded_counts_are_read() -> None:
    counts = [e.response["body"] for e in corpus.exchanges("anthropic.count_tokens")]
    assert [ANTHROPIC.decode_count(count, HERE) for count in counts] == [13, 641]


def test_models_are_listed() -> None:
    page = {
        "data": [{"type": "model", "id": "claude-a"}, {"type": "model", "id": "claude-b"}],
        "has_more": False,
    }
    assert ANTHROPIC.decode_models(page, HERE) == ["claude-a", "claude-b"]
    call = ANTHROPIC.encode_models(HERE)
    assert (call.method, call.path, call.body) == ("GET", "/models", None)
