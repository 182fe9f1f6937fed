"""Gemini's answers, recorded, and what the official SDK makes of them."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import collect, corpus, damaged, events, needs_corpus, payloads, target

from genkit.errors import (
    AuthFailed,
    BadRequest,
    ContextOverflow,
    GenkitError,
    IncompleteStream,
    NotFound,
    ProtocolError,
    RateLimited,
    ServerFailed,
)
from genkit.events import Finish, Logprobs, PartEnd, TextDelta
from genkit.messages import Audio, Citation, Image, Native, Reasoning, Text, ToolCall
from genkit.providers.gemini import Gemini

GEMINI, HERE = Gemini(), target("gemini-2.5-flash")

# The SDK takes a reason in numbers (enum-encoding=int) for text, and dies of an AttributeError.
ORACLE_CRASHES = {
    "gemini/multi_turn/langchaingo__TestGoogleAIGenerateContentWithMultipleMessages__0",
    "gemini/tool_result/langchaingo__TestGoogleAIToolCallResponse__1",
    "vertexai/stop_sequence/opentelemetry-pyth__test_generate_content_extra_params__0",
}
# What toolUsePromptTokenCount says, which the SDK's users have to add themselves.
FOUND_BY_TOOLS = {"gemini/builtin_tools/pydantic-ai__test_google_model_file_search_tool_stream__3": 770}
NUMBERED = {1: "STOP", 2: "MAX_TOKENS"}  # FinishReason in google/ai/generativelanguage/v1beta
CLASSES: dict[int, type[GenkitError]] = {
    400: BadRequest,
    403: AuthFailed,
    404: NotFound,
    429: RateLimited,
    499: BadRequest,
    503: ServerFailed,
}

recorded = corpus.exchanges("gemini.generate")


def answer(exchange: Any) -> Any:
    return collect(GEMINI, payloads(exchange), HERE)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def chunk(*parts: Any, **candidate: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **candidate}]}


def parts_of(*chunks: Any) -> tuple[Any, ...]:
    return collect(GEMINI, list(chunks), HERE).message.parts


@needs_corpus
@pytest.mark.parametrize("exchange", recorded, ids=str)
def test_it_agrees_with_the_official_sdk(exchange: Any) -> None:
    status, expected = exchange.response["status"], exchange.expected
    if exchange.id in ORACLE_CRASHES:
        pieces = [item["candidates"][0] for payload in payloads(exchange) for item in as_list(payload)]
        response = answer(exchange)
        assert response.text == "".join(
            part["text"] for c in pieces for part in c["content"].get("parts", ())
        )
        assert response.raw_finish_reason == NUMBERED[pieces[-1]["finishReason"]]
        return
    if expected["outcome"] == "error":
        told = expected["error"]
        if status >= 400:
            error = GEMINI.error(status, exchange.response["body"], HERE)
        else:
            with pytest.raises(GenkitError) as caught:
                answer(exchange)
            error = caught.value
        assert (error.status, error.message) == (told["status"], told["message"])
        assert type(error) is CLASSES[told["status"]]
        return
    response, result = answer(exchange), expected["result"]
    assert response.text == result["text"]
    assert response.reasoning == (result["reasoning"] or "")
    calls = [(call.id, call.name, json.loads(call.arguments)) for call in response.tool_calls]
    assert calls == [(call["id"] or "", call["name"], call["arguments"]) for call in result["tool_calls"]]
    assert response.raw_finish_reason == (result["finish_reason"] or result["block_reason"])
    media = [part for part in response.message.parts if isinstance(part, (Image, Audio))]
    assert [part.media_type for part in media] == result["media"]
    assert (response.model, response.id) == (result["model"] or "", result["id"] or "")
    usage, counted = response.usage, result["usage"] or {}
    read = usage.input_tokens - FOUND_BY_TOOLS.get(exchange.id, 0)
    found = (read, usage.output_tokens - usage.reasoning_tokens, usage.cached_tokens)
    assert found == tuple(counted.get(name) or 0 for name in ("input", "output", "cached"))
    assert usage.reasoning_tokens == (counted.get("reasoning") or 0)


@needs_corpus
@pytest.mark.parametrize("exchange", [e for e in recorded if e.body_kind == "sse"], ids=str)
def test_a_stream_cut_between_two_events_is_incomplete(exchange: Any) -> None:
    whole = payloads(exchange)
    ends = [
        n
        for n, item in enumerate(whole)
        if "finishReason" in json.dumps(item) or "blockReason" in json.dumps(item)
    ]
    for length in range(ends[0] + 1):
        with pytest.raises(IncompleteStream):
            collect(GEMINI, whole[:length], HERE)


@needs_corpus
@given(st.integers(0, 10**9))
@settings(max_examples=300)
def test_damaged_answers_make_typed_errors_only(seed: int) -> None:
    exchange = recorded[seed % len(recorded)]
    with contextlib.suppress(GenkitError):
        collect(GEMINI, damaged(payloads(exchange), seed), HERE)


_KEYS = (
    *(
        "candidates",
        "content",
        "parts",
        "text",
        "error",
        "code",
        "functionCall",
        "inlineData",
        "finishReason",
    ),
    *("promptFeedback", "usageMetadata", "groundingMetadata", "groundingChunks", "citationMetadata"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(_JSON, max_size=3))
def test_junk_makes_typed_errors_only(items: list[Any]) -> None:
    with contextlib.suppress(GenkitError):
        collect(GEMINI, items, HERE)
    assert isinstance(GEMINI.error(500, items, HERE), GenkitError)


@pytest.mark.parametrize("body", [{}, {"message": "hello"}, "<html>", None, 3])
def test_a_body_of_another_shape_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        collect(GEMINI, [body], HERE)


def test_a_signature_stays_with_the_part_it_came_with() -> None:
    parts = parts_of(
        chunk({"text": "Hm.", "thought": True}),
        chunk({"text": "One "}),
        chunk({"text": "two"}, {"text": "", "thoughtSignature": "c2ln"}),
        chunk({"functionCall": {"name": "f"}, "thoughtSignature": "Y2FsbA=="}, finishReason="STOP"),
    )
    assert parts == (
        Reasoning("Hm."),
        Text("One two"),
        Text("", signature="c2ln"),
        ToolCall(id="", name="f", arguments="{}", signature="Y2FsbA=="),
    )


def test_an_answer_with_a_call_finishes_for_it() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": [1]}, "id": "x"}}
    *_, finish = events(GEMINI, [chunk(call, finishReason="STOP")], HERE)
    assert finish == Finish("tool_calls", "STOP")


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR"])
def test_a_filtered_answer_says_so(reason: str) -> None:
    assert events(GEMINI, [chunk(finishReason=reason)], HERE)[-1] == Finish("content_filter", reason)


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "OTHER", "A_WORD_OF_TOMORROW", "17"])
def test_a_reason_that_is_not_a_good_end_is_an_error(reason: str) -> None:
    assert events(GEMINI, [chunk(finishReason=reason)], HERE)[-1] == Finish("error", reason)


def test_why_an_answer_ended_badly_is_told() -> None:
    why = "Malformed function call: print(f("
    told = chunk(finishReason="MALFORMED_FUNCTION_CALL", finishMessage=why)
    warning = f"the answer ended with MALFORMED_FUNCTION_CALL: {why}"
    assert collect(GEMINI, [told], HERE).warnings == (warning,)
    later = chunk(finishReason="MALFORMED_FUNCTION_CALL")
    assert collect(GEMINI, [told, later], HERE).warnings == (warning,)
    blocked = {"promptFeedback": {"blockReason": "JAILBREAK", "blockReasonMessage": "It broke a rule."}}
    warning = "the answer ended with JAILBREAK: It broke a rule."
    assert collect(GEMINI, [blocked], HERE).warnings == (warning,)
    called = chunk({"functionCall": {"name": "f"}}, finishReason="STOP", finishMessage="It generated a call.")
    assert collect(GEMINI, [called], HERE).warnings == ()


def test_an_image_that_was_found_is_cited_by_its_page() -> None:
    found = {"sourceUri": "https://a.example/page", "imageUri": "https://a.example/i.png", "title": "A"}
    grounding = {"groundingChunks": [{"image": found}]}
    (part,) = parts_of(chunk({"text": "Hi"}, finishReason="STOP", groundingMetadata=grounding))
    assert part.citations == (Citation(url="https://a.example/page", title="A"),)


def test_offsets_of_citations_count_characters_of_the_text() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [{"segment": {"startIndex": 6, "endIndex": 9}, "groundingChunkIndices": [0]}],
    }
    (part,) = parts_of(chunk({"text": "Ümläut"}, finishReason="STOP", groundingMetadata=grounding))
    assert part.citations == (Citation(url="https://a.example", title="A", start=4, end=6),)


@pytest.mark.parametrize("chunks", [None, [], [{"web": {"uri": "https://a.example"}}]], ids=repr)
def test_a_source_that_is_named_and_not_told_does_not_cost_the_answer(chunks: Any) -> None:
    support = {"segment": {"endIndex": 2}, "groundingChunkIndices": [-1, 0, 1]}
    grounding = {"groundingChunks": chunks, "groundingSupports": [support]}
    (part,) = parts_of(chunk({"text": "Hi"}, finishReason="STOP", groundingMetadata=grounding))
    assert part.text == "Hi"
    assert [citation.url for citation in part.citations] == ["https://a.example"] * len(chunks or ())


def test_content_that_only_gemini_knows_is_kept() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    assert parts_of(chunk(code, finishReason="STOP")) == (Native(dialect="gemini", data=code),)


def test_tokens_that_tools_found_were_read() -> None:
    counts = {"promptTokenCount": 15, "candidatesTokenCount": 37, "totalTokenCount": 1564}
    counts |= {"toolUsePromptTokenCount": 770, "thoughtsTokenCount": 742}
    usage = collect(
        GEMINI, [chunk({"text": "Paris"}, finishReason="STOP") | {"usageMetadata": counts}], HERE
    ).usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (785, 779, 1564)


def test_an_image_keeps_its_signature() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0="}, "thoughtSignature": "c2ln"}
    (part,) = parts_of(chunk(image, finishReason="STOP"))
    assert (part.data, part.media_type, part.signature) == (b"\x89PNG\r", "image/png", "c2ln")


def test_log_probabilities_come_with_their_alternatives() -> None:
    result = {
        "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
        "topCandidates": [
            {"candidates": [{"token": "a", "logProbability": -0.5}, {"token": "b", "logProbability": -2}]}
        ],
    }
    found = events(GEMINI, [chunk({"text": "a"}, finishReason="STOP", logprobsResult=result)], HERE)
    (tokens,) = (event.tokens for event in found if isinstance(event, Logprobs))
    assert [(token.token, token.logprob, token.top) for token in tokens] == [
        ("a", -0.5, {"a": -0.5, "b": -2.0})
    ]


def test_only_the_first_of_several_alternatives_is_told() -> None:
    second = {**chunk({"text": "no"})["candidates"][0], "index": 1}
    first = chunk({"text": "yes"}, finishReason="STOP", index=0)["candidates"][0]
    found = events(GEMINI, [{"candidates": [first, second]}], HERE)
    assert [event.text for event in found if isinstance(event, TextDelta)] == ["yes"]
    assert [event.part for event in found if isinstance(event, PartEnd)] == [Text("yes")]


@pytest.mark.parametrize(
    ("told", "tokens"),
    [
        ("The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).", 1048577),
        ("The input token count exceeds the maximum number of tokens allowed (1048576).", 0),
        ("the input token count is 1048577 but model only supports up to 1048576. Reduce", 1048577),  # Vertex
    ],
)
def test_a_prompt_that_is_too_long_is_a_context_overflow(told: str, tokens: int) -> None:
    error = GEMINI.error(400, {"error": {"code": 400, "message": told, "status": "INVALID_ARGUMENT"}}, HERE)
    assert isinstance(error, ContextOverflow)
    assert (error.tokens, error.limit, error.status) == (tokens, 1048576, 400)


def test_a_wrong_key_is_an_auth_failure_though_its_status_is_400() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    body = {"error": {"code": 400, "message": "bad key", "status": "INVALID_ARGUMENT", "details": details}}
    assert isinstance(GEMINI.error(400, body, HERE), AuthFailed)


def test_a_quota_error_says_when_to_come_back() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48.5s"}]
    body = [{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED", "details": details}}]
    error = GEMINI.error(429, body, HERE)
    assert (type(error), error.retry_after, error.code) == (RateLimited, 48.5, "RESOURCE_EXHAUSTED")
