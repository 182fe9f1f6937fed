"""What happens when a server, the network or the caller fails; rows of the fault table by number."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import resource
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from words_dialect import KEY, ask, backend, call, fold, sse

from genkit import errors
from genkit.middleware.retry import Retry
from genkit.providers.secret import Secret
from genkit.runtime.awaiting import AwaitingRuntime
from genkit.runtime.base import Timeouts
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import drive, run
from genkit.testing import Answer, Asked, LoopbackProvider, gzip_bomb

GOOD = Answer(body=sse("a", "b"), framing="chunked")
both = pytest.mark.parametrize("mode", ["sync", "async"])


def fails(script: Any, mode: str, request: Any = None, **settings: Any) -> errors.GenkitError:
    """The error of a call to a server with this script; always a typed one."""
    with (
        LoopbackProvider(script) as server,
        closing(server, **settings) as remote,
        pytest.raises(errors.GenkitError) as caught,
    ):
        call(remote, mode, request)
    return caught.value


class closing:
    def __init__(self, server: LoopbackProvider, **settings: Any) -> None:
        self.backend = backend(server.url, **settings)

    def __enter__(self) -> Any:
        return self.backend

    def __exit__(self, *_: object) -> None:
        self.backend.close()


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


# 1: no connection


@both
def test_row_1_a_refused_connection_may_be_tried_again(mode: str) -> None:
    with pytest.raises(errors.ConnectFailed) as caught:
        call(backend(f"http://127.0.0.1:{closed_port()}"), mode)
    assert (caught.value.phase, caught.value.retryable, caught.value.provider) == ("connect", True, "wordy")


@both
def test_row_1_tls_that_fails(mode: str) -> None:
    def refuse() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.sendall(b"no tls here\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(errors.ConnectFailed) as caught:
            call(backend(f"https://127.0.0.1:{listener.getsockname()[1]}"), mode)
        thread.join()
    assert (caught.value.phase, caught.value.retryable) == ("connect", True)


# 2, 3: no answer


@both
@pytest.mark.parametrize("end", ["reset", "close"])
def test_rows_2_and_3_a_connection_that_ends_before_the_head(mode: str, end: Any) -> None:
    error = fails(Answer(raw=b"", end=end), mode)
    assert isinstance(error, errors.ConnectFailed)
    assert (error.phase, error.retryable) == ("headers", True)


@both
def test_row_3_a_head_that_is_cut(mode: str) -> None:
    error = fails(Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-", end="close"), mode)
    assert isinstance(error, (errors.ConnectFailed, errors.ProtocolError))


# 4, 5: bodies


@both
def test_row_4_a_body_shorter_than_its_length(mode: str) -> None:
    body = b'{"words": ["a"], "end": "stop"}'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n"
    error = fails(Answer(raw=head + body, end="close"), mode, ask(stream=False))
    assert isinstance(error, errors.ProtocolError)
    assert error.retryable


@both
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "body", ["", "<html><h1>hello</h1></html>", "hello", "[]", "{}", "null", "3", '"a"', "[[1]]", "{"]
)
def test_row_5_a_good_status_with_no_answer_in_it(body: str, stream: bool, mode: str) -> None:
    error = fails(Answer(body=body, headers={"content-type": "application/json"}), mode, ask(stream=stream))
    assert isinstance(error, (errors.ProtocolError, errors.IncompleteStream))


@both
def test_row_5_an_error_in_a_good_status(mode: str) -> None:
    told = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
    assert isinstance(fails(Answer(body=told), mode), errors.RateLimited)


def test_row_5_a_wrong_shape_that_the_dialect_did_not_think_of() -> None:
    assert isinstance(fails(Answer(body={"words": 3}), "sync"), errors.ProtocolError)


# 6, 7, 8, 9: statuses


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequest"),
        (401, "AuthFailed"),
        (403, "AuthFailed"),
        (404, "BadRequest"),
        (413, "BadRequest"),
        (422, "BadRequest"),
    ],
)
def test_row_6_an_error_of_the_callers_own_is_not_retryable(status: int, kind: str) -> None:
    error = fails(
        Answer(status=status, body={"error": {"message": "no"}}, headers={"x-request-id": "r1"}), "sync"
    )
    assert type(error).__name__ == kind
    assert (error.status, error.retryable, error.request_id) == (status, False, "r1")


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize("body", [{"error": {"message": "later"}}, "<html>later</html>", ""])
def test_row_7_a_passing_error_is_retryable(status: int, body: Any) -> None:
    error = fails(Answer(status=status, body=body), "sync")
    assert (error.status, error.retryable) == (status, True)


@pytest.mark.parametrize(("status", "should"), [(400, "true"), (503, "false")])
def test_row_8_the_server_says_whether_to_retry(status: int, should: str) -> None:
    answer = Answer(status=status, body={"error": {"message": "x"}}, headers={"x-should-retry": should})
    assert fails(answer, "sync").retryable == (should == "true")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "1"}, 1),
        ({"retry-after": "0.3"}, 0.3),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "9999"}, 9999),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
    ],
)
def test_row_9_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    answer = Answer(status=429, body={"error": {"message": "slow down"}}, headers=headers)
    assert fails(answer, "sync").retry_after == seconds


# 2, 3, 7, 10, 15, 16: tried again


NOW = {"retry-after": "0"}
LATER = Answer(status=503, body={"error": {"message": "later"}}, headers=NOW)
RESET = Answer(raw=b"", end="reset")
HEAD_ONLY = Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", end="reset")


def retried(remote: Any, mode: str, retry: Retry) -> str:
    async def texts(runtime: Any) -> str:
        handle = retry(remote.stream)
        return "".join([getattr(event, "text", "") async for event in handle(ask(), runtime)])

    return asyncio.run(texts(AwaitingRuntime())) if mode == "async" else run(texts(BlockingRuntime()))


@both
@pytest.mark.parametrize(
    "bad",
    [LATER, RESET, HEAD_ONLY],
    ids=["row 7: 503", "rows 2 and 3: reset", "row 15: reset before content"],
)
def test_a_fault_before_any_content_is_made_good(
    bad: Answer, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: 0.0)  # no waiting
    with LoopbackProvider([bad, bad, GOOD]) as server, closing(server) as remote:
        assert retried(remote, mode, Retry()) == "ab"
    assert len(server.requests) == 3


@both
def test_row_16_a_fault_after_content_is_not_tried_again(mode: str) -> None:
    cut = Answer(body=sse("a", end=""), framing="close")
    with LoopbackProvider(cut) as server, closing(server) as remote, pytest.raises(errors.IncompleteStream):
        retried(remote, mode, Retry())
    assert len(server.requests) == 1


def test_row_10_an_outage_is_not_made_worse() -> None:
    retry = Retry()
    with LoopbackProvider(LATER) as server, closing(server) as remote:
        for _ in range(200):
            with pytest.raises(errors.ServerFailed):
                retried(remote, "sync", retry)
    assert len(server.requests) <= 200 * 1.05


# 11, 12: time


@both
@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"])
def test_row_11_a_server_that_hangs_is_left_at_the_deadline(sent: bytes, mode: str) -> None:
    start = time.monotonic()
    error = fails(Answer(raw=sent, end="hang"), mode, timeouts=Timeouts(total=0.1))
    assert isinstance(error, errors.DeadlineExceeded)
    assert 0.1 <= time.monotonic() - start < 0.6


def drip(asked: threading.Event) -> Iterator[bytes]:
    while not asked.wait(0.01):
        yield b": ping\n"


@both
def test_rows_11_and_12_pings_are_no_content(mode: str) -> None:
    over = threading.Event()
    for timeouts in (Timeouts(total=0.1), Timeouts(first=0.1)):
        error = fails(Answer(body=drip(over)), mode, timeouts=timeouts)
        assert isinstance(error, errors.DeadlineExceeded)


@both
def test_row_12_a_stream_that_falls_silent(mode: str) -> None:
    def body() -> Iterator[bytes]:
        yield sse("a", end="")
        yield from drip(threading.Event())

    error = fails(Answer(body=body()), mode, timeouts=Timeouts(idle=0.1))
    assert isinstance(error, errors.DeadlineExceeded)
    assert "idle" not in error.message
    assert error.partial is not None
    assert error.partial.text == "a"


def test_row_11_the_deadline_of_the_request_is_obeyed() -> None:
    error = fails(Answer(raw=b"", end="hang"), "sync", ask(deadline=time.monotonic() + 0.1))
    assert isinstance(error, errors.DeadlineExceeded)


# 13, 14: streams that end too early, and errors in them


@both
@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_row_13_a_stream_cut_at_any_byte_is_complete_or_an_error(framing: Any, mode: str) -> None:
    whole = Answer(body=sse("a", "b"), framing=framing)
    size = sum(map(len, whole.pieces()))
    head = size - len(sse("a", "b"))
    script = iter(
        [Answer(body=sse("a", "b"), framing=framing, cut=cut, end="close") for cut in range(head, size)]
    )
    with LoopbackProvider(lambda _: next(script)) as server, closing(server) as remote:
        seen = []
        for _ in range(head, size):
            try:
                seen.append(call(remote, mode).text)
            except errors.IncompleteStream as error:
                seen.append("" if error.partial is None else "part of " + error.partial.text)
    assert set(seen) == {"", "part of a", "part of ab", "ab"}
    assert seen == sorted(seen, key=["", "part of a", "part of ab", "ab"].index)


@both
@pytest.mark.parametrize(
    "told",
    [
        'data: {"error": {"message": "later", "code": "overloaded_error"}}\n\n',
        'event: error\ndata: {"type": "error", "error": {"message": "later"}}\n\n',
        'event: error\ndata: {"message": "later"}\n\n',
        "event: error\ndata: later\n\n",
        '{\n  "error": {\n    "message": "later"\n  }\n}\n',
    ],
)
def test_row_14_an_error_in_the_middle_of_a_stream(told: str, mode: str) -> None:
    error = fails(Answer(body=sse("a", end=told), framing="chunked"), mode)
    assert isinstance(error, errors.ServerFailed)
    assert error.message == "later"
    assert error.partial is not None
    assert error.partial.text == "a"


@both
def test_row_16_a_connection_that_breaks_after_content_brings_it_along(mode: str) -> None:
    def body() -> Iterator[bytes]:
        yield sse("a", end="")
        arrived.wait(5)

    arrived = threading.Event()

    async def read(runtime: Any) -> None:
        async for event in remote.stream(ask(), runtime):
            if getattr(event, "text", ""):
                arrived.set()

    with (
        LoopbackProvider(Answer(body=body(), framing="close", end="reset")) as server,
        closing(server) as remote,
        pytest.raises((errors.ConnectFailed, errors.IncompleteStream)) as caught,
    ):
        asyncio.run(read(AwaitingRuntime())) if mode == "async" else run(read(BlockingRuntime()))
    assert caught.value.phase == "body"
    assert len(server.requests) == 1


# 17: bytes of a stream


@both
@pytest.mark.parametrize("piece", [1, 2, 3, 7])
def test_row_17_a_stream_in_small_pieces(piece: int, mode: str) -> None:
    body = '\ufeff: hello\r\ndata:{"word":\rdata: "a\u2028"}\r\n\r\nid: 3\ndata: {"end": "stop"}\n\n'
    answer = Answer(body=body, framing="chunked", piece=piece)
    with LoopbackProvider(answer) as server, closing(server) as remote:
        assert call(remote, mode).text == "a\u2028"


@pytest.mark.parametrize("data", [b"\xff", b'{"word": "\xc3"}', b"hello", b"{", b'{"word": NaN}'])
def test_rows_17_and_19_data_that_is_not_json(data: bytes) -> None:
    assert isinstance(fails(Answer(body=b"data: " + data + b"\n\n"), "sync"), errors.ProtocolError)


# 18: sizes


def endless(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


BIG = b"x" * (1 << 20)


@both
@pytest.mark.parametrize("kind", ["line", "event", "stream", "bomb", "header", "headers", "ndjson"])
def test_row_18_what_is_too_large(kind: str, mode: str) -> None:
    many = {f"x-{n}": "x" * 60_000 for n in range(200)}
    script = {
        "line": lambda: Answer(body=endless(b"data: " + BIG)),
        "event": lambda: Answer(body=endless(b"data: " + BIG + b"\n")),
        "stream": lambda: Answer(body=endless(b": " + BIG + b"\n\n")),
        "bomb": lambda: Answer(body=gzip_bomb(200 << 20), headers={"content-encoding": "gzip"}),
        "header": lambda: Answer(headers={"x": "x" * 70_000}),
        "headers": lambda: Answer(headers=many),
        "ndjson": lambda: Answer(body=endless(BIG), headers={"content-type": "application/x-ndjson"}),
    }[kind]
    before = peak()
    assert isinstance(fails(lambda _: script(), mode), errors.TooLarge)
    assert peak() - before < 150


# 19: odd JSON


@pytest.mark.parametrize(
    "body", ["[" * 10**6, '{"end": ' + "9" * 10_000 + "}", '{"end": NaN}', '{"end": "stop']
)
def test_row_19_json_that_breaks_parsers(body: str) -> None:
    error = None
    with LoopbackProvider(Answer(body=body)) as server, closing(server) as remote:
        try:
            call(remote, "sync", ask(stream=False))
        except errors.GenkitError as caught:
            error = caught
    assert error is None or isinstance(error, errors.ProtocolError)


# 20: redirects


@both
def test_row_20_no_redirect_is_followed(mode: str) -> None:
    with LoopbackProvider(GOOD) as other:
        error = fails(Answer(status=307, headers={"location": other.url + "/x?y=z"}), mode)
    assert isinstance(error, errors.ProtocolError)
    assert error.status == 307
    assert other.url.removeprefix("http://") in error.message
    assert not other.requests


# 21: the caller leaves


@both
def test_row_21_a_stream_that_is_left_is_closed_at_once(mode: str) -> None:
    def body() -> Iterator[bytes]:
        yield sse("a", end="")
        while not over.wait(0.001):
            yield b": ping\n"

    over = threading.Event()

    async def leave() -> float:
        events = remote.stream(ask(), AwaitingRuntime())
        async for event in events:
            if getattr(event, "text", ""):
                break
        start = time.monotonic()
        await events.aclose()
        await asyncio.to_thread(server.requests[0].gone.wait, 5)
        return time.monotonic() - start

    with LoopbackProvider(Answer(body=body())) as server, closing(server) as remote:
        if mode == "async":
            took = asyncio.run(leave())
        else:
            events = drive(remote.stream(ask(), BlockingRuntime()))
            next(event for event in events if getattr(event, "text", ""))
            start = time.monotonic()
            events.close()
            server.requests[0].gone.wait(5)
            took = time.monotonic() - start
        assert server.requests[0].gone.is_set()
        over.set()
    assert took < 0.5


def test_row_21_a_cancelled_task_closes_its_connection() -> None:
    async def cancel() -> None:
        task = asyncio.create_task(fold(remote, AwaitingRuntime()))
        while not server.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(server.requests[0].gone.wait, 5)

    with LoopbackProvider(Answer(raw=b"", end="hang")) as server, closing(server) as remote:
        asyncio.run(cancel())
        assert server.requests[0].gone.is_set()


@both
def test_row_21_connections_are_used_again(mode: str) -> None:
    async def several() -> None:
        for _ in range(5):
            await fold(remote, AwaitingRuntime())

    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        if mode == "async":
            asyncio.run(several())
        else:
            for _ in range(5):
                call(remote, mode)
        assert (len(server.requests), server.connections) == (5, 1)


@both
def test_row_21_a_connection_that_the_server_closed_is_not_used_again(mode: str) -> None:
    answer = Answer(body={"words": ["a"], "end": "stop"}, end="close")
    with LoopbackProvider(answer) as server, closing(server) as remote:
        assert twice(remote, mode) == ["a", "a"]


def twice(remote: Any, mode: str) -> list[str]:
    """Two calls one after the other, in one event loop if there is one."""

    async def texts(runtime: Any) -> list[str]:
        return [(await fold(remote, runtime)).text for _ in range(2)]

    return asyncio.run(texts(AwaitingRuntime())) if mode == "async" else run(texts(BlockingRuntime()))


@both
@pytest.mark.parametrize("end", ["close", "reset"])
def test_row_3_a_kept_connection_that_ends_unanswered_is_replaced_at_once(end: Any, mode: str) -> None:
    with LoopbackProvider([GOOD, Answer(raw=b"", end=end), GOOD]) as server, closing(server) as remote:
        assert twice(remote, mode) == ["ab", "ab"]
    assert (len(server.requests), server.connections) == (3, 2)


@both
def test_row_3_the_replacement_is_made_once_and_recorded(mode: str) -> None:
    lost = Answer(raw=b"", end="close")
    with (
        LoopbackProvider([GOOD, lost]) as server,
        closing(server) as remote,
        pytest.raises(errors.ConnectFailed) as caught,
    ):
        twice(remote, mode)
    assert len(server.requests) == 3
    assert [type(error) for error in caught.value.attempts] == [errors.ConnectFailed]


@both
def test_row_3_a_kept_connection_that_had_begun_to_answer_is_not_replaced(mode: str) -> None:
    cut = Answer(raw=b"HTTP/1.1 200 OK\r\n", end="close")
    with (
        LoopbackProvider([GOOD, cut]) as server,
        closing(server) as remote,
        pytest.raises(errors.ConnectFailed),
    ):
        twice(remote, mode)
    assert len(server.requests) == 2


# 22: keys


def echo(asked: Asked) -> Answer:
    return Answer(status=401, body={"error": {"message": f"wrong key: {asked.headers['authorization']}"}})


@both
def test_row_22_the_key_shows_nowhere(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    for script in (echo, Answer(raw=b"", end="close"), Answer(body="<html>"), Answer(raw=b"junk\r\n\r\n")):
        error = fails(script, mode)
        shown += [str(error), repr(error), repr(vars(error))]
        shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
        shown.append(repr(pickle.dumps(error)))
    remote = backend("http://127.0.0.1:1")
    shown += [repr(remote), repr(vars(remote)), caplog.text]
    remote.close()
    own = [line for line in shown if "test_faults" not in line and "words_dialect" not in line]
    assert not [line for line in own if KEY in line]


def test_row_22_a_key_cannot_be_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(backend("http://127.0.0.1:1")._endpoint._key)


BAD_KEYS = ("line\nbreak-0123", "schl\u00fcssel\u2028-0123")  # not in a frame: frames are looked at


@both
@pytest.mark.parametrize("number", [0, 1])
def test_row_22_a_key_that_no_header_can_hold(number: int, mode: str) -> None:
    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        remote._endpoint._key = Secret(BAD_KEYS[number])
        with pytest.raises(errors.BadRequest) as caught:
            call(remote, mode)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "-0123" not in shown


# 23, 24: clocks and processes


def test_row_23_a_clock_that_jumps_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 9e9)
    with LoopbackProvider(GOOD) as server, closing(server, timeouts=Timeouts(total=5)) as remote:
        assert call(remote, "sync").text == "ab"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_row_24_a_forked_child_opens_connections_of_its_own() -> None:
    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        assert call(remote, "sync").text == "ab"
        child = os.fork()
        if not child:
            try:
                os._exit(0 if call(remote, "sync").text == "ab" else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert call(remote, "sync").text == "ab"
        assert server.connections == 2


def test_row_24_many_threads_and_loops_at_once() -> None:
    texts: list[str] = []

    def work(mode: str) -> None:
        texts.extend(call(remote, mode).text for _ in range(5))

    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        threads = [threading.Thread(target=work, args=(mode,)) for mode in ["sync", "async"] * 6]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts == ["ab"] * 60


def test_closing_ends_calls_that_run_and_refuses_new_ones() -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            call(remote, "sync")
        except errors.GenkitError as error:
            failed.append(error)

    with LoopbackProvider(Answer(raw=b"", end="hang")) as server:
        remote = backend(server.url)
        thread = threading.Thread(target=work)
        thread.start()
        while not server.requests:
            pass
        remote.close()
        thread.join(5)
        assert [type(error) for error in failed] == [errors.Closed]
        with pytest.raises(errors.Closed):
            call(remote, "sync")
