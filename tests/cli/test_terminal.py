from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit.cli.terminal import Cleaner, one_line

CHARACTERS = st.one_of(
    st.sampled_from("\x1b\x1b\x1b[]P^_X\\(?;0m\x07\x18\n\t\r\x7f\x90\x9b\x9c\x9d\u202e\u2066\u200fé"),
    st.characters(),
)


@given(st.lists(st.text(CHARACTERS)))
def test_cutting_the_text_anywhere_changes_nothing(pieces: list[str]) -> None:
    cleaner = Cleaner()
    assert "".join(map(cleaner.feed, pieces)) == Cleaner().feed("".join(pieces))


@given(st.text(CHARACTERS))
def test_nothing_is_left_that_a_terminal_obeys(text: str) -> None:
    shown = Cleaner().feed(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown)


@given(st.text(st.characters(exclude_categories=["Cc", "Cf"])))
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert Cleaner().feed(f"{text}\n\t{text}") == f"{text}\n\t{text}"


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[31m",  # colour
        "\x1b[?1049h",  # the other screen
        "\x9b2J",  # the same with one character: clear the screen
        "\x1b]0;title\x07",
        "\x1b]52;c;aGVsbG8=\x1b\\",  # the clipboard
        "\x9d8;;http://example.com\x9c",
        "\x1bPq#0\x1b\\",
        "\x1b_G\x1b\\",
        "\x1b^secret\x1b\\",
        "\x1bXsecret\x1b\\",
        "\x1b(0",  # another character set
        "\x1bc",  # reset
        "\x1b\x1b[1m",
        "\x1b[3\x071m",  # a bell inside a sequence
        "\x08\r\x00\x7f",
        "\u202e\u2066\u200f\u061c",
    ],
)
def test_a_sequence_is_taken_out_whole(sequence: str) -> None:
    assert Cleaner().feed(f"before {sequence}after") == "before after"


def test_an_unfinished_sequence_hides_no_more_than_its_line() -> None:
    assert Cleaner().feed("a\x1b]0;title\nb") == "a\nb"


def test_cancelled_sequence_lets_text_follow() -> None:
    assert Cleaner().feed("a\x1b[31\x18b") == "ab"


def test_one_line_joins_lines_and_cleans_them() -> None:
    assert one_line("bad\x1b[31m file:\n  no header ") == "bad file: no header"
