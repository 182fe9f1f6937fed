"""AWS event streams out of bytes: frames with a checksum, each a few headers and a payload.

Wire format: "Event stream encoding" in the Amazon Transcribe and Amazon S3 Select documentation; all
numbers are big-endian::

    total length (4) | length of the headers (4) | CRC of these (4) | headers | payload | CRC of all (4)
    header: length of its name (1) | name | type (1) | value
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from zlib import crc32

from ..errors import ProtocolError, TooLarge
from .sse import LARGEST_EVENT

_PRELUDE, _CRC = Struct(">III"), Struct(">I")
_LARGEST_HEADERS = 128 * 1024
# The sizes of values by their type: true, false, byte, short, int, long, timestamp, UUID.
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BYTES, _STRING = 6, 7


class FrameParser:
    """Cuts a stream into frames; bytes may be cut anywhere."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[tuple[Mapping[str, str], bytes]]:
        """The headers that are text, and the payload, of each frame that is complete with these bytes.

        Raises:
            ProtocolError: a checksum or a length is wrong.
            TooLarge: a frame is larger than 8 MiB.
        """
        buffer = self._buffer
        buffer += chunk
        frames, start = [], 0
        while len(buffer) - start >= _PRELUDE.size:
            total, head, checksum = _PRELUDE.unpack_from(buffer, start)
            if crc32(buffer[start : start + 8]) != checksum:
                raise ProtocolError("a frame of the event stream has a wrong checksum in its prelude")
            if total > LARGEST_EVENT:
                raise TooLarge(f"a frame of the event stream has {total} bytes, more than {LARGEST_EVENT}")
            if head > _LARGEST_HEADERS or total < _PRELUDE.size + head + _CRC.size:
                raise ProtocolError(f"a frame of {total} bytes cannot have {head} bytes of headers")
            if len(buffer) - start < total:
                break
            frame = bytes(buffer[start : start + total])
            if crc32(frame[: -_CRC.size]) != _CRC.unpack_from(frame, total - _CRC.size)[0]:
                raise ProtocolError("a frame of the event stream has a wrong checksum")
            payload = _PRELUDE.size + head
            frames.append((_headers(frame[_PRELUDE.size : payload]), frame[payload : -_CRC.size]))
            start += total
        del buffer[:start]
        return frames

    @property
    def is_empty(self) -> bool:
        """Whether no frame has begun that is not complete."""
        return not self._buffer


@lru_cache(maxsize=16)  # nearly all frames have the same
def _headers(data: bytes) -> Mapping[str, str]:
    found, at = {}, 0
    try:
        while at < len(data):
            name = data[at + 1 : at + 1 + data[at]].decode()
            at += 1 + data[at]
            kind, at = data[at], at + 1
            if kind in (_BYTES, _STRING):
                size = int.from_bytes(data[at : at + 2], "big")
                at += 2
            else:
                size = _SIZES[kind]
            if at + size > len(data):
                raise ValueError(name)
            if kind == _STRING:
                found[name] = data[at : at + size].decode()
            at += size
    except (LookupError, ValueError):
        raise ProtocolError("the headers of a frame of the event stream make no sense") from None
    return found
