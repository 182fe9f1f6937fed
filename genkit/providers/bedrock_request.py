"""What a request becomes in Amazon Bedrock's Converse.

Wire format: as in :mod:`genkit.providers.bedrock`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json

from ..messages import (
    Audio,
    CacheMark,
    Document,
    Image,
    Media,
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
from .base import Encoding, Target
from .bedrock_answer import NAME
from .claude import Thinking, thinking
from .claude_schema import held, parameters
from .closed import closed
from .shared import tool_input

_FORMATS = {
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "audio/x-wav": "wav",
    "text/markdown": "md",
    "text/plain": "txt",
}
_SAMPLING = {"temperature": "temperature", "top_p": "topP", "stop": "stopSequences"}


def turns(messages: Iterable[Message], encoding: Encoding) -> list[dict[str, Any]]:
    """The conversation, in which roles alternate: messages of one role that follow each other are one."""
    found: list[dict[str, Any]] = []
    for message in messages:
        if message.role in ("system", "developer") or not (content := blocks(message.parts, encoding)):
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if found and found[-1]["role"] == role:
            found[-1]["content"] += content
        else:
            found.append({"role": role, "content": content})
    _name_apart(block for turn in found for block in turn["content"])
    return found


def _name_apart(content: Iterable[dict[str, Any]]) -> None:
    """No two documents of a conversation may have one name, those in the results of tools included."""
    taken = set[str]()
    for block in content:
        for each in [block, *block.get("toolResult", {}).get("content", ())]:
            if document := each.get("document"):
                name, number = document["name"], 2
                while document["name"] in taken:
                    document["name"], number = f"{name} {number}", number + 1
                taken.add(document["name"])


def blocks(parts: Iterable[Part], encoding: Encoding) -> list[dict[str, Any]]:
    """The blocks that parts are on the wire."""
    return [block for part in parts if (block := _block(part, encoding))]


def _block(part: Part, encoding: Encoding) -> dict[str, Any] | None:
    """A part on the wire, or None if it is empty, or was refused and may be left out."""
    match part:
        case Text(words) | Refusal(words):
            return {"text": words} if words.strip() else None  # blank text is refused
        case Image() | Audio() | Document():
            return _media(part, encoding)
        case Reasoning():
            # Thoughts that nobody signed are not taken, and proofs with an id are another provider's.
            thought = {"text": part.text, "signature": part.signature}
            own = part.signature and not part.id
            return {"reasoningContent": {"reasoningText": thought}} if own else None
        case ToolCall():
            call = {"toolUseId": part.id, "name": part.name, "input": tool_input(part.arguments)}
            return {"toolUse": call}
        case ToolResult():
            said = (Text(part.content),) if isinstance(part.content, str) else part.content
            # Some models take no result without content, and none takes such an error.
            content = blocks(said, encoding) or [{"text": "(empty)"}]
            result = {"toolUseId": part.id, "content": content}
            return {"toolResult": {**result, "status": "error"} if part.error else result}
        case CacheMark():
            return {"cachePoint": {"type": "default", **({"ttl": part.ttl} if part.ttl else {})}}
        case Native() if part.dialect == NAME:
            return dict(part.data)
    encoding.refuse(f"a part of type {part.type!r}")
    return None


def _media(part: Media, encoding: Encoding) -> dict[str, Any] | None:
    source: dict[str, Any] = {"bytes": part.base64}
    if isinstance(part, Document) and part.media_type == "text/plain" and _is_text(part.data):
        # Only of text can a citation tell the place.
        source = {"text": part.data.decode()}
    elif part.url.startswith("s3://"):
        source = {"s3Location": {"uri": part.url}}
    elif part.url:
        encoding.refuse(f"{type(part).__name__.lower()} URLs", "it takes only those of S3")
        return None
    wire: dict[str, Any] = {"source": source}
    if part.media_type or part.data:
        wire["format"] = _FORMATS.get(part.known_type, part.known_type.rpartition("/")[2])
    if not isinstance(part, Document):
        return {type(part).__name__.lower(): wire}
    # Only these characters may be in a name, of blanks one in a row, and 1 to 200 in all.
    stem = re.sub(r"[^A-Za-z0-9\s()\[\]-]+", "-", re.sub(r"\.\w+$", "", part.name))
    wire["name"] = " ".join(stem.split())[:190].strip() or "document"
    return {"document": wire}


def _is_text(data: bytes) -> bool:
    try:
        return bool(data.decode())
    except UnicodeDecodeError:
        return False


def tool_on_the_wire(
    tool: Tool | Mapping[str, Any], encoding: Encoding, target: Target
) -> list[dict[str, Any]]:
    """A tool, and the cache mark after it; a provider's own goes as it is."""
    if not isinstance(tool, Tool):
        return [dict(tool)]
    schema, strict = {"type": "object", **tool.parameters}, tool.strict
    if _claude(target):
        schema, strict = parameters(tool, encoding)
    elif strict:
        schema = closed(schema)
    spec: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": schema}}
    if tool.description:
        spec["description"] = tool.description
    if strict is not None:
        spec["strict"] = strict
    return [{"toolSpec": spec}, *([{"cachePoint": {"type": "default"}}] if tool.cache else [])]


def inference(encoding: Encoding, target: Target) -> dict[str, Any]:
    """How to answer: how long it may be, how much may be thought first, and sampling."""
    limit: int | None = encoding.take("max_tokens")
    claude = _claude(target)
    asked = thinking(encoding, claude, limit) if claude else _asked(encoding, limit)
    body: dict[str, Any] = {}
    if asked.thinking:
        # Converse has no field for it; of its models, Claude has one.
        body["additionalModelRequestFields"] = {"thinking": asked.thinking}
    if asked.effort:
        body["outputConfig"] = {"effort": asked.effort}
    config: dict[str, Any] = {"maxTokens": asked.limit} if asked.limit else {}
    encoding.move(config, _SAMPLING)
    if config:
        body["inferenceConfig"] = config
    return body


def _claude(target: Target) -> str:
    """What Anthropic calls the model, if it is one of theirs; applications' own profiles do not tell."""
    return target.model.partition("anthropic.")[2]


def _asked(encoding: Encoding, limit: int | None) -> Thinking:
    """How much a model is to think whose id does not say that it is Claude's."""
    reasoning: str | int | None = encoding.take("reasoning")
    if reasoning in ("none", 0):
        encoding.refuse(f"reasoning={reasoning!r}", "each model has a field of its own for that")
    elif isinstance(reasoning, int):
        return Thinking(limit, {"type": "enabled", "budget_tokens": reasoning})
    elif reasoning is not None:
        return Thinking(limit, effort=reasoning)
    return Thinking(limit)


def output_format(encoding: Encoding, target: Target) -> dict[str, Any] | None:
    """The form that the answer must have; its schema is text."""
    output: Output | None = encoding.take("output")
    if output is None:
        return None
    if output.schema is None:
        encoding.refuse("output without a schema")
        return None
    schema = held(output.schema, "output", encoding) if _claude(target) else closed(output.schema)
    if schema is None:
        return None
    form: dict[str, Any] = {"schema": to_json(schema).decode(), "name": output.name}
    if output.description:
        form["description"] = output.description
    return {"type": "json_schema", "structure": {"jsonSchema": form}}
