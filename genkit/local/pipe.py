"""The frames that the host and its worker send each other.

A frame is its length (4 bytes), its kind (1 byte) and its body. JSON carries everything but tokens,
which are frequent: those are packed. Neither side trusts the other with pickle or marshal, since a
model file may have taken the worker over.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from .. import errors
from ..errors import GenkitError

_HEAD = struct.Struct("<IB")
_TOKEN = struct.Struct("<III")
_JSON, _TOKENS = 0, 1
BEGIN = b"\0genkit\n"
"""What a worker writes before its first frame, since what runs as its interpreter starts may print."""
LARGEST = 64 << 20
"""The most bytes that a frame may have."""
DEEPEST = 300
"""So many objects and lists may hold one another: of Python's 1,000 frames some steps take two for each."""


_FACTS: dict[str, type | tuple[type, ...]] = {
    "retryable": bool, "code": str, "phase": str, "retry_after": (int, float), "option": str, "extra": str,
    "path": str, "tokens": int, "limit": int, "needed": int, "free": int, "context": int, "signal": int,
}  # fmt: skip
"""What of an error a worker may tell."""


class Token(NamedTuple):
    """One generated token: whose it is, its id, and the bytes of text it stands for."""

    call: int
    id: int
    piece: bytes


def pack(message: dict[str, Any]) -> bytes:
    """A message as a frame."""
    body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return _HEAD.pack(len(body), _JSON) + body


def is_too_deep(message: dict[str, Any], frame: bytes) -> bool:
    """Whether the other side might not read this message, of which that is the frame."""
    if frame.count(b"{") + frame.count(b"[") <= DEEPEST:
        return False
    level: list[Any] = [message]
    for _ in range(DEEPEST):
        held = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for inner in held for each in inner if isinstance(each, (dict, list, tuple))]
    return bool(level)


def pack_tokens(tokens: list[Token]) -> bytes:
    """The tokens of one step as one frame."""
    body = b"".join([_TOKEN.pack(call, id, len(piece)) + piece for call, id, piece in tokens])
    return _HEAD.pack(len(body), _TOKENS) + body


def frames(stream: IO[bytes]) -> Iterator[dict[str, Any] | list[Token]]:
    """What arrives on a stream, until it ends.

    Raises:
        ValueError: what arrived is not a frame.
    """
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        length, kind = _HEAD.unpack(head)
        if length > LARGEST:
            raise ValueError(f"a frame of {length} bytes")
        body = stream.read(length)
        if len(body) < length:
            return
        yield _tokens(body) if kind == _TOKENS else _message(body, kind)


def _message(body: bytes, kind: int) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except RecursionError:
        raise ValueError("a frame of too deep JSON") from None
    if kind != _JSON or not isinstance(message, dict):
        raise ValueError(f"a frame of kind {kind} that holds no object")
    return message


def _tokens(body: bytes) -> list[Token]:
    tokens, at = [], 0
    try:
        while at < len(body):
            call, id, length = _TOKEN.unpack_from(body, at)
            at += _TOKEN.size
            if at + length > len(body):
                raise ValueError("a token that is longer than its frame")
            tokens.append(Token(call, id, body[at : at + length]))
            at += length
    except struct.error as error:
        raise ValueError(str(error)) from None
    return tokens


def error_facts(error: GenkitError) -> dict[str, Any]:
    """An error as the host is told of it."""
    return {"error": type(error).__name__, "message": error.message, "facts": vars(error)}


def error_from(answer: dict[str, Any]) -> GenkitError:
    """The exception that a worker told of."""
    kind = getattr(errors, str(answer["error"]), None)
    if not (isinstance(kind, type) and issubclass(kind, GenkitError)):
        kind = errors.BackendError
    error = kind(str(answer.get("message", "")))
    facts = answer.get("facts")
    for name, value in facts.items() if isinstance(facts, dict) else ():
        if name in _FACTS and isinstance(value, _FACTS[name]):
            setattr(error, name, value)
    return error
