"""Counting: by the vendor's endpoint, by its tokenizer, by tiktoken, or an estimate that says so."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
import requests
import tiktoken

import genkit
from genkit.errors import DeadlineExceeded
from genkit.messages import Message, Native, ToolCall, ToolResult
from genkit.testing import Answer, Asked, LoopbackProvider

TALK = [
    Message.system("Be terse."),
    Message.user("Weather?"),
    Message.assistant(ToolCall(id="1", name="weather", arguments="{}")),
    Message.tool(ToolResult(id="1", content="18C")),
]


def counted(
    model: str, prompt: Any, answer: Any = None, **options: Any
) -> tuple[genkit.TokenCount, list[Asked]]:
    """The count, and what was asked for it."""
    with LoopbackProvider(Answer(body=answer or {})) as server:
        with genkit.Generator(model, base_url=server.url, api_key="k", attempts=1) as generator:
            found = generator.count(prompt, **options)
            assert asyncio.run(generator.acount(prompt, **options)) == found
        return found, server.requests


@pytest.mark.parametrize(
    ("model", "answer", "path"),
    [
        ("anthropic:m", {"input_tokens": 7}, "/messages/count_tokens"),
        ("openai:m", {"input_tokens": 7}, "/responses/input_tokens"),
        ("gemini:m", {"totalTokens": 7}, "/models/m:countTokens"),
        ("bedrock:m", {"inputTokens": 7}, "/model/m/count-tokens"),
    ],
)
def test_a_vendor_counts(model: str, answer: Any, path: str) -> None:
    found, asked = counted(model, [Message.user("Hello")], answer)
    vendor = model.partition(":")[0]
    assert found == genkit.TokenCount(7, exact=True, source=f"{vendor}'s counting endpoint")
    assert asked[0].path == path


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("anthropic:m", {"input_tokens": 7}),
        ("openai:m", {"input_tokens": 7}),
        ("gemini:m", {"totalTokens": 7}),
        ("vertex:m", {"totalTokens": 7}),
        ("bedrock:m", {"inputTokens": 7}),
    ],
)
def test_a_vendor_counts_what_options_add(model: str, answer: Any) -> None:
    tool = genkit.Tool(name="weather", description="Tells it.", parameters={"type": "object"})
    foreign = Native(dialect="of.others", data={"type": "web_search"})
    talk = [Message.user("Hi"), Message.assistant(foreign, "Hello."), Message.user("Weather?")]
    _, asked = counted(model, talk, answer, system="Be terse.", tools=[tool], max_tokens=9)
    body = json.dumps(asked[0].json)
    assert "Be terse." in body
    assert "Tells it." in body
    assert "web_search" not in body


@pytest.mark.parametrize("tool", [genkit.Tool(name="weather", description="Tells it."), {"type": "weather"}])
def test_an_estimate_has_what_options_add_in_it(tool: Any) -> None:
    bare = counted("chat:m", [Message.user("Hi")])[0].tokens
    one = counted("chat:m", "Hi", system="Be terse.")[0].tokens
    both = counted("chat:m", "Hi", system="Be terse.", tools=[tool])[0].tokens
    assert bare < one < both


def test_a_vendors_tokenizer_counts_texts_but_not_what_messages_add() -> None:
    answer = {"tokens": [1, 2, 3]}
    bare, asked = counted("cohere:m", "Hello", answer)
    assert (bare.tokens, bare.exact) == (3, True)
    assert (asked[0].path, asked[0].json) == ("/v1/tokenize", {"model": "m", "text": "Hello"})
    talk, asked = counted("cohere:m", TALK, answer)
    assert (talk.exact, talk.source) == (False, "cohere's tokenizer, without what messages add")
    assert asked[0].json["text"] == "Be terse.\nWeather?\nweather {}\n18C"


def letters(model: str) -> tiktoken.Encoding:
    """A vocabulary in which each byte is a token."""
    ranks = {bytes([value]): value for value in range(256)}
    return tiktoken.Encoding(
        "bytes", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens={"<|x|>": 256}
    )


def test_tiktoken_counts_texts_for_models_of_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiktoken, "encoding_for_model", letters)
    found, asked = counted("openai-chat:gpt-4o", "a <|x|>")
    assert found == genkit.TokenCount(7, exact=True, source="tiktoken's bytes")
    assert not asked
    talk, _ = counted("openai-chat:gpt-4o", [Message.user("abc"), Message.assistant("d")])
    assert (talk.tokens, talk.exact) == (4 + 2 * 3 + 3, False)


@pytest.mark.parametrize(
    "error", [requests.ConnectionError("no network"), KeyError("gpt-x"), ValueError("hash")]
)
def test_without_its_vocabulary_it_is_an_estimate(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(model: str) -> Any:
        raise error

    monkeypatch.setattr(tiktoken, "encoding_for_model", fails)
    found, _ = counted("openai-chat:gpt-4o", "Hello there")
    assert found == genkit.TokenCount(3, exact=False, source="an estimate of 4 bytes a token")


def test_a_vocabulary_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    come = threading.Event()

    def slow(model: str) -> tiktoken.Encoding:
        come.wait(60)
        return letters(model)

    monkeypatch.setattr(tiktoken, "encoding_for_model", slow)
    with genkit.Generator("openai-chat:gpt-slow", api_key="key", timeout=0.01) as generator:
        assert [generator.count("Hello there").exact for _ in range(2)] == [False, False]
        come.set()
    with genkit.Generator("openai-chat:gpt-slow", api_key="key") as generator:
        assert generator.count("Hello there").exact


@pytest.mark.parametrize("prompt", ["Hello", TALK], ids=["text", "talk"])
def test_a_count_has_the_time_that_its_call_gives_it(prompt: Any) -> None:
    hang = Answer(raw=b"", end="hang")
    with (
        LoopbackProvider([Answer(body={"input_tokens": 7})] * 2 + [hang] * 2) as server,
        genkit.Generator("anthropic:m", base_url=server.url, api_key="k", timeout=1e-9) as generator,
    ):
        assert generator.count(prompt, timeout=60).tokens == 7
        assert asyncio.run(generator.acount(prompt, timeout=60)).tokens == 7
        with pytest.raises(DeadlineExceeded):
            generator.count(prompt, timeout=0.1)
        with pytest.raises(DeadlineExceeded):
            asyncio.run(generator.acount(prompt, timeout=0.1))


@pytest.mark.parametrize("model", ["chat:m", "cohere:m"])
def test_what_has_no_text_is_said_to_be_left_out(model: str) -> None:
    image, page = genkit.Image(url="https://a.b/c.png"), genkit.Document(url="https://a.b/d.pdf")
    talk = [
        Message.user("Hi", image),
        Message.assistant(ToolCall(id="1", name="f", arguments="{}")),
        Message.tool(ToolResult(id="1", content=[genkit.Text("t"), page])),
    ]
    answer = {"tokens": [1]}
    assert counted(model, talk, answer)[0].source.endswith("; images, sounds and documents (2) are not in it")
    assert "images" not in counted(model, TALK, answer)[0].source


@pytest.mark.parametrize("model", ["groq:m", "ollama:m", "responses:m", "chat:m"])
def test_where_nobody_counts_it_is_an_estimate(model: str) -> None:
    found, asked = counted(model, TALK)
    assert (found.exact, found.source) == (False, "an estimate of 4 bytes a token")
    assert 12 <= found.tokens <= 30
    assert not asked


def test_a_closed_generator_counts_no_more_than_it_answers() -> None:
    generator = genkit.Generator("chat:m", base_url="http://127.0.0.1:1")
    generator.close()
    for call in (lambda: generator.count("Hi"), generator.warm, lambda: generator.generate("Hi")):
        with pytest.raises(genkit.errors.Closed, match="the Generator was closed; make another"):
            call()
