"""OpenAI Responses: ``POST /responses`` and ``/responses/input_tokens``.

The format is that of the API reference's pages "Responses: Create a model response", "Streaming
events" and "Get input token counts". A conversation is a list of items (messages, reasoning, calls,
outputs); what the server ran itself stays a :class:`~genkit.Native` item, sent back as it came.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from ..errors import GenkitError, IncompleteStream, ProtocolError
from ..events import Event, Logprobs, TextDelta
from ..request import Request, Tool
from .base import DONE, Call, Encoding, Payload, Target
from .openai_responses_answer import NAME, Answer, logprobs
from .openai_responses_request import NO_MARKS, choice_of, conversation, form_of, tool_of
from .openai_shared import OpenAIServer, path
from .reading import mapping, number, text


class OpenAIResponses(OpenAIServer):
    """The dialect of OpenAI's Responses, which xAI, OpenRouter, LM Studio, llama.cpp and others speak too.

    Quirks: ``raw_reasoning`` (reasoning goes back as text, where it is not encrypted), ``reads_files``.
    """

    name = NAME

    def encode(self, request: Request, target: Target) -> Call:
        """The call for a request. Raises BadRequest for what the API cannot express."""
        encoding = Encoding(request, target)
        body = {"model": target.model, **conversation(request, target, encoding)}
        names = ("temperature", "top_p", "parallel_tool_calls", "metadata")
        encoding.move(body, {"max_tokens": "max_output_tokens", **{name: name for name in names}})
        alternatives = encoding.take("logprobs")
        if alternatives is not None:
            body |= {"top_logprobs": alternatives, "include": ["message.output_text.logprobs"]}
        effort = encoding.take("reasoning")
        if isinstance(effort, int):
            encoding.refuse("reasoning as a number of tokens", "say how much by a word, such as 'low'")
        elif effort is not None:
            body["reasoning"] = {"effort": effort}
        if output := encoding.take("output"):
            body["text"] = {"format": form_of(output, target)}
        if tools := encoding.take("tools"):
            body["tools"] = [tool_of(tool) for tool in tools]
            if any(isinstance(tool, Tool) and tool.cache for tool in tools):
                encoding.refuse("a cache mark", NO_MARKS)
        if choice := encoding.take("tool_choice"):
            body["tool_choice"] = choice_of(choice, tools or ())
        if request.stream:
            body["stream"] = True
        return encoding.call(path("/responses", target), body, query=target.quirk("query", {}))

    def encode_count(self, request: Request, target: Target) -> Call:
        """The call that counts the tokens of a request's prompt. Raises BadRequest as encode does."""
        call = self.encode(request, target)
        body = {name: value for name, value in (call.body or {}).items() if name in _COUNTED}
        return Call(path=f"{call.path}/input_tokens", body=body, query=call.query, warnings=call.warnings)

    def decode_count(self, body: Any, target: Target) -> int:
        """The tokens counted. Raises ProtocolError, or the error that the body tells of."""
        if mapping(body).get("input_tokens") is None:
            raise self.error(None, body, target)
        return number(body, "input_tokens")

    async def decode(self, payloads: AsyncIterator[Payload], target: Target) -> AsyncGenerator[Event, None]:
        """The events of an answer, streamed or in one body.

        Raises:
            GenkitError: the payloads tell of an error, make no sense (ProtocolError), or end too soon.
        """
        answer = Answer()
        async for payload in payloads:
            if payload is DONE:
                continue
            kind = mapping(payload).get("type")
            if kind == "response.output_text.delta":  # first, and here: it is nearly every payload
                index = payload.get("output_index")
                answer.told.add(index if type(index) is int else -1)
                yield TextDelta(text(payload, "delta"))
                if payload.get("logprobs"):
                    yield Logprobs(logprobs(payload))
                continue
            kind = text(payload, "type") or None
            if kind in _FAILURES or (kind is None and not isinstance(payload.get("output"), list)):
                raise self.error(None, payload, target)
            for event in answer.take(kind, payload):
                yield event
            if answer.failed is not None:
                raise self.error(None, answer.failed, target)
            if answer.over:
                return
        raise IncompleteStream("the stream ended before its response was complete")

    def error(self, status: int | None, body: Any, target: Target) -> GenkitError:
        """The error that a body or a payload tells of; in a failed response it is one level deeper."""
        if isinstance(body, dict) and isinstance(body.get("response"), dict):
            body = body["response"]
            body = body if body.get("error") else {"message": "the response failed"}
        if status is None and not (isinstance(body, dict) and any(body.get(name) for name in _TELLS)):
            return ProtocolError(f"the answer is no response: {body!r:.200}", provider=target.vendor.name)
        return super().error(status, body, target)


_COUNTED = frozenset((
    "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text",
    "previous_response_id", "conversation", "truncation",
))  # fmt: skip
_FAILURES = ("error", "response.error", "response.failed")
_TELLS = ("error", "message", "code", "detail")
