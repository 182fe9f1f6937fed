"""What every OpenAI-compatible server shares beside its answers: errors, embeddings and the list of models.

Wire format: "Embeddings", "List models" and "Error codes" in OpenAI's API reference; the other forms of
errors are those that compatible servers were seen to send.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..errors import BadRequest, ContextOverflow, GenkitError, ProtocolError
from ..events import Usage
from ..response import Embeddings
from .base import Call, Target, no_purpose
from .failures import failure
from .reading import mapping, number, numbers

# The vendors' words for a prompt that does not fit, where they have no code for it.
_TOO_LONG = re.compile(
    r"(maximum|max) (context|prompt) length|prompt (is )?too long|context window|exceeded model token limit"
    r"|(model's|the) context length|available context size|all messages is too long|prompt exceeds max length"
    r"|reduce the length of the messages|range of input length should be|Prompt 超长"
    r"|token count (of|is) \d+ (exceeds|but)|input token count.* exceeds",
    re.IGNORECASE,
)
_SIZES = re.compile(
    r"maximum (?:context|prompt) length is (\d+)\D+"
    r"(?:\d+ output tokens.*total of at least )?(\d+) (?:input )?tokens"
    r"|token limit: (\d+) \(requested: (\d+)\)"
)
_MESSAGES = ("message", "detail", "error_message")
_STATUSES = ("status", "status_code", "raw_status_code", "code")
# Says no more than the status does, and is sent with any status.
_VAGUE = "invalid_request_error"


class OpenAIServer:
    """The calls that do not generate."""

    def error(self, status: int | None, body: Any, target: Target) -> GenkitError:
        """The error that a body tells of: of a failed response, or of a payload in a good one."""
        told = _told(body)
        if status is None or status < 400:
            told_status = _first_number(*(told.get(name) for name in _STATUSES))
            status = told_status if told_status and 400 <= told_status <= 599 else status
        message = _message(told) or f"the server answered with status {status or 200}, and tells of an error"
        said = [told.get(name) for name in ("code", "type", "error_type")]
        words = [word for word in said if isinstance(word, str) and word and not word.isdigit()]
        code = next((word for word in words if word != _VAGUE), words[0] if words else "")
        if isinstance(told.get("metadata"), Mapping) and told["metadata"].get("reasons"):
            # OpenRouter's moderation ("Errors"): a 403 about this prompt, not the key
            return BadRequest(message, status=status, code=code, provider=target.vendor.name)
        error = failure(message, status=status, code=code, target=target)
        if type(error) is BadRequest and _TOO_LONG.search(message):
            error = failure(message, status=status, code="context_length_exceeded", target=target)
        if isinstance(error, ContextOverflow):
            found = _SIZES.search(message)
            limit, tokens = filter(None, found.groups()) if found else (0, 0)
            error.tokens = _first_number(told.get("n_prompt_tokens"), tokens) or 0
            error.limit = _first_number(told.get("n_ctx"), limit) or 0
        return error

    def encode_embed(
        self,
        texts: Sequence[str],
        target: Target,
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
    ) -> Call:
        """The call for the embeddings of texts, shortened to so many dimensions if that is given."""
        no_purpose(purpose, target)
        body: dict[str, Any] = {"model": target.model, "input": list(texts)}
        if dimensions is not None:
            body[target.quirk("embed_dimensions", "dimensions")] = dimensions
        if encoding := target.quirk("embed_encoding"):
            body["encoding_format"] = encoding
        return Call(path=path("/embeddings", target), body=body, query=target.quirk("query", {}))

    def decode_embed(self, body: Any, target: Target) -> Embeddings:
        """The embeddings, in the order of their texts.

        Raises:
            GenkitError: the body tells of an error, or makes no sense (ProtocolError).
        """
        try:
            rows = {_place(row, at): row["embedding"] for at, row in enumerate(body["data"])}
            ordered = [rows[at] for at in range(len(body["data"]))]
            vectors = [_vector(row, target.quirk("embed_number", "f")) for row in ordered]
        except (KeyError, TypeError, AttributeError, ValueError, struct.error):
            raise self._odd(body, "embeddings", target) from None
        counts = mapping(body.get("usage") or {})
        return Embeddings(vectors, Usage(number(counts, "prompt_tokens") or number(counts, "total_tokens")))

    def embed_limit(self, target: Target) -> int:
        """How many texts one call may embed."""
        limit: int = target.quirk("embed_limit", 256)
        return limit

    def encode_models(self, target: Target) -> Call:
        """The call for the list of models."""
        return Call(path=path("/models", target), method="GET", query=target.quirk("query", {}))

    def decode_models(self, body: Any, target: Target) -> list[str]:
        """The names of the models.

        Raises:
            GenkitError: the body tells of an error, or makes no sense (ProtocolError).
        """
        try:
            rows = body if isinstance(body, list) else body["data"]
            return [_name(row["id"]) for row in rows]
        except (KeyError, TypeError):
            raise self._odd(body, "list of models", target) from None

    def _odd(self, body: Any, wanted: str, target: Target) -> GenkitError:
        if is_error(body):
            return self.error(None, body, target)
        return ProtocolError(f"the server's answer is no {wanted}", provider=target.vendor.name)


def path(name: str, target: Target) -> str:
    """Where a call goes at this vendor, which may have a path of its own, with the model in it."""
    own: str = target.quirk("paths", {}).get(name, name)
    return own.replace("{model}", quote(target.model, safe=""))


def is_error(payload: Any) -> bool:
    """Whether a payload of a good response tells of an error."""
    if not isinstance(payload, Mapping):
        return False
    if payload.get("error") or payload.get("object") == "error":
        return True
    return "choices" not in payload and "data" not in payload and not payload.keys().isdisjoint(_MESSAGES)


def _told(body: Any) -> Mapping[str, Any]:
    """The object that describes the error, wherever it is in the body."""
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, Mapping) and body.get("error"):
        body = body["error"]
    if isinstance(body, Mapping):
        return body
    return {"message": body if isinstance(body, str) else ""}


def _message(told: Mapping[str, Any]) -> str:
    message = next((told[name] for name in _MESSAGES if told.get(name)), "")
    metadata = told.get("metadata")
    # What the provider behind OpenRouter said, and what a model wrote that Groq could not read as a call.
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else told.get("failed_generation")
    text = message if isinstance(message, str) else json.dumps(message, default=str)
    return (f"{text}: {raw}" if isinstance(raw, str) else text).strip()[:2000]


def _first_number(*values: Any) -> int | None:
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and len(value) < 9 and value.isascii() and value.isdigit():
            return int(value)
    return None


def _place(row: Mapping[str, Any], at: int) -> Any:
    """Which text an embedding is of; where the server does not say so, they are in order."""
    index = row.get("index")
    return at if index is None else index


def _vector(value: Any, number: str) -> list[float]:
    """A vector as numbers, or as base64 of little-endian ones (``f`` of 4 bytes, ``b`` of one)."""
    if isinstance(value, str):
        data = base64.b64decode(value, validate=True)
        value = list(struct.unpack(f"<{len(data) // struct.calcsize(number)}{number}", data))
    if not value:
        raise TypeError(value)
    return numbers(value, "an embedding")


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
