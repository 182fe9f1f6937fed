"""What a request becomes in Anthropic's Messages API.

Wire format: as in :mod:`genkit.providers.anthropic`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..messages import (
    CacheMark,
    Document,
    Image,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from ..request import Output, Tool
from .anthropic_answer import NAME
from .base import Encoding, Target
from .claude import MAX_TOKENS, thinking
from .claude_schema import held, parameters
from .shared import described, tool_input

_ROLES = {"assistant": "assistant", "system": "system", "developer": "system"}
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def turns(
    messages: Iterable[Message], encoding: Encoding, in_place: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The instructions, and the conversation; in a turn of the user's, the results of tools come first.

    Args:
        messages: what was said.
        encoding: refuses what cannot be said.
        in_place: whether instructions may stay between a turn of the user's and one of the model's, or at
            the end; what comes before them is then cached as before.
    """
    system: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for message in messages:
        last = found[-1]["role"] if found else ""
        role = _ROLES.get(message.role, "user")
        if role == "system" and not (in_place and last == "user"):
            blocks(message.parts, encoding, onto=found[-1]["content"] if last == "system" else system)
            continue
        if not (content := blocks(message.parts, encoding)):
            continue
        if role == "user":
            if last == "system":
                system += found.pop()["content"]
            if found and found[-1]["role"] == role and found[-1]["content"][0]["type"] == "tool_result":
                content = [*found.pop()["content"], *content]
            content.sort(key=lambda block: block.get("type") != "tool_result")
        found.append({"role": role, "content": content})
    return system, found


def blocks(
    parts: Iterable[Part], encoding: Encoding, onto: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """The blocks that parts are on the wire, each with the cache mark after it, put after given ones."""
    found: list[dict[str, Any]] = [] if onto is None else onto
    rest: Mapping[str, Any] = {}
    for part in parts:
        if isinstance(part, CacheMark):
            if not found:
                encoding.refuse("a cache mark that nothing comes before in its message")
                continue
            ttl = {"ttl": part.ttl} if part.ttl else {}
            found[-1]["cache_control"] = {"type": "ephemeral", **ttl}
        elif told := _rest(part):
            rest = told
        elif block := _block(part, encoding):
            found.append({**block, **rest} if isinstance(part, ToolCall) else block)
            rest = {}
    return found


def _rest(part: Part) -> Mapping[str, Any]:
    """What else the API told of the call that follows, if a part is that."""
    data = part.data if isinstance(part, Native) and part.dialect == NAME else {}
    return data if data.get("type") == "tool_use" and "id" not in data else {}


def _block(part: Part, encoding: Encoding) -> dict[str, Any] | None:
    """A part on the wire, or None if it is empty, or was refused and may be left out."""
    match part:
        case Text(words) | Refusal(words):
            # The API refuses text that is empty, or blank.
            return {"type": "text", "text": words} if words.strip() else None
        case Image():
            return {"type": "image", "source": _source(part)}
        case Document():
            return _document(part, encoding)
        case Reasoning():
            # The API takes only thoughts that it signed. Its own have no id: others' proofs do not help.
            own = part.signature and not part.id
            return {"type": "thinking", "thinking": part.text, "signature": part.signature} if own else None
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": tool_input(part.arguments)}
        case ToolResult():
            content = part.content if isinstance(part.content, str) else blocks(part.content, encoding)
            block = {"type": "tool_result", "tool_use_id": part.id, "content": content}
            if not part.error:
                return block
            # The API refuses an error that says nothing.
            is_blank = not content or (isinstance(content, str) and not content.strip())
            return {**block, "content": "(empty)" if is_blank else content, "is_error": True}
        case Native() if part.dialect == NAME:
            return dict(part.data)
    encoding.refuse(f"a part of type {part.type!r}")
    return None


def _source(part: Image | Document) -> dict[str, str]:
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.known_type, "data": part.base64}


def _document(part: Document, encoding: Encoding) -> dict[str, Any] | None:
    source = _source(part)
    if part.data and part.media_type.startswith("text/"):
        try:
            source = {"type": "text", "media_type": "text/plain", "data": part.data.decode()}
        except UnicodeDecodeError:
            encoding.refuse("a text document that is not in UTF-8")
            return None
    return {"type": "document", "source": source, **({"title": part.name} if part.name else {})}


def tool_on_the_wire(tool: Tool | Mapping[str, Any], encoding: Encoding) -> dict[str, Any]:
    """A tool; a provider's own goes as it is."""
    if not isinstance(tool, Tool):
        return dict(tool)
    schema, strict = parameters(tool, encoding)
    wire: dict[str, Any] = {"name": tool.name, "input_schema": schema}
    if tool.description:
        wire["description"] = tool.description
    if strict is not None:
        wire["strict"] = strict
    if tool.cache:
        wire["cache_control"] = {"type": "ephemeral"}
    return wire


def choice_of_tool(encoding: Encoding) -> dict[str, Any] | None:
    """Which tool is to be called, and whether several may be."""
    choice, parallel = encoding.take("tool_choice"), encoding.take("parallel_tool_calls")
    if choice is None and parallel is None:
        return None
    kind = _CHOICES.get(choice or "auto", "tool")
    wire: dict[str, Any] = {"type": kind, **({"name": choice} if kind == "tool" else {})}
    if parallel is not None and kind != "none":
        wire["disable_parallel_tool_use"] = not parallel
    return wire


def output_format(encoding: Encoding) -> dict[str, Any] | None:
    """The form that the answer must have."""
    output: Output | None = encoding.take("output")
    if output is not None and output.schema is None:
        encoding.refuse("output without a schema")
        return None
    schema = held(described(output), "output", encoding) if output else None
    return {"type": "json_schema", "schema": schema} if schema else None


def limits(encoding: Encoding, target: Target) -> dict[str, Any]:
    """How long the answer may be, and how much may be thought first."""
    asked = thinking(encoding, target.model, encoding.take("max_tokens"))
    body: dict[str, Any] = {"max_tokens": asked.limit or MAX_TOKENS}
    if asked.thinking:
        body["thinking"] = asked.thinking
    if asked.effort:
        body["output_config"] = {"effort": asked.effort}
    return body
