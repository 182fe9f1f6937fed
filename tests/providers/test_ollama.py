"""Ollama's own API: its recorded answers, and what it is sent."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import canon, collect, corpus, damaged, events, named, needs_corpus, payloads, target

from genkit.errors import (
    BadRequest,
    ContextOverflow,
    GenkitError,
    IncompleteStream,
    NotFound,
    ProtocolError,
    ServerFailed,
    UnsupportedOption,
)
from genkit.events import Finish, Logprobs, TokenLogprob
from genkit.messages import Audio, Image, Message, Native, Reasoning, Text, ToolCall, ToolResult
from genkit.providers.ollama import Ollama
from genkit.request import Output, Request, Tool
from genkit.sampling import Sampling

OLLAMA, HERE = Ollama(), target("qwen3")
# Recorded of another API of the same server, by a client that mocks this one.
NAMELESS = {
    "ollama/tool_result/openllmetry__test_ollama_chat_tool_calls_legacy__0"
}  # before there was tool_name
OTHER = {"ollama/tools_parallel/prism__structured-with-multiple-tools-structured-mode-1__0"}
recorded = [e for e in corpus.exchanges("ollama.chat") if e.id not in OTHER]
streams = [exchange for exchange in recorded if exchange.body_kind == "ndjson"]


def line(done: bool = False, **message: Any) -> dict[str, Any]:
    return {"model": "qwen3", "message": {"role": "assistant", "content": "", **message}, "done": done}


def call(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    return {**more, "function": {"name": name, "arguments": arguments}}


LAST = {**line(True), "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3}
CALLED = [
    line(thinking="Two "),
    line(thinking="calls."),
    line(tool_calls=[call("a", {"x": 1}, id="a1"), call("b", {})]),
    LAST,
]


@needs_corpus
@pytest.mark.parametrize("exchange", streams, ids=str)
def test_a_stream_cut_between_two_lines_is_incomplete(exchange: Any) -> None:
    whole = payloads(exchange)
    for length in range(len(whole)):
        with pytest.raises(IncompleteStream):
            collect(OLLAMA, whole[:length], HERE)


@needs_corpus
@given(st.integers(0, 10**9))
@settings(max_examples=200, deadline=None)
def test_damaged_answers_make_typed_errors_only(seed: int) -> None:
    items = CALLED if seed % 3 == 0 else payloads(recorded[seed % len(recorded)])
    with contextlib.suppress(GenkitError):
        collect(OLLAMA, damaged(items, seed), HERE)


@pytest.mark.parametrize("wrong", [{}, "<html>", None, 3, {"message": 3}, {"done": True}])
def test_a_body_of_another_shape_is_typed(wrong: Any) -> None:
    with pytest.raises((ProtocolError, ServerFailed)):
        collect(OLLAMA, [wrong], HERE)


def test_calls_come_whole_after_a_thought() -> None:
    response = collect(OLLAMA, CALLED, HERE)
    assert (response.reasoning, response.model) == ("Two calls.", "qwen3")
    assert response.tool_calls == (
        ToolCall(id="a1", name="a", arguments='{"x": 1}'),
        ToolCall(id="", name="b", arguments="{}"),
    )
    assert (response.finish_reason, response.raw_finish_reason) == ("tool_calls", "stop")
    assert (response.usage.input_tokens, response.usage.output_tokens) == (7, 3)


def test_the_chances_of_the_tokens_are_told() -> None:
    told = {"token": "a", "logprob": -1, "top_logprobs": [{"token": "b", "logprob": -2.5}]}
    found = events(OLLAMA, [{**line(content="a"), "logprobs": [told]}, LAST], HERE)
    assert Logprobs([TokenLogprob("a", -1.0, {"b": -2.5})]) in found


@pytest.mark.parametrize(("raw", "reason"), [("stop", "stop"), ("length", "length"), ("", "stop")])
def test_the_reason_for_the_end_is_translated(raw: str, reason: Any) -> None:
    assert events(OLLAMA, [{**line(True), "done_reason": raw}], HERE)[-1] == Finish(reason, raw)


def test_an_error_in_a_stream_is_raised() -> None:
    with pytest.raises(ServerFailed, match="the runner died"):
        collect(OLLAMA, [line(content="a"), {"error": "the runner died"}], HERE)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": "model 'm' not found"}, NotFound),
        (400, {"error": {"message": "prompt too long; exceeded max context length"}}, ContextOverflow),
        (400, {"error": "the input length exceeds the context length"}, ContextOverflow),
        (400, {"error": '{"error":{"code":400,"message":"no images","type":"x"}}'}, BadRequest),
        (400, {"error": "{no JSON"}, BadRequest),
        (500, {"error": "the input exceeds the context size"}, ContextOverflow),
        (503, {"error": "server busy"}, ServerFailed),
        (502, "<html>", ServerFailed),
    ],
)
def test_a_failure_is_typed(status: int, body: Any, kind: type[GenkitError]) -> None:
    assert type(OLLAMA.error(status, body, HERE)) is kind


def test_an_overflow_tells_its_numbers() -> None:
    told = {
        "code": 400,
        "message": "request (2622 tokens) exceeds the available context size (512 tokens), try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 2622,
        "n_ctx": 512,
    }
    error = OLLAMA.error(400, {"error": json.dumps({"error": told})}, HERE)
    assert isinstance(error, ContextOverflow)
    assert (error.tokens, error.limit, error.message) == (2622, 512, told["message"])


# What it is sent


def sent(*messages: Message, model: str = "qwen3", **options: Any) -> Any:
    request = Request(messages=messages, **{"stream": False, **options})
    return OLLAMA.encode(request, target(model)).body


def read(wire: dict[str, Any]) -> Message:
    """A recorded message in genkit's words."""
    parts: list[Any] = [Reasoning(wire["thinking"])] if wire.get("thinking") else []
    if wire["role"] == "tool":
        return Message.tool(ToolResult(id="", name=wire.get("tool_name", ""), content=wire["content"]))
    parts += [Text(wire["content"])] if wire["content"] else []
    parts += [Image(data=base64.b64decode(image)) for image in wire.get("images") or ()]
    for one in wire.get("tool_calls") or ():
        arguments = json.dumps(one["function"]["arguments"])
        parts.append(ToolCall(id="", name=one["function"]["name"], arguments=arguments))
    return Message(wire["role"], parts)


def plain(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Whether the type of a call, the only one there is, is told or not is the same."""
    found: list[dict[str, Any]] = canon("", messages)
    for message in found:
        for one in message.get("tool_calls", ()):
            one.pop("type", None)
    return found


@needs_corpus
@pytest.mark.parametrize("exchange", recorded, ids=str)
def test_a_recorded_conversation_comes_back_as_it_was(exchange: Any) -> None:
    messages = exchange.request["body"]["messages"]
    found = plain(sent(*map(read, messages))["messages"])
    if exchange.id in NAMELESS:
        assert found[-1].pop("tool_name") == "get_current_weather"
    assert found == plain(messages)


@needs_corpus
def test_a_tool_loop_goes_on_as_it_was_recorded() -> None:
    loop = [exchange for exchange in recorded if "rig__structured_output_with_tools" in exchange.id]
    first, second = sorted(loop, key=lambda exchange: exchange.order)
    *before, mine, answer = second.request["body"]["messages"]
    response = collect(OLLAMA, payloads(first), HERE)
    result = ToolResult(id=response.tool_calls[0].id, content=answer["content"])
    body = sent(*map(read, before), response.message, Message.tool(result))
    assert canon("", body["messages"]) == canon("", [*before, mine, answer])


def test_only_what_was_set_is_sent_and_that_nothing_may_be_cut() -> None:
    assert sent(Message.user("?")) == {
        "model": "qwen3",
        "messages": [{"role": "user", "content": "?"}],
        "truncate": False,
        "shift": False,
        "stream": False,
    }
    assert sent(Message.user("?"), extra={"shift": True})["shift"] is True


def test_options_have_names_of_their_own() -> None:
    sampling = Sampling(max_tokens=9, temperature=0.5, min_p=0.1, repeat_penalty=1.1, stop=("x",), logprobs=2)
    body = sent(
        Message.user("?", Image(data=b"x")),
        sampling=sampling,
        tools=[Tool(name="a", description="b")],
        output=Output(schema={"type": "object"}),
        reasoning="low",
        extra={"keep_alive": "1h", "options": {"num_ctx": 8192}},
    )
    assert body["messages"] == [{"role": "user", "content": "?", "images": ["eA=="]}]
    assert body["options"] == {
        "num_predict": 9,
        "temperature": 0.5,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "stop": ["x"],
        "num_ctx": 8192,
    }
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    function = {"name": "a", "description": "b", "parameters": {"type": "object", "properties": {}}}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert (body["format"], body["think"], body["keep_alive"]) == ({"type": "object"}, True, "1h")


def test_some_models_think_by_a_level() -> None:
    for effort in ("low", "medium", "high", "max"):  # ThinkValue in Ollama's api/types.go
        assert sent(Message.user("?"), model="gpt-oss:20b", reasoning=effort)["think"] == effort
    assert sent(Message.user("?"), model="gpt-oss:20b", reasoning="none")["think"] is False


@pytest.mark.parametrize(
    ("effort", "extra", "think", "warned"),
    [
        ("low", {}, True, True),
        ("max", {}, True, True),
        ("medium", {}, True, False),  # what true stands for
        ("none", {}, False, False),
        ("high", {"think": "high"}, "high", False),
        (None, {"think": True}, True, False),
    ],
)
def test_other_models_are_told_to_think_and_the_caller_that_no_level_was_told(
    effort: Any, extra: dict[str, Any], think: Any, warned: bool
) -> None:
    request = Request(messages=[Message.user("?")], reasoning=effort, extra=extra)
    call = OLLAMA.encode(request, HERE)
    assert (call.body or {})["think"] == think
    assert ["think=true" in warning for warning in call.warnings] == [True] * warned


@pytest.mark.parametrize("effort", ["minimal", "xhigh"])
def test_an_effort_that_ollama_does_not_know_is_refused(effort: str) -> None:
    for model in ("gpt-oss:20b", "qwen3"):
        with pytest.raises(UnsupportedOption, match="'low', 'medium', 'high', 'max'"):
            sent(Message.user("?"), model=model, reasoning=effort)


def test_what_an_output_is_for_is_in_its_schema() -> None:
    output = Output(schema={"type": "object"}, description="a city")
    assert sent(Message.user("?"), output=output)["format"] == {"type": "object", "description": "a city"}
    assert sent(Message.user("?"), output=Output())["format"] == "json"


def test_what_another_provider_ran_is_left_out() -> None:
    ran = Native(dialect="anthropic.messages", data={"type": "server_tool_use"})
    assert sent(Message.assistant(ran, "Hi")) == sent(Message.assistant("Hi"))


@pytest.mark.parametrize(
    ("parts", "options", "option"),
    [
        ((Image(url="https://a/b.png"),), {}, "image URLs"),
        ((Native(dialect="anthropic.messages", data={}),), {}, "a part of type 'native'"),
        ((), {"output": Output(schema={"type": "object"}, strict=True)}, "Output(strict=True)"),
        ((Audio(data=b"x"),), {}, "a part of type 'audio'"),
        ((), {"tools": [Tool(name="a")], "tool_choice": "required"}, "tool_choice='required'"),
        ((), {"tools": [Tool(name="a", strict=True)]}, "a strict tool"),
        ((), {"tools": [Tool(name="a", cache=True)]}, "a cache mark"),
        ((), {"reasoning": 64}, "reasoning as a number of tokens"),
        ((), {"metadata": {"a": "b"}}, "metadata"),
    ],
)
def test_what_cannot_be_said_is_refused(parts: Any, options: dict[str, Any], option: str) -> None:
    with pytest.raises(UnsupportedOption) as caught:
        sent(Message.user("?", *parts), **options)
    assert caught.value.option == named(option)


def test_arguments_that_are_no_object_are_shown_to_the_model() -> None:
    message = Message.assistant(ToolCall(id="", name="a", arguments='{"b": '))
    (call,) = sent(message)["messages"][-1]["tool_calls"]
    assert call["function"]["arguments"] == {"INVALID_JSON": '{"b": '}


# What else there is to ask


def test_embeddings_and_models_are_read() -> None:
    assert OLLAMA.decode_embed({"embeddings": [[0.5], [1]]}, HERE) == [[0.5], [1.0]]
    listed = {"models": [{"name": "a:latest", "model": "a:latest"}, {"name": "b"}]}
    assert OLLAMA.decode_models(listed, HERE) == ["a:latest", "b"]
    assert OLLAMA.encode_embed(["a", "b"], HERE, dimensions=8).body == {
        "model": "qwen3",
        "input": ["a", "b"],
        "truncate": False,
        "dimensions": 8,
    }


@pytest.mark.parametrize(
    "body", [None, [], {}, {"error": "no"}, {"embeddings": [1]}, {"embeddings": [["x"]]}]
)
def test_what_is_no_embedding_is_typed(body: Any) -> None:
    with pytest.raises(GenkitError):
        OLLAMA.decode_embed(body, HERE)
