"""The provider for tests: it serves what it is told, and remembers what it was asked."""

from __future__ import annotations

import http.client
import socket
import zlib
from typing import Any

import pytest

from genkit.testing import Answer, LoopbackProvider, gzip_bomb


def post(server: LoopbackProvider, body: bytes = b'{"a": 1}') -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    try:
        connection.request("POST", "/v1/x?y=z", body, {"X-Mine": "1"})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def everything(server: LoopbackProvider) -> bytes:
    """All bytes of the answer to a request."""
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        received = b""
        while piece := sock.recv(65536):
            received += piece
        return received


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("piece", [None, 1, 5])
def test_an_answer_arrives_as_it_was_scripted(framing: Any, piece: int | None) -> None:
    answer = Answer(body=b"data: hello\n\n", status=201, headers={"X-A": "b"}, framing=framing, piece=piece)
    with LoopbackProvider(answer) as server:
        status, headers, body = post(server)
    assert (status, headers["x-a"], body) == (201, "b", b"data: hello\n\n")
    assert headers["content-type"] == "text/event-stream"


def test_it_remembers_what_it_was_asked() -> None:
    with LoopbackProvider(Answer(body={"ok": True})) as server:
        assert post(server)[2] == b'{"ok": true}'
    (asked,) = server.requests
    assert (asked.method, asked.path, asked.json, asked.headers["x-mine"]) == (
        "POST",
        "/v1/x?y=z",
        {"a": 1},
        "1",
    )


def test_answers_in_order_and_by_a_function() -> None:
    with LoopbackProvider([Answer(body="1"), Answer(body="2")]) as server:
        assert [post(server)[2] for _ in range(3)] == [b"1", b"2", b"2"]
    with LoopbackProvider(lambda asked: Answer(body=asked.body)) as server:
        assert post(server, b"echo")[2] == b"echo"


def test_an_answer_that_is_cut() -> None:
    whole = b"".join(Answer(body="hello").pieces())
    for cut in range(1, len(whole)):
        with LoopbackProvider(Answer(body="hello", cut=cut, end="close")) as server:
            assert everything(server) == whole[:cut]


def test_a_reset() -> None:
    with LoopbackProvider(Answer(raw=b"", end="reset")) as server, pytest.raises(ConnectionResetError):
        everything(server)


def test_an_answer_that_hangs_until_it_is_released() -> None:
    with LoopbackProvider(Answer(raw=b"half", end="hang")) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert sock.recv(4, socket.MSG_WAITALL) == b"half"
            server.release()
            assert sock.recv(1) == b""
        assert not server.requests[0].gone.is_set()


def test_a_client_that_leaves_is_noticed() -> None:
    with LoopbackProvider(Answer(raw=b"half", end="hang")) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            sock.recv(4, socket.MSG_WAITALL)
        assert server.requests[0].gone.wait(5)


def test_a_bomb_has_the_size_it_says() -> None:
    bomb = b"".join(gzip_bomb(3 << 20))
    assert len(bomb) < 10_000
    assert len(zlib.decompress(bomb, wbits=31)) == 3 << 20


def test_closing_twice_ends_what_hangs() -> None:
    server = LoopbackProvider(Answer(raw=b"", end="hang"))
    with server, socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    server.close()
