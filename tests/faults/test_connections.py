"""Rows 1 to 4 of the fault table: no connection, no answer, half an answer."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from serving import GOOD, both, closed_port, closing, fails, retried
from words_dialect import ask, backend, call, fold

from genkit import errors
from genkit.middleware.retry import Retry
from genkit.response import Response
from genkit.runtime.awaiting import AwaitingRuntime
from genkit.runtime.base import Runtime
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import run
from genkit.testing import Answer, LoopbackProvider

CLOSED, RESET = Answer(raw=b"", end="close"), Answer(raw=b"", end="reset")


def cannot_connect(url: str, mode: str) -> errors.ConnectFailed:
    with pytest.raises(errors.ConnectFailed) as caught:
        call(backend(url), mode)
    assert (caught.value.phase, caught.value.retryable, caught.value.provider) == ("connect", True, "wordy")
    return caught.value


@both
def test_row_01_a_refused_connection(mode: str) -> None:
    cannot_connect(f"http://127.0.0.1:{closed_port()}", mode)


@both
def test_row_01_a_name_that_nobody_has(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "genkit.invalid" in cannot_connect("http://genkit.invalid", mode).message


@pytest.mark.skipif(os.name == "nt", reason="files have no such limit there")
@both
def test_row_01_a_program_that_may_open_no_more_files(mode: str) -> None:
    resource = importlib.import_module("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def without_files(runtime: Runtime) -> None:
        os.close(lowest := os.open(os.devnull, os.O_RDONLY))
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
        try:
            await fold(backend(f"http://127.0.0.1:{port}"), runtime)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        call(remote, mode)  # loads what calls need
    port = closed_port()
    with pytest.raises(errors.ConnectFailed, match="may open no more files") as caught:
        if mode == "sync":
            run(without_files(BlockingRuntime()))
        else:
            asyncio.run(without_files(AwaitingRuntime()))
    assert (caught.value.phase, caught.value.retryable) == ("connect", False)


@both
def test_row_01_a_server_that_speaks_no_tls(mode: str) -> None:
    def refuse() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.sendall(b"no tls here\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse)
        thread.start()
        cannot_connect(f"https://127.0.0.1:{listener.getsockname()[1]}", mode)
        thread.join()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
@both
def test_row_01_a_certificate_that_nobody_vouches_for(mode: str, tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    options = "req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    command = ["openssl", *options.split(), "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    seen = []

    def serve() -> None:
        sock, _ = listener.accept()
        with contextlib.suppress(OSError), tls.wrap_socket(sock, server_side=True) as secure:
            seen.append(secure.recv(1))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        error = cannot_connect(f"https://127.0.0.1:{listener.getsockname()[1]}", mode)
        thread.join()
    assert "certificate" in error.message
    assert not any(seen)


@both
def test_row_01_it_is_tried_again_within_the_deadline(mode: str) -> None:
    with closing(f"http://127.0.0.1:{closed_port()}") as remote:
        outcome = retried(remote, mode, Retry())
        hasty = retried(remote, mode, Retry(), ask(deadline=time.monotonic() + 0.3))  # no time for a wait
    assert [type(error) for error in outcome.error.attempts] == [errors.ConnectFailed] * 2
    assert (len(outcome.waits), hasty.waits) == (2, [])
    assert isinstance(hasty.error, errors.ConnectFailed)


@both
@pytest.mark.parametrize("lost", [RESET, CLOSED], ids=["reset", "closed"])
def test_rows_02_and_03_a_connection_that_ends_before_the_head(mode: str, lost: Answer) -> None:
    error = fails(lost, mode)
    assert isinstance(error, errors.ConnectFailed)
    assert (error.phase, error.retryable) == ("headers", True)


@both
@pytest.mark.parametrize("lost", [RESET, CLOSED], ids=["reset", "closed"])
def test_rows_02_and_03_it_is_tried_again_if_the_caller_wants_that(mode: str, lost: Answer) -> None:
    with LoopbackProvider([lost, lost, GOOD]) as server, closing(server) as remote:
        outcome = retried(remote, mode, Retry())
    assert outcome.text == "ab"
    assert ["may have been served" in warning for warning in outcome.warnings] == [True] * 2
    assert len(server.requests) == 3
    with LoopbackProvider(lost) as server, closing(server) as remote:
        assert retried(remote, mode, Retry(1)).waits == []
    assert len(server.requests) == 1


@both
def test_row_03_every_request_without_an_answer_is_recorded(mode: str) -> None:
    with LoopbackProvider(CLOSED) as server, closing(server) as remote:
        error = retried(remote, mode, Retry()).error
    assert [attempt.phase for attempt in (*error.attempts, error)] == ["headers"] * 3
    assert len(server.requests) == 3


@both
def test_row_03_a_head_that_is_cut(mode: str) -> None:
    error = fails(Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-", end="close"), mode)
    assert isinstance(error, errors.ConnectFailed)
    assert (error.phase, error.retryable) == ("headers", True)


def twice(remote: Any, mode: str) -> list[Response]:
    """Two calls one after the other, in one event loop if there is one."""

    async def both_of(runtime: Any) -> list[Response]:
        return [await fold(remote, runtime) for _ in range(2)]

    return asyncio.run(both_of(AwaitingRuntime())) if mode == "async" else run(both_of(BlockingRuntime()))


@both
@pytest.mark.parametrize("lost", [RESET, CLOSED], ids=["reset", "closed"])
def test_row_03_a_kept_connection_that_ends_unanswered_is_replaced_at_once(lost: Answer, mode: str) -> None:
    with LoopbackProvider([GOOD, lost, GOOD]) as server, closing(server) as remote:
        first, second = twice(remote, mode)
    assert (first.text, second.text) == ("ab", "ab")
    assert ["may have been served" in "".join(answer.warnings) for answer in (first, second)] == [False, True]
    assert (len(server.requests), server.connections) == (3, 2)


@both
def test_row_03_the_replacement_is_made_once_and_recorded(mode: str) -> None:
    with (
        LoopbackProvider([GOOD, CLOSED]) as server,
        closing(server) as remote,
        pytest.raises(errors.ConnectFailed) as caught,
    ):
        twice(remote, mode)
    assert len(server.requests) == 3
    assert [type(error) for error in caught.value.attempts] == [errors.ConnectFailed]


@both
def test_row_03_a_kept_connection_that_had_begun_to_answer_is_not_replaced(mode: str) -> None:
    cut = Answer(raw=b"HTTP/1.1 200 OK\r\n", end="close")
    with (
        LoopbackProvider([GOOD, cut]) as server,
        closing(server) as remote,
        pytest.raises(errors.ConnectFailed),
    ):
        twice(remote, mode)
    assert len(server.requests) == 2


@both
def test_row_04_a_body_shorter_than_its_length(mode: str) -> None:
    body = b'{"words": ["a"], "end": "stop"}'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n"
    short = Answer(raw=head + body, end="close")
    whole = Answer(body={"words": ["a"], "end": "stop"})
    with LoopbackProvider([short, whole]) as server, closing(server) as remote:
        outcome = retried(remote, mode, Retry(1), ask(stream=False))
        assert isinstance(outcome.error, errors.ProtocolError)
        assert outcome.error.retryable
    with LoopbackProvider([short, whole]) as server, closing(server) as remote:
        assert retried(remote, mode, Retry(), ask(stream=False)).text == "a"
