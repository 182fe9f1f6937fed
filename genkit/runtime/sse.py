"""Server-sent events out of bytes, after the WHATWG HTML standard, section 9.2.6."""

from __future__ import annotations

from ..errors import TooLarge

LARGEST_EVENT = 8 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
_LARGEST_STRAY = 64 * 1024  # bytes: an error in words, and not worth more


class EventParser:
    """Cuts a stream into events: the name (b"" if it has none) and the data of each.

    Bytes may be cut anywhere. Fields other than ``event`` and ``data`` are passed over.
    """

    __slots__ = (
        "_after_cr", "_data", "_name", "_parts", "_pending", "_size", "_started", "_strayed", "stray",
    )  # fmt: skip

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # of the line that is not complete yet
        self._pending = 0  # their size
        self._size = 0  # of the lines before it, in this event
        self._after_cr = False
        self._started = False
        self._name = b""
        self._data: list[bytes] = []
        self._strayed = 0
        self.stray: list[bytes] = []
        """Lines from the first one that starts like JSON: an error that a server wrote between events."""

    def feed(self, chunk: bytes) -> list[tuple[bytes, bytes]]:
        """The events that are complete with these bytes.

        Raises:
            TooLarge: an event is larger than 8 MiB.
        """
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        # A line that comes in many pieces is joined once, at its end: it may be long.
        if b"\n" not in chunk and b"\r" not in chunk:
            return self._keep(chunk)
        if self._parts:
            self._parts.append(chunk)
            chunk = b"".join(self._parts)
            self._parts.clear()
            self._pending = 0
        if not self._started:
            self._started = True
            chunk = chunk.removeprefix(BOM)
        lines = chunk.splitlines()  # of bytes: at CR, LF and CRLF only
        last = chunk[-1:]
        rest = b"" if last in b"\r\n" else lines.pop()
        self._after_cr = last == b"\r"
        events = self._events(lines)
        self._keep(rest)
        return events

    def end(self) -> list[tuple[bytes, bytes]]:
        """The event that the end of the stream left without its empty line, if there is one.

        The standard drops it; but some servers do not write that line after the last event.
        """
        if not self._parts and not self._data:
            return []
        line = b"".join(self._parts)
        self._parts.clear()
        self._pending = 0
        return self._events([line if self._started else line.removeprefix(BOM), b""])

    def _keep(self, piece: bytes) -> list[tuple[bytes, bytes]]:
        if piece:
            self._parts.append(piece)
            self._pending += len(piece)
            self._grow(0)
        return []

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size + self._pending > LARGEST_EVENT:
            raise TooLarge(f"an event of the answer is larger than {LARGEST_EVENT} bytes", phase="body")

    def _events(self, lines: list[bytes]) -> list[tuple[bytes, bytes]]:
        events = []
        data = self._data
        for line in lines:
            if line.startswith(b"data: "):
                data.append(line[6:])
                self._grow(len(line))
            elif line:
                self._field(line)
            else:
                if data:
                    value = data[0] if len(data) == 1 else b"\n".join(data)
                    if value:
                        events.append((self._name, value))
                    data.clear()
                self._name = b""
                self._size = 0
        return events

    def _field(self, line: bytes) -> None:
        self._grow(len(line))
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value
        elif name in (b"", b"id", b"retry"):
            pass
        elif self.stray or name[:1] in (b"{", b"["):
            self.stray.append(line)
            self._strayed += len(line)
            if self._strayed > _LARGEST_STRAY:
                raise TooLarge(f"more than {_LARGEST_STRAY} bytes of the answer are no event", phase="body")
