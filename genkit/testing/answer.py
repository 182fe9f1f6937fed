"""What a provider on loopback answers, and how its bytes are sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from ..errors import ConfigError, shown

Framing: TypeAlias = Literal["length", "chunked", "close"]
End: TypeAlias = Literal["keep", "close", "reset", "hang"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server answers to one request.

    Args:
        body: bytes or text, sent verbatim; a mapping, a list or what is no iterable, sent as JSON; or an
            iterable of bytes, sent piece by piece, with no end if it has none, and once if it is an iterator.
        status: the status.
        headers: more headers, or other ones; by default the content type suits the body.
        framing: how the end of the body is marked: its ``length``, in ``chunked`` pieces, or by the
            ``close`` of the connection.
        piece: how many bytes are sent at a time.
        cut: only so many bytes of the whole answer, head included, are sent.
        end: what happens then: the connection is ``keep`` open for the next request, there is a ``close``
            or a ``reset``, or it will ``hang`` until :meth:`LoopbackProvider.release`.
        raw: sent instead of all that.

    Raises:
        ConfigError: there is no such ``framing`` or ``end``, or ``piece`` is no number above 0.
    """

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Framing = "length"
    piece: int | None = None
    cut: int | None = None
    end: End = "keep"
    raw: bytes | None = None

    def __post_init__(self) -> None:
        for name, words in (("framing", get_args(Framing)), ("end", get_args(End))):
            if (word := getattr(self, name)) not in words:  # else a test would wait for the end in vain
                raise ConfigError(f"the {name} of an Answer is one of {', '.join(words)}, not {shown(word)}")
        if self.piece is not None and not (isinstance(self.piece, int) and self.piece > 0):
            raise ConfigError(f"the piece of an Answer is a number of bytes above 0, not {shown(self.piece)}")

    def pieces(self) -> Iterator[bytes]:
        """The bytes on the wire, as they are sent one after the other."""
        left = self.cut
        for piece in self._pieces():
            sent = piece if left is None else piece[:left]
            if sent:
                yield sent
            if left is not None:
                left -= len(sent)
                if not left:
                    return

    def _pieces(self) -> Iterator[bytes]:
        if self.raw is not None:
            yield from _cut(self.raw, self.piece)
            return
        body, content_type = _encoded(self.body)
        headers = {"content-type": content_type}
        chunked = self.framing == "chunked" or (self.framing == "length" and not isinstance(body, bytes))
        if chunked:
            headers["transfer-encoding"] = "chunked"
        elif isinstance(body, bytes) and self.framing == "length":
            headers["content-length"] = str(len(body))
        else:
            headers["connection"] = "close"
        headers.update({name.lower(): value for name, value in self.headers.items()})
        lines = [f"HTTP/1.1 {self.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
        yield from _cut("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"), self.piece)
        for piece in _cut(body, self.piece) if isinstance(body, bytes) else body:
            yield b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece
        if chunked:
            yield b"0\r\n\r\n"


def _encoded(body: Any) -> tuple[bytes | Iterable[bytes], str]:
    """The bytes of a body, whole or in pieces, and their content type."""
    if isinstance(body, str):
        body = body.encode()
    if isinstance(body, bytes):
        kinds = {b"{": "application/json", b"[": "application/json", b"<": "text/html"}
        return body, kinds.get(body.lstrip()[:1], "text/event-stream")
    if isinstance(body, (Mapping, list)) or not isinstance(body, Iterable):
        return json.dumps(body).encode(), "application/json"
    return body, "text/event-stream"


def _cut(data: bytes, size: int | None) -> Iterator[bytes]:
    size = size or max(len(data), 1)
    return (data[at : at + size] for at in range(0, len(data), size))
