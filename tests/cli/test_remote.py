"""The command line on remote models, served from this machine."""

from __future__ import annotations

import json

import pytest

import genkit
from genkit.testing import Answer, LoopbackProvider

from .conftest import Run, problems


def said(*pieces: str, reason: str = "stop") -> Answer:
    """A streamed answer, as Chat Completions has it."""
    steps = [*((piece, None) for piece in pieces), ("", reason)]
    chunks = [
        {"model": "m", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": ended}]}
        for text, ended in steps
    ]
    lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return Answer(body=f"{lines}data: [DONE]\n\n", headers={"content-type": "text/event-stream"})


def test_run_asks_the_model(run: Run) -> None:
    with LoopbackProvider(said("Hello", " there")) as server:
        model = ("-m", "chat:any", "--base-url", server.url)
        options = ["--max-tokens", "9", "--temperature", "0.5", "--seed", "7", "--stop", "x", "--stop", "y"]
        done = run("run", "Hi", *model, "--system", "Be kind.", *options)
    assert (done.stdout, done.stderr, done.returncode) == ("Hello there\n", "", 0)
    asked = server.requests[0].json
    assert [message["content"] for message in asked["messages"]] == ["Be kind.", "Hi"]
    assert (asked["model"], asked["temperature"]) == ("any", 0.5)
    assert (asked["max_tokens"], asked["seed"], asked["stop"]) == (9, 7, ["x", "y"])


def test_chat_sends_the_whole_conversation(run: Run) -> None:
    with LoopbackProvider([said("one"), said("two")]) as server:
        done = run("chat", "-m", "chat:any", "--base-url", server.url, stdin="first\nsecond\n")
    assert (done.stdout, done.stderr, done.returncode) == ("one\ntwo\n", "", 0)
    sent = [message["content"] for message in server.requests[1].json["messages"]]
    assert sent == ["first", "one", "second"]


def test_json_is_the_response(run: Run) -> None:
    body = {"model": "m", "choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}]}
    with LoopbackProvider(Answer(body=body)) as server:
        done = run("run", "Hi", "-m", "chat:any", "--base-url", server.url, "--json")
    assert genkit.loads(genkit.Response, done.stdout).text == "Hello"


@pytest.mark.parametrize(
    ("reason", "told"),
    [("length", "--max-tokens may set a larger one"), ("content_filter", "a content filter")],
)
def test_an_answer_cut_by_the_provider_is_told_of(run: Run, reason: str, told: str) -> None:
    with LoopbackProvider(said("Hello", reason=reason)) as server:
        done = run("run", "Hi", "-m", "chat:any", "--base-url", server.url)
    assert (done.stdout, done.returncode) == ("Hello\n", 0)
    assert told in done.stderr


def test_a_model_that_declines_is_heard(run: Run) -> None:
    message = {"content": None, "refusal": "I would rather not."}
    body = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    with LoopbackProvider(Answer(body=body)) as server:
        done = run("run", "Hi", "-m", "chat:any", "--base-url", server.url)
    assert "the model declined: I would rather not." in done.stderr


@pytest.mark.parametrize("options", [["run", "Hi"], ["run", "Hi", "--json"], ["chat"]])
def test_an_answer_that_ends_with_an_error_is_one(run: Run, options: list[str]) -> None:
    candidate = {"content": {"parts": [{"text": "Hel"}]}, "finishReason": "MALFORMED_FUNCTION_CALL"}
    told = {"candidates": [candidate]}
    streamed = Answer(body=f"data: {json.dumps(told)}\n\n", headers={"content-type": "text/event-stream"})
    with LoopbackProvider(Answer(body=told) if "--json" in options else streamed) as server:
        model = ("-m", "gemini:any", "--base-url", server.url)
        done = run(*options, *model, stdin="Hi\n", GEMINI_API_KEY="key")
    assert (done.returncode, "Hel" in done.stdout) == (1, True)
    assert "MALFORMED_FUNCTION_CALL" in problems(done.stderr)[0]


def test_a_missing_key_is_named(run: Run) -> None:
    done = run("run", "Hi", "-m", "openai:any", OPENAI_API_KEY="")
    assert (len(problems(done.stderr)), done.returncode) == (1, 1)
    assert "OPENAI_API_KEY" in done.stderr


def test_what_only_a_local_model_takes_is_refused(run: Run) -> None:
    done = run("run", "Hi", "-m", "openai:any", "--context", "100", OPENAI_API_KEY="key")
    assert (len(problems(done.stderr)), done.returncode) == (1, 1)
    assert "does not take context" in done.stderr


def test_a_server_that_says_no_is_one_line(run: Run) -> None:
    with LoopbackProvider(Answer(status=401, body={"error": {"message": "wrong key"}})) as server:
        done = run("run", "Hi", "-m", "chat:any", "--base-url", server.url)
    assert (len(problems(done.stderr)), done.stdout.strip(), done.returncode) == (1, "", 1)
    assert "wrong key" in done.stderr


def test_an_error_says_whose_it_is_and_how_often_it_was_tried(run: Run) -> None:
    with LoopbackProvider(Answer(status=500, body="oops", headers={"retry-after": "0"})) as server:
        done = run("run", "Hi", "-m", "chat:any", "--base-url", server.url)
    assert problems(done.stderr) == ["genkit: error: oops (chat, status 500, after 3 tries)"]


def test_a_conversation_that_no_longer_fits_is_told_in_the_servers_words(run: Run) -> None:
    error = {"message": "maximum context length is 8 tokens", "code": "context_length_exceeded"}
    with LoopbackProvider(Answer(status=400, body={"error": error})) as server:
        done = run("chat", "-m", "chat:any", "--base-url", server.url, stdin="Hi\n")
    told = "the conversation no longer fits: maximum context length is 8 tokens (chat, status 400)"
    assert problems(done.stderr) == [f"genkit: error: {told}; /clear starts anew"]
