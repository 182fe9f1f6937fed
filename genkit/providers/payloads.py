"""From the bytes of an answer to its JSON payloads, however it is framed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from pydantic_core import from_json

from ..errors import IncompleteStream, ProtocolError, TooLarge
from ..runtime.base import HttpResponse
from ..runtime.eventstream import FrameParser
from ..runtime.sse import BOM, LARGEST_EVENT, EventParser
from .base import DONE, Payload

_LARGE, _MOST_PARTS = 1 << 20, 1 << 22
"""In a JSON text of so many bytes lists, objects and keys are counted; each takes 70 or more in memory."""
_SSE_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")


def payloads(response: HttpResponse, *, in_lines: bool = False) -> AsyncGenerator[Payload, None]:
    """The payloads of a good answer: of a stream, or its whole body as one.

    The content type decides, since servers answer a request for a stream with a body, and the other way
    round; where it does not, the first bytes do. The elements of a JSON array are payloads of their own.

    Args:
        response: the answer, with nothing read of it.
        in_lines: whether a body that is no JSON may be lines of JSON, whatever its content type.

    Raises:
        ProtocolError: it is not JSON, or empty.
        IncompleteStream: it was cut off.
        TooLarge: an event is larger than it may be.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    chunks = response.chunks()
    if kind == "text/event-stream":
        return _sse(chunks)
    if kind in ("application/x-ndjson", "application/jsonl", "application/x-jsonlines"):
        return _lines(chunks)
    if kind == "application/vnd.amazon.eventstream":
        return _frames(chunks)
    return _sniffed(chunks, in_lines)


async def _sse(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Payload, None]:
    parser = EventParser()
    async for chunk in chunks:
        for name, data in parser.feed(chunk):
            if data.strip() == b"[DONE]":
                yield DONE
            elif name == b"error":
                yield _told(data)
            else:
                try:
                    payload = _value(data)
                except ValueError as error:
                    raise _no_json(data, error) from None
                yield payload
    for name, data in [*parser.end(), (b"", b"\n".join(parser.stray))]:
        if data.strip() == b"[DONE]":
            yield DONE
        elif (payload := _maybe(data)) is not None:
            yield _told(data) if name == b"error" else payload
        elif data:
            raise IncompleteStream("the stream broke off within an event", phase="body")


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Payload, None]:
    """Newline-delimited JSON."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if b"\n" in chunk:
            *lines, rest = b"".join(parts).split(b"\n")
            parts, size = [rest], len(rest)
            for line in lines:
                if line.strip():
                    yield parse(line)
        if size > LARGEST_EVENT:
            raise TooLarge(f"a line of the answer is larger than {LARGEST_EVENT} bytes", phase="body")
    rest = b"".join(parts)
    if (payload := _maybe(rest)) is not None:
        yield payload
    elif rest.strip():
        raise IncompleteStream("the stream broke off within a line", phase="body")


async def _frames(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Payload, None]:
    """An AWS event stream: each event under its type.

    Exceptions, and errors that have no payload, come as ``{"exception": {"code": …, "message": …}}``.
    """
    parser = FrameParser()
    async for chunk in chunks:
        for headers, data in parser.feed(chunk):
            yield _framed(headers, data)
    if not parser.is_empty:
        raise IncompleteStream("the event stream broke off within a frame", phase="body")


def _framed(headers: Mapping[str, str], data: bytes) -> dict[str, Any]:
    kind = headers.get(":message-type")
    if kind == "error":
        code, message = headers.get(":error-code", ""), headers.get(":error-message", "")
        return {"exception": {"code": code, "message": message}}
    value = parse(data) if data else {}
    if kind == "event":
        return {headers.get(":event-type", ""): value}
    if kind == "exception":
        told = value.get("message") or value.get("Message") if isinstance(value, dict) else value
        return {"exception": {"code": headers.get(":exception-type", ""), "message": str(told or "")}}
    raise ProtocolError(f"a frame of the event stream is of the type {kind!r}", phase="body")


async def _sniffed(chunks: AsyncGenerator[bytes, None], in_lines: bool) -> AsyncGenerator[Payload, None]:
    """An answer that is one JSON body, unless it looks like events, or like lines of JSON."""
    start = b""
    async for chunk in chunks:
        start = (start + chunk).lstrip()  # at once: some servers send blanks for as long as they think
        if len(start) >= len(BOM) + max(map(len, _SSE_STARTS)):
            break
    if start.removeprefix(BOM).lstrip().startswith(_SSE_STARTS):
        async for payload in _sse(_after(start, chunks)):
            yield payload
        return
    data = await read_all(_after(start, chunks))
    if in_lines and _maybe(data) is None and b"\n" in data.strip():
        async for payload in _lines(_after(data, chunks)):
            yield payload
        return
    body = parse(data)
    for payload in body if isinstance(body, list) and body else (body,):
        yield payload


async def _after(start: bytes, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield start
    async for chunk in chunks:
        yield chunk


async def read_all(chunks: AsyncIterator[bytes]) -> bytes:
    """A whole body.

    Raises:
        ProtocolError: it was cut off.
    """
    try:
        return b"".join([chunk async for chunk in chunks])
    except IncompleteStream as error:
        raise ProtocolError(error.message, phase="body", retryable=True) from None


def parse(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ProtocolError: it is none.
    """
    try:
        return _value(data.removeprefix(BOM))
    except ValueError as error:
        raise _no_json(data, error) from None


def _maybe(data: bytes) -> Any:
    """The value of a JSON text, or None if it is none."""
    try:
        return _value(data)
    except ValueError:
        return None


def _value(data: bytes) -> Any:
    if len(data) > _LARGE and sum(map(data.count, (b"[", b"{", b":"))) > _MOST_PARTS:
        raise TooLarge(f"the answer has more than {_MOST_PARTS} parts", phase="body")
    return from_json(data, allow_inf_nan=False)


def _told(data: bytes) -> dict[str, Any]:
    """The data of an event with the name ``error``, in the form that every dialect knows."""
    told = _maybe(data)
    if isinstance(told, dict) and "error" in told:
        return told
    if told is None:
        told = {"message": data[:500].decode("utf-8", "replace")}
    return {"type": "error", "error": told}


def _no_json(data: bytes, error: ValueError) -> ProtocolError:
    if not data.strip():
        return ProtocolError("the answer is empty", phase="body")
    return ProtocolError(f"the answer is not JSON ({error}): {excerpt(data)}", phase="body")


def excerpt(data: bytes) -> str:
    """The beginning of some bytes, to show in a message."""
    return repr(data[:200].decode("utf-8", "replace"))
