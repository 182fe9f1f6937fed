"""Fewer and larger chunks in a chunked HTTP body, before it is parsed.

h11, under httpx, takes 8 us for each chunk, more than all else that is done with a streamed token; and
servers write a chunk a token. What comes in one read is made into one chunk.
"""

from __future__ import annotations

import re

_END_OF_HEAD = re.compile(rb"\n\r?\n")
_CHUNKED = re.compile(rb"\ntransfer-encoding:[ \t]*chunked[ \t]*\r?\n", re.IGNORECASE)
_BODILESS = re.compile(rb"HTTP/1\.[01] (?:1\d\d|204|304)")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_LONGEST_HEAD = 128 * 1024
_LONGEST_SIZE = 1024


class Joiner:
    """Rewrites the bytes of one response; what is not as expected is passed on as it is."""

    __slots__ = ("_feed", "_left", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._left = 0  # bytes of the chunk that are still to come, with the line break after it
        self._feed = self._head

    def feed(self, data: bytes) -> bytes:
        """What to parse in place of the next bytes; b"" if there is nothing yet, or at the end."""
        return self._feed(data)

    def _verbatim(self, data: bytes) -> bytes:
        return data

    def _give_up(self, rest: bytes) -> bytes:
        self._feed, self._rest = self._verbatim, b""
        return rest

    def _head(self, data: bytes) -> bytes:
        """The head is passed on as it comes; ``_rest`` is a copy of what came of it."""
        seen = self._rest + data
        end = _END_OF_HEAD.search(seen)
        if end is None:
            self._rest = seen
            return data if len(seen) <= _LONGEST_HEAD else self._give_up(data)
        head, body = seen[: end.end()], seen[end.end() :]
        if _BODILESS.match(head) or not _CHUNKED.search(head):
            return self._give_up(data)
        self._feed, self._rest = self._body, b""
        return data[: len(data) - len(body)] + self._body(body)

    def _body(self, data: bytes) -> bytes:
        data = self._rest + data
        taken: list[bytes] = []
        at, size = 0, len(data)
        while at < size:
            if self._left > 2:
                piece = data[at : at + self._left - 2]
                taken.append(piece)
                at += len(piece)
                self._left -= len(piece)
                continue
            if self._left:  # the line break
                if size - at < 2:
                    break
                if data[at : at + 2] != b"\r\n":
                    return _chunk(taken) + self._give_up(b"!" + data[at:])  # no size: it will be refused
                at += 2
                self._left = 0
                continue
            line = _SIZE.match(data, at)
            if line is None and size - at < _LONGEST_SIZE and b"\n" not in data[at:]:
                break
            if line is None or not int(line[1], 16):  # nonsense, or the last one
                return _chunk(taken) + self._give_up(data[at:])
            at = line.end()
            self._left = int(line[1], 16) + 2
        self._rest = data[at:]
        return _chunk(taken)


def _chunk(taken: list[bytes]) -> bytes:
    content = taken[0] if len(taken) == 1 else b"".join(taken)
    return b"%x\r\n%s\r\n" % (len(content), content) if content else b""
