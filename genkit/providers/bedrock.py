"""Amazon Bedrock's Converse, which is the same for every model that Bedrock serves.

Wire format: "Converse", "ConverseStream", "CountTokens" and "Common errors" in the Amazon Bedrock API
reference. Bytes are base64 in JSON.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ..errors import ContextOverflow, GenkitError, IncompleteStream, ProtocolError, RateLimited
from ..events import Event
from ..request import Request
from .base import DONE, Call, Encoding, Payload, Target
from .bedrock_answer import NAME, Answer
from .bedrock_request import blocks, inference, output_format, tool_on_the_wire, turns
from .failures import failure
from .reading import mapping, number
from .shared import check_last

_CHOICES: dict[str, dict[str, Any]] = {"auto": {"auto": {}}, "required": {"any": {}}}
_COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")
_TOO_LONG = re.compile(  # the words of Claude, Titan, Nova, and Llama
    r"(input|prompt) is too long|too many input tokens|input tokens exceeded|maximum context length",
    re.IGNORECASE,
)


class Bedrock:
    """The dialect of Converse."""

    name = NAME

    def encode(self, request: Request, target: Target) -> Call:
        """See :class:`~genkit.providers.base.Dialect`."""
        encoding = Encoding(request, target)
        check_last(request, target, blank=True)
        body: dict[str, Any] = {"messages": turns(request.messages, encoding)}
        system = [part for m in request.messages if m.role in ("system", "developer") for part in m.parts]
        if instructions := blocks(system, encoding):
            body["system"] = instructions
        body |= inference(encoding, target)
        if encoding.take("tools"):
            body["toolConfig"] = {
                "tools": [wire for tool in request.tools for wire in tool_on_the_wire(tool, encoding, target)]
            }
        if (choice := encoding.take("tool_choice")) == "none":
            encoding.refuse("tool_choice='none'")
        elif choice:
            named = {"tool": {"name": choice}}
            body.setdefault("toolConfig", {})["toolChoice"] = _CHOICES.get(choice, named)
        if form := output_format(encoding, target):
            body.setdefault("outputConfig", {})["textFormat"] = form
        encoding.move(body, {"metadata": "requestMetadata"})
        return encoding.call(_path(target, "converse-stream" if request.stream else "converse"), body)

    async def decode(self, payloads: AsyncIterator[Payload], target: Target) -> AsyncGenerator[Event, None]:
        """See :class:`~genkit.providers.base.Dialect`."""
        answer = Answer(target.model)
        async for payload in payloads:
            if payload is DONE:
                continue
            if not isinstance(payload, dict):
                raise ProtocolError(f"the answer is no message: {str(payload)[:200]}")
            if told := _exception(payload):
                raise self.error(None, told, target)
            for event in answer.read(payload):
                yield event
            if answer.ended:
                return
        raise IncompleteStream("the answer broke off before its end", provider=target.vendor.name)

    def error(self, status: int | None, body: Any, target: Target) -> GenkitError:
        """The error in a body, or in an exception of a stream."""
        told = body if isinstance(body, dict) else {"message": body}
        found = told.get("message") or told.get("Message") or f"the server answered with status {status}"
        message = str(found)[:2000]
        code = told.get("code") or told.get("__type")
        # Old services put a namespace before the name.
        code = code.rpartition("#")[2] if isinstance(code, str) else ""
        error = failure(message, status=status, code=code, target=target)
        if _TOO_LONG.search(message) and not isinstance(error, RateLimited):
            return ContextOverflow(message, status=status, code=code, provider=target.vendor.name)
        return error

    def encode_count(self, request: Request, target: Target) -> Call:
        """The call that counts the tokens of a request's prompt."""
        call = self.encode(request, target)
        counted = {name: value for name, value in (call.body or {}).items() if name in _COUNTED}
        return replace(call, path=_path(target, "count-tokens"), body={"input": {"converse": counted}})

    def decode_count(self, body: Any, target: Target) -> int:
        """The number of tokens. Raises ProtocolError: the body makes no sense."""
        if "inputTokens" not in mapping(body):
            raise ProtocolError(f"the answer is no count: {str(body)[:200]}", provider=target.vendor.name)
        return number(body, "inputTokens")


def _path(target: Target, verb: str) -> str:
    # The name may be an ARN, with colons and slashes.
    return f"/model/{quote(target.model, safe='')}/{verb}"


def _exception(payload: dict[str, Any]) -> dict[str, Any] | None:
    """The exception that a payload is, in the event stream's form or as one JSON line."""
    for name, value in payload.items():
        if name == "exception" or name.endswith("Exception"):
            told = value if isinstance(value, dict) else {"message": value}
            return told if name == "exception" else {"code": name, **told}
        if name in ("message", "__type") and "output" not in payload:
            return payload
    return None
