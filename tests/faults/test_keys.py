"""Row 22 of the fault table: a key shows nowhere."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest
from serving import GOOD, both, closing, fails
from words_dialect import KEY, backend, call

import genkit
from genkit import errors
from genkit.providers.secret import Secret, SecretHeaders, scrub
from genkit.testing import Answer, Asked, LoopbackProvider

CANARY = "sk-canary-9876543210"
OURS = str(Path(genkit.__file__).parent)


def echo(asked: Asked) -> Answer:
    key = asked.headers["authorization"]
    return Answer(status=401, body={"error": {"message": f"wrong key: {key}", "code": key, "type": key}})


def echo_in_stream(asked: Asked) -> Answer:
    key = asked.headers["authorization"]
    return Answer(body=f'data: {{"error": {{"message": "wrong key: {key}", "code": "{key}"}}}}\n\n')


def frames(error: BaseException) -> list[str]:
    """The locals of genkit's own frames, of the error and all that led to it."""
    seen: list[str] = []
    pending: list[Any] = [traceback.TracebackException.from_exception(error, capture_locals=True)]
    while pending:
        told = pending.pop()
        seen += [repr(frame.locals) for frame in told.stack if frame.filename.startswith(OURS)]
        seen += list(told.format_exception_only())
        pending += [link for link in (told.__cause__, told.__context__) if link is not None]
    return seen


def views(thing: Any) -> list[str]:
    """How an object may be looked at."""
    held = getattr(thing, "__dict__", {})
    within = [repr(vars(value)) for value in held.values() if hasattr(value, "__dict__")]
    return [str(thing), repr(thing), repr(held), *within]


async def _astream(generator: genkit.Generator) -> None:
    async with generator.astream("hi") as stream:
        async for _ in stream:
            pass


def failure(generator: genkit.Generator, mode: str) -> tuple[errors.GenkitError, list[str]]:
    """The error of a call, and what it and the Generator show of themselves."""
    with generator, pytest.raises(errors.GenkitError) as caught:
        if mode == "async":
            asyncio.run(_astream(generator))
        else:
            generator.generate("hi")
    error = caught.value
    return error, [*views(generator), *views(generator._backend), *views(error), *frames(error)]


KEYS = pytest.mark.parametrize("key", [CANARY, lambda: CANARY], ids=["text", "function"])


@both
@KEYS
@pytest.mark.parametrize(
    "script",
    [
        echo,
        echo_in_stream,
        Answer(raw=b"", end="close"),
        Answer(body="<html>"),
        Answer(raw=b"junk\r\n\r\n"),
        Answer(status=500, body="x"),
        Answer(body={"choices": 3}),
    ],
    ids=["echo", "echo in a stream", "closed", "HTML", "junk", "500", "wrong shape"],
)
@pytest.mark.parametrize("vendor", ["chat", "openai", "anthropic", "gemini"])
def test_row_22_a_canary_is_found_nowhere(
    vendor: str, script: Any, mode: str, key: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def asked_by_any_header(asked: Asked) -> Answer:
        held = [value for value in asked.headers.values() if CANARY in value]
        assert held, "the key did not travel"
        asked.headers["authorization"] = held[0]  # type: ignore[index]
        return script(asked) if callable(script) else script

    with LoopbackProvider(asked_by_any_header) as server:
        generator = genkit.Generator(f"{vendor}:m", base_url=server.url, api_key=key, attempts=1)
        caught, shown = failure(generator, mode)
    shown += [
        caplog.text,
        repr([vars(record) for record in caplog.records]),
        repr(pickle.dumps(caught)),
    ]
    assert len(shown) > 6
    assert not [text for text in shown if CANARY in text]


@pytest.mark.parametrize(("status", "end"), [(200, 200), (400, 1000)])
def test_row_22_of_a_key_that_a_message_would_cut_short_no_more_is_told(status: int, end: int) -> None:
    sizes = range(12, len(CANARY), 3)
    answers = [Answer(status=status, body="x" * (end - size) + CANARY) for size in sizes]
    with LoopbackProvider(answers) as server:
        for _ in sizes:
            generator = genkit.Generator("chat:m", base_url=server.url, api_key=CANARY, attempts=1)
            assert CANARY[:12] not in str(failure(generator, "sync")[0])


@both
def test_row_22_a_good_answer_shows_no_key(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        response = call(remote, mode)
        shown = [*views(remote), *views(response), genkit.dumps(response), repr(pickle.dumps(response))]
    assert not [text for text in [*shown, caplog.text] if KEY in text]


def test_row_22_a_key_cannot_be_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(backend("http://127.0.0.1:1")._endpoint._key)


@both
def test_row_22_a_key_goes_to_no_other_server(mode: str) -> None:
    with LoopbackProvider(GOOD) as other:
        fails(Answer(status=307, headers={"location": other.url}), mode)
    assert not other.requests


BAD_KEYS = ("line\nbreak-0123", "schl\u00fcssel\u2028-0123")  # not in a frame: frames are looked at


@pytest.mark.parametrize("number", [0, 1])
def test_row_22_a_key_that_no_header_can_hold(number: int) -> None:
    with pytest.raises(errors.ConfigError, match="the key holds a blank") as caught:
        Secret(BAD_KEYS[number])
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "-0123" not in shown


def test_row_22_what_local_servers_take_for_a_key_is_no_secret() -> None:
    assert scrub("the call took longer", ["k"]) == "the call took longer"
    assert scrub("no key sk-12345", ["Bearer sk-12345"]) == "no key ***"
    assert scrub("sk-1234567, sk-12345", ["sk-12345", "sk-1234567"]) == "***, ***"
    assert scrub("no session 0123456789", ["session=0123456789; theme=dark"]) == "no session ***"


def echo_all(asked: Asked) -> Answer:
    told = {name: asked.headers[name] for name in ("authorization", "x-gateway") if name in asked.headers}
    return Answer(status=400, body={"error": {"message": f"bad: {told}", "code": str(told)}})


@both
@pytest.mark.parametrize("script", [echo_all, Answer(raw=b"", end="close"), Answer(raw=b"junk\r\n\r\n")])
@pytest.mark.parametrize("vendor", ["chat", "openai", "anthropic", "gemini"])
def test_row_22_what_a_header_holds_is_found_nowhere(
    vendor: str, script: Any, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": f"Bearer {CANARY}", "X-Gateway": f"{CANARY} it is"}
    with LoopbackProvider(script) as server:
        generator = genkit.Generator(f"{vendor}:m", base_url=server.url, headers=headers, attempts=1)
        caught, shown = failure(generator, mode)
        (asked,) = server.requests
    assert (asked.headers["authorization"], asked.headers["x-gateway"]) == tuple(headers.values())
    shown += [caplog.text, repr(pickle.dumps(caught))]
    assert not [text for text in shown if CANARY in text]


@both
def test_row_22_headers_go_to_no_other_server(mode: str) -> None:
    given = SecretHeaders({"X-Gateway": CANARY})
    with LoopbackProvider(GOOD) as other:
        error = fails(Answer(status=307, headers={"location": other.url}), mode, headers=given)
    assert "redirects" in error.message
    assert not other.requests


BAD_HEADERS: tuple[tuple[Any, str], ...] = (  # not in a frame: frames are looked at
    ([("x", CANARY)], "takes a mapping of names to texts, not list"),
    ({f"x: {CANARY}": "1"}, "takes names of letters"),
    ({1: CANARY}, "takes names of letters"),
    ({"": CANARY}, "takes names of letters"),
    ({"x-a": CANARY.encode()}, "takes text for 'x-a', not bytes"),
    ({"x-a": f"{CANARY}\r\nx-b: 1"}, "takes no line break"),
    ({"x-a": f"{CANARY}\n"}, "takes no line break"),
    ({"x-a": f"{CANARY}\u20ac"}, "takes no .* letter beyond Latin-1"),
    ({"x-a": " "}, "has nothing for 'x-a'"),
    ({"x-a": CANARY, "X-A": CANARY}, "names 'X-A' twice"),
    ({"Content-Length": "3"}, "takes no 'Content-Length'"),
)


@pytest.mark.parametrize("number", range(len(BAD_HEADERS)))
def test_row_22_headers_that_http_does_not_take_are_refused_and_not_shown(number: int) -> None:
    with pytest.raises(errors.ConfigError, match=f"headers {BAD_HEADERS[number][1]}") as caught:
        SecretHeaders(BAD_HEADERS[number][0])
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert CANARY not in shown


def test_row_22_headers_cannot_be_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(SecretHeaders({"x-a": CANARY}))


def test_a_key_may_be_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", " from-outside\n")
    hello = {"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    answers = Answer(body={"choices": [{"index": 0, **hello}]})
    with LoopbackProvider(answers) as server, genkit.Generator("groq:m", base_url=server.url) as generator:
        assert generator.generate("hi").text == "hello"
    assert server.requests[0].headers["authorization"] == "Bearer from-outside"
