"""Bytes to text: characters never split, stop strings never shown, wherever the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.local.text import TextStream

# Few characters, of one to four bytes, so that stop strings are often there, in part or overlapping.
few = st.text("abé€😀", max_size=24)
stops = st.lists(st.text("abé€😀", min_size=1, max_size=4), max_size=3)
cuts = st.lists(st.integers(1, 5), min_size=1, max_size=8)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    while data:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def shown(stream: TextStream, pieces: list[bytes]) -> list[str]:
    """What was shown after each piece and at the end; as a backend does it, nothing is fed after a stop."""
    so_far = [""]
    for piece in pieces:
        so_far.append(so_far[-1] + stream.add(piece))
        if stream.stopped_by:
            break
    return [*so_far[1:], so_far[-1] + stream.end()]


def before_stop(text: str, stop: list[str]) -> tuple[str, str]:
    """The text before the stop string that is whole first (the longest of those that are), and which."""
    found = [(text.find(s) + len(s), text.find(s), s) for s in stop if s in text]
    _, start, which = min(found, default=(0, len(text), ""))
    return text[:start], which


@given(few, stops, cuts)
def test_the_text_ends_before_the_first_stop_however_it_is_cut(
    text: str, stop: list[str], sizes: list[int]
) -> None:
    stream = TextStream(stop)
    assert (shown(stream, cut(text.encode(), sizes))[-1], stream.stopped_by) == before_stop(text, stop)


@given(st.text(), st.text(min_size=1, max_size=3), cuts)
def test_one_stop_string_is_a_partition(text: str, stop: str, sizes: list[int]) -> None:
    assert shown(TextStream([stop]), cut(text.encode(), sizes))[-1] == text.partition(stop)[0]


@given(few, stops, cuts)
def test_nothing_of_a_stop_string_is_ever_shown(text: str, stop: list[str], sizes: list[int]) -> None:
    end = before_stop(text, stop)[0]
    assert all(end.startswith(now) for now in shown(TextStream(stop), cut(text.encode(), sizes)))


@given(few, stops, cuts)
def test_no_more_is_held_back_than_a_stop_string_needs(text: str, stop: list[str], sizes: list[int]) -> None:
    stream, came = TextStream(stop), b""
    pieces = cut(text.encode(), sizes)
    for piece, now in zip(pieces, shown(stream, pieces), strict=False):
        came += piece
        whole = came.decode(errors="ignore")
        if not before_stop(whole, stop)[1]:
            held = whole.removeprefix(now)
            assert held == "" or any(s.startswith(held) for s in stop)


@given(st.text(), cuts)
def test_characters_are_never_split(text: str, sizes: list[int]) -> None:
    stream, came = TextStream(), b""
    pieces = cut(text.encode(), sizes)
    for piece, now in zip(pieces, shown(stream, pieces), strict=False):
        came += piece
        assert now == came.decode(errors="ignore")


@given(st.binary(), stops.map(lambda some: some[:1]), cuts)
def test_any_bytes_are_text(data: bytes, stop: list[str], sizes: list[int]) -> None:
    text = data.decode("utf-8", "replace")
    assert shown(TextStream(stop), cut(data, sizes))[-1] == before_stop(text, stop)[0]


def test_a_character_that_never_came_whole_is_shown_at_the_end_only() -> None:
    stream = TextStream()
    assert stream.add("€".encode()[:2]) == ""
    assert stream.end() == "\ufffd"


def test_what_was_held_back_comes_before_a_character_that_never_came_whole() -> None:
    stream = TextStream(["END"])
    assert stream.add(b"a EN\xe2\x82") == "a "
    assert stream.end() == "EN\ufffd"


def test_half_a_character_after_the_stop_is_not_shown() -> None:
    stream = TextStream(["END"])
    assert stream.add(b"a END\xe2\x82") == "a "
    assert stream.end() == ""


@pytest.mark.parametrize("pieces", [[b"abcd"], [b"a", b"b", b"c", b"d"], [b"ab", b"cd"]])
def test_of_two_stop_strings_the_one_that_is_whole_first_counts(pieces: list[bytes]) -> None:
    stream = TextStream(["abcd", "c"])
    assert (shown(stream, pieces)[-1], stream.stopped_by) == ("ab", "c")


def test_of_two_stop_strings_in_one_piece_the_first_counts_though_it_is_longer() -> None:
    stream = TextStream(["ab", "d"])
    assert (stream.add(b"-ab-d"), stream.stopped_by) == ("-", "ab")


def test_what_looked_like_a_stop_string_is_shown_when_it_is_none() -> None:
    stream = TextStream(["###"])
    assert [stream.add(b"a##"), stream.add(b" b#"), stream.end()] == ["a", "## b", "#"]
    assert stream.stopped_by == ""
