"""Rows 13, 14, 17 and 18 of the fault table: streams that are cut, told off, garbled, or without end."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from struct import pack
from typing import Any
from zlib import crc32

import pytest
from serving import both, closing, fails
from words_dialect import ask, call, sse

from genkit import errors
from genkit.sampling import Sampling
from genkit.testing import Answer, LoopbackProvider, gzip_bomb


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
        'event: error\ndata: {"message": "later"}\n',  # the stream ends without the empty line
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
@pytest.mark.parametrize("piece", [1, 2, 3, 7])
def test_row_17_a_stream_in_small_pieces(piece: int, mode: str) -> None:
    body = '\ufeff: hello\r\ndata:{"word":\rdata: "a\u2028"}\r\n\r\nid: 3\ndata: {"end": "stop"}\n\n'
    answer = Answer(body=body, framing="chunked", piece=piece)
    with LoopbackProvider(answer) as server, closing(server) as remote:
        assert call(remote, mode).text == "a\u2028"


NO_JSON = (
    b"\xff", b'{"word": "\xc3"}', b"hello", b"{", b'{"word": NaN}', b'{"word": -Infinity}',
    b'{"word": "\\ud800"}', b"[" * 100_000,
)  # fmt: skip


def framed(data: bytes) -> bytes:
    """A frame of an AWS event stream, with one header that says it is an event."""
    head = b"\x0d:message-type\x07\x00\x05event"
    frame = pack(">II", 16 + len(head) + len(data), len(head))
    frame += pack(">I", crc32(frame)) + head + data
    return frame + pack(">I", crc32(frame))


@both
@pytest.mark.parametrize("data", NO_JSON, ids=lambda data: repr(data[:30]))
@pytest.mark.parametrize(
    ("kind", "frame"),
    [
        ("text/event-stream", b"data: %b\n\n".__mod__),
        ("application/x-ndjson", b"%b\n".__mod__),
        ("application/json", bytes),
        ("application/vnd.amazon.eventstream", framed),
    ],
)
def test_rows_17_and_19_data_that_is_not_json(
    kind: str, frame: Callable[[bytes], bytes], data: bytes, mode: str
) -> None:
    error = fails(Answer(body=frame(data), headers={"content-type": kind}), mode)
    assert isinstance(error, errors.ProtocolError)
    assert "is not JSON" in error.message


def endless(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece


def peak() -> float:
    """The most memory that this process has had, in MiB; 0 on Windows, where it is not measured.

    On Linux since it was asked last; else since it began.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    if sys.platform == "win32":
        return 0.0
    import resource

    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


BIG = b"x" * (1 << 20)
LISTS = b"[],[{}]," * (1 << 17)
EMPTY = b"\x00\x00\x00\xff\xff" * (1 << 18)  # blocks of no bytes, none of them the last (RFC 1951, 3.2.4)
ZIPPED, JSON = {"content-encoding": "gzip"}, {"content-type": "application/json"}


@both
def test_a_compressed_answer_that_is_cut_within_its_last_bytes_is_incomplete(mode: str) -> None:
    whole = gzip.compress(b'{"words": ["a"], "end": "stop"}')
    for missing in (1, 8, len(whole) // 2):  # of the frame of HTTP nothing is
        answer = Answer(body=whole[:-missing], headers={**ZIPPED, **JSON})
        with (
            LoopbackProvider(answer) as server,
            closing(server) as remote,
            pytest.raises(errors.ProtocolError, match="closed before the end"),
        ):
            call(remote, mode, ask(stream=False))


KINDS = ["line", "event", "stream", "bomb", "after", "empty", "header", "headers", "ndjson", "stray", "parts"]


@both
@pytest.mark.parametrize("kind", KINDS)
def test_row_18_what_is_too_large(kind: str, mode: str) -> None:
    many = {f"x-{n}": "x" * 60_000 for n in range(200)}
    script = {
        "line": lambda: Answer(body=endless(b"data: " + BIG)),
        "event": lambda: Answer(body=endless(b"data: " + BIG + b"\n")),
        "stream": lambda: Answer(body=endless(b": " + BIG + b"\n\n")),
        "bomb": lambda: Answer(body=gzip_bomb(200 << 20), headers={"content-encoding": "gzip"}),
        "after": lambda: Answer(body=chain([gzip.compress(b"a")], endless(BIG)), headers=ZIPPED),
        "empty": lambda: Answer(body=chain([gzip.compress(b"")[:10]], endless(EMPTY)), headers=ZIPPED),
        "stray": lambda: Answer(body=chain([b"{\n\n"], endless(b"xy\n\n" * (1 << 14)))),
        "parts": lambda: Answer(body=chain([b"["], [LISTS] * 24, [b"1]"]), headers=JSON),
        "header": lambda: Answer(headers={"x": "x" * 70_000}),
        "headers": lambda: Answer(headers=many),
        "ndjson": lambda: Answer(body=endless(BIG), headers={"content-type": "application/x-ndjson"}),
    }[kind]
    peak()
    before = peak()
    assert isinstance(fails(lambda _: script(), mode), errors.TooLarge)
    assert peak() - before < 100


@both
def test_row_18_an_answer_that_goes_on_and_on_beyond_max_tokens(mode: str) -> None:
    answer = Answer(body=endless(b'data: {"word": "a"}\n\n'))
    error = fails(answer, mode, ask(sampling=Sampling(max_tokens=50)))
    assert isinstance(error, errors.TooLarge)
    assert error.partial is not None
    assert error.partial.text == "a" * 1200
