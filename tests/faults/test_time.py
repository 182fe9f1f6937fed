"""Rows 11, 12 and 23 of the fault table: deadlines, silence, and clocks that jump.

A server that hangs does so for ever: a call that ends was ended by its limit. How soon, the bounds here tell
only very roughly, since the machine may be busy; ``benchmarks/reaction.py`` measures it.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from serving import GOOD, both, closing, fails, retried
from words_dialect import ask, call, sse

import genkit
from genkit import errors
from genkit.middleware.retry import Retry
from genkit.providers import endpoint
from genkit.runtime.base import Limits, Timeouts
from genkit.testing import Answer, LoopbackProvider

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


def pings(first: bytes = b"") -> Iterator[bytes]:
    yield first or b": ping\n\n"
    while True:
        time.sleep(0.01)
        yield b": ping\n\n"


@both
@pytest.mark.parametrize(
    "sent", [b"", HEAD[:9], HEAD, HEAD + sse("a", end="")], ids=["nothing", "part", "head", "a"]
)
def test_row_11_a_server_that_hangs_is_left_at_the_deadline(sent: bytes, mode: str) -> None:
    start = time.monotonic()
    error = fails(Answer(raw=sent, end="hang"), mode, timeouts=Timeouts(total=0.1))
    assert isinstance(error, errors.DeadlineExceeded)
    assert "longer than its timeout" in error.message
    assert 0.1 <= time.monotonic() - start < 30


@both
def test_row_11_a_server_that_drips_is_left_at_the_deadline(mode: str) -> None:
    for body in (pings(), pings(sse("a", end=""))):
        start = time.monotonic()
        error = fails(Answer(body=body), mode, timeouts=Timeouts(total=0.1))
        assert isinstance(error, errors.DeadlineExceeded)
        assert "longer than its timeout" in error.message
        assert time.monotonic() - start < 30


def test_row_11_a_name_that_is_looked_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def unknown(*_: Any, **__: Any) -> Any:
        end.wait(60)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    start = time.monotonic()
    with closing("http://genkit.invalid", timeouts=Timeouts(total=0.1)) as remote:
        with pytest.raises(errors.DeadlineExceeded) as caught:
            call(remote, "sync")  # asyncio looks names up in a thread in any case
        assert caught.value.phase == "connect"
    assert time.monotonic() - start < 30
    end.set()


@both
def test_row_11_the_deadline_of_the_request_is_obeyed(mode: str) -> None:
    error = fails(Answer(raw=b"", end="hang"), mode, ask(deadline=time.monotonic() + 0.1))
    assert isinstance(error, errors.DeadlineExceeded)


@both
def test_row_11_all_tries_and_waits_share_one_timeout(mode: str) -> None:
    later = Answer(status=503, body={"error": {"message": "later"}}, headers={"retry-after": "1"})
    with LoopbackProvider([later, GOOD]) as server, closing(server) as remote:
        outcome = retried(remote, mode, Retry(timeout=0.9))
        assert isinstance(outcome.error, errors.ServerFailed)
        assert outcome.waits == []  # a second is not left
    hang = Answer(raw=b"", end="hang")
    with LoopbackProvider([Answer(raw=b"", end="close"), hang]) as server, closing(server) as remote:
        error = retried(remote, mode, Retry(timeout=2)).error
        assert isinstance(error, errors.DeadlineExceeded)
        assert len(error.attempts) == 1


def test_row_11_the_timeout_of_a_generator_is_for_the_whole_call() -> None:
    for timeout in (0.1, 1, 10, 60):  # in which the first call also loads what it needs, before it asks
        with (
            LoopbackProvider(Answer(raw=b"", end="hang")) as server,
            genkit.Generator("chat:m", base_url=server.url, timeout=timeout) as generator,
            pytest.raises(errors.DeadlineExceeded, match="longer than its timeout"),
        ):
            generator.generate("hi")
        if server.requests:
            break
    assert len(server.requests) == 1


def test_row_11_a_generator_waits_for_no_try_that_would_be_too_late() -> None:
    later = Answer(status=429, headers={"retry-after": "5"}, body={})
    with (
        LoopbackProvider([later, GOOD]) as server,
        genkit.Generator("chat:m", base_url=server.url, timeout=4) as generator,
        pytest.raises(errors.RateLimited),
    ):
        generator.generate("hi")
    assert len(server.requests) == 1


def test_a_generator_that_is_closed_waits_for_no_other_try(caplog: pytest.LogCaptureFixture) -> None:
    class Closing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert "tried again in 20.0 s" in record.getMessage()
            generator.close()

    later = Answer(status=429, headers={"retry-after": "20"}, body={})
    caplog.set_level("INFO", "genkit")
    logging.getLogger("genkit").addHandler(handler := Closing())
    start = time.monotonic()
    with LoopbackProvider(later) as server:
        generator = genkit.Generator("chat:m", base_url=server.url)
        with pytest.raises(errors.Closed):
            generator.generate("hi")
    logging.getLogger("genkit").removeHandler(handler)
    assert time.monotonic() - start < 20


def test_a_generator_takes_its_limits_one_by_one() -> None:
    begun = HEAD + b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n'
    with (
        LoopbackProvider(Answer(raw=begun, end="hang")) as server,
        genkit.Generator("chat:m", base_url=server.url, timeout=Timeouts(idle=0.1)) as generator,
        pytest.raises(errors.DeadlineExceeded, match=r"no more content for 0\.1 s"),
    ):
        generator.generate("hi")


@both
def test_row_12_pings_are_no_content(mode: str) -> None:
    error = fails(Answer(body=pings()), mode, timeouts=Timeouts(first=0.1))
    assert isinstance(error, errors.DeadlineExceeded)
    assert (error.retryable, error.partial) == (True, None)


@both
@pytest.mark.parametrize("ping", [True, False])
def test_row_12_a_stream_that_falls_silent(ping: bool, mode: str) -> None:
    start = sse("a", end="")
    answer = Answer(body=pings(start)) if ping else Answer(raw=HEAD + start, end="hang")
    error = fails(answer, mode, timeouts=Timeouts(idle=0.1))
    assert isinstance(error, errors.DeadlineExceeded)
    assert "no more content for 0.1 s" in error.message
    assert error.partial is not None
    assert error.partial.text == "a"


@pytest.mark.parametrize(
    ("phase", "heard", "message"),
    [
        (
            "connect",
            False,
            "no connection within 1 s; look at the address, or give it more (genkit.Timeouts(connect=))",
        ),
        ("headers", False, "no content within 2 s; give it more (genkit.Timeouts(first=))"),
        ("headers", True, "no more content for 3 s; give it more (genkit.Timeouts(idle=))"),
    ],
)
def test_row_11_what_was_too_late_is_told_with_its_limit(
    monkeypatch: pytest.MonkeyPatch, phase: str, heard: bool, message: str
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    limits = Limits(Timeouts(total=4.5, connect=1, first=2, idle=3))
    limits.enter(phase)
    limits.heard = heard
    limits.left()
    now += 3
    with pytest.raises(errors.GenkitError) as raised:
        limits.left()
    assert raised.value.message == message
    limits.heard, now = True, now + 1.5
    with pytest.raises(errors.DeadlineExceeded, match=r"its last try 4\.5 s; give it more \(timeout=\)$"):
        limits.left()


def test_row_12_by_default_five_minutes_of_silence_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    limits = Limits(Timeouts())
    limits.heard = True
    assert limits.left() == 300
    now += 299
    assert limits.left() == 1
    now += 1
    with pytest.raises(errors.DeadlineExceeded, match="no more content for 300 s"):
        limits.left()


@both
def test_row_23_a_clock_that_jumps_changes_nothing(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jumps = (10**9 + (-1) ** number * number * 10**6 for number in count())  # to and fro
    monkeypatch.setattr(time, "time", lambda: float(next(jumps)))
    with LoopbackProvider(GOOD) as server, closing(server, timeouts=Timeouts(total=60)) as remote:
        assert call(remote, mode).text == "ab"
        assert retried(remote, mode, Retry(timeout=60)).text == "ab"


def test_row_23_a_connection_from_before_the_machine_slept_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time()
    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        assert [call(remote, "sync").text for _ in range(2)] == ["ab"] * 2
        assert server.connections == 1
        monkeypatch.setattr(time, "time", lambda: now + 8 * 3600)  # the monotonic clock stood still
        assert call(remote, "sync").text == "ab"
        assert server.connections == 2


@both
def test_row_07_what_a_server_says_beside_its_status_is_not_waited_for(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "_LONGEST_ERROR", 0.1)
    head = b"HTTP/1.1 503 Busy\r\ncontent-length: 100\r\n\r\nbusy"
    start = time.monotonic()
    error = fails(Answer(raw=head, end="hang"), mode, timeouts=Timeouts(total=60))
    assert isinstance(error, errors.ServerFailed)
    assert (error.status, error.retryable) == (503, True)
    assert time.monotonic() - start < 30


def test_what_was_heard_gives_no_time_to_what_has_to_hurry() -> None:
    limits = Limits(Timeouts())
    limits.heard = True
    limits.hurry(1)
    assert (limits.left() or 2) <= 1
    limits.hurry(100)
    assert (limits.left() or 2) <= 1


@both
def test_a_limit_longer_than_systems_can_wait_is_none(mode: str) -> None:
    limits = Timeouts(total=1e300, idle=1e300)
    assert 0 < (Limits(limits).left() or 0) < 2**31 / 1000  # Windows counts milliseconds
    with LoopbackProvider(GOOD) as server, closing(server, timeouts=limits) as remote:
        assert call(remote, mode).text == "ab"


@both
def test_without_limits_a_call_takes_as_long_as_it_takes(mode: str) -> None:
    limits = Timeouts(total=None, connect=None, first=None, idle=None)
    with LoopbackProvider(GOOD) as server, closing(server, timeouts=limits) as remote:
        assert call(remote, mode).text == "ab"
