"""Messages, tools and options as Chat Completions writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

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
from .closed import closed
from .openai_chat_answer import NAME
from .openai_strict import held
from .shared import call_of


class Wire:
    """Words of genkit as this dialect writes them for a vendor.

    Args:
        encoding: refuses what cannot be written.
        target: whom it is for.
    """

    def __init__(self, encoding: Encoding, target: Target) -> None:
        self._refuse, self._quirk = encoding.refuse, target.quirk
        self._model = target.model
        models, stand_in = target.quirk("unthought", ("$", ""))
        unthought = re.match(models, target.model) and target.quirk("replay")
        self._unthought: dict[str, str] = {unthought: stand_in} if unthought else {}
        self._attached: list[dict[str, Any]] = []

    def conversation(self, messages: Iterable[Message]) -> list[dict[str, Any]]:
        """The messages on the wire, with what tools answered beside text after the last result of a turn."""
        sent: list[dict[str, Any]] = []
        for message in messages:
            for wire in self.message(message):
                sent += self._attachments() if wire["role"] != "tool" else ()
                sent.append(wire)
        return sent + self._attachments()

    def message(self, message: Message) -> list[dict[str, Any]]:
        """The messages on the wire that say the same: each result of a tool is one of its own."""
        sent = [self._result(part) for part in message.parts if isinstance(part, ToolResult)]
        rest: list[Part] = [part for part in message.parts if not isinstance(part, ToolResult)]
        if message.role == "assistant":
            said = self._assistant(rest)
            # The API takes no message that says nothing.
            return [*sent, self._unthought | said] if len(said) > 2 or said["content"] else sent
        if sent and rest and isinstance(mark := rest[0], CacheMark):
            self._mark(sent[-1], mark)
            del rest[0]
        if rest:
            role = message.role if message.role != "developer" or self._quirk("developer") else "system"
            sent.append({"role": role if role != "tool" else "user", "content": self._content(rest)})
        return sent

    def reasoning(self, effort: str | int) -> dict[str, Any]:
        """The fields that ask for so much reasoning."""
        style = self._quirk("reasoning", "effort")
        if style == "object":
            return {"reasoning": {"max_tokens" if isinstance(effort, int) else "effort": effort}}
        if style == "flag":
            budget = {"thinking_budget": effort} if isinstance(effort, int) else {}
            return {"enable_thinking": effort not in ("none", 0)} | budget
        if isinstance(effort, int):
            self._refuse("reasoning as a number of tokens", "say how much by a word, such as 'low'")
            return {}
        if style == "switch" and effort == "none":
            return {"thinking": {"type": "disabled"}}
        return {"reasoning_effort": effort}

    def format(self, output: Output) -> dict[str, Any]:
        """The form that an answer must have."""
        if output.schema is not None and not self._quirk("json_schema", True):
            self._refuse("output with a schema", "it takes only Output(), any JSON object")
        if output.schema is None or not self._quirk("json_schema", True):
            return {"type": "json_object"}
        fields = held(output.schema, output.strict, self._model, self._quirk("strict", False))
        schema = {"name": output.name, **fields}
        if output.description:
            schema["description"] = output.description
        return {"type": "json_schema", "json_schema": schema}

    def tool(self, tool: Tool | Mapping[str, Any]) -> Mapping[str, Any]:
        """A tool; a mapping is the vendor's own."""
        if not isinstance(tool, Tool):
            return tool
        function: dict[str, Any] = {"name": tool.name}
        if tool.description:
            function["description"] = tool.description
        if tool.parameters:
            function["parameters"] = closed(tool.parameters) if tool.strict else tool.parameters
        if tool.strict is not None:
            function["strict"] = tool.strict
        sent: dict[str, Any] = {"type": "function", "function": function}
        if tool.cache:
            self._mark(sent, CacheMark())
        return sent

    def choice(self, choice: str) -> Any:
        """Which tool to call."""
        if choice == "required":
            return self._quirk("required", choice)
        return choice if choice in ("auto", "none") else {"type": "function", "function": {"name": choice}}

    def _assistant(self, parts: list[Part]) -> dict[str, Any]:
        sent: dict[str, Any] = {"role": "assistant", "content": None}
        kept = [part.data for part in parts if isinstance(part, Native) and part.dialect == NAME]
        native = {name: value for data in kept for name, value in data.items()}
        replay = self._quirk("replay")
        thought = "".join(part.text for part in parts if isinstance(part, Reasoning)) if replay else ""
        if not self._quirk("refusal"):
            parts = [Text(part.text) if isinstance(part, Refusal) else part for part in parts]
        said = [part for part in parts if isinstance(part, (Text, CacheMark))]
        if self._quirk("makes_media") is True and (heard := native.get("transcript")):
            said = [part for part in said if part != Text(heard)]  # the sound's id stands for it
        if replay == "content" and thought:
            signed = [p.signature for p in parts if isinstance(p, Reasoning) and p.dialect == NAME]
            thinking = {"type": "thinking", "thinking": [{"type": "text", "text": thought}]}
            thinking |= {"signature": signed[0]} if len(signed) == 1 else {}
            sent["content"] = [thinking, *self._pieces(said)]
        elif any(isinstance(part, CacheMark) for part in said):
            sent["content"] = self._content(said)
        elif said:
            sent["content"] = "".join(part.text for part in said if isinstance(part, Text))
        if replay == "reasoning_details" and (details := native.get("reasoning_details")):
            sent["reasoning_details"] = details
        elif thought and replay != "content":
            sent["reasoning" if replay == "reasoning_details" else replay] = thought
        if self._quirk("thinking_blocks") and (blocks := native.get("thinking_blocks")):
            sent["thinking_blocks"] = blocks
        if refusal := "".join(part.text for part in parts if isinstance(part, Refusal)):
            sent["refusal"] = refusal
        if calls := [part for part in parts if isinstance(part, ToolCall)]:
            extra = native.get("extra_content", {}) if self._quirk("extra_content") else {}
            sent["tool_calls"] = [_call(call, extra.get(str(place))) for place, call in enumerate(calls)]
        made = self._made(parts, native)
        if self._quirk("makes_media") == "content" and made:
            told = self._pieces(said) if isinstance(sent["content"], str) else sent["content"] or []
            return sent | {"content": [*told, *made["images"]]}
        return sent | made

    def _made(self, parts: list[Part], native: Mapping[str, Any]) -> dict[str, Any]:
        """Sounds (by their id) and images that the model made."""
        kinds = {type(part) for part in parts if isinstance(part, Media)}
        audio = native.get("audio") if self._quirk("makes_media") is True else None
        if not self._quirk("makes_media"):
            if kinds:
                self._refuse("images and sounds in the model's own messages")
            return {}
        if Document in kinds:
            self._refuse("documents in the model's own messages")
        if Audio in kinds and not audio:
            self._refuse("sounds in the model's own messages that it did not make", "it takes only their id")
        images = [self._part(part) for part in parts if isinstance(part, Image)]
        fields = {"audio": audio, "images": images}
        return {name: value for name, value in fields.items() if value}

    def _result(self, result: ToolResult) -> dict[str, Any]:
        if isinstance(result.told, str):
            return {"role": "tool", "tool_call_id": result.id, "content": result.told}
        told = [self._attach(part) if isinstance(part, Media) else part for part in result.told]
        return {"role": "tool", "tool_call_id": result.id, "content": self._content(filter(None, told))}

    def _attach(self, part: Image | Document) -> Part | None:
        """What stands for a part in a tool's result: only a user may say more than text, at most vendors."""
        if self._quirk("tool_media"):
            return part
        name = f"Attachment {len(self._attached) // 2 + 1}"
        if not (piece := self._part(part)):
            return None
        self._attached += [{"type": "text", "text": f"{name}, of a tool's result:"}, piece]
        return Text(f"({name} is in the next message.)")

    def _attachments(self) -> list[dict[str, Any]]:
        content, self._attached = self._attached, []
        return [{"role": "user", "content": content}] if content else []

    def _content(self, parts: Iterable[Part]) -> str | list[dict[str, Any]]:
        sent = self._pieces(parts)
        if len(sent) == 1 and sent[0].keys() == {"type", "text"}:
            return str(sent[0]["text"])
        return sent

    def _pieces(self, parts: Iterable[Part]) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        for part in parts:
            if not isinstance(part, CacheMark):
                sent.append(self._part(part))
            elif sent:
                self._mark(sent[-1], part)
            else:
                self._refuse("a cache mark at the start of a message", "put it at the end of the one before")
        return [piece for piece in sent if piece]

    def _mark(self, sent: dict[str, Any], mark: CacheMark) -> None:
        if not self._quirk("cache_control"):
            self._refuse("a cache mark", "it keeps its prompt cache by itself, or has none")
        else:
            sent["cache_control"] = {"type": "ephemeral"} | ({"ttl": mark.ttl} if mark.ttl else {})

    def _part(self, part: Part) -> dict[str, Any]:
        plain = self._quirk("plain_media")
        match part:
            case Text(text=text):
                return {"type": "text", "text": text}
            case Image(detail=detail):
                image = {"url": part.data_url} | ({"detail": detail} if detail else {})
                return {"type": "image_url", "image_url": image["url"] if plain and not detail else image}
            case Audio() if plain:
                return {"type": "input_audio", "input_audio": part.url or part.base64}
            case Audio(data=data) if data:
                kind = _SOUNDS.get(part.known_type, part.known_type.rpartition("/")[2])
                return {"type": "input_audio", "input_audio": {"data": part.base64, "format": kind}}
            case Document(name=name) if plain:
                sent = {"type": "document_url", "document_url": part.data_url}
                return sent | ({"document_name": name} if name else {})
            case Document(data=data, name=name) if data or self._quirk("document_url"):
                name = name or ("document.pdf" if part.media_type == "application/pdf" else "document")
                return {"type": "file", "file": {"filename": name, "file_data": part.data_url}}
            case Native(dialect=dialect, data=data) if dialect == NAME:
                return dict(data)
        where = " by URL" if isinstance(part, Media) and part.url else ""
        self._refuse(f"{type(part).__name__}{where} in a message that is not the model's")
        return {}


_SOUNDS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav"}


def _call(call: ToolCall, extra: Any) -> dict[str, Any]:
    return call_of(call) | ({"extra_content": extra} if extra else {})
