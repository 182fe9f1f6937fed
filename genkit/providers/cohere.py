"""Cohere's Chat API, version 2, with its embeddings, its ranks and its tokenizer.

Wire format: "Chat", "Chat with Streaming", "Embed", "Rerank", "Tokenize", "List Models" and "Errors" in
Cohere's API reference.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from ..errors import ContextOverflow, GenkitError, IncompleteStream, ProtocolError, QuotaExceeded
from ..events import Event, Usage
from ..request import Request
from ..response import Embeddings, Ranked
from .base import DONE, Call, Encoding, Payload, Target
from .cohere_answer import NAME, Answer
from .cohere_request import Conversation, output_format, thinking, tools_on_the_wire
from .failures import failure
from .reading import mapping, number, numbers, objects, text

_SAMPLING = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop": "stop_sequences",
}
_TELLS = ("message", "error", "error_type")
_PURPOSES = {"document": "search_document", "query": "search_query"}
_CHOICES = {"none": "NONE", "required": "REQUIRED"}
_TOO_LONG = re.compile(r"exceeded by (\d{1,12}) tokens.*limit for this model is (\d{1,12})", re.DOTALL)


class Cohere:
    """The dialect of Cohere's Chat API."""

    name = NAME

    def encode(self, request: Request, target: Target) -> Call:
        """See :class:`~genkit.providers.base.Dialect`."""
        encoding = Encoding(request, target)
        conversation = Conversation(encoding)
        for message in request.messages:
            conversation.add(message)
        body: dict[str, Any] = {"model": target.model, "messages": conversation.messages}
        if conversation.documents:
            body["documents"] = conversation.documents
        encoding.move(body, _SAMPLING)
        if (alternatives := encoding.take("logprobs")) is not None:
            body["logprobs"] = True
            if alternatives:
                encoding.refuse("logprobs of alternatives", "it tells only those of the chosen tokens")
        if tools := encoding.take("tools"):
            body |= tools_on_the_wire(tools, encoding)
        choice = encoding.take("tool_choice", "auto")
        if choice in _CHOICES:
            body["tool_choice"] = _CHOICES[choice]
        elif choice != "auto":
            encoding.refuse("tool_choice by name", "it takes 'auto', 'none' or 'required'")
        body |= thinking(encoding)
        if form := output_format(encoding):
            body["response_format"] = form
        return encoding.call("/v2/chat", {**body, "stream": request.stream})

    async def decode(self, payloads: AsyncIterator[Payload], target: Target) -> AsyncGenerator[Event, None]:
        """See :class:`~genkit.providers.base.Dialect`."""
        answer = Answer(target.model)
        async for payload in payloads:
            if payload is DONE:
                continue
            if not _is_answer(payload):
                raise self.error(None, payload, target)
            for event in answer.read(payload):
                yield event
            if answer.failed is not None:
                raise self.error(None, answer.failed, target)
            if answer.ended:
                return
        raise IncompleteStream("the answer broke off before its end", provider=target.vendor.name)

    def error(self, status: int | None, body: Any, target: Target) -> GenkitError:
        """The error in a body, or at the end of a stream."""
        told = body if isinstance(body, dict) else {"message": body}
        told = told["error"] if isinstance(told.get("error"), dict) else told
        if status is None and not (isinstance(body, dict) and any(told.get(name) for name in _TELLS)):
            return ProtocolError(f"the answer is no message: {str(body)[:200]}", provider=target.vendor.name)
        found = told.get("message") or told.get("error") or f"the server answered with status {status}"
        message, code = str(found)[:2000], told.get("error_type")
        facts: dict[str, Any] = {"status": status, "code": code if isinstance(code, str) else ""}
        provider = target.vendor.name
        if code == "TOO_MANY_TOKENS" or "too many tokens" in message:
            limits = _TOO_LONG.search(message)
            over, limit = (int(limits[1]), int(limits[2])) if limits else (0, 0)
            return ContextOverflow(message, tokens=over + limit, limit=limit, provider=provider, **facts)
        if status == 429 and "/ month" in message:  # what a trial key may do
            return QuotaExceeded(message, provider=provider, **facts)
        return failure(message, target=target, **facts)

    def embed_limit(self, target: Target) -> int:
        """How many texts one call takes."""
        return 96

    def encode_embed(
        self,
        texts: Sequence[str],
        target: Target,
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
    ) -> Call:
        """The call that embeds texts, by default as documents to search. Long ones are an error, not cut."""
        body: dict[str, Any] = {
            "model": target.model,
            "texts": list(texts),
            "input_type": _PURPOSES.get(purpose or "document", purpose),
            "embedding_types": ["float"],
            "truncate": "NONE",
        }
        if dimensions is not None:
            body["output_dimension"] = dimensions
        return Call(path="/v2/embed", body=body)

    def decode_embed(self, body: Any, target: Target) -> Embeddings:
        """The embeddings, in the order of the texts: one list, or one by type. Raises GenkitError."""
        good = self._good(body, "embeddings", target)
        found = good.get("embeddings")
        if isinstance(found, dict):
            found = next((rows for rows in found.values() if rows), None)
        if not isinstance(found, list):
            raise ProtocolError(f"the answer has no embeddings: {str(body)[:200]}")
        billed = mapping(mapping(good.get("meta") or {}).get("billed_units") or {})
        tokens = number(billed, "input_tokens")
        return Embeddings((numbers(row, "an embedding") for row in found), Usage(tokens))

    def encode_rerank(
        self, query: str, documents: Sequence[str], target: Target, *, top: int | None = None
    ) -> Call:
        """The call that ranks documents by how well they answer a query."""
        body: dict[str, Any] = {"model": target.model, "query": query, "documents": list(documents)}
        return Call(path="/v2/rerank", body=body if top is None else {**body, "top_n": top})

    def decode_rerank(self, body: Any, target: Target) -> list[Ranked]:
        """The ranked documents. Raises GenkitError."""
        rows = objects(self._good(body, "results", target), "results")
        found = [numbers([row.get("index"), row.get("relevance_score")], "a rank") for row in rows]
        return [Ranked(int(index), score) for index, score in found]

    def encode_count_text(self, words: str, target: Target) -> Call:
        """The call that counts the tokens of a text; there is none for a conversation."""
        return Call(path="/v1/tokenize", body={"model": target.model, "text": words})

    def decode_count(self, body: Any, target: Target) -> int:
        """The number of tokens. Raises GenkitError."""
        tokens = self._good(body, "tokens", target).get("tokens")
        if not isinstance(tokens, list):
            raise ProtocolError(f"the answer is no count: {str(body)[:200]}")
        return len(tokens)

    def encode_models(self, target: Target) -> Call:
        """The call that lists the models; there are fewer than fit on one page."""
        return Call(path="/v1/models", method="GET", query={"page_size": "1000"})

    def decode_models(self, body: Any, target: Target) -> list[str]:
        """The models' names. Raises GenkitError."""
        return [text(model, "name") for model in objects(self._good(body, "models", target), "models")]

    def _good(self, body: Any, name: str, target: Target) -> dict[str, Any]:
        if isinstance(body, dict) and name not in body:
            raise self.error(None, body, target)
        return dict(mapping(body))


def _is_answer(payload: Any) -> bool:
    if not isinstance(payload, dict):
        return False
    if "type" in payload:
        return bool(payload["type"] != "error")
    return "finish_reason" in payload or isinstance(payload.get("message"), dict)
