"""Ollama's own Chat API, which tells and takes more than its OpenAI-compatible one.

Wire format: "Generate a chat message", "Generate embeddings", "List models" and "Errors" in Ollama's API
reference (docs.ollama.com/api). A stream is lines of JSON.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

from pydantic_core import from_json

from ..errors import ContextOverflow, GenkitError, IncompleteStream, ProtocolError
from ..events import Event, Usage
from ..request import Request
from ..response import Embeddings
from .base import DONE, Call, Encoding, Payload, Target, no_purpose
from .failures import failure
from .ollama_answer import NAME, Answer
from .ollama_request import format_of, messages_on_the_wire, tool_on_the_wire
from .reading import mapping, number, numbers, objects, text

_PLAIN = (
    "temperature", "top_p", "top_k", "min_p", "repeat_penalty", "frequency_penalty", "presence_penalty",
    "seed", "stop",
)  # fmt: skip
_OPTIONS = {"max_tokens": "num_predict", **{name: name for name in _PLAIN}}
_EFFORTS = ("low", "medium", "high", "max")
_TOO_LONG = re.compile(r"context (length|size|window)|prompt (is )?too long", re.IGNORECASE)


class Ollama:
    """The dialect of Ollama's Chat API."""

    name = NAME
    in_lines = True
    """A stream is JSON in lines, even where a proxy calls it something else."""

    def encode(self, request: Request, target: Target) -> Call:
        """See :class:`~genkit.providers.base.Dialect`."""
        encoding = Encoding(request, target)
        body: dict[str, Any] = {"model": target.model}
        body["messages"] = messages_on_the_wire(request.messages, encoding)
        options: dict[str, Any] = {}
        encoding.move(options, _OPTIONS)
        if options:
            body["options"] = options
        if (alternatives := encoding.take("logprobs")) is not None:
            body |= {"logprobs": True} | ({"top_logprobs": alternatives} if alternatives else {})
        if tools := encoding.take("tools"):
            body["tools"] = [tool_on_the_wire(tool, encoding) for tool in tools]
        if (choice := encoding.take("tool_choice", "auto")) != "auto":
            encoding.refuse(f"tool_choice={choice!r}", "its models choose for themselves")
        if (effort := encoding.take("reasoning")) is not None:
            body |= _thinking(effort, encoding, target)
            if body.get("think") is True and "think" not in request.extra:
                _warn_of_medium(effort, encoding)
        if output := encoding.take("output"):
            body["format"] = format_of(output, encoding)
        # By default what does not fit is cut out of the conversation, and nobody told.
        whole = {"truncate": False, "shift": False}
        return encoding.call("/chat", {**body, **whole, "stream": request.stream})

    async def decode(self, payloads: AsyncIterator[Payload], target: Target) -> AsyncGenerator[Event, None]:
        """See :class:`~genkit.providers.base.Dialect`."""
        answer = Answer()
        async for payload in payloads:
            if payload is DONE:
                continue
            if not isinstance(payload, dict) or "error" in payload or "message" not in payload:
                raise self.error(None, payload, target)
            for event in answer.read(payload):
                yield event
            if answer.ended:
                return
        raise IncompleteStream("the answer broke off before its end", provider=target.vendor.name)

    def error(self, status: int | None, body: Any, target: Target) -> GenkitError:
        """The error in a body or a line: a text, or an object, as servers in front of it write."""
        told = body.get("error") if isinstance(body, dict) else body
        if status is None and not told:
            return ProtocolError(f"the answer is no message: {str(body)[:200]}", provider=target.vendor.name)
        told = _told(told)
        message = str(told.get("message") or f"the server answered with status {status}")[:2000]
        words = (told.get("code"), told.get("type"))
        code = next((word for word in words if isinstance(word, str) and word), "")
        if status in (None, 400, 413, 500) and _TOO_LONG.search(message):
            counts = (told.get("n_prompt_tokens"), told.get("n_ctx"))
            tokens, limit = (count if type(count) is int else 0 for count in counts)
            facts = {"status": status, "code": code, "provider": target.vendor.name}
            return ContextOverflow(message, tokens=tokens, limit=limit, **facts)
        return failure(message, status=status, code=code, target=target)

    def embed_limit(self, target: Target) -> int:
        """How many texts one call takes."""
        return 256

    def encode_embed(
        self,
        texts: Sequence[str],
        target: Target,
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
    ) -> Call:
        """The call that embeds texts; those that are too long are an error, not cut."""
        no_purpose(purpose, target)
        body: dict[str, Any] = {"model": target.model, "input": list(texts), "truncate": False}
        if dimensions is not None:
            body["dimensions"] = dimensions
        return Call(path="/embed", body=body)

    def decode_embed(self, body: Any, target: Target) -> Embeddings:
        """The embeddings, in the order of the texts. Raises GenkitError."""
        good = self._good(body, target)
        found = good.get("embeddings")
        if not isinstance(found, list):
            raise ProtocolError(f"the answer has no embeddings: {str(body)[:200]}")
        tokens = number(good, "prompt_eval_count")
        return Embeddings((numbers(row, "an embedding") for row in found), Usage(tokens))

    def encode_models(self, target: Target) -> Call:
        """The call that lists the models on that machine."""
        return Call(path="/tags", method="GET")

    def decode_models(self, body: Any, target: Target) -> list[str]:
        """The models' names. Raises GenkitError."""
        good = self._good(body, target)
        if not isinstance(good.get("models"), list):
            raise ProtocolError(f"the answer is no list of models: {str(body)[:200]}")
        return [text(model, "model") or text(model, "name") for model in objects(good, "models")]

    def _good(self, body: Any, target: Target) -> dict[str, Any]:
        if isinstance(body, dict) and body.get("error"):
            raise self.error(None, body, target)
        return dict(mapping(body))


def _told(error: Any) -> dict[str, Any]:
    """What an error tells; that of the llama-server beneath it is a JSON text in it."""
    if isinstance(error, str) and error.startswith("{"):
        with suppress(ValueError, KeyError):  # it may only look like one
            error = from_json(error)["error"]
    return error if isinstance(error, dict) else {"message": error}


def _thinking(effort: str | int, encoding: Encoding, target: Target) -> dict[str, Any]:
    if effort in ("none", 0):
        return {"think": False}
    if isinstance(effort, int):
        encoding.refuse("reasoning as a number of tokens", "say how much by a word, such as 'low'")
        return {}
    if effort not in _EFFORTS:
        encoding.refuse(f"reasoning={effort!r}", f"it knows 'none' and {', '.join(map(repr, _EFFORTS))}")
        return {}
    # Versions before 0.17.7 refuse a word for other models.
    return {"think": effort if "gpt-oss" in target.model else True}


def _warn_of_medium(effort: str | int, encoding: Encoding) -> None:
    """An effort is only told as ``true``, which is medium where a model has efforts."""
    if effort in ("low", "high", "max"):
        encoding.warn(
            f"reasoning={effort!r} is sent as think=true, which is 'medium' for models that know efforts; "
            f"ollama from 0.17.7 on takes it as extra={{'think': {effort!r}}}"
        )
