"""What a request becomes in Ollama's Chat API.

Wire format: as in :mod:`genkit.providers.ollama`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..messages import Image, Message, Native, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from ..request import Output, Tool
from .base import Encoding
from .shared import described, function_of, tool_input


def messages_on_the_wire(messages: Iterable[Message], encoding: Encoding) -> list[dict[str, Any]]:
    """The conversation: each result of a tool is a message of its own, which names the tool."""
    sent: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        rest: list[Part] = []
        for part in message.parts:
            if not isinstance(part, ToolResult):
                rest.append(part)
                continue
            said = (Text(part.told),) if isinstance(part.told, str) else part.told
            name = part.name or names.get(part.id, "")
            sent.append(_message("tool", said, encoding) | ({"tool_name": name} if name else {}))
        if rest:
            role = {"developer": "system", "tool": "user"}.get(message.role, message.role)
            sent.append(_message(role, rest, encoding))
    return sent


def _message(role: str, parts: Iterable[Part], encoding: Encoding) -> dict[str, Any]:
    """One message: its text is one, and its images are apart from it."""
    words: list[str] = []
    thoughts: list[str] = []
    images: list[str] = []
    calls: list[dict[str, Any]] = []
    for part in parts:
        match part:
            case Text(said) | Refusal(said):
                words.append(said)
            case Reasoning(thought):
                thoughts.append(thought)
            case Image(url="") as image:
                images.append(image.base64)
            case Image():
                encoding.refuse("image URLs", "it takes only the images themselves")
            case ToolCall():
                calls.append(_call(part))
            case Native() if role == "assistant":
                pass  # only its own dialect knows it
            case _:
                encoding.refuse(f"a part of type {part.type!r}")
    message: dict[str, Any] = {"role": role, "content": "".join(words)}
    fields = {"thinking": "".join(thoughts), "images": images, "tool_calls": calls}
    return message | {name: value for name, value in fields.items() if value}


def _call(call: ToolCall) -> dict[str, Any]:
    """A call, without its id, for which there is no use here."""
    return {"type": "function", "function": {"name": call.name, "arguments": tool_input(call.arguments)}}


def tool_on_the_wire(tool: Tool | Mapping[str, Any], encoding: Encoding) -> Mapping[str, Any]:
    """A tool; a mapping goes as it is."""
    if not isinstance(tool, Tool):
        return tool
    if tool.strict:
        encoding.refuse("a strict tool", "it does not hold its models to a tool's schema")
    if tool.cache:
        encoding.refuse("a cache mark", "it keeps its prompt cache by itself")
    return function_of(tool)


def format_of(output: Output, encoding: Encoding) -> Any:
    """The ``format`` for an output."""
    if output.strict:
        encoding.refuse("Output(strict=True)", "not all of its engines hold a model to a schema")
    return "json" if output.schema is None else described(output)
