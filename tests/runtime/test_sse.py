"""Server-sent events out of bytes that are cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.errors import TooLarge
from genkit.runtime.sse import LARGEST_EVENT, EventParser


def parse(data: bytes, *cuts: int) -> list[tuple[bytes, bytes]]:
    """The events, with the data cut at these offsets."""
    parser = EventParser()
    events = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        events += parser.feed(data[start:end])
    return events


NO_LINE_ENDS = '"\u2028\u2029\x0b\x0c\x1c\x85"'.encode()


# The examples of the WHATWG HTML standard, section 9.2.6, and the rules of 9.2.5.
@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [(b"", b"YHOO\n+2\n10")]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
         [(b"", b"first event"), (b"", b"second event"), (b"", b" third event")]),
        (b"data:test\n\ndata: test\n\n", [(b"", b"test"), (b"", b"test")]),
        (b"data\n\ndata\ndata\n\ndata:", [(b"", b"\n")]),
        (b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
         [(b"add", b"73857293"), (b"remove", b"2153")]),
        (b"\xef\xbb\xbfdata: a\n\n", [(b"", b"a")]),
        (b"data: a\r\rdata: b\r\n\r\ndata: c\n\n", [(b"", b"a"), (b"", b"b"), (b"", b"c")]),
        (b"data: " + NO_LINE_ENDS + b"\n\n", [(b"", NO_LINE_ENDS)]),
        (b"event: only a name\n\ndata: a\n\n", [(b"", b"a")]),
        (b"data: not finished", []),
    ],
)  # fmt: skip
def test_the_rules_of_the_standard_wherever_it_is_cut(data: bytes, events: list[tuple[bytes, bytes]]) -> None:
    for first in range(len(data) + 1):
        for second in range(first, len(data) + 1):
            assert parse(data, first, second) == events


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1), min_size=1),
    st.sampled_from(["\n", "\r", "\r\n"]),
    st.data(),
)
def test_what_is_written_is_read(texts: list[str], line_end: str, draw: st.DataObject) -> None:
    data = "".join(f"data: {text}{line_end}{line_end}" for text in texts).encode()
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    assert parse(data, *cuts) == [(b"", text.encode()) for text in texts]


@given(st.binary(max_size=300), st.data())
def test_any_bytes_mean_the_same_however_they_are_cut(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    assert parse(data, *cuts) == parse(data)


@pytest.mark.parametrize("start", [b"data: ", b"data:", b": "])
def test_an_event_may_have_8_mib_and_no_more(start: bytes) -> None:
    parser = EventParser()
    piece = b"x" * (LARGEST_EVENT // 8)
    parser.feed(b"data: ")
    for _ in range(7):
        parser.feed(piece)
    assert parser.feed(b"\n\n") == [(b"", piece * 7)]
    for _ in range(7):
        parser.feed(start + piece + b"\n")
    with pytest.raises(TooLarge):
        parser.feed(start + piece + b"\n")


def test_the_end_gives_the_last_event_and_what_was_between_events() -> None:
    parser = EventParser()
    assert parser.feed(b'data: a\n\n{\n "error": 1\n}\n') == [(b"", b"a")]
    assert parser.feed(b"data: b") == []
    assert parser.end() == [(b"", b"b")]
    assert b"\n".join(parser.stray) == b'{\n "error": 1\n}'
    assert parser.feed(b"\n: still there\nid: 7\n\n") == []
    assert b"\n".join(parser.stray) == b'{\n "error": 1\n}'


def test_an_error_between_events_may_be_a_list() -> None:
    parser = EventParser()
    assert parser.feed(b'[{"error": 1},\nretry: 5\n{}]\n') == []
    assert parser.stray == [b'[{"error": 1},', b"{}]"]


def test_a_stream_may_be_one_line() -> None:
    parser = EventParser()
    assert parser.feed(b"\xef\xbb\xbfdata: a") == []
    assert parser.end() == [(b"", b"a")]
