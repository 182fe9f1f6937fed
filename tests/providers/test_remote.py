"""A dialect over a real server: what is sent, how answers are framed, and what else there is to ask."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import json
import random
import re
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from recordings import corpus
from words_dialect import KEY, Words, ask, backend, call, sse

import genkit
from genkit import errors
from genkit.batches import batches
from genkit.events import Finish, Received, TextDelta, Warned
from genkit.messages import Message, Native, Reasoning, Text, ToolCall, ToolResult
from genkit.providers.anthropic import Anthropic
from genkit.providers.base import Target, Vendor
from genkit.providers.gemini import Gemini
from genkit.providers.openai_chat import OpenAIChat
from genkit.providers.openai_responses import OpenAIResponses
from genkit.providers.payloads import payloads
from genkit.providers.remote import RemoteBackend
from genkit.providers.retry_after import reset_after, retry_after
from genkit.request import Output, Tool
from genkit.runtime.awaiting import AwaitingRuntime
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import drive, run
from genkit.testing import Answer, Asked, LoopbackProvider

both = pytest.mark.parametrize("mode", ["sync", "async"])
BODY = {"words": ["a", "b"], "end": "stop"}
LINES = b'{"word": "a"}\n{"word": "b"}\n\n{"end": "stop"}\n'
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


def text(answer: Answer, mode: str = "sync", *, in_lines: bool = False, **settings: Any) -> str:
    with LoopbackProvider(answer) as server:
        remote = backend(server.url, in_lines=in_lines)
        try:
            return call(remote, mode, ask(**settings)).text
        finally:
            remote.close()


@both
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=BODY),
        Answer(body=sse("a", "b"), framing="chunked"),
        Answer(body=sse("a", "b"), headers=JSON),
        Answer(body=b"\xef\xbb\xbf" + sse("a", "b"), headers={"content-type": "text/plain"}),
        Answer(body=sse("a", "b", end='data: {"end": "stop"}')),
        Answer(body=LINES, headers=NDJSON, framing="chunked", piece=3),
        Answer(body=LINES[:-1], headers=NDJSON, framing="close"),
        Answer(body='{"words": ["a", "b"],\n"end": "stop"}\n', headers=JSON),
        Answer(body='[{"word": "a"},\n{"word": "b"}, {"end": "stop"}]'),
    ],
)
@pytest.mark.parametrize("in_lines", [True, False])
def test_an_answer_in_any_frame_says_the_same(
    answer: Answer, in_lines: bool, stream: bool, mode: str
) -> None:
    assert text(answer, mode, in_lines=in_lines, stream=stream) == "ab"


@both
@pytest.mark.parametrize("stream", [True, False])
def test_lines_that_a_proxy_calls_json_are_lines_where_the_dialect_has_them(stream: bool, mode: str) -> None:
    answer = Answer(body=LINES, headers=JSON)
    assert text(answer, mode, in_lines=True, stream=stream) == "ab"
    with pytest.raises(errors.ProtocolError, match="is not JSON"):
        text(answer, mode, stream=stream)


def test_what_is_sent() -> None:
    with LoopbackProvider(Answer(body=BODY)) as server:
        remote = backend(server.url + "/v1/")
        call(remote, "sync", ask("h\u00e9 \U0001f600", stream=False))
        remote.close()
    (asked,) = server.requests
    assert (asked.method, asked.path) == ("POST", "/v1/say")
    assert asked.json == {"prompt": "h\u00e9 \U0001f600", "stream": False}
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"


@both
def test_a_large_request_arrives_whole(mode: str) -> None:
    prompt = "0123456789" * 1_000_000
    with LoopbackProvider(Answer(body=BODY)) as server:
        remote = backend(server.url)
        assert [call(remote, mode, ask(prompt)).text for _ in range(2)] == ["ab", "ab"]
        remote.close()
    assert all(asked.json["prompt"] == prompt for asked in server.requests)


@pytest.mark.parametrize("auth", ["x-api-key", "api-key", "x-goog-api-key"])
def test_a_key_in_a_header_of_its_own(auth: str) -> None:
    with LoopbackProvider(Answer(body=BODY)) as server:
        remote = backend(server.url, auth=auth)
        call(remote, "sync")
        remote.close()
    assert server.requests[0].headers[auth] == KEY
    assert "authorization" not in server.requests[0].headers


def test_a_signature_in_place_of_a_key() -> None:
    with LoopbackProvider(Answer(body=BODY)) as server:
        vendor = Vendor(name="wordy", dialect="words", base_url=server.url)
        remote = RemoteBackend(
            Words(),
            Target(model="m", vendor=vendor),
            auth=lambda request: {"x-signed": f"{request.method} {request.url}"},
        )
        call(remote, "sync")
        remote.close()
    assert server.requests[0].headers["x-signed"] == f"POST {server.url}/say"
    assert "authorization" not in server.requests[0].headers


def test_the_headers_of_an_answer_are_told_first() -> None:
    headers = {"X-Request-Id": "r1", "X-RateLimit-Remaining": "3", "anthropic-ratelimit-x": "4"}
    with LoopbackProvider(Answer(body=BODY, headers=headers)) as server:
        remote = backend(server.url)
        events = list(
            drive(remote.stream(ask(metadata={"a": "b"}, on_unsupported="warn"), BlockingRuntime()))
        )
        remote.close()
    assert isinstance(events[0], Warned)
    assert events[1] == Received("r1", {"x-ratelimit-remaining": "3", "anthropic-ratelimit-x": "4"})


def test_a_refused_option_sends_nothing() -> None:
    with LoopbackProvider(Answer(body=BODY)) as server, pytest.raises(errors.UnsupportedOption):
        call(backend(server.url), "sync", ask(metadata={"a": "b"}))
    assert not server.requests


def test_collections_of_every_kind_are_sent_as_json() -> None:
    schema = MappingProxyType(
        {"type": "object", "properties": MappingProxyType({"a": {}}), "required": ("a",)}
    )
    plain = {"type": "object", "properties": {"a": {}}, "required": ["a"]}
    options: dict[str, Any] = {
        "tools": [Tool(name="f", parameters=schema)],
        "output": Output(schema=schema),
        "extra": {"x": MappingProxyType({"a": (1, 2), "b": {3}})},
    }
    body = sent("chat:m", Message.user("?"), **options)
    assert body["tools"][0]["function"]["parameters"] == plain
    assert body["response_format"]["json_schema"]["schema"] == plain
    assert body["x"] == {"a": [1, 2], "b": [3]}


@pytest.mark.parametrize("value", [object(), {"a": object()}])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(errors.BadRequest, match="JSON"):
        text(Answer(body=BODY), extra={"x": value})


def test_numbers_that_json_lacks_are_refused_and_words_are_not() -> None:
    assert text(Answer(body=BODY), extra={"x": ["NaN", "Infinity"]}) == "ab"
    for number in (float("nan"), float("-inf")):
        with pytest.raises(errors.BadRequest, match="NaN"):
            text(Answer(body=BODY), extra={"x": [number]})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x",
        "http://",
        "localhost:80",
        "http://me:pass@x/",
        "http://[",
        "https://x:y",
        f"http://{70 * 'a'}.localhost/",
    ],
)
@both
def test_an_address_that_is_none(url: str, mode: str) -> None:
    with pytest.raises((errors.ConfigError, errors.BadRequest)):
        call(backend(url), mode)


def embed(asked: Asked) -> Answer:
    if asked.path.startswith("/models"):
        return Answer(body={"names": ["m1", asked.method, asked.path]})
    return Answer(body={"texts": asked.json["texts"]})


@both
def test_embeddings_in_batches_keep_their_order(mode: str) -> None:
    texts = ["a", "bb", "ccc", "dddd", "eeeee"]
    with LoopbackProvider(embed) as server:
        remote = backend(server.url)
        if mode == "sync":
            vectors = run(remote.embed(texts, BlockingRuntime()))
        else:
            vectors = asyncio.run(remote.embed(texts, AwaitingRuntime()))
        remote.close()
    assert vectors == [[1.0], [2.0], [3.0], [4.0], [5.0]]
    assert vectors.usage == genkit.Usage(5)
    assert [asked.json["texts"] for asked in server.requests] == [texts[:2], texts[2:4], texts[4:]]


OPENAI = {"data": [{"index": 0, "embedding": [0.5]}]}
GEMINI = {"embeddings": [{"values": [0.5]}]}


@pytest.mark.parametrize(
    ("model", "body", "tokens"),
    [
        ("openai:m", {**OPENAI, "usage": {"prompt_tokens": 4, "total_tokens": 4}}, 4),
        ("chat:m", {**OPENAI, "usage": {"total_tokens": 7}}, 7),
        ("openai:m", OPENAI, 0),
        ("cohere:m", {"embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 2}}}, 2),
        ("cohere:m", {"embeddings": {"float": [[0.5]]}, "meta": None}, 0),
        ("ollama:m", {"embeddings": [[0.5]], "prompt_eval_count": 9}, 9),
        ("gemini:m", {**GEMINI, "usageMetadata": {"promptTokenCount": 4}}, 4),
        ("gemini:m", GEMINI, 0),
    ],
)
def test_embeddings_tell_the_tokens_that_the_vendor_counted(model: str, body: Any, tokens: int) -> None:
    with (
        LoopbackProvider(Answer(body=body)) as server,
        genkit.Generator(model, base_url=server.url, api_key="k") as generator,
    ):
        found = generator.embed(["a"])
    assert found == [[0.5]]
    assert (found.usage, found.usage.known) == (genkit.Usage(tokens), tokens > 0)


@pytest.mark.parametrize("purpose", ["", 5])
def test_a_purpose_is_a_word(purpose: Any) -> None:
    with (
        genkit.Generator("cohere:m", base_url="http://127.0.0.1:1") as generator,
        pytest.raises(errors.BadRequest, match="purpose takes"),
    ):
        generator.embed(["a"], purpose=purpose)


def test_missing_embeddings_are_an_error() -> None:
    with LoopbackProvider(Answer(body={"texts": ["a"]})) as server, pytest.raises(errors.ProtocolError):
        run(backend(server.url).embed(["a", "b"], BlockingRuntime()))


@pytest.mark.parametrize("model", ["chat:m", "openai:m", "anthropic:m", "gemini:m", "bedrock:m", "cohere:m"])
def test_an_image_of_no_known_type_is_not_sent(model: str) -> None:
    with LoopbackProvider(Answer(body={})) as server:
        generator = genkit.Generator(model, base_url=server.url, api_key="k", attempts=1)
        with generator, pytest.raises(errors.BadRequest, match="give Image media_type="):
            generator.generate(Message.user(genkit.Image(data=b"who knows")))
    assert not server.requests


@pytest.mark.parametrize("rows", [([1.0], [1.0, 2.0]), ([], [])])
def test_embeddings_are_of_one_length(rows: tuple[list[float], list[float]]) -> None:
    with LoopbackProvider(Answer(body={"embeddings": {"float": rows}})) as server:
        generator = genkit.Generator("cohere:m", base_url=server.url, api_key="k", attempts=1)
        with generator, pytest.raises(errors.ProtocolError, match="cohere gave embeddings of"):
            generator.embed(["a", "b"])


@pytest.mark.parametrize("dimensions", [True, 0, -1, "5", 2.5, 2**31])
def test_dimensions_are_a_number_of_them(dimensions: Any) -> None:
    with LoopbackProvider(Answer(body={})) as server:
        generator = genkit.Generator("chat:m", base_url=server.url, api_key="k", attempts=1)
        with generator, pytest.raises(errors.BadRequest, match="dimensions takes a whole number from 1"):
            generator.embed(["a"], dimensions=dimensions)
    assert not server.requests


def ranked(*indices: int, top: int | None = None) -> list[genkit.Ranked]:
    """Of three documents, those of these indices, each a better answer than the one before."""
    rows = [{"index": index, "relevance_score": at / 10} for at, index in enumerate(indices)]
    with (
        LoopbackProvider(Answer(body={"results": rows})) as server,
        genkit.Generator("cohere:m", base_url=server.url, api_key="k", attempts=1) as generator,
    ):
        return generator.rerank("q", ["a", "b", "c"], top=top)


def test_no_more_is_told_of_than_was_asked_for() -> None:
    assert ranked(0, 2, 1, top=1) == [genkit.Ranked(1, 0.2)]
    assert [each.index for each in ranked(0, 2, 1)] == [1, 2, 0]


@pytest.mark.parametrize("indices", [(0, 0), (0, 3), (-1, 0)])
def test_a_document_that_was_not_given_or_was_ranked_is_none(indices: tuple[int, int]) -> None:
    with pytest.raises(errors.ProtocolError, match="cohere ranked"):
        ranked(*indices)


def test_the_models_of_a_vendor() -> None:
    with LoopbackProvider(embed) as server:
        assert run(backend(server.url).models(BlockingRuntime())) == ["m1", "GET", "/models?all=1"]


def test_what_a_vendor_does_not_have() -> None:
    target = Target(model="m", vendor=Vendor(name="a", dialect="b", base_url="http://127.0.0.1:1"))
    with pytest.raises(errors.UnsupportedOption, match="no call for embed"):
        run(RemoteBackend(Anthropic(), target).embed(["hi"], BlockingRuntime()))


@pytest.mark.parametrize("model", ["vertex:m", "vertex-anthropic:m"])
def test_a_vendor_without_a_list_of_models(model: str) -> None:
    generator = genkit.Generator(model, base_url="http://127.0.0.1:1", api_key="k")
    with generator, pytest.raises(errors.UnsupportedOption, match="lists no models"):
        generator.models()


VENDORS_TRIED = [
    "anthropic:m", "bedrock:m", "cohere:m", "gemini:m", "ollama:m", "openai-chat:m", "openai:m",
]  # fmt: skip


@pytest.mark.parametrize("model", VENDORS_TRIED)
def test_a_conversation_goes_on_at_another_vendor(model: str) -> None:
    foreign = Native(dialect="of.others", data={"type": "web_search"})
    talk = [Message.user("Hello"), Message.assistant(foreign, "Hi"), Message.user("Again?")]
    with LoopbackProvider(Answer(status=400, body={"error": {"message": "no"}})) as server:
        for conversation in (talk, [talk[0], Message.assistant("Hi"), talk[2]]):
            generator = genkit.Generator(model, base_url=server.url, api_key="k")
            with generator, pytest.raises(errors.BadRequest):
                generator.generate(conversation)
    first, second = server.requests
    assert first.json == second.json


def sent(model: str, *talk: Message, **options: Any) -> Any:
    """What is sent of a conversation; it is refused, since only the request matters."""
    with LoopbackProvider(Answer(status=400, body={"error": {"message": "no"}})) as server:
        generator = genkit.Generator(model, base_url=server.url, api_key="k")
        with generator, pytest.raises(errors.BadRequest):
            generator.generate(talk, **options)
    return server.requests[0].json


@pytest.mark.parametrize("model", ["chat:m", "openai:m", "cohere:m", "ollama:m"])
@pytest.mark.parametrize("content", ["no such city", (Text("no such "), Text("city"))], ids=["text", "parts"])
def test_where_no_field_says_that_a_tool_failed_the_text_does(model: str, content: Any) -> None:
    called = Message.assistant(ToolCall(id="1", name="weather", arguments="{}"))
    bodies = [
        json.dumps(sent(model, Message.user("?"), called, Message.tool(result)))
        for result in (
            ToolResult(id="1", content=content, error=True),
            ToolResult(id="1", content=content),
        )
    ]
    assert ["Error: " in body for body in bodies] == [True, False]
    assert all("no such " in body and "city" in body for body in bodies)


SIGNERS = {
    "anthropic": "anthropic.messages", "bedrock": "bedrock.converse", "gemini": "gemini",
    "openai": "openai.responses",
}  # fmt: skip
CLAUDES = {"anthropic", "bedrock"}  # whose signatures are the same model's


@pytest.mark.parametrize("reader", SIGNERS)
@pytest.mark.parametrize("signer", SIGNERS)
def test_a_proof_goes_back_to_its_own_provider_and_no_other(signer: str, reader: str) -> None:
    thought = Reasoning("hm", "PROOF", dialect=SIGNERS[signer])
    body = json.dumps(sent(f"{reader}:m", Message.user("?"), Message.assistant(thought, "Hi")))
    assert ("PROOF" in body) == (signer == reader or {signer, reader} == CLAUDES)
    assert "Hi" in body


@pytest.mark.parametrize("model", ["chat:m", "ollama:m", "cohere:m", "gemini:m"])
def test_what_was_thought_elsewhere_is_told_without_its_proof(model: str) -> None:
    thought = Reasoning("hm", "PROOF", id="rs_1", dialect="openai.responses")
    sealed = Reasoning("", "PROOF", id="rs_2", dialect="openai.responses")
    talk = [Message.user("?"), Message.assistant(thought, sealed, "Hi"), Message.assistant(sealed)]
    plain = [Message.user("?"), Message.assistant(Reasoning("hm"), "Hi")]
    assert sent(model, *talk) == sent(model, *plain)


@both
def test_a_backend_that_is_dropped_leaves_nothing_open(mode: str) -> None:
    with LoopbackProvider(Answer(body=BODY)) as server:
        call(backend(server.url), mode)
        gc.collect()  # an unclosed socket would be a warning, which is an error here


def test_a_stream_that_is_left_as_its_loop_ends_is_closed_without_a_word() -> None:
    complaints: list[str] = []
    piece = json.dumps({"choices": [{"index": 0, "delta": {"content": "a"}}]})
    hanging = Answer(body=f"data: {piece}\n\n" * 5, framing="close", end="hang")
    with LoopbackProvider(hanging) as server, genkit.Generator("chat:m", base_url=server.url) as generator:

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
            async for event in generator.astream("Hi"):
                if isinstance(event, TextDelta):
                    break

        asyncio.run(main())
        assert server.requests[0].gone.wait(60)
    gc.collect()  # what cannot be closed any more would be a warning, which is an error here
    assert not complaints


class PlainHandles(asyncio.SelectorEventLoop):
    """As qasync, the event loop of Qt, has it: a timer can be cancelled, and tells nothing."""

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        timer = super().call_later(delay, callback, *args, context=context)
        return SimpleNamespace(cancel=timer.cancel)


def test_an_event_loop_whose_timers_tell_nothing_will_do() -> None:
    async def main() -> None:
        async with genkit.Generator("chat:m", base_url=server.url, attempts=1) as generator:
            assert (await generator.agenerate("x")).text == "a"
            with pytest.raises(errors.DeadlineExceeded):
                await generator.agenerate("x", timeout=0.2)

    completion = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    loop = PlainHandles()
    with LoopbackProvider([Answer(body=completion), Answer(raw=b"", end="hang")]) as server:
        loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="new in Python 3.12")
def test_calls_where_tasks_begin_before_their_maker_goes_on() -> None:
    completion = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}

    async def main() -> list[str]:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        async with genkit.Generator("chat:m", base_url=server.url) as generator:
            answers = await asyncio.gather(generator.agenerate("x"), generator.agenerate("y"))
        return [answer.text for answer in answers]

    with LoopbackProvider(Answer(body=completion)) as server:
        assert asyncio.run(main()) == ["a", "a"]


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not for Windows")
def test_another_event_loop_will_do() -> None:
    """uvicorn's is uvloop, whose transports and arguments are not quite those of asyncio."""
    uvloop = importlib.import_module("uvloop")
    piece = json.dumps({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]})
    streamed = Answer(body=f"data: {piece}\n\ndata: [DONE]\n\n", framing="chunked")

    async def main(generator: genkit.Generator) -> str:
        async with generator.astream("Hi") as stream:
            return "".join([text async for text in stream.text])

    with LoopbackProvider(streamed) as server, genkit.Generator("chat:m", base_url=server.url) as generator:
        assert uvloop.run(main(generator)) == "a"


CASES = Path(__file__).parents[3] / "shared" / "corpus" / "conformance" / "retry_after_cases.json"


def test_a_result_without_an_id_is_of_the_call_that_was_made_last() -> None:
    def asked() -> Message:
        return Message.assistant(ToolCall(id="", name="f", arguments="{}"))

    talk = [Message.user("?"), asked(), Message.user("No, wait."), asked()]
    body = sent("chat:m", *talk, Message.tool(ToolResult(id="", name="f", content="1")))
    first, second = (turn["tool_calls"][0]["id"] for turn in body["messages"] if "tool_calls" in turn)
    assert body["messages"][-1]["tool_call_id"] == second != first


def test_results_without_ids_and_names_are_of_the_calls_in_their_order() -> None:
    for names in ("f", "fg"):
        asked = Message.assistant(*(ToolCall(id="", name=name, arguments="{}") for name in names))
        results = Message.tool(*(ToolResult(id="", content="1") for _ in names))
        _, called, *answered = sent("chat:m", Message.user("?"), asked, results)["messages"]
        ids = [call["id"] for call in called["tool_calls"]]
        assert [turn["tool_call_id"] for turn in answered] == ids


def test_a_generator_that_is_dropped_closes_its_connections_at_once() -> None:
    gc.disable()
    try:
        generator = genkit.Generator("chat:m", base_url="http://127.0.0.1:1", api_key="k")
        connections = generator._backend._connections  # type: ignore[attr-defined]
        del generator
        assert connections.closed
    finally:
        gc.enable()


@pytest.mark.skipif(not CASES.exists(), reason="needs ../shared/corpus")
def test_retry_after_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = json.loads(CASES.read_text())
    monkeypatch.setattr("time.time", lambda: float(cases["now_epoch"]))
    for case in cases["cases"]:
        meant = case["valid_seconds"]
        meant = None if meant is None or meant < 0 else pytest.approx(meant)
        assert retry_after({case["header"]: case["value"]}) == meant, case
    for case in cases["body_hints"]:
        if case["where"] == "error.message":  # else see test_gemini.py
            assert retry_after({}, case["value"]) == pytest.approx(case["seconds"]), case
    for case in cases["ratelimit_headers"]:
        if "reset" in case["header"] and case["seconds"] != "RFC3339":
            left = case["header"].replace("reset", "remaining")
            assert reset_after({case["header"]: case["value"], left: "0"}) == pytest.approx(case["seconds"])


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="a program cannot set its time zone here")
@pytest.mark.parametrize(
    "date",
    [
        "Fri, 29 Sep 2023 16:27:37 GMT",
        "Fri, 29 Sep 2023 16:27:37 -0000",
        "Friday, 29-Sep-23 16:27:37 GMT",
        "Fri Sep 29 16:27:37 2023",
        "2023-09-29T16:27:37",
    ],
)
def test_a_date_that_names_no_zone_is_one_of_utc(date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1696004797.0)
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "EST5")
            time.tzset()
            assert retry_after({"retry-after": date}) == 60.0
    finally:
        time.tzset()


@pytest.mark.parametrize(
    ("left", "reset", "seconds"),
    [
        ("0", "2m59.56s", 179.56),
        ("0", "2023-09-29T16:27:37Z", 60.0),
        ("0", "2023-09-29T18:27:37+02:00", 60.0),
        ("0", "2023-09-29T16:26:27Z", None),
        ("0", "1741305600000", None),
        ("0", "soon", None),
        ("1", "2m59.56s", None),
        ("-1", "2m59.56s", None),
        ("", "2m59.56s", None),
    ],
)
def test_a_wait_until_a_used_up_limit_begins_anew(
    left: str, reset: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1696004797.0)
    headers = {"x-ratelimit-reset-tokens": reset, "x-ratelimit-remaining-tokens": left}
    assert reset_after(headers) == (None if seconds is None else pytest.approx(seconds))


def test_of_several_used_up_limits_the_longest_counts_and_only_for_a_rate_limit() -> None:
    headers = {f"x-ratelimit-remaining-{what}": "0" for what in ("requests", "tokens")}
    headers |= {"x-ratelimit-reset-requests": "20ms", "x-ratelimit-reset-tokens": "6s"}
    for status, seconds in ((429, 6.0), (400, None)):
        answer = Answer(status=status, body={"error": {"message": "no"}}, headers=headers)
        with LoopbackProvider(answer) as server, pytest.raises(errors.GenkitError) as caught:
            call(backend(server.url), "sync")
        assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached. Please try again in 1m2.5s.", 62.5),
        ("Please try again in 20ms. Visit us.", 0.02),
        ("Please try again in 7h33m.", 27180),
        ("Please retry after 33 seconds.", 33),
        ("Retry in 5 minutes", 300),
        ("Retry after 1 min 5 sec", 65),
        ("Try again in 2 hours 250 milliseconds", 7200.25),
        ("try again later", None),
        ("try again in a month, or in 3 days", None),
        ("retry in 1 month", None),
    ],
)
def test_a_wait_in_the_message(message: str, seconds: float | None) -> None:
    assert retry_after({}, message) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("unit", ["a", "s"])
def test_a_wait_of_any_length_is_read_in_no_time(unit: str) -> None:
    digits, start = "1" * 50_000 + unit, time.process_time()
    headers = {"x-ratelimit-reset-tokens": digits, "x-ratelimit-remaining-tokens": "0"}
    assert reset_after(headers) is None
    assert retry_after({}, f"retry in {digits}") is None
    assert time.process_time() - start < 5


JUNK = (
    b"",
    b"\n",
    b"\r",
    b"\n\n",
    b"data: ",
    b"\xff",
    b"{",
    b"}",
    b"[",
    b'"',
    b"0",
    b"null",
    b"event: error\n",
)


def test_mutated_streams_end_in_a_typed_error_or_an_answer() -> None:
    chance = random.Random(20261124)
    good = sse("a", "b", "c")

    def mutated(asked: Asked) -> Answer:
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = chance.choice(JUNK)
        framing = chance.choice(["chunked", "length", "close"])
        return Answer(body=bytes(data), framing=framing, piece=chance.choice([None, 5, 50]))

    with LoopbackProvider(mutated) as server:
        remote = backend(server.url)
        for _ in range(400):
            with contextlib.suppress(errors.GenkitError):
                assert call(remote, "sync").finish_reason == "stop"
        remote.close()


def test_junk_after_the_mark_of_the_end_is_not_passed_over() -> None:
    body = 'data: {"word": "a"}\n\ndata: [DONE]"b"}\n\ndata: {"end": "stop"}\n\n'
    with LoopbackProvider(Answer(body=body)) as server, pytest.raises(errors.ProtocolError):
        call(backend(server.url), "sync")


class Bytes:
    """An answer that is already here."""

    status = 200
    headers = MappingProxyType({"content-type": "text/event-stream"})

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        yield self.data

    async def aclose(self) -> None:
        pass


DIALECTS: dict[str, Any] = {
    "openai.chat": OpenAIChat(),
    "openai.responses": OpenAIResponses(),
    "anthropic.messages": Anthropic(),
    "gemini.generate": Gemini(),
}


def shortest_streams(dialect: str, count: int) -> list[bytes]:
    answers = [found.response for found in corpus.exchanges(dialect) if found.body_kind == "sse"]
    bodies = sorted((found["body"].encode() for found in answers if found["status"] == 200), key=len)
    if not bodies:
        pytest.skip("needs ../shared/corpus")
    return bodies[:count]


def events_of(dialect: str, data: bytes) -> list[Any]:
    """The events in a body, and last the error if there is one; an error of another kind is raised."""
    target = Target(model="m", vendor=Vendor(name="v", dialect=dialect, base_url=""))
    events: list[Any] = []
    try:
        for event in drive(DIALECTS[dialect].decode(payloads(Bytes(data)), target)):
            events.append(event)
    except errors.GenkitError as error:
        events.append(error)
    return events


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_recorded_stream_cut_at_any_byte_is_complete_or_an_error(dialect: str) -> None:
    for data in shortest_streams(dialect, 2):
        whole = events_of(dialect, data)
        for cut in range(len(data)):
            events = events_of(dialect, data[:cut])
            assert events == whole or isinstance(events[-1], errors.GenkitError), (cut, data[:cut][-80:])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_mutated_recorded_stream_ends_in_a_typed_error_or_an_answer(dialect: str) -> None:
    chance = random.Random(20261124)
    for body in shortest_streams(dialect, 5):
        for _ in range(100):
            data = bytearray(body)
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(data))
                data[at : at + chance.randrange(9)] = chance.choice(JUNK)
            events = events_of(dialect, bytes(data))
            assert isinstance(events[-1], (errors.GenkitError, Finish))


IDS = {"anthropic:m": r"[A-Za-z0-9_-]+", "bedrock:m": r"[A-Za-z0-9_-]{1,64}", "mistral:m": "[A-Za-z0-9]{9}",
       "openai-chat:m": ".{1,40}", "openai:m": ".{1,64}", "cohere:m": ".+"}  # fmt: skip


@pytest.mark.parametrize("ids", [("functions.w:0", "functions.w:1"), ("call_1", "c" * 70), ("", "")])
@pytest.mark.parametrize("model", IDS)
def test_calls_from_elsewhere_have_ids_that_a_vendor_takes(model: str, ids: tuple[str, str]) -> None:
    names = ("a", "b")
    talk = [
        Message.user("?"),
        Message.assistant(
            *(ToolCall(id=id, name=name, arguments="{}") for id, name in zip(ids, names, strict=True))
        ),
        Message.tool(
            *(ToolResult(id=id, name=name, content="1") for id, name in zip(ids, names, strict=True))
        ),
    ]
    found = re.findall(
        r'"(?:toolUseId|tool_use_id|tool_call_id|call_id)": "([^"]*)"', json.dumps(sent(model, *talk))
    )
    calls = re.findall(r'"(?:toolUseId|id|call_id)": "([^"]*)"', json.dumps(sent(model, *talk)))
    assert len(set(found)) == len(set(calls)) == 2
    assert set(found) == set(calls)
    assert all(re.fullmatch(IDS[model], id) for id in found)
    if all(re.fullmatch(IDS[model], id) for id in ids):
        assert set(found) == set(ids)
    assert sent(model, *talk) == sent(model, *talk)  # so that its prompt cache knows it


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        ([], []),
        (["a"] * 7, [3, 3, 1]),
        (["a" * 60, "b" * 60, "c" * 30], [1, 2]),
        (["a" * 60, "b" * 60, "c" * 40], [1, 2]),
        (["a" * 60, "b" * 60, "c" * 41], [1, 1, 1]),
        (["a" * 500, "b"], [1, 1]),
        (["\ud800"], [1]),
        (["é" * 40, "é" * 20], [1, 1]),
    ],
)
def test_texts_are_embedded_in_calls_of_bounded_size(texts: list[str], sizes: list[int]) -> None:
    found = list(batches(texts, 3, 100))
    assert [len(batch) for batch in found] == sizes
    assert [text for batch in found for text in batch] == texts
