"""Frames: they come through any pipe as they were sent, and what is none is a ValueError."""

from __future__ import annotations

import io
import itertools
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.errors import BackendError, OutOfMemory
from genkit.local.pipe import DEEPEST, Token, error_facts, error_from, frames, is_too_deep, pack, pack_tokens

u32 = st.integers(0, 2**32 - 1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
messages = st.dictionaries(st.text(), json_values, max_size=4)
tokens = st.lists(st.builds(Token, u32, u32, st.binary(max_size=8)), max_size=4)
conversations = st.lists(messages | tokens, max_size=5)


class Drip(io.RawIOBase):
    """A pipe that hands out its data in pieces of these sizes."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data, self.sizes = data, itertools.cycle(sizes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.data[: min(next(self.sizes), len(buffer))]
        self.data = self.data[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


def packed(frame: dict[str, Any] | list[Token]) -> bytes:
    return pack(frame) if isinstance(frame, dict) else pack_tokens(frame)


def raw(body: bytes, kind: int = 0, length: int | None = None) -> bytes:
    """A frame by hand, as the module's docstring describes it."""
    return struct.pack("<IB", len(body) if length is None else length, kind) + body


def read(data: bytes) -> list[dict[str, Any] | list[Token]]:
    return list(frames(io.BytesIO(data)))


@given(conversations, st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_what_was_sent_arrives_however_the_pipe_cuts_it(sent, sizes: list[int]) -> None:
    stream = io.BufferedReader(Drip(b"".join(map(packed, sent)), sizes), buffer_size=3)
    assert list(frames(stream)) == sent


@given(conversations, st.data())
def test_a_stream_that_breaks_off_ends_quietly(sent, data) -> None:
    wire = b"".join(map(packed, sent))
    got = read(wire[: data.draw(st.integers(0, len(wire)))])
    assert got == sent[: len(got)]


def test_any_text_python_can_hold_comes_through() -> None:
    message = {"text": '\ud800 € \0 "\\ \u2028 😀'}
    assert read(pack(message)) == [message]


@pytest.mark.parametrize("depth", [1, DEEPEST - 1, DEEPEST, 5_000])
@pytest.mark.parametrize("hold", [lambda value: [value], lambda value: {"a": value}])
def test_what_its_reader_could_not_read_is_seen_before_it_is_sent(depth: int, hold: Any) -> None:
    value: Any = "{[" * 2_000  # a text is not deep
    for _ in range(depth):
        value = hold(value)
    message = {"deep": value, "wide": [[], {}] * 1_000}
    assert is_too_deep(message, b"{" * 2_000 + b"[" * 2_000) == (depth >= DEEPEST)


@given(st.binary(max_size=64))
def test_garbage_is_a_value_error_or_frames(data: bytes) -> None:
    try:
        got = read(data)
    except ValueError:
        return
    assert all(isinstance(frame, dict) or all(isinstance(token, Token) for token in frame) for frame in got)


@given(json_values)
def test_json_that_is_no_object_is_no_message(value: Any) -> None:
    wire = raw(json.dumps(value).encode())
    if isinstance(value, dict):
        assert read(wire) == [value]
    else:
        with pytest.raises(ValueError):  # noqa: PT011 - json's own, or ours
            read(wire)


@given(st.binary(max_size=40))
def test_a_broken_list_of_tokens_is_a_value_error(body: bytes) -> None:
    try:
        (got,) = read(raw(body, kind=1))
    except ValueError:
        return
    assert pack_tokens(got) == raw(body, kind=1)  # it was none of the broken ones: nothing was made up


@pytest.mark.parametrize(
    "wire",
    [
        raw(b"", length=2**32 - 1),
        raw(b"", length=(256 << 20) + 1),
        raw(b""),
        raw(b"\xff\xfe"),
        raw(b"{"),
        raw(b"[" * 100_000),
        raw(b'{"a":' * 100_000),
        raw(b"{}", kind=2),
        raw(struct.pack("<III", 1, 2, 9) + b"short", kind=1),
        raw(b"\0" * 11, kind=1),
    ],
    ids=[
        "huge",
        "too large",
        "empty",
        "not UTF-8",
        "cut",
        "deep list",
        "deep object",
        "kind",
        "short",
        "half",
    ],
)
def test_what_is_no_frame_is_a_value_error(wire: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own, or ours
        read(wire)


def test_frames_before_the_broken_one_arrive() -> None:
    arriving = frames(io.BytesIO(pack({"a": 1}) + raw(b"{")))
    assert next(arriving) == {"a": 1}
    with pytest.raises(ValueError, match="Expecting"):
        next(arriving)


def test_an_error_is_told_with_its_facts() -> None:
    told = error_from(
        read(pack(error_facts(OutOfMemory("no", needed=3, retryable=True, retry_after=0.5))))[0]
    )
    assert (type(told), told.message) == (OutOfMemory, "no")
    assert vars(told) == {"needed": 3, "retryable": True, "retry_after": 0.5}


@pytest.mark.parametrize(
    "told",
    [
        {"error": "OutOfMemory"},
        {"error": "OutOfMemory", "message": "m", "facts": 5},
        {"error": "shown", "message": "m", "facts": {"retry_after": "soon", "attempts": [1], "partial": "p"}},
        {"error": ["x"], "message": {}, "facts": {"with_traceback": 1, "message": "m", "needed": "much"}},
    ],
)
def test_an_error_that_is_none_is_made_of_what_can_be_taken(told: dict[str, Any]) -> None:
    error = error_from(told)
    assert isinstance(error, BackendError)
    assert vars(error) == {}
