"""From the bytes of tokens to text: characters never split, stop strings never shown, not even in part."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Turns token pieces into text that can be shown.

    Args:
        stop: strings that end the text before them.
    """

    __slots__ = ("_decode", "_held", "_stop", "stopped_by")

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._stop = tuple(stop)
        self._held = ""
        self.stopped_by = ""
        """The stop string that ended the text, once one has."""

    def add(self, piece: bytes) -> str:
        """The text that may be shown now that this piece has come."""
        return self._until_stop(self._decode(piece))

    def end(self) -> str:
        """The text that was held back; bytes that never became a character come as U+FFFD."""
        if self.stopped_by:
            return ""
        text = self._until_stop(self._decode(b"", True))
        held, self._held = self._held, ""
        return text + held

    def _until_stop(self, text: str) -> str:
        if not self._stop:  # as mostly, and for each token
            return text
        text = self._held + text
        # The one that is whole first, so that the cuts of the text make no difference.
        found = min(((at + len(s), at, s) for s in self._stop if (at := text.find(s)) >= 0), default=None)
        if found:
            self.stopped_by, self._held = found[2], ""
            return text[: found[1]]
        safe = len(text) - max(overlap(text, stop) for stop in self._stop)
        self._held = text[safe:]
        return text[:safe]


def overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text may be the beginning of the stop string."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
