"""Chunks joined: what h11 reads of the result is what it reads of the original."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.runtime.chunks import Joiner


def read(pieces: list[bytes]) -> tuple[object, bytes]:
    """How a response ends, and its body, as h11 reads it."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    body = b""
    try:
        for piece in [*pieces, None]:
            if piece is None or piece:
                connection.receive_data(piece or b"")
            while (event := connection.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    return "complete", body
    except h11.RemoteProtocolError:
        return "broken", b""
    return "open", body


def joined(pieces: list[bytes]) -> list[bytes]:
    joiner = Joiner()
    return [joiner.feed(piece) for piece in pieces]


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    cuts = sorted({min(at, len(data)) for at in cuts})
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < end]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CUTS = st.lists(st.integers(0, 400), max_size=12)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), CUTS, st.sampled_from([b"", b"x: y\r\n"]))
def test_a_body_is_the_same(chunks: list[bytes], cuts: list[int], trailer: bytes) -> None:
    data = (
        CHUNKED + b"".join(b"%x;ext=1\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n" + trailer + b"\r\n"
    )
    assert read(joined(cut(data, cuts))) == read(cut(data, cuts)) == ("complete", b"".join(chunks))


@given(st.integers(0, 200), st.binary(min_size=1, max_size=3), CUTS)
def test_a_broken_body_is_still_broken(at: int, junk: bytes, cuts: list[int]) -> None:
    data = CHUNKED + b"5\r\nhello\r\n" * 8 + b"0\r\n\r\n"
    data = data[: len(CHUNKED) + at] + junk + data[len(CHUNKED) + at + len(junk) :]
    assert read(joined(cut(data, cuts))) == read(cut(data, cuts))


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        *(
            b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\n" % status
            for status in (103, 204, 304)
        ),
        b"junk",
    ],
)
def test_all_else_is_passed_on_as_it_is(data: bytes) -> None:
    for at in range(len(data)):
        assert b"".join(joined([data[:at], data[at:]])) == data


def test_chunks_of_one_read_are_one_chunk() -> None:
    assert joined([CHUNKED, b"2\r\nab\r\n" * 3]) == [CHUNKED, b"6\r\nababab\r\n"]


def test_what_has_no_end_is_not_waited_for() -> None:
    head = [CHUNKED[:-2] + b"x: " + b"a" * 200_000, b"\r\n\r\n", b"2\r\nab\r\n" * 3]
    assert joined(head) == head
    size = [CHUNKED, b"1" * 2000, b"1" * 2000]
    assert joined(size) == size
