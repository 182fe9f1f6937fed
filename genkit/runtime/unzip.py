"""Decompressing a body that comes in pieces, into pieces of bounded size."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from ..errors import GenkitError, IncompleteStream, ProtocolError

_PIECE = 256 * 1024


class Unzip:
    """Decompresses one body, of gzip or zlib; see :func:`unzip`."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=47)  # whichever it is

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The next pieces, from the next bytes. Raises ProtocolError."""
        try:
            while data and not self._stream.eof:  # what follows it would be kept, and copied each time
                yield self._stream.decompress(data, _PIECE)
                data = self._stream.unconsumed_tail
        except zlib.error:
            raise ProtocolError("the answer is compressed, but broken", phase="body") from None

    def end(self) -> None:
        """No more comes. Raises IncompleteStream."""
        if not self._stream.eof:
            raise cut()


def unzip(coding: str) -> Unzip | None:
    """For the value of a ``content-encoding``; None if there is nothing to do. Raises ProtocolError."""
    if coding in ("identity", ""):
        return None
    if coding in ("gzip", "x-gzip", "deflate"):
        return Unzip()
    raise ProtocolError(f"the answer is compressed with {coding!r}, which was not asked for", phase="body")


def cut() -> GenkitError:
    """The error for an answer that ends too early."""
    return IncompleteStream("the connection was closed before the end of the answer", phase="body")
