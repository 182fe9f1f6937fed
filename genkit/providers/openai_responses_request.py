"""The items of a request to OpenAI Responses, from genkit's words."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
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
from ..request import Output, Request, Tool
from .base import Encoding, Target
from .closed import closed
from .openai_responses_answer import LINKS, NAME, TOLD
from .openai_strict import held

NO_MARKS = "it keeps its prompt cache by itself"
_BARE = {"type", "id", "summary"}  # reasoning that the server has to look up


def form_of(output: Output, target: Target) -> dict[str, Any]:
    """The ``text.format`` for an output."""
    if output.schema is None:
        return {"type": "json_object"}
    # Without the field, OpenAI's server makes the schema a strict one; others take it, or ignore it.
    schema = held(output.schema, output.strict, target.model, target.quirk("strict", True))
    form = {"type": "json_schema", "name": output.name, **schema}
    return form | ({"description": output.description} if output.description else {})


def tool_of(tool: Tool | Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool as the API takes it."""
    if not isinstance(tool, Tool):
        return tool
    schema = tool.parameters or {"type": "object", "properties": {}}
    schema = closed(schema) if tool.strict else schema
    # Without the field, the server makes the schema a strict one, of which all fields are required.
    sent = {"type": "function", "name": tool.name, "parameters": schema, "strict": bool(tool.strict)}
    return sent | ({"description": tool.description} if tool.description else {})


def choice_of(choice: str, tools: Sequence[Tool | Mapping[str, Any]]) -> Any:
    """The ``tool_choice`` for a choice: a word, a function's name, or the type of a tool of the server's."""
    if choice in ("auto", "none", "required"):
        return choice
    if any(isinstance(tool, Mapping) and tool.get("type") == choice for tool in tools):
        return {"type": choice}
    return {"type": "function", "name": choice}


def conversation(request: Request, target: Target, encoding: Encoding) -> dict[str, Any]:
    """``input``, and ``instructions`` if the conversation begins with a plain system message."""
    first, *rest = request.messages or [Message("user", ())]
    items = _Items(target, encoding, kept=request.extra.get("store") is not False)
    plain = first.role == "system" and all(isinstance(part, Text) for part in first.parts)
    for message in rest if plain and rest else request.messages:
        items.add(message)
    items.settle()
    return {"instructions": first.text, "input": items.made} if plain and rest else {"input": items.made}


class _Items:
    """Makes the items of a conversation, message by message.

    Reasoning goes back with what followed it, or not at all: the server refuses one without the other. The
    server knows both by their ids, where it kept them; else (``store`` is false) it knows none, and
    reasoning that is encrypted stands for itself.
    """

    def __init__(self, target: Target, encoding: Encoding, kept: bool) -> None:
        self.made: list[dict[str, Any]] = []
        self._target, self._encoding, self._kept = target, encoding, kept
        self._role, self._linked = "", False
        self._content: list[dict[str, Any]] = []
        self._rest: Mapping[str, Any] = {}
        self._callers: dict[str, Any] = {}

    def add(self, message: Message) -> None:
        self._role, self._linked = "user" if message.role == "tool" else message.role, False
        if self._role != "assistant":
            self.settle()
        for part in message.parts:
            content = self._content_of(part)
            if content is not None:
                self._content.append(content)
            elif not isinstance(part, CacheMark):
                self._close()
                self._item(part)
            else:
                self._encoding.refuse("a cache mark", NO_MARKS)
        self._close()
        self._rest = {}

    def settle(self) -> None:
        """The answer so far is over: reasoning that nothing followed was cut."""
        while self.made and self.made[-1].get("type") == "reasoning":
            self.made.pop()

    def _content_of(self, part: Part) -> dict[str, Any] | None:
        """A part of a message's content, or None for what is an item of its own."""
        mine = self._role == "assistant"
        match part:
            case Text(words):
                return {"type": "output_text" if mine else "input_text", "text": words}
            case Refusal(words) if mine:
                return {"type": "refusal", "refusal": words}
            case Native(dialect=dialect, data=data) if dialect == NAME and _is_content(data):
                return dict(data)
            case Image() | Document() if not mine:
                return _media(part)
        return None

    def _close(self) -> None:
        """The content so far is a message."""
        content: Any = self._content
        if not content:
            return
        if self._role == "assistant":  # some servers know an answer only by its type
            self._append({"type": "message", "role": self._role, "content": content})
        else:
            plain = len(content) == 1 and content[0].keys() == {"type", "text"}
            self._append({"role": self._role, "content": content[0]["text"] if plain else content})
        self._content = []

    def _append(self, item: dict[str, Any]) -> None:
        kind = item.get("type")
        tied = kind in ("message", "function_call")
        if self._rest.get("type") == kind:
            untold = LINKS if tied and not self._linked else ()
            item = {**item, **{name: value for name, value in self._rest.items() if name not in untold}}
        self._rest = {}
        if tied and "id" not in item:
            while self.made and self.made[-1].keys() == _BARE:
                self.made.pop()
        self.made.append(item)

    def _item(self, part: Part) -> None:
        match part:
            case ToolCall(id=id, name=name, arguments=arguments):
                self._append({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
                self._callers[id] = self.made[-1].get("caller")
            case ToolResult(id=id, told=content):
                output = content if isinstance(content, str) else [*filter(None, map(self._output, content))]
                caller = {"caller": self._callers[id]} if self._callers.get(id) else {}
                self._append({"type": "function_call_output", "call_id": id, "output": output, **caller})
            case Reasoning():
                self._reasoning(part)
            case Native(dialect=dialect) if dialect != NAME and self._role == "assistant":
                pass  # only its own dialect knows it
            case Native(dialect=dialect, data=data) if dialect == NAME:
                told = TOLD.get(data.get("type", ""))
                if told and told not in data:
                    self._rest = data
                else:
                    self._append(dict(data))
            case Image() if self._rest.get("type") == "image_generation_call":
                self._append({"type": "image_generation_call", "result": part.base64})
            case _:
                self._encoding.refuse(f"{type(part).__name__} in a message of role {self._role}")

    def _output(self, part: Text | Image | Document | Native) -> dict[str, Any]:
        """A piece of a tool's result, {} for one that was refused and may be left out."""
        match part:
            case Text(text):
                return {"type": "input_text", "text": text}
            case Native(dialect=dialect, data=data):
                if dialect == NAME:
                    return dict(data)
                self._encoding.refuse(f"content of {dialect} in a tool's result")
                return {}
        return _media(part)

    def _reasoning(self, part: Reasoning) -> None:
        """Parts with one id are one item; without id and signature, it is not the server's own."""
        raw = not part.signature and self._target.quirk("raw_reasoning")
        if not ((part.id and self._kept) or part.signature or raw or self._continues(part)):
            return
        self._linked = self._kept and bool(part.id)
        last: dict[str, Any] = self.made[-1] if self.made else {}
        if not self._continues(part):
            last = {"type": "reasoning", "summary": []}
            more: dict[str, Any] = {
                "id": part.id,
                "encrypted_content": part.signature,
                "content": [] if raw else None,
            }
            last |= {name: value for name, value in more.items() if value not in ("", None)}
            self._append(last)
        if part.text and "content" in last:
            last["content"].append({"type": "reasoning_text", "text": part.text})
        elif part.text:
            last["summary"].append({"type": "summary_text", "text": part.text})

    def _continues(self, part: Reasoning) -> bool:
        last = self.made[-1] if self.made else {}
        return bool(part.id) and last.get("type") == "reasoning" and last.get("id") == part.id


def _is_content(data: Mapping[str, Any]) -> bool:
    return str(data.get("type", "")).startswith("input_")


def _media(part: Image | Document) -> dict[str, Any]:
    if isinstance(part, Image):
        detail = {"detail": part.detail} if part.detail else {}
        return {"type": "input_image", "image_url": part.data_url, **detail}
    if part.url:
        return {"type": "input_file", "file_url": part.url}
    name = part.name or f"document{mimetypes.guess_extension(part.media_type) or ''}"  # data must have a name
    return {"type": "input_file", "filename": name, "file_data": part.data_url}
