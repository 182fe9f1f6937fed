"""A dialect for tests of what is around a dialect: words come one by one, and end with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from genkit.errors import GenkitError, IncompleteStream, ProtocolError
from genkit.events import Event, Finish, Start, TextDelta, Usage
from genkit.messages import Message
from genkit.providers.base import DONE, Call, Encoding, Target, Vendor
from genkit.providers.failures import failure
from genkit.providers.remote import RemoteBackend
from genkit.request import Request
from genkit.response import Collector, Embeddings, Response
from genkit.runtime.awaiting import AwaitingRuntime
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import run
from genkit.stream import observe

KEY = "sk-canary-0123456789"


class Words:
    """``{"word": "a"}``, in the end ``{"end": "stop"}``; a body is ``{"words": ["a"], "end": "stop"}``."""

    name = "words"

    def __init__(self, *, in_lines: bool = False) -> None:
        self.in_lines = in_lines

    def encode(self, request: Request, target: Target) -> Call:
        prompt = request.messages[-1].text
        encoding = Encoding(request, target)
        encoding.take("max_tokens")
        return encoding.call("/say", {"prompt": prompt, "stream": request.stream})

    async def decode(self, payloads: AsyncIterator[Any], target: Target) -> AsyncGenerator[Event, None]:
        yield Start(target.model)
        async for payload in payloads:
            if payload is DONE:
                continue
            if "error" in payload:
                raise self.error(None, payload, target)
            for word in payload.get("words") or [payload.get("word")]:
                if word is not None:
                    yield TextDelta(word)
            if "end" in payload:
                yield Finish("stop", payload["end"])
                return
            if not payload.keys() & {"word", "words", "ping"}:
                raise ProtocolError("no words")
        raise IncompleteStream("no end")

    def error(self, status: int | None, body: Any, target: Target) -> GenkitError:
        told = body["error"] if isinstance(body, dict) else {"message": str(body)}
        return failure(told["message"], status=status, code=told.get("code", ""), target=target)

    def embed_limit(self, target: Target) -> int:
        return 2

    def encode_embed(self, texts: Sequence[str], target: Target, *, dimensions: int | None = None) -> Call:
        return Call(path="/embed", body={"texts": list(texts)})

    def decode_embed(self, body: Any, target: Target) -> Embeddings:
        return Embeddings([[float(len(text))] for text in body["texts"]], Usage(len(body["texts"])))

    def encode_models(self, target: Target) -> Call:
        return Call(path="/models", method="GET", query={"all": "1"})

    def decode_models(self, body: Any, target: Target) -> list[str]:
        return list(body["names"])


def sse(*words: str, end: str = 'data: {"end": "stop"}\n\ndata: [DONE]\n\n') -> bytes:
    return ("".join(f'data: {{"word": "{word}"}}\n\n' for word in words) + end).encode()


def backend(url: str, *, in_lines: bool = False, auth: str = "bearer", **settings: Any) -> RemoteBackend:
    vendor = Vendor(name="wordy", dialect="words", base_url=url, auth=auth)
    return RemoteBackend(Words(in_lines=in_lines), Target(model="m", vendor=vendor), key=KEY, **settings)


def ask(prompt: str = "hi", **settings: Any) -> Request:
    return Request(messages=[Message.user(prompt)], **settings)


async def fold(backend: RemoteBackend, runtime: Any, request: Request | None = None) -> Response:
    collector = Collector()
    async for _ in observe(backend.stream(request or ask(), runtime), collector):
        pass
    return collector.response()


def call(backend: RemoteBackend, mode: str, request: Request | None = None) -> Response:
    """The answer, fetched in one of two ways: ``sync`` or ``async``."""
    if mode == "sync":
        return run(fold(backend, BlockingRuntime(), request))
    return asyncio.run(fold(backend, AwaitingRuntime(), request))
