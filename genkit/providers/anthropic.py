"""Anthropic's Messages API, at Anthropic and through Vertex AI.

Wire format: "Messages", "Count tokens", "List models" and "Errors" in the Claude API reference, and the
guides on extended thinking, effort, structured outputs, prompt caching and mid-conversation system messages;
"Claude on Vertex AI".

Quirks: ``anthropic_version`` (the version goes into the body and the model into the path, as Vertex has it)
and ``system_turns`` (models from Opus 4.8 on take instructions in the middle of a conversation).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ..errors import ContextOverflow, GenkitError, IncompleteStream, ProtocolError, QuotaExceeded
from ..events import Event
from ..request import Request
from .anthropic_answer import NAME, Answer
from .anthropic_request import choice_of_tool, limits, output_format, tool_on_the_wire, turns
from .base import DONE, Call, Encoding, Payload, Target
from .failures import failure
from .reading import mapping, number, objects, text
from .shared import check_last

_SAMPLING = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "stop": "stop_sequences"}
_COUNTED = frozenset(
    ("anthropic_version", "model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
)
_SYSTEM_TURNS = re.compile(r"claude-(opus-4-[89]|(opus|fable|mythos)-[5-9]|(sonnet|haiku)-(5-[5-9]|[6-9]))")
_TOO_LONG = re.compile(
    r"prompt is too long(?:: (\d+) tokens > (\d+))?|exceed context limit(?:: (\d+) \+ \d+ > (\d+))?"
)
# Of the account, and of what its owner lets it spend, which is told with status 400.
_EMPTY = re.compile(r"credit balance is too low|reached your specified (\w+ )?API usage limits")


class Anthropic:
    """The dialect of the Messages API."""

    name = NAME

    def encode(self, request: Request, target: Target) -> Call:
        """See :class:`~genkit.providers.base.Dialect`."""
        encoding = Encoding(request, target)
        check_last(request, target, blank=True)
        in_place = bool(target.quirk("system_turns") and _SYSTEM_TURNS.match(target.model))
        system, messages = turns(request.messages, encoding, in_place)
        body: dict[str, Any] = {"messages": messages, **({"system": system} if system else {})}
        body.update(limits(encoding, target))
        encoding.move(body, _SAMPLING)
        if encoding.take("tools"):
            body["tools"] = [tool_on_the_wire(tool, encoding) for tool in request.tools]
        if choice := choice_of_tool(encoding):
            body["tool_choice"] = choice
        if form := output_format(encoding):
            body["output_config"] = {**body.get("output_config", {}), "format": form}
        if metadata := encoding.take("metadata"):
            if set(metadata) != {"user_id"}:
                encoding.refuse("metadata", "of labels, it takes only user_id")
            body.update({"metadata": {"user_id": metadata["user_id"]}} if "user_id" in metadata else {})
        if request.stream:
            body["stream"] = True
        if version := target.quirk("anthropic_version"):
            verb = "streamRawPredict" if request.stream else "rawPredict"
            path = f"/models/{quote(target.model, safe='@')}:{verb}"
            return encoding.call(path, {"anthropic_version": version, **body})
        return encoding.call("/messages", {"model": target.model, **body})

    async def decode(self, payloads: AsyncIterator[Payload], target: Target) -> AsyncGenerator[Event, None]:
        """See :class:`~genkit.providers.base.Dialect`."""
        answer = Answer()
        async for payload in payloads:
            if payload is DONE:
                continue
            if not isinstance(payload, dict):
                raise ProtocolError(f"the answer is no message: {str(payload)[:200]}")
            if payload.get("type") == "error" or payload.get("error"):
                raise self.error(None, payload, target)
            for event in answer.read(payload):
                yield event
            if answer.ended:
                return
        raise IncompleteStream("the answer broke off before its end", provider=target.vendor.name)

    def error(self, status: int | None, body: Any, target: Target) -> GenkitError:
        """The error in a body of this API, or in one that Vertex AI writes itself."""
        body = body[0] if isinstance(body, list) and body else body
        told = body.get("error") if isinstance(body, dict) else body
        if not isinstance(told, dict):
            told = {"message": told or body}
        message = str(told.get("message") or f"the server answered with status {status}")[:2000]
        code = next((told[key] for key in ("type", "status") if isinstance(told.get(key), str)), "")
        request_id = body.get("request_id") if isinstance(body, dict) else None
        provider = target.vendor.name
        facts: dict[str, Any] = {"status": status, "code": code}
        facts["request_id"] = request_id if isinstance(request_id, str) else ""
        if found := _TOO_LONG.search(message):
            tokens, limit = (int(figure) for figure in (found[1] or found[3] or 0, found[2] or found[4] or 0))
            return ContextOverflow(message, tokens=tokens, limit=limit, provider=provider, **facts)
        if _EMPTY.search(message):
            return QuotaExceeded(message, provider=provider, **facts)
        return failure(message, target=target, **facts)

    def encode_count(self, request: Request, target: Target) -> Call:
        """The call that counts the tokens of a request's prompt."""
        call = self.encode(request, target)
        body = {name: value for name, value in (call.body or {}).items() if name in _COUNTED}
        if target.quirk("anthropic_version"):
            return replace(call, path="/models/count-tokens:rawPredict", body={"model": target.model, **body})
        return replace(call, path="/messages/count_tokens", body=body)

    def decode_count(self, body: Any, target: Target) -> int:
        """The number of tokens. Raises GenkitError: the body tells of an error, or makes no sense."""
        if "input_tokens" not in self._good(body, target):
            raise ProtocolError(f"the answer is no count: {str(body)[:200]}", provider=target.vendor.name)
        return number(body, "input_tokens")

    def encode_models(self, target: Target) -> Call:
        """The call that lists the models; there are fewer than fit on one page."""
        return Call(path="/models", method="GET", query={"limit": "1000"})

    def decode_models(self, body: Any, target: Target) -> list[str]:
        """The models' names. Raises GenkitError: the body tells of an error, or makes no sense."""
        return [text(model, "id") for model in objects(self._good(body, target), "data")]

    def _good(self, body: Any, target: Target) -> Any:
        if isinstance(body, dict) and body.get("error"):
            raise self.error(None, body, target)
        return mapping(body)
