"""Chat Completions: answers that real servers sent, decoded as the official SDK understands them."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import collect, corpus, damaged, events, needs_corpus, payloads

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
from genkit.events import Event, Finish, Logprobs, PartEnd, ReasoningDelta, Start, TextDelta, Usage
from genkit.messages import Audio, Citation, Image, Native, Reasoning, Text
from genkit.providers.base import DONE, Target
from genkit.providers.openai_chat import OpenAIChat
from genkit.providers.vendors import VENDORS
from genkit.response import Response

CHAT = OpenAIChat()

# The corpus' names of providers that are called otherwise.
NAMES = {
    "openai": "openai-chat", "llamacpp": "llama-server", "ollama": "ollama-chat", "vercel_gateway": "vercel",
    "bedrock_mantle": "bedrock-mantle", "litellm_proxy": "litellm",
}  # fmt: skip


def target(provider: str = "openai", model: str = "m") -> Target:
    vendor = VENDORS.get(NAMES.get(provider, provider), VENDORS["chat"])
    return Target(model=model, vendor=vendor)


def answer(exchange: Any) -> Response:
    """What genkit makes of a recorded exchange; raises what it would raise."""
    status, to = exchange.response["status"], target(exchange.provider)
    if status >= 400:
        raise CHAT.error(status, exchange.response["body"], to)
    return collect(CHAT, payloads(exchange), to)


EXCHANGES = corpus.exchanges("openai.chat")
GOOD = [e for e in EXCHANGES if e.response["status"] < 400 and e.expected and e.expected["outcome"] == "ok"]
STREAMS = [e for e in GOOD if e.body_kind == "sse"]

# Where the official SDK sees less than the recording says: what it misses, and why.
MISSED: dict[str, tuple[str, str]] = {
    "cloudflare/structured/chatlas__test_cloudflare_data_extraction__1": (
        "text", "the content is a JSON object, which the SDK does not turn into text",
    ),
    "mistral/tool_result/pydantic-ai__test_multimodal_tool_return_matrix_tool_return_content-binary-document-"
    "mistral__1": (
        "cached", "Mistral tells num_cached_tokens, which the SDK does not know",
    ),
    "moonshot/prompt_cache/ai__moonshotai-reasoning__0": (
        "cached", "Moonshot tells usage.cached_tokens, which the SDK does not know",
    ),
    "openai/audio_out/dd-trace-py__chat_completion_audio_output__0": (
        "text", "what is said in the sound is not in the message's content",
    ),
    "openai/tools/openllmetry__test_openai_functions__0": (
        "tool_calls", "the call is a function_call, from before there were tool_calls",
    ),
    "snowflake/thinking/pydantic-ai__test_snowflake_thinking_streaming__0": (
        "reasoning", "Snowflake tells its reasoning only in reasoning_details, which the SDK does not know",
    ),
}  # fmt: skip
# Errors in a 200, which the SDK takes for an answer without choices.
HIDDEN = {
    "azure/error/openllmetry__test_prompt_content_filtering__0": (BadRequest, 400),
    "vllm/error/worker-vllm__57_vllm_http200_error_object__0": (NotFound, 404),
}
# The SDK dies of an AttributeError: there is a choice without a message.
NO_MESSAGE = "azure/refusal_safety/openllmetry__test_chat_content_filtering__0"
CLASSES: dict[int, type[GenkitError]] = {
    400: BadRequest, 401: AuthFailed, 403: AuthFailed, 404: NotFound, 429: RateLimited,
}  # fmt: skip


def seen(response: Response) -> dict[str, Any]:
    usage = response.usage
    return {
        "text": response.text,
        "reasoning": response.reasoning,
        "refusal": response.refusal,
        "tool_calls": [(call.id, call.name, json.loads(call.arguments)) for call in response.tool_calls],
        "finish_reason": response.raw_finish_reason,
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cached": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def expected(result: dict[str, Any]) -> dict[str, Any]:
    usage = result["usage"] or {}
    texts = ("text", "reasoning", "refusal", "finish_reason")
    counts = {"input": "input", "output": "output", "cached": "cached", "reasoning_tokens": "reasoning"}
    return {
        **{name: result[name] or "" for name in texts},
        "tool_calls": [(call["id"], call["name"], call["arguments"]) for call in result["tool_calls"]],
        **{name: usage.get(key) or 0 for name, key in counts.items()},
    }


@needs_corpus
def test_there_are_recordings() -> None:
    assert len(EXCHANGES) >= 100


@pytest.mark.parametrize("exchange", [e for e in GOOD if e.id not in HIDDEN], ids=str)
def test_an_answer_is_what_the_official_sdk_makes_of_it(exchange: Any) -> None:
    ours, theirs = seen(answer(exchange)), expected(exchange.expected["result"])
    missed, _ = MISSED.get(exchange.id, ("", ""))
    if exchange.provider == "xai":  # whose completion_tokens are without those of the reasoning
        theirs["output"] += theirs["reasoning_tokens"]
    if missed:
        assert ours.pop(missed)
        told = theirs.pop(missed)
        assert told == "" or not isinstance(told, str)
    assert ours == theirs


@pytest.mark.parametrize("exchange", [e for e in EXCHANGES if e not in GOOD and e.id != NO_MESSAGE], ids=str)
def test_an_error_is_that_of_the_official_sdk(exchange: Any) -> None:
    theirs = exchange.expected["error"]
    # In a stream, the SDK's status is the code; the payload tells the real one.
    status = theirs["status"] if isinstance(theirs["status"], int) else 400
    with pytest.raises(CLASSES[status]) as raised:
        answer(exchange)
    assert raised.value.status == status
    assert raised.value.provider == target(exchange.provider).vendor.name
    assert theirs["message"].removeprefix(f"Error code: {status} - ").removeprefix(
        f"Error code: {status}"
    ) in str(raised.value)


@pytest.mark.parametrize("exchange", [e for e in EXCHANGES if e.id in HIDDEN], ids=str)
def test_an_error_in_a_good_response_is_an_error(exchange: Any) -> None:
    kind, status = HIDDEN[exchange.id]
    with pytest.raises(kind) as raised:
        answer(exchange)
    assert raised.value.status == status


@needs_corpus
def test_a_choice_without_a_message_tells_why_there_is_none() -> None:
    response = answer(next(e for e in EXCHANGES if e.id == NO_MESSAGE))
    assert (response.finish_reason, response.message.parts) == ("content_filter", ())
    assert (response.usage.input_tokens, response.usage.output_tokens) == (15, 19)


@pytest.mark.parametrize("exchange", [e for e in GOOD if e.id not in HIDDEN], ids=str)
def test_the_events_are_in_order(exchange: Any) -> None:
    found = events(CHAT, payloads(exchange), target(exchange.provider))
    assert isinstance(found[0], Start)
    assert [e for e in found if isinstance(e, Finish)] == found[-1:]
    usage = [place for place, event in enumerate(found) if isinstance(event, Usage)]
    assert usage in ([], [len(found) - 2])
    ended = [e.part.text for e in found if isinstance(e, PartEnd) and isinstance(e.part, Text)]
    assert ended in ([], ["".join(e.text for e in found if isinstance(e, TextDelta))])


@pytest.mark.parametrize("exchange", STREAMS, ids=str)
def test_a_cut_stream_is_incomplete_or_lacks_nothing(exchange: Any) -> None:
    items, to = payloads(exchange), target(exchange.provider)
    whole = events(CHAT, items, to)
    middle = range(6, len(items) - 8)[::5] if len(items) > 20 else ()  # there, all cuts are alike
    for end in sorted({*range(len(items))[:6], *middle, *range(len(items))[-8:]}):
        with contextlib.suppress(IncompleteStream):
            assert events(CHAT, items[:end], to) == whole


@pytest.mark.parametrize("exchange", EXCHANGES[::5], ids=str)
def test_damaged_answers_raise_only_our_errors(exchange: Any) -> None:
    to = target(exchange.provider)
    for seed in range(15):
        items = damaged(payloads(exchange)[-12:], seed)
        with contextlib.suppress(GenkitError):
            assert isinstance(events(CHAT, items, to)[-1], Finish)
            collect(CHAT, items, to)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "choices", "delta", "message", "content", "index", "tool_calls", "function", "reasoning_details", "usage",
    "error", "images", "annotations", "logprobs", "finish_reason", "id", "model", "object", "x_groq", "audio",
    "thinking_blocks",
)  # fmt: skip
KEYED = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150)
@given(st.lists(KEYED | st.just(DONE), max_size=4))
def test_junk_raises_only_our_errors(items: list[Any]) -> None:
    try:
        found = events(CHAT, items, target())
    except GenkitError:
        return
    assert isinstance(found[-1], Finish)


@settings(max_examples=100)
@given(st.none() | st.integers(100, 599), KEYED)
def test_any_body_of_a_failure_makes_an_error(status: int | None, body: Any) -> None:
    assert str(CHAT.error(status, body, target()))


# What the recordings do not show


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c", "model": "m", "object": "chat.completion.chunk", "choices": [choice], **more}


def body(message: dict[str, Any], reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return {"id": "c", "model": "m", "object": "chat.completion", "choices": [choice], **more}


def calls(*fragments: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The tool calls in a stream of such fragments, one a chunk."""
    stream = [chunk({"tool_calls": [fragment]}) for fragment in fragments]
    response = collect(CHAT, [*stream, chunk({}, "tool_calls"), DONE], target())
    return [(call.id, call.name, call.arguments) for call in response.tool_calls]


def call(index: int | None = None, id: str = "", name: str = "", arguments: str = "") -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {**place, "id": id or None, "function": {"name": name or None, "arguments": arguments}}


def test_fragments_find_their_call() -> None:
    one, two = ("a", "f", "{1}"), ("b", "g", "{2}")
    ordered = [
        call(0, "a", "f", "{"),
        call(0, arguments="1}"),
        call(1, "b", "g", "{2"),
        call(1, arguments="}"),
    ]
    assert calls(*ordered) == [one, two]
    assert calls(ordered[0], ordered[2], ordered[1], ordered[3]) == [one, two]


def test_calls_that_share_an_index_are_told_apart_by_their_ids() -> None:
    assert calls(call(0, "a", "f", "{1}"), call(0, "b", "f", "{2}")) == [("a", "f", "{1}"), ("b", "f", "{2}")]


def test_an_index_may_be_missing() -> None:
    fragments = (
        call(None, "a", "f", "{"),
        call(arguments="1}"),
        call(None, "b", "g", "{2"),
        call(arguments="}"),
    )
    assert calls(*fragments) == [("a", "f", "{1}"), ("b", "g", "{2}")]


def test_an_id_or_a_name_may_come_with_every_fragment() -> None:
    assert calls(call(0, "a", "f", "{"), call(0, "a", "f", "1}")) == [("a", "f", "{1}")]
    assert calls(call(0, "a", "f", "{"), call(0, "x", "", "1}")) == [("a", "f", "{1}")]


def test_a_fragment_that_names_nothing_goes_on_with_the_last_call_whatever_its_index() -> None:
    fragments = (
        call(0, "a", "f", "{"),
        call(1, arguments="1"),
        call(2, arguments="}"),
        call(1, "b", "f", "{2}"),
    )
    assert calls(*fragments) == [("a", "f", "{1}"), ("b", "f", "{2}")]


def test_a_name_may_come_after_the_id() -> None:
    assert calls(call(0, "a"), call(0, "a", "f", "{1}"), call(1, "b"), call(1, "", "g", "{2}")) == [
        ("a", "f", "{1}"),
        ("b", "g", "{2}"),
    ]


def test_a_call_of_no_tool_is_a_protocol_error() -> None:
    for items in (
        [chunk({"tool_calls": [call(0, "a", "", "{}")]}), DONE],
        [body({"tool_calls": [call(0, "a")]})],
    ):
        with pytest.raises(ProtocolError, match="name"):
            events(CHAT, items, target())


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("function_call_filter: MALFORMED_FUNCTION_CALL", "error"),
        ("content_filter: PROHIBITED_CONTENT", "content_filter"),
    ],
)
def test_a_reason_may_have_geminis_own_word_after_it(raw: str, reason: str) -> None:
    response = collect(CHAT, [chunk({}, raw), DONE], target())
    assert (response.finish_reason, response.raw_finish_reason) == (reason, raw)


def test_a_prompt_that_a_filter_refuses_in_a_good_response_is_a_bad_request() -> None:
    told = {"error": {"message": "The response was filtered", "code": "content_filter", "param": "prompt"}}
    with pytest.raises(BadRequest, match="filtered"):
        events(CHAT, [told, DONE], target())


def test_a_call_without_arguments_has_none_in_json() -> None:
    assert calls(call(0, "a", "f")) == [("a", "f", "{}")]


def test_whole_calls_may_all_have_the_index_0() -> None:
    two = [call(0, "", "f", "{1}"), call(0, "", "f", "{2}")]
    response = collect(CHAT, [body({"content": None, "tool_calls": two}, "stop")], target())
    assert [c.arguments for c in response.tool_calls] == ["{1}", "{2}"]
    assert (response.finish_reason, response.raw_finish_reason) == ("tool_calls", "stop")


@pytest.mark.parametrize(("total", "output"), [(292, 127), (167, 2), (None, 2)])
def test_reasoning_that_is_counted_apart_is_output_too(total: int | None, output: int) -> None:
    counts = {"prompt_tokens": 165, "completion_tokens": 2, "total_tokens": total}  # recorded of xAI
    usage = {**counts, "completion_tokens_details": {"reasoning_tokens": 125}}
    told = collect(CHAT, [chunk({"content": "A"}, "stop", usage=usage)], target()).usage
    assert (told.output_tokens, told.reasoning_tokens) == (output, 125)
    assert told.total_tokens == 165 + output


def test_mistrals_thinking_is_reasoning() -> None:
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]
    chunks = [chunk({"content": thinking}), chunk({"content": "Yes"}, "stop"), DONE]
    whole = body({"content": [*thinking, {"type": "text", "text": "Yes"}]})
    for response in collect(CHAT, chunks, target("mistral")), collect(CHAT, [whole], target("mistral")):
        assert (response.reasoning, response.text) == ("Hm", "Yes")


def test_of_several_messages_of_mistrals_what_its_tools_did_is_no_part_of_the_answer() -> None:
    hosted = {
        "id": "imagecall",
        "type": "function",
        "function": {"name": "generate_image", "arguments": "{}"},
    }
    open_call = {"id": "abcdefghi", "function": {"name": "f", "arguments": '{"a": 1}'}, "index": 0}
    picture = {"type": "image_url", "image_url": "https://a.example/i.jpg"}
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": "Wait. ", "tool_calls": [{**hosted, "index": 0}]},
        {"role": "tool", "tool_call_id": "imagecall", "content": "a result"},
        {"role": "assistant", "content": [{"type": "text", "text": "Here."}, picture]},
        {"role": "assistant", "content": "", "tool_calls": [open_call]},
    ]
    whole = {"index": 0, "messages": messages, "finish_reason": "stop"}
    completion = {"id": "c", "model": "m", "object": "chat.completion", "choices": [whole]}
    pieces = [chunk({**message, "index": at}) for at, message in enumerate(messages)]
    pieces.insert(2, chunk({"content": " goes on", "index": 1}))
    for items in ([completion], [*pieces, chunk({"content": ""}, "stop"), DONE]):
        response = collect(CHAT, items, target("mistral"))
        assert (response.text, response.finish_reason) == ("Wait. Here.", "tool_calls")
        assert [image.url for image in response.images] == ["https://a.example/i.jpg"]
        assert [(call.id, call.name, call.arguments) for call in response.tool_calls] == [
            ("abcdefghi", "f", '{"a": 1}')
        ]


def test_calls_of_mistrals_that_nobody_ran_are_whole_beside_those_that_it_ran() -> None:
    def call(id: str | None, arguments: str, **more: Any) -> dict[str, Any]:
        name = {"name": "f"} if id else {}
        return {**({"id": id} if id else {}), "function": {**name, "arguments": arguments}, **more}

    def called(*calls: dict[str, Any], index: int = 0) -> dict[str, Any]:
        return {"role": "assistant", "content": "", "index": index, "tool_calls": list(calls)}

    result = {"role": "tool", "tool_call_id": "ran", "content": "a", "index": 1}
    # The rest of a result has no id, as the rest of a call.
    begun = [chunk(called(call("ran", "{}"))), chunk(result), chunk({"content": "b", "index": 1})]
    pieces = [called(call("open", '{"a":', index=0), index=2), called(call(None, " 1}", index=0), index=2)]
    items = [*begun, *map(chunk, pieces), chunk({"content": ""}, "tool_calls"), DONE]
    # In one message of calls that have no index.
    messages = [called(call("ran", "{}"), call("open", '{"a": 1}')), result]
    whole = {"index": 0, "messages": messages, "finish_reason": "tool_calls"}
    completion = {"id": "c", "model": "m", "object": "chat.completion", "choices": [whole]}
    for each in (items, [completion]):
        (found,) = collect(CHAT, each, target("mistral")).tool_calls
        assert (found.id, found.arguments) == ("open", '{"a": 1}')


def test_mistrals_references_are_citations() -> None:
    content = [
        {"type": "text", "text": "It is so"},
        {"type": "reference", "reference_ids": [0, "b"]},
        {"type": "text", "text": "."},
    ]
    chunks = [*(chunk({"content": [piece]}) for piece in content), chunk({"content": ""}, "stop"), DONE]
    for items in ([body({"content": content})], chunks):
        response = collect(CHAT, items, target("mistral"))
        assert response.text == "It is so."
        assert response.citations == (Citation(url="0", end=8), Citation(url="b", end=8))


def test_mistrals_signature_is_that_of_all_thoughts_or_of_none() -> None:
    def thought(words: str, signature: str | None) -> dict[str, Any]:
        return {"type": "thinking", "thinking": [{"type": "text", "text": words}], "signature": signature}

    signed = collect(CHAT, [body({"content": [thought("Hm", None), thought(".", "sig")]})], target("mistral"))
    assert signed.message.parts == (Reasoning("Hm.", "sig", dialect="openai.chat"),)
    twice = collect(CHAT, [body({"content": [thought("Hm", "a"), thought(".", "b")]})], target("mistral"))
    assert twice.message.parts == (Reasoning("Hm."),)


def test_a_summary_of_databricks_is_reasoning() -> None:
    summary = [{"type": "summary_text", "text": "Hm", "signature": "s"}]
    thinking = [{"type": "reasoning", "summary": summary}]
    chunks = [chunk({"content": thinking}), chunk({"content": "Yes"}, "stop"), DONE]
    whole = body({"content": [*thinking, {"type": "text", "text": "Yes"}]})
    for items in chunks, [whole]:
        response = collect(CHAT, items, target("databricks"))
        assert (response.reasoning, response.text) == ("Hm", "Yes")


def test_reasoning_details_are_kept_for_the_way_back() -> None:
    def detail(**fields: Any) -> dict[str, Any]:
        piece = {"type": "reasoning.text", "index": 0, **fields}
        return chunk({"reasoning": fields.get("text", ""), "reasoning_details": [piece]})

    chunks = [
        detail(text="A"),
        detail(text="B"),
        detail(signature="s"),
        chunk({"content": "C"}, "stop"),
        DONE,
    ]
    kept = [{"type": "reasoning.text", "index": 0, "text": "AB", "signature": "s"}]
    assert collect(CHAT, chunks, target("openrouter")).message.parts == (
        Reasoning("AB"),
        Native(dialect="openai.chat", data={"reasoning_details": kept}),
        Text("C"),
    )


def test_signed_reasoning_is_not_joined_with_what_follows() -> None:
    details = [
        {"type": "reasoning.text", "text": "A", "signature": "s"},
        {"type": "reasoning.text", "text": "B", "signature": "t"},
    ]
    streamed = [*(chunk({"reasoning_details": [piece]}) for piece in details), chunk({}, "stop"), DONE]
    for items in streamed, [body({"content": None, "reasoning_details": details})]:
        natives = [part for part in collect(CHAT, items, target()).message.parts if isinstance(part, Native)]
        assert natives == [Native(dialect="openai.chat", data={"reasoning_details": details})]


def thinking(words: str, signature: str = "") -> dict[str, Any]:
    return {"type": "thinking", "thinking": words, "signature": signature}


REDACTED = {"type": "redacted_thinking", "data": "EmwK"}
SIGNED = [thinking("AB", "s"), REDACTED, thinking("", "t"), thinking("C", "u")]
PIECES = [thinking("A"), thinking("B"), thinking("", "s"), REDACTED, thinking("", "t"), thinking("C", "u")]


@pytest.mark.parametrize(
    "pieces",
    [
        # Before and after a change in LiteLLM (its pull request 31022), and what some servers send of both.
        PIECES,
        SIGNED,
        [thinking("A"), thinking("B"), *SIGNED[:-1], thinking("C"), SIGNED[-1], thinking("unsigned")],
    ],
)  # fmt: skip
def test_signed_thinking_is_kept_for_the_way_back(pieces: list[dict[str, Any]]) -> None:
    streamed = [
        *(
            chunk({"reasoning_content": piece.get("thinking"), "thinking_blocks": [piece]})
            for piece in pieces
        ),
        chunk({"content": "Yes"}, "stop"),
        DONE,
    ]
    whole = body({"content": "Yes", "reasoning_content": "ABC", "thinking_blocks": SIGNED})
    for items in streamed, [whole]:
        reasoning, *rest = collect(CHAT, items, target("claude")).message.parts
        assert isinstance(reasoning, Reasoning)
        assert rest == [Native(dialect="openai.chat", data={"thinking_blocks": SIGNED}), Text("Yes")]


def test_reasoning_comes_before_its_answer() -> None:
    found = events(CHAT, [body({"content": "Yes", "reasoning": "Hm"})], target())
    assert found[1:3] == [ReasoningDelta("Hm"), TextDelta("Yes")]


def test_url_citations_are_citations() -> None:
    cited = {"url": "https://a.b", "title": "T", "content": "Q", "start_index": 0, "end_index": 2}
    chunks = [
        chunk({"content": "Yes"}),
        chunk({"annotations": [{"type": "url_citation", "url_citation": cited}]}),
    ]
    response = collect(CHAT, [*chunks, chunk({}, "stop"), DONE], target())
    assert response.text == "Yes"
    assert response.citations == (Citation(url="https://a.b", title="T", quote="Q", start=0, end=2),)


@needs_corpus
def test_perplexitys_search_results_are_citations() -> None:
    exchange = next(e for e in STREAMS if e.provider == "perplexity")
    found = payloads(exchange)[-1]["search_results"]
    response = answer(exchange)
    assert [(c.url, c.title, c.quote) for c in response.citations] == [
        (source["url"], source["title"], source["snippet"]) for source in found
    ]


def test_images_and_sounds_are_parts() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}}
    sound = {"id": "audio_1", "data": "AAEC", "transcript": "Hi", "expires_at": 0}
    response = collect(CHAT, [body({"content": "", "images": [image], "audio": sound})], target())
    assert response.message.parts == (
        Text("Hi"),
        Image(data=b"\0\1\2", media_type="image/png"),
        Audio(data=b"\0\1\2"),
        Native(dialect="openai.chat", data={"audio": {"id": "audio_1"}, "transcript": "Hi"}),
    )


def test_a_sound_that_comes_in_pieces_is_one() -> None:
    pieces: list[dict[str, Any]] = [
        {"id": "audio_1", "transcript": "He"},
        {"data": "AAE="},
        {"transcript": "llo"},
        {"data": "AgM="},
        {"expires_at": 0},
    ]
    found = events(CHAT, [*(chunk({"content": None, "audio": piece}) for piece in pieces), DONE], target())
    assert [event.text for event in found if isinstance(event, TextDelta)] == ["He", "llo"]
    assert [event.part for event in found if isinstance(event, PartEnd)] == [
        Text("Hello"),
        Audio(data=b"\0\1\2\3", media_type="audio/pcm"),
        Native(dialect="openai.chat", data={"audio": {"id": "audio_1"}, "transcript": "Hello"}),
    ]


def test_a_sound_without_an_id_has_none_to_send_back() -> None:
    response = collect(CHAT, [body({"content": "", "audio": {"data": "AAEC"}})], target())
    assert response.message.parts == (Audio(data=b"\0\1\2"),)


def test_logprobs_come_with_their_text() -> None:
    token = {"token": "Yes", "logprob": -0.1, "top_logprobs": [{"token": "No", "logprob": -2}]}
    choice = {
        "index": 0,
        "delta": {"content": "Yes"},
        "finish_reason": "stop",
        "logprobs": {"content": [token]},
    }
    found = events(CHAT, [{"id": "c", "choices": [choice]}, DONE], target())
    logprobs = next(e for e in found if isinstance(e, Logprobs))
    assert [(t.token, t.logprob, t.top) for t in logprobs.tokens] == [("Yes", -0.1, {"No": -2.0})]


def test_of_several_choices_it_is_the_first() -> None:
    other = {"index": 1, "delta": {"content": "B"}, "finish_reason": "length"}
    chunks = [chunk({"content": "A"}, "stop"), {"id": "c", "choices": [other]}, DONE]
    response = collect(CHAT, chunks, target())
    assert (response.text, response.finish_reason) == ("A", "stop")


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"error": {"message": "slow down", "code": 429}}, RateLimited, 429),
        (
            {"error": {"message": "over", "code": 502}, "choices": [{"finish_reason": "error"}]},
            ServerFailed,
            502,
        ),
        ({"choices": [{"error": {"message": "x", "code": 401}, "finish_reason": "error"}]}, AuthFailed, 401),
        ({"error": "no such model", "status_code": 404}, ServerFailed, None),
        ({"object": "error", "message": "bad", "code": 400}, BadRequest, 400),
        ({"detail": "not here"}, ServerFailed, None),
    ],
)
def test_an_error_in_a_stream_is_an_error(error: Any, kind: type[GenkitError], status: int | None) -> None:
    with pytest.raises(kind) as raised:
        events(CHAT, [chunk({"content": "A"}), error], target())
    assert raised.value.status == status


@pytest.mark.parametrize(
    "items", [["x"], [[]], [{}], [None], [{"choices": 1}], [body({})["choices"]], [DONE]]
)
def test_what_is_no_completion_is_a_protocol_error(items: list[Any]) -> None:
    with pytest.raises(ProtocolError):
        events(CHAT, items, target())


def test_a_body_without_choices_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError):
        events(CHAT, [{"id": "c", "object": "chat.completion", "choices": []}], target())


def test_a_stream_without_a_mark_is_over_when_it_said_all() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    cut: list[Event] = []
    with pytest.raises(IncompleteStream):
        cut = events(CHAT, [chunk({"content": "A"}, "stop")], target())
    assert not cut
    assert collect(CHAT, [chunk({"content": "A"}, "stop", usage=usage)], target()).usage.output_tokens == 2
    assert collect(CHAT, [chunk({"content": "A"}, "stop")], target("perplexity")).text == "A"


def test_overflow_tells_its_numbers() -> None:
    told = {
        "code": 400,
        "type": "exceed_context_size_error",
        "message": "too long",
        "n_prompt_tokens": 9,
        "n_ctx": 8,
    }
    error = CHAT.error(400, {"error": told}, target())
    assert isinstance(error, ContextOverflow)
    assert (error.tokens, error.limit) == (9, 8)


@pytest.mark.parametrize(
    "message",
    [  # OpenAI's, and vLLM's
        "This model's maximum context length is 8 tokens. However, your messages resulted in 9 tokens.",
        "This model's maximum context length is 8 tokens. However, you requested 9 tokens (5 in the",
        "This model's maximum context length is 8 tokens and your request has 9 input tokens (4 > 8 - 9).",
        "This model's maximum context length is 8 tokens. However, you requested 5 output tokens and your "
        "prompt contains at least 4 input tokens, for a total of at least 9 tokens. Please reduce the length",
        "This model's maximum prompt length is 8 but the request contains 9 tokens.",  # xAI
        "Invalid request: Your request exceeded model token limit: 8 (requested: 9)",  # Moonshot
    ],
)
def test_overflow_tells_the_numbers_of_its_words(message: str) -> None:
    error = CHAT.error(400, {"error": {"message": message, "type": "invalid_request_error"}}, target())
    assert isinstance(error, ContextOverflow)
    assert (error.tokens, error.limit) == (9, 8)


@pytest.mark.parametrize(
    "message",
    [
        "The input (9 tokens) is longer than the model's context length (8 tokens).",  # SGLang, Together
        "The number of tokens to keep is greater than the context length",  # LM Studio
        "request (9 tokens) exceeds the available context size (8 tokens), try increasing it",  # llama.cpp
        "The total length of all messages is too long.",  # Perplexity
        "Please reduce the length of the messages or completion.",  # Groq
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 8]",  # Alibaba
        "The input token count (9) exceeds the maximum number of tokens allowed (8).",  # Gemini, by a gateway
        "Unable to submit request because the input token count is 9 but model only supports up to 8.",
        "prompt token count of 9 exceeds the limit of 8",  # GitHub
        "Prompt exceeds max length",  # Z.AI, in two languages
        "Prompt 超长",
    ],
)
def test_a_prompt_that_is_too_long_is_a_context_overflow_in_every_vendors_words(message: str) -> None:
    error = CHAT.error(400, {"error": {"message": message, "type": "invalid_request_error"}}, target())
    assert isinstance(error, ContextOverflow)


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens exceeds the limit of 8192",
        "messages[0].name: string too long",
        "tools[0].function.name exceeds max length 64",
        "'n' is too large",
    ],
)
def test_other_limits_are_none_of_the_context(message: str) -> None:
    error = CHAT.error(400, {"error": {"message": message, "type": "invalid_request_error"}}, target())
    assert type(error) is BadRequest


def test_an_error_tells_what_the_model_wrote_that_was_no_call() -> None:
    told = {"message": "See 'failed_generation'.", "code": "tool_use_failed", "failed_generation": "<f=x>"}
    assert "See 'failed_generation'.: <f=x>" in str(CHAT.error(400, {"error": told}, target("groq")))


def test_an_error_may_be_told_in_fields_of_other_names() -> None:
    told = {"error_type": "context_length_exceeded", "error_message": "no room"}  # Venice, in a stream
    with pytest.raises(ContextOverflow, match="no room") as raised:
        events(CHAT, [told], target())
    assert raised.value.code == "context_length_exceeded"
