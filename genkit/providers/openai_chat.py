"""OpenAI Chat Completions, which nearly every vendor speaks: ``POST /chat/completions``.

Wire format: "Create chat completion" in OpenAI's API reference. What a vendor has otherwise is a quirk.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from ..events import Event
from ..request import Request
from .base import DONE, Call, Encoding, Payload, Target
from .openai_chat_answer import NAME, Answer
from .openai_chat_request import Wire
from .openai_shared import OpenAIServer, path

_PLAIN = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "parallel_tool_calls")


class OpenAIChat(OpenAIServer):
    """The dialect of Chat Completions.

    Quirks, with what holds without them:
        max_tokens, seed, required: the vendor's words for these (the same).
        options: the vendor's words for ``top_k``, ``min_p``, ``repeat_penalty`` (it takes none).
        metadata, cache_control, document_url, thinking_blocks, extra_content: it takes these (no).
        developer, refusal: it knows this role and this field (no: they are sent as ``system``, as text).
        makes_media: it makes images or sounds, and takes them back (no), in fields of their own or in the
            ``content``.
        json_schema: it takes a schema for its output (yes).
        strict: it holds a model to a schema without being told so, where it can (as the vendor does).
        always_streams: it is asked for a stream whatever is wanted, which is then folded (no).
        stream_usage: it must be asked for the usage of a stream (yes).
        terminal_mark, no_terminal_mark: its streams always, or never, end with a mark (a stream is over with
            the mark, or when finish reason and usage are told).
        reasoning: how effort is told: ``effort``, ``object``, ``switch`` or ``flag`` (``effort``).
        reads_files: its server may be told to take ``file://`` URLs (no).
        replay: where reasoning is sent back: ``reasoning_content``, ``reasoning``, ``reasoning_details``,
            ``content`` (it is not).
        unthought: models that refuse messages of theirs without reasoning, and what then stands for it.
        tool_media: what a tool answers may hold images and documents (they are said by the user after it).
        plain_media: images, sounds and documents are plain strings (they are objects).
        paths, query: where calls go, by their usual path, with ``{model}`` in it, and with what query,
            which may hold ``{VARIABLE=DEFAULT}``: one of the environment.
        embed_encoding, embed_dimensions, embed_number, embed_limit: how embeddings travel.
    """

    name = NAME

    def encode(self, request: Request, target: Target) -> Call:
        """The call for a request. Raises BadRequest for what the API cannot express."""
        encoding = Encoding(request, target)
        wire = Wire(encoding, target)
        body: dict[str, Any] = {"model": target.model, "messages": wire.conversation(request.messages)}
        encoding.move(body, {name: name for name in _PLAIN})
        encoding.move(body, {name: target.quirk(name, name) for name in ("max_tokens", "seed")})
        encoding.move(body, {**target.quirk("options", {}), "stop": "stop"})
        if (logprobs := encoding.take("logprobs")) is not None:
            body |= {"logprobs": True} | ({"top_logprobs": logprobs} if logprobs else {})
        if biases := encoding.take("logit_bias"):
            if any(isinstance(token, str) for token, _ in biases):
                encoding.refuse("logit_bias by text", "it takes token ids")
            body["logit_bias"] = {str(token): bias for token, bias in biases if isinstance(token, int)}
        if target.quirk("metadata"):
            encoding.move(body, {"metadata": "metadata"})
        if (effort := encoding.take("reasoning")) is not None:
            body |= wire.reasoning(effort)
        if output := encoding.take("output"):
            body["response_format"] = wire.format(output)
        if tools := encoding.take("tools"):
            body["tools"] = [wire.tool(tool) for tool in tools]
        if choice := encoding.take("tool_choice"):
            body["tool_choice"] = wire.choice(choice)
        if request.stream or target.quirk("always_streams"):
            body["stream"] = True
            if target.quirk("stream_usage", True):
                body["stream_options"] = {"include_usage": True}
        return encoding.call(path("/chat/completions", target), body, query=target.quirk("query", {}))

    async def decode(self, payloads: AsyncIterator[Payload], target: Target) -> AsyncGenerator[Event, None]:
        """The events of an answer, streamed or in one body.

        Raises:
            GenkitError: the payloads tell of an error, make no sense (ProtocolError), or end too soon.
        """
        answer = Answer(target, self)
        done = False
        async for payload in payloads:
            if payload is DONE:
                done = True
                break
            for event in answer.read(payload):
                yield event
        for event in answer.end(done):
            yield event
