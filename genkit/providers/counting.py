"""Counting the tokens of a prompt: by the vendor's endpoint, its tokenizer, or an estimate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from ..messages import Media, Message, Reasoning, Refusal, Text, ToolCall, ToolResult
from ..request import Request, Tool
from ..runtime.base import Runtime
from ..tokens import TokenCount, offline_count
from .base import Call, Target

Ask: TypeAlias = Callable[[Call, Callable[..., Any], Runtime], Awaitable[int]]
_LONGEST = 65_536  # characters that Cohere's tokenizer takes


async def count(
    dialect: Any, target: Target, prompt: str | Request, runtime: Runtime, *, ask: Ask, patience: float
) -> TokenCount:
    """The tokens of a prompt.

    Args:
        dialect: it may have ``encode_count`` for conversations, or ``encode_count_text`` for bare texts.
        target: the model and its vendor. Quirks: ``no_count`` (it has not the endpoint of its dialect),
            ``tiktoken`` (its models are OpenAI's).
        prompt: text, or a request.
        runtime: how to wait.
        ask: sends a call, and decodes its answer with a function of the dialect.
        patience: how long to wait for tiktoken's vocabulary, in seconds.

    Raises:
        BadRequest: the dialect cannot express the request.
        BackendError: the vendor's endpoint failed.
    """
    bare, name = isinstance(prompt, str), target.vendor.name
    if hasattr(dialect, "encode_count") and not target.quirk("no_count"):
        request = Request(messages=[Message.user(prompt)]) if isinstance(prompt, str) else prompt
        call = dialect.encode_count(replace(request, stream=False), target)
        tokens = await ask(call, dialect.decode_count, runtime)
        return TokenCount(tokens, exact=True, source=f"{name}'s counting endpoint")
    texts, unread = ([prompt], "") if isinstance(prompt, str) else (texts_of(prompt), _unread(prompt))
    text = "\n".join(texts)
    if hasattr(dialect, "encode_count_text") and 0 < len(text) <= _LONGEST:
        tokens = await ask(dialect.encode_count_text(text, target), dialect.decode_count, runtime)
        source = f"{name}'s tokenizer" + ("" if bare else ", without what messages add")
        found = TokenCount(tokens, exact=bare, source=source)
    else:
        model = target.model if target.quirk("tiktoken") else ""
        offline = partial(offline_count, texts, bare=bare, openai_model=model, patience=patience)
        found = await runtime.apart(offline)
    return replace(found, source=found.source + unread)


def texts_of(request: Request) -> list[str]:
    """The text of each message, and of each tool."""
    tools = [
        f"{tool.name} {tool.description} {tool.parameters}" if isinstance(tool, Tool) else str(tool)
        for tool in request.tools
    ]
    return [*map(text_of, request.messages), *tools]


def text_of(message: Message) -> str:
    """All the text in a message, whoever said it; media have none."""
    found: list[str] = []
    for part in message.parts:
        match part:
            case Text(text) | Refusal(text) | Reasoning(text) | ToolResult(text=text):
                found.append(text)
            case ToolCall(name=name, arguments=arguments):
                found.append(f"{name} {arguments}")
    return "".join(found)


def _unread(request: Request) -> str:
    """A word on what a count of texts leaves out."""
    parts = [part for message in request.messages for part in message.parts]
    results = [part.content for part in parts if isinstance(part, ToolResult)]
    inner = [piece for content in results if not isinstance(content, str) for piece in content]
    media = sum(isinstance(part, Media) for part in [*parts, *inner])
    return f"; images, sounds and documents ({media}) are not in it" if media else ""
