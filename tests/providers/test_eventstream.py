"""AWS event streams: frames out of bytes that are cut anywhere."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncGenerator, Iterable
from struct import pack
from types import MappingProxyType
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import corpus, needs_corpus

from genkit.errors import GenkitError, IncompleteStream, ProtocolError, TooLarge
from genkit.providers.payloads import payloads
from genkit.runtime.drive import drive

recorded = [e for e in corpus.exchanges("bedrock.converse") if e.body_kind == "eventstream"]


class Framed:
    """An answer that is already here."""

    status = 200
    headers = MappingProxyType({"content-type": "application/vnd.amazon.eventstream"})

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        pass


def read(chunks: Iterable[bytes]) -> list[Any]:
    return list(drive(payloads(Framed(chunks))))


def header(name: str, kind: int, value: bytes) -> bytes:
    return pack(">B", len(name)) + name.encode() + pack(">B", kind) + value


def text(name: str, value: str) -> bytes:
    return header(name, 7, pack(">H", len(value)) + value.encode())


def frame(headers: bytes, payload: bytes = b"") -> bytes:
    prelude = pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + pack(">I", crc32(prelude)) + headers + payload
    return whole + pack(">I", crc32(whole))


def event(kind: str, value: Any) -> bytes:
    headers = text(":event-type", kind) + text(":message-type", "event")
    return frame(headers, json.dumps(value).encode())


HELLO = event("messageStart", {"role": "assistant"}) + event("messageStop", {"stopReason": "end_turn"})
SAID = [{"messageStart": {"role": "assistant"}}, {"messageStop": {"stopReason": "end_turn"}}]


@needs_corpus
@pytest.mark.parametrize("exchange", recorded, ids=str)
def test_recorded_streams_are_read_whole_and_in_pieces(exchange: Any) -> None:
    data = base64.b64decode(exchange.response["body"])
    told = [{e["event"]: e["payload"]} for e in exchange.response["decoded_events"]]
    assert read([data]) == told
    assert read(data[at : at + 7] for at in range(0, len(data), 7)) == told


def test_bytes_may_be_cut_anywhere() -> None:
    for at in range(len(HELLO) + 1):
        assert read([HELLO[:at], HELLO[at:]]) == SAID
    assert read(HELLO[at : at + 1] for at in range(len(HELLO))) == SAID


def test_an_end_within_a_frame_is_incomplete() -> None:
    whole = len(event("messageStart", {"role": "assistant"}))
    for at in range(1, len(HELLO)):
        if at != whole:
            with pytest.raises(IncompleteStream):
                read([HELLO[:at]])


def test_every_changed_byte_is_noticed() -> None:
    for at in range(len(HELLO)):
        damaged = bytearray(HELLO)
        damaged[at] ^= 0x10
        with pytest.raises((ProtocolError, IncompleteStream, TooLarge)):
            read([bytes(damaged)])


def test_headers_of_every_type_are_passed_over() -> None:
    headers = b"".join(
        header(f"h{kind}", kind, bytes(size))
        for kind, size in ((0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16))
    )
    headers += header("bytes", 6, pack(">H", 3) + b"abc")
    headers += text(":message-type", "event") + text(":event-type", "metadata")
    assert read([frame(headers, b"{}")]) == [{"metadata": {}}]


def test_exceptions_come_with_their_name() -> None:
    headers = text(":message-type", "exception") + text(":exception-type", "throttlingException")
    assert read([frame(headers, b'{"message":"slow down"}')]) == [
        {"exception": {"code": "throttlingException", "message": "slow down"}}
    ]
    error = (
        text(":message-type", "error") + text(":error-code", "InternalError") + text(":error-message", "no")
    )
    assert read([frame(error)]) == [{"exception": {"code": "InternalError", "message": "no"}}]


@pytest.mark.parametrize(
    "data",
    [
        frame(text(":message-type", "event"), b"no JSON"),
        frame(text(":message-type", "event"), b"[" * 200_000),
        frame(text(":message-type", "other"), b"{}"),
        frame(b"", b"{}"),
        frame(header("x", 10, b"")),
        frame(header("x", 7, pack(">H", 9) + b"short")),
        frame(b"\x09x"),
        b"HTTP/1.1 500 Internal Server Error\r\n",
    ],
)
def test_nonsense_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        read([data])


@pytest.mark.parametrize(
    ("total", "head", "error"),
    [(2**31, 0, TooLarge), (15, 0, ProtocolError), (100, 200, ProtocolError), (2**20, 2**18, ProtocolError)],
)
def test_lengths_have_limits(total: int, head: int, error: type[GenkitError]) -> None:
    prelude = pack(">II", total, head)
    with pytest.raises(error):
        read([prelude + pack(">I", crc32(prelude))])


@given(st.binary(max_size=64), st.binary(max_size=32))
def test_junk_makes_typed_errors_only(junk: bytes, headers: bytes) -> None:
    for data in (junk, HELLO + junk, frame(headers, junk)):
        with contextlib.suppress(GenkitError):
            read([data])
