"""Making text that a model wrote harmless to a terminal.

A terminal obeys escape sequences wherever they come from: they can rename its window, fill the
clipboard, hide text or show it in another order. A model can be talked into writing them.
"""

from __future__ import annotations

import re
from enum import Enum, auto

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}]")
_BEL, _ESC, _CSI = "\x07", "\x1b", "\x9b"
_ENDS_ALL = "\n\x18\x1a"  # a newline, and CAN and SUB, which are made for it
_STRINGS_AFTER_ESC = "P]X^_"  # DCS, OSC, SOS, PM, APC, as ESC and a letter
_STRINGS = "\x90\x9d\x98\x9e\x9f"  # and as one character


class _State(Enum):
    """Where in the text, or in which part of an escape sequence, the last character was."""

    TEXT = auto()
    ESCAPE = auto()
    INTERMEDIATE = auto()  # ESC and then characters such as "(": one more ends it
    CONTROL = auto()  # CSI: parameters, up to a final character
    STRING = auto()  # OSC and its like: anything, up to a terminator
    ENDED = auto()  # the character that ends a sequence: text follows


class Cleaner:
    """Removes from a text, given in pieces, what a terminal would obey instead of show.

    Those are escape sequences (CSI, OSC, DCS, APC, PM, SOS and the short ones), control characters
    except the newline and the tab, and the characters that change the direction of writing. How
    the text is cut into pieces makes no difference: of a sequence that has only begun, nothing is
    shown. A newline ends any sequence, so one that is never finished hides no more than its line.
    """

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = _State.TEXT

    def feed(self, text: str) -> str:
        """What may be shown of the next piece."""
        if self._state in (_State.TEXT, _State.ENDED) and not UNSAFE.search(text):
            return text
        shown = []
        for char in text:
            self._state = _next(self._state, char)
            if self._state is _State.TEXT and not UNSAFE.match(char):
                shown.append(char)
        return "".join(shown)


def _next(state: _State, char: str) -> _State:
    """What a character belongs to, after one that belonged to ``state``."""
    if char == _ESC:
        return _State.ESCAPE
    if char == _CSI:
        return _State.CONTROL
    if char in _STRINGS:
        return _State.STRING
    if char in _ENDS_ALL or "\x80" <= char <= "\x9f":
        return _State.TEXT
    if state is _State.STRING:
        return _State.ENDED if char == _BEL else _State.STRING
    if state in (_State.TEXT, _State.ENDED):
        return _State.TEXT
    return _next_in_sequence(state, char)


def _next_in_sequence(state: _State, char: str) -> _State:
    """The same within an escape sequence that is not a string, as ECMA-48 and the VT500 series have it."""
    if char < " " or char == "\x7f":  # a terminal obeys these and goes on with the sequence
        return state
    if state is _State.ESCAPE and char == "[":
        return _State.CONTROL
    if state is _State.ESCAPE and char in _STRINGS_AFTER_ESC:
        return _State.STRING
    if state is _State.CONTROL and char <= "?":
        return _State.CONTROL
    if char <= "/":
        return _State.INTERMEDIATE
    return _State.ENDED if char <= "~" else _State.TEXT


def one_line(text: str) -> str:
    """A message as one harmless line: it may quote a model file, or what native code said."""
    return " ".join(Cleaner().feed(text).split())
