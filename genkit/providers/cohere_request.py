"""What a request becomes in Cohere's Chat API.

Wire format: as in :mod:`genkit.providers.cohere`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from ..messages import Document, Image, Message, Native, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from ..request import Output, Tool
from .base import Encoding
from .cohere_answer import NAME
from .shared import call_of, described, function_of


class Conversation:
    """The messages on the wire, and the documents, which are apart from them."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self.messages: list[dict[str, Any]] = []
        self.documents: list[dict[str, Any]] = []

    def add(self, message: Message) -> None:
        """Add a message: each result of a tool is one of its own."""
        if message.role == "assistant":
            said = self._assistant(message.parts)
            self.messages += [said] if len(said) > 1 else []
            return
        rest: list[Part] = []
        for part in message.parts:
            if isinstance(part, ToolResult):
                self.messages.append(self._result(part))
            elif isinstance(part, Document):
                self.documents += filter(None, [self._document(part)])
            else:
                rest.append(part)
        if rest:
            role = "system" if message.role in ("system", "developer") else "user"
            self.messages.append({"role": role, "content": self._content(rest)})

    def _assistant(self, parts: Sequence[Part]) -> dict[str, Any]:
        sent: dict[str, Any] = {"role": "assistant"}
        for part in parts:
            if isinstance(part, Native) and part.dialect == NAME:
                sent |= part.data  # its plan, which is among the thoughts too
        kept = [
            part
            for part in parts
            if not isinstance(part, (Native, ToolCall))
            if not (isinstance(part, Reasoning) and part.text == sent.get("tool_plan"))
        ]
        if (content := self._content(kept)) != []:
            sent["content"] = content
        if calls := [part for part in parts if isinstance(part, ToolCall)]:
            sent["tool_calls"] = [call_of(call) for call in calls]
        return sent

    def _content(self, parts: Iterable[Part]) -> str | list[dict[str, Any]]:
        pieces = [piece for part in parts if (piece := self._piece(part))]
        if len(pieces) == 1 and pieces[0]["type"] == "text":
            return str(pieces[0]["text"])
        return pieces

    def _piece(self, part: Part) -> dict[str, Any] | None:
        match part:
            case Text(words) | Refusal(words):
                return {"type": "text", "text": words}
            case Reasoning(words):
                return {"type": "thinking", "thinking": words} if words else None
            case Image(detail=detail):
                image = {"url": part.data_url, **({"detail": detail} if detail else {})}
                return {"type": "image_url", "image_url": image}
            case Document():
                document = self._document(part)
                return {"type": "document", "document": document} if document else None
        self._encoding.refuse(f"a part of type {part.type!r}")
        return None

    def _result(self, result: ToolResult) -> dict[str, Any]:
        content: Any = result.told
        if not isinstance(content, str):
            if any(isinstance(part, Image) for part in content):
                self._encoding.refuse("images in a tool's result")
            said = [part for part in content if not isinstance(part, Image)]
            content = [piece for part in said if (piece := self._piece(part))]
        return {"role": "tool", "tool_call_id": result.id, "content": content}

    def _document(self, part: Document) -> dict[str, Any] | None:
        """A document that the model can cite by its name: text, or the fields of a JSON object."""
        if part.media_type == "application/json":
            try:
                data = from_json(part.data)
            except ValueError:
                data = None
            if isinstance(data, dict):
                return {"data": data, **({"id": part.name} if part.name else {})}
        if part.data and part.media_type.startswith("text/"):
            named = {"title": part.name} if part.name else {}
            try:
                return {"data": {**named, "text": part.data.decode()}}
            except UnicodeDecodeError:
                pass
        why = "a document is text in UTF-8, or a JSON object"
        self._encoding.refuse(f"a document of type {part.media_type or part.url!r}", why)
        return None


def tools_on_the_wire(tools: Sequence[Tool | Mapping[str, Any]], encoding: Encoding) -> dict[str, Any]:
    """The fields for tools; strictness is one for all of them."""
    sent: list[Mapping[str, Any]] = []
    for tool in tools:
        sent.append(function_of(tool) if isinstance(tool, Tool) else tool)
        if isinstance(tool, Tool) and tool.cache:
            encoding.refuse("a cache mark", "it keeps its prompt cache by itself")
    strict = {tool.strict for tool in tools if isinstance(tool, Tool)}
    if len(strict) > 1:
        encoding.refuse("tools of which only some are strict", "all are, or none")
        return {"tools": sent}
    chosen = strict.pop() if strict else None
    return {"tools": sent} if chosen is None else {"tools": sent, "strict_tools": chosen}


def thinking(encoding: Encoding) -> dict[str, Any]:
    """How much is to be thought first."""
    reasoning: str | int | None = encoding.take("reasoning")
    if reasoning is None:
        return {}
    if reasoning in ("none", 0):
        return {"thinking": {"type": "disabled"}}
    if isinstance(reasoning, str):
        encoding.refuse(f"reasoning={reasoning!r}", "say how many tokens, or 'none'")
        return {}
    return {"thinking": {"type": "enabled", "token_budget": reasoning}}


def output_format(encoding: Encoding) -> dict[str, Any] | None:
    """The form that the answer must have."""
    output: Output | None = encoding.take("output")
    if output is None:
        return None
    schema = {} if output.schema is None else {"json_schema": described(output)}
    return {"type": "json_object", **schema}
