"""Gemini's generateContent, as the Gemini API and Vertex AI speak it.

Wire format: ai.google.dev/api/generate-content, /caching (Content, Part), /embeddings, /tokens, /models,
and Vertex AI's REST reference. The paths are the same under both base URLs, since Vertex's holds the
project, the location and the publisher.

Quirks: ``labels`` (metadata can be sent), ``flat_count`` (countTokens takes the fields of a request as
they are) and ``predict_embed`` (embeddings through ``:predict``, or ``:embedContent``).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from ..errors import AuthFailed, ContextOverflow, GenkitError, ProtocolError
from ..events import Event, Usage
from ..request import Request
from ..response import Embeddings
from .base import DONE, Call, Encoding, Payload, Target
from .failures import failure
from .gemini_answer import NAME, Answer
from .gemini_request import contents, generation_config, part_on_the_wire, tools_on_the_wire
from .reading import mapping, number, numbers, objects
from .shared import check_last

_PURPOSES = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_COUNTED = ("contents", "systemInstruction", "tools", "generationConfig")  # by Vertex


class Gemini:
    """The dialect of generateContent."""

    name = NAME

    def encode(self, request: Request, target: Target) -> Call:
        """See :class:`~genkit.providers.base.Dialect`."""
        encoding = Encoding(request, target)
        check_last(request, target)
        body: dict[str, Any] = {"contents": contents(request.messages, encoding, target)}
        said = [part for m in request.messages if m.role in ("system", "developer") for part in m.parts]
        if system := [wire for part in said if (wire := part_on_the_wire(part, encoding, {}))]:
            body["systemInstruction"] = {"parts": system}
        if encoding.take("tools"):
            body["tools"] = tools_on_the_wire(request.tools, encoding)
        if choice := encoding.take("tool_choice"):
            calling: dict[str, Any] = {"mode": _MODES.get(choice, "ANY")}
            if choice not in _MODES:
                calling["allowedFunctionNames"] = [choice]
            body["toolConfig"] = {"functionCallingConfig": calling}
        if target.quirk("labels"):
            encoding.move(body, {"metadata": "labels"})
        if config := generation_config(request, encoding, target):
            body["generationConfig"] = config
        if request.stream:
            return encoding.call(_path(target, "streamGenerateContent"), body, query={"alt": "sse"})
        return encoding.call(_path(target, "generateContent"), body)

    async def decode(self, payloads: AsyncIterator[Payload], target: Target) -> AsyncGenerator[Event, None]:
        """See :class:`~genkit.providers.base.Dialect`; a stream without ``alt=sse`` is one JSON array."""
        answer = Answer()
        async for payload in payloads:
            if payload is DONE:
                continue
            for item in payload if isinstance(payload, list) else (payload,):
                if isinstance(item, dict) and "error" in item:
                    raise self.error(None, item, target)
                for event in answer.read(item):
                    yield event
        for event in answer.end():
            yield event

    def error(self, status: int | None, body: Any, target: Target) -> GenkitError:
        """The error in a body of google.rpc.Status; a stream's comes in an array.

        In a payload of a good response, the body has the status that the response could not have.
        """
        body = body[0] if isinstance(body, list) and body else body
        told = body.get("error") if isinstance(body, dict) else None
        told = told if isinstance(told, dict) else {"message": told if isinstance(told, str) else body}
        message, code = str(told.get("message") or "no message"), told.get("status")
        if status is None and isinstance(told.get("code"), int):
            status = told["code"]
        error = failure(message, status=status, code=code if isinstance(code, str) else "", target=target)
        facts = {"status": error.status, "code": error.code, "provider": error.provider}
        if found := _TOO_LONG.search(message):
            tokens, limit = int(found[1] or found[3] or 0), int(found[2] or found[4])
            return ContextOverflow(message, tokens=tokens, limit=limit, **facts)
        details = told.get("details")
        for detail in details if isinstance(details, list) else ():
            if not isinstance(detail, dict):
                continue
            if detail.get("reason") == "API_KEY_INVALID":  # comes with status 400
                return AuthFailed(message, **facts)
            if found := _SECONDS.fullmatch(str(detail.get("retryDelay"))):
                error.retry_after = float(found[1])
        return error

    def encode_count(self, request: Request, target: Target) -> Call:
        """The call to countTokens.

        Raises:
            BadRequest: the dialect cannot express something in the request.
        """
        body = dict(self.encode(request, target).body or {})
        if target.quirk("flat_count"):
            body = {name: value for name, value in body.items() if name in _COUNTED}
        elif body.keys() - {"contents", "generationConfig"}:
            body = {"generateContentRequest": {"model": _resource(target), **body}}
        else:
            body.pop("generationConfig", None)
        return Call(path=_path(target, "countTokens"), body=body)

    def decode_count(self, body: Any, target: Target) -> int:
        """The tokens counted. Raises ProtocolError."""
        total = body.get("totalTokens") if isinstance(body, dict) else None
        if not isinstance(total, int):
            raise ProtocolError(f"{target.vendor.name} counted no tokens: {str(body)[:200]}")
        return total

    def embed_limit(self, target: Target) -> int:
        """How many texts one call takes."""
        one = "gemini" in target.model or _is_asked_alone(target)  # Vertex AI: "Get text embeddings"
        return 1 if target.quirk("predict_embed") and one else 100

    def encode_embed(
        self,
        texts: Sequence[str],
        target: Target,
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
    ) -> Call:
        """The call that embeds texts: batchEmbedContents, or Vertex's predict and embedContent."""
        task = _PURPOSES.get(purpose or "", purpose)
        kind = {"taskType": task} if task else {}
        size = {} if dimensions is None else {"outputDimensionality": dimensions}
        contents = [{"parts": [{"text": text}], "role": "user"} for text in texts]
        if not target.quirk("predict_embed"):
            requests = [
                {"model": _resource(target), "content": content, **kind, **size} for content in contents
            ]
            return Call(path=_path(target, "batchEmbedContents"), body={"requests": requests})
        whole = {"autoTruncate": False, **size}  # else a text that is too long is cut, and nobody told
        if _is_asked_alone(target):
            body: dict[str, Any] = {"content": contents[0], "embedContentConfig": {**kind, **whole}}
            return Call(path=_path(target, "embedContent"), body=body)
        instances = [{"content": text, **({"task_type": task} if task else {})} for text in texts]
        return Call(path=_path(target, "predict"), body={"instances": instances, "parameters": whole})

    def decode_embed(self, body: Any, target: Target) -> Embeddings:
        """The embeddings, in the order of the texts. Raises ProtocolError."""
        try:
            if "predictions" in body:
                found = [prediction["embeddings"]["values"] for prediction in body["predictions"]]
            elif "embedding" in body:
                found = [body["embedding"]["values"]]
            else:
                found = [embedding["values"] for embedding in body["embeddings"]]
            vectors = [numbers(values, "an embedding") for values in found]
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError(f"{target.vendor.name} sent no embeddings: {error!r}") from None
        return Embeddings(vectors, Usage(_tokens_embedded(body)))

    def encode_models(self, target: Target) -> Call:
        """The call that lists the models."""
        return Call(method="GET", path="/models", query={"pageSize": "1000"})

    def decode_models(self, body: Any, target: Target) -> list[str]:
        """The names of the models. Raises ProtocolError."""
        try:
            return [model["name"].removeprefix("models/") for model in body["models"]]
        except (AttributeError, KeyError, TypeError) as error:
            raise ProtocolError(f"{target.vendor.name} listed no models: {error!r}") from None


_TOO_LONG = re.compile(  # the second is Vertex's
    r"token count (?:\((\d{1,12})\) )?exceeds the maximum number of tokens allowed \(?(\d{1,12})"
    r"|token count is (\d{1,12}) but model only supports up to (\d{1,12})"
)
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


def _is_asked_alone(target: Target) -> bool:
    """Whether Vertex embeds with this model through embedContent, one text a call; as the official SDK."""
    return ("gemini" in target.model and target.model != "gemini-embedding-001") or "maas" in target.model


def _resource(target: Target) -> str:
    return target.model if "/" in target.model else f"models/{target.model}"


def _path(target: Target, method: str) -> str:
    return f"/{_resource(target)}:{method}"


def _tokens_embedded(body: Mapping[str, Any]) -> int:
    """How many tokens the texts had: together, or each at Vertex's predict. Raises ProtocolError."""
    told = mapping(body.get("usageMetadata") or {})
    found = [prediction["embeddings"] for prediction in objects(body, "predictions")]
    each = [number(mapping(one.get("statistics") or {}), "token_count") for one in found]
    return number(told, "promptTokenCount") or sum(each)
