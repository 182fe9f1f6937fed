"""The provider for tests: it serves what it is told, and remembers what it was asked."""

from __future__ import annotations

import http.client
import socket
import zlib
from typing import Any

import pytest

from genkit.errors import ConfigError
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


def test_a_release_is_of_the_answers_until_then() -> None:
    with LoopbackProvider(Answer(raw=b"half", end="hang")) as server:
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", server.port)) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert sock.recv(4, socket.MSG_WAITALL) == b"half"
                sock.settimeout(0.05)
                with pytest.raises(TimeoutError):
                    sock.recv(1)
                server.release()
                sock.settimeout(5)
                assert sock.recv(1) == b""


def test_a_client_that_leaves_is_noticed() -> None:
    with LoopbackProvider(Answer(raw=b"half", end="hang")) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            sock.recv(4, socket.MSG_WAITALL)
        assert server.requests[0].gone.wait(5)


@pytest.mark.parametrize("size", [0, 1000, 3 << 20, (3 << 20) + 1])
def test_a_bomb_has_the_size_it_says(size: int) -> None:
    bomb = b"".join(gzip_bomb(size))
    assert len(bomb) < 10_000
    assert len(zlib.decompress(bomb, wbits=31)) == size


@pytest.mark.parametrize(("body", "sent"), [(None, b"null"), (5, b"5"), (True, b"true"), ([1], b"[1]")])
def test_what_is_no_iterable_is_sent_as_json(body: Any, sent: bytes) -> None:
    with LoopbackProvider(Answer(body=body)) as server:
        _, headers, received = post(server)
    assert (headers["content-type"], received) == ("application/json", sent)


def test_what_a_script_raises_is_raised_in_the_test() -> None:
    def script(asked: Any) -> Answer:
        raise AssertionError("not what was to be asked")

    with pytest.raises(AssertionError, match="not what was to be asked"), LoopbackProvider(script) as server:
        post(server)


def test_an_answer_that_is_none_is_an_error_in_the_test() -> None:
    with pytest.raises(TypeError), LoopbackProvider(Answer(body={"a": object()})) as server:
        post(server)


def test_an_iterator_is_sent_once() -> None:
    script = [Answer(body="1"), Answer(body=iter([b"2"]))]
    with (
        pytest.raises(ConfigError, match="an iterator, and was sent before"),
        LoopbackProvider(script) as server,
    ):
        assert [post(server)[2] for _ in range(2)] == [b"1", b"2"]
        post(server)


@pytest.mark.parametrize("script", [[], None, "text", {"choices": []}, [{"choices": []}]], ids=repr)
def test_a_script_has_an_answer(script: Any) -> None:
    with pytest.raises(ConfigError, match="an answer at least"):
        LoopbackProvider(script)


@pytest.mark.parametrize(
    "wrong",
    [
        {"framing": "chunks"},
        {"framing": None},
        {"end": "closed"},
        {"piece": 0},
        {"piece": -1},
        {"piece": "1"},
    ],
)
def test_an_answer_that_cannot_be_sent_is_refused_where_it_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^the {next(iter(wrong))} of an Answer is "):
        Answer(**wrong)


def test_what_a_function_answers_with_is_an_answer() -> None:
    script: Any = lambda asked: {"choices": []}  # noqa: E731
    refused = pytest.raises(ConfigError, match=r"answers with an Answer, not \{'choices': \[\]\}")
    with refused, LoopbackProvider(script) as server:
        post(server)


def test_outside_of_its_block_a_server_is_not_there() -> None:
    server = LoopbackProvider(Answer(body="x"))
    with pytest.raises(ConnectionRefusedError):
        post(server)
    with server:
        assert post(server)[2] == b"x"
    with pytest.raises(ConnectionRefusedError):
        post(server)
    LoopbackProvider(Answer(body="x")).close()


def test_closing_twice_ends_what_hangs() -> None:
    server = LoopbackProvider(Answer(raw=b"", end="hang"))
    with server, socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
    server.close()
