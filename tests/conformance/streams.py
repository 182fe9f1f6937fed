"""Recorded streams, decoded without a socket: cut at any byte, or damaged at random.

::

    python tests/conformance/streams.py cuts      # every cut of every stream: a quarter of an hour
    python tests/conformance/streams.py mutants --count 1000000 --seed 1

``test_recorded_streams.py`` runs a sample of both. What fails is printed, with what it takes to see it again.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # as a script
from corpus import Exchange, exchanges

from genkit.errors import GenkitError, IncompleteStream
from genkit.messages import Message
from genkit.providers.base import Target
from genkit.providers.payloads import payloads
from genkit.providers.remote import RemoteBackend
from genkit.providers.vendors import VENDORS
from genkit.request import Request
from genkit.response import Response, collect
from genkit.router import route
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import run

# What tells that an answer has ended, wherever it stands.
ENDS = {
    "openai.chat": rb'"finish_reason"\s*:\s*"|\[DONE\]',
    "openai.responses": rb"response\.(completed|incomplete|failed)",
    "anthropic.messages": rb"stop_reason|message_stop",
    "gemini.generate": rb"finishReason|blockReason",
    "cohere.chat": rb"message-end|finish_reason",
    "ollama.chat": rb"done",
    "bedrock.converse": rb"messageStop|stopReason",
}

# Streams that say they have ended before they have.
ENDS_EARLY = {
    "gemini/malformed_stream/ai__5217_gemini_503_mid_stream_raw_json__0": "an error follows the end",
    "vertexai/malformed_stream/vertexai-sdk-test-__streaming-failure-error-mid-stream__0": "each says so",
}


class Stream:
    """One recorded stream, and the backend that understands it."""

    def __init__(self, exchange: Exchange) -> None:
        body = exchange.response["body"]
        encoded = exchange.response.get("body_encoding") == "base64"
        self.id = exchange.id
        self.data = base64.b64decode(body) if encoded else body.encode()
        self.end = re.compile(ENDS[exchange.dialect])
        kind = exchange.response["headers"].get("content-type") or _KINDS[exchange.body_kind]
        self.headers = {"content-type": kind}
        self.is_sse = exchange.body_kind.startswith("sse")
        vendors = [VENDORS.get(exchange.provider), VENDORS["chat"], *VENDORS.values()]
        vendor = next(row for row in vendors if row and row.dialect == exchange.dialect)
        made: Any = route(f"{vendor.name}:m", api_key="k", base_url="http://127.0.0.1").backend
        target = Target(model="m", vendor=made.target.vendor)
        self._wire = _Wire(self.headers)
        self._backend = RemoteBackend(
            made.dialect, target, key="k", auth=lambda _: {}, connections=self._wire
        )

    def __str__(self) -> str:
        return self.id

    def outcome(self, *pieces: bytes) -> Response | GenkitError:
        """The answer in these bytes, or its error; errors that are not genkit's own are raised."""
        self._wire.pieces = pieces
        try:
            return run(collect(self._backend.stream(_REQUEST, BlockingRuntime())))
        except GenkitError as error:
            return error

    def payloads(self, *pieces: bytes) -> list[Any]:
        """What the dialect is given of these bytes, up to an error."""

        async def gather() -> list[Any]:
            found: list[Any] = []
            try:
                async for payload in payloads(_Head(self.headers, pieces)):
                    found.append(payload)
            except GenkitError as error:
                found.append(repr(error))
            return found

        return run(gather())


_KINDS = {"ndjson": "application/x-ndjson", "eventstream": "application/vnd.amazon.eventstream"}
_KINDS |= {"sse": "text/event-stream", "sse_malformed": "text/event-stream"}
_REQUEST = Request(messages=[Message.user("hi")], stream=True)


class _Head:
    """A response whose body is already here."""

    status = 200

    def __init__(self, headers: Mapping[str, str], pieces: Sequence[bytes]) -> None:
        self.headers, self._pieces = headers, pieces

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        for piece in self._pieces:
            yield piece

    async def aclose(self) -> None:
        pass


class _Wire:
    """In place of :class:`genkit.runtime.http.Connections`."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self.pieces: Sequence[bytes] = ()

    async def send(self, *_: Any) -> _Head:
        return _Head(self._headers, self.pieces)

    def close(self) -> None:
        pass


def streams() -> list[Stream]:
    """The recorded streams of all dialects that genkit speaks."""
    found = (e for e in exchanges(*ENDS) if e.body_kind in _KINDS and e.response["status"] < 400)
    return [Stream(exchange) for exchange in found]


def cut_at(stream: Stream, places: Sequence[int]) -> Iterator[str]:
    """What is wrong where a stream ends, or comes in two pieces, at these offsets."""
    whole, all_payloads = stream.outcome(stream.data), stream.payloads(stream.data)
    for at in places:
        start, rest = stream.data[:at], stream.data[at:]
        if stream.payloads(start, rest) != all_payloads:
            yield f"{stream}: other payloads in two pieces, cut at {at}"
        try:
            found = stream.outcome(start)
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            yield f"{stream}: {error!r} when cut off at {at}"
            continue
        if isinstance(found, Response) and found != whole and stream.id not in ENDS_EARLY:
            yield f"{stream}: taken for whole when cut off at {at}"
        if isinstance(found, GenkitError) and not isinstance(found, (IncompleteStream, type(whole))):
            yield f"{stream}: {found!r} when cut off at {at}"


JUNK = (
    b"", b"\n", b"\r", b"\n\n", b"data: ", b"data: [DONE]\n\n", b"event: error\n", b": ping\n\n",
    b"\xff", b"\x00", "\u2028".encode(), b"{", b"}", b"[", b"]", b'"', b",", b"[" * 500, b"\\ud800",
    b"\xef\xbb\xbf", b"\\u0000", b"0", b"-1", b"1e999", b"9" * 30, b"NaN", b"null", b"true",
)  # fmt: skip


def mutant(data: bytes, others: Sequence[Stream], chance: random.Random) -> bytes:
    """The bytes with some of them lost, doubled, changed, or replaced by junk or another stream's."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 8))):
        at = chance.randrange(len(data) + 1)
        size = chance.choice((0, 1, 1, 2, 5, 20, 200))
        match chance.randrange(6):
            case 0:
                data = data[:at] + data[at + size :]
            case 1:
                data = data[:at] + data[at : at + size] * 2 + data[at + size :]
            case 2:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case 3 | 4:
                data = data[:at] + chance.choice(JUNK) + data[at + size :]
            case 5:
                other = chance.choice(others).data
                place = chance.randrange(len(other))
                data = data[:at] + other[place : place + size * 5] + data[at:]
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.2 else data


def pieces_of(data: bytes, chance: random.Random) -> list[bytes]:
    places = sorted(
        {0, len(data), *(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 1, 5))))}
    )
    return [data[start:end] for start, end in pairwise(places)]


def nonsense_before_the_end(data: bytes, end: re.Pattern[bytes]) -> bool:
    """Whether an event of server-sent events that is no JSON stands before all that may be the end."""
    lines = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for block in lines.split(b"\n\n"):
        parts = [line for line in block.split(b"\n") if line]
        if end.search(block) or not all(re.match(rb"(data|event|id|retry|):", line) for line in parts):
            return False  # from here on it is not as plain
        told = b"\n".join(line[5:] for line in parts if line.startswith(b"data:")).strip()
        if told and told != b"[DONE]" and not any(line.startswith(b"event: error") for line in parts):
            try:
                json.loads(told)
            except (ValueError, RecursionError):
                return True
    return False


def mutants(all_streams: Sequence[Stream], count: int, seed: int, kinds: Counter[str]) -> Iterator[str]:
    """What is wrong with how so many damaged streams are taken; ``kinds`` counts what they came to."""
    for number in range(count):
        chance = random.Random(f"{seed}/{number}")
        stream = chance.choice(all_streams)
        data = mutant(stream.data, all_streams, chance)
        where = f"{stream}, mutant {seed}/{number}"
        started = time.process_time()
        try:
            found = stream.outcome(*pieces_of(data, chance))
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            yield f"{where}: {error!r}"
            continue
        if time.process_time() - started > 5:
            yield f"{where}: it took {time.process_time() - started:.1f} s"
        kinds[type(found).__name__] += 1
        if isinstance(found, Response):
            if not stream.end.search(data):
                yield f"{where}: taken for whole, with no end"
            elif stream.is_sse and nonsense_before_the_end(data, stream.end):
                yield f"{where}: an event that is no JSON was passed over"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["cuts", "mutants"])
    parser.add_argument("--count", type=int, default=10_000, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default="1/1", help="of the cuts: every N-th stream, from the M-th: M/N")
    options = parser.parse_args()
    all_streams = streams()
    wrong = 0
    if options.what == "cuts":
        first, step = map(int, options.part.split("/"))
        total = 0
        for stream in all_streams[first - 1 :: step]:
            total += len(stream.data)
            for line in cut_at(stream, range(len(stream.data))):
                print(line, flush=True)
                wrong += 1
        print(f"{total} cuts of {len(all_streams[first - 1 :: step])} streams: {wrong} wrong")
    else:
        kinds: Counter[str] = Counter()
        for line in mutants(all_streams, options.count, options.seed, kinds):
            print(line, flush=True)
            wrong += 1
        print(f"{options.count} mutants of {len(all_streams)} streams: {wrong} wrong; {dict(kinds)}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
