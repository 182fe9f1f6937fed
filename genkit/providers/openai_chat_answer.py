"""A chat completion, whole or in chunks, folded into events.

Wire format: "Create chat completion", "The chat completion object" and "The chat completion chunk object" in
OpenAI's API reference; reasoning, citations and images as other vendors add them (DeepSeek's "Thinking mode",
OpenRouter's "Image generation", Mistral's "Reasoning", Databricks' "Query reasoning models", Perplexity's
"Sonar API").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import IncompleteStream, ProtocolError
from ..events import (
    Event,
    Logprobs,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
)
from ..messages import Citation, Native, Part, Reasoning, Text
from .base import Dialect, Target
from .openai_chat_facts import Sound, citation, finish, image, images, logprobs, references, sources, usage
from .openai_chat_kept import Kept
from .openai_chat_several import Several
from .openai_shared import is_error
from .reading import label, text

NAME = "openai.chat"

_WRONG = (AttributeError, LookupError, ProtocolError, TypeError, ValueError, ArithmeticError)
_FIRST = (None, 0, "0")


class Answer:
    """One answer on its way. Of several candidates (``n``), it is the first.

    Args:
        target: whose answer it is.
        dialect: what it is in, which names the errors.
    """

    def __init__(self, target: Target, dialect: Dialect) -> None:
        self._target, self._dialect = target, dialect
        self._started = self._chosen = self._odd = self._whole = False
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._kept, self._several = Kept(), Several()
        self._media: list[Part] = []
        self._sound = Sound()
        self._citations: list[Citation] = []
        self._sources: Mapping[str, Any] = {}
        self._calls: list[list[str]] = []
        self._places: dict[Any, int] = {}
        self._usage: Mapping[str, Any] | None = None
        self._reason = ""

    def read(self, payload: dict[str, Any]) -> list[Event]:
        """The events in a chunk, or in a whole completion. Raises ProtocolError."""
        return self._checked(self._read, payload)

    def end(self, done: bool) -> list[Event]:
        """The events that are left when no more comes.

        Args:
            done: whether the mark at the end of a stream has come.

        Raises:
            IncompleteStream: the answer was cut.
            ProtocolError: there was none, or what had come makes no sense as a whole.
        """
        if not self._chosen and (done or self._whole or self._odd):
            raise ProtocolError("the answer has no choices", provider=self._target.vendor.name)
        # Where there is no mark at the end of a stream, all was said when the usage was told too.
        quirk = self._target.quirk
        told = self._reason and (quirk("no_terminal_mark") or (self._usage and not quirk("terminal_mark")))
        if not (done or self._whole or told):
            raise IncompleteStream(
                "the stream ended before its answer did", provider=self._target.vendor.name
            )
        return self._checked(self._end, {})

    def _checked(self, step: Callable[[dict[str, Any]], list[Event]], payload: dict[str, Any]) -> list[Event]:
        try:
            return step(payload)
        except _WRONG as error:
            said = f"not a chat completion: {error!r:.100} in {str(payload)[:200]}"
            raise ProtocolError(said, provider=self._target.vendor.name) from None

    def _read(self, payload: dict[str, Any]) -> list[Event]:
        events: list[Event] = []
        choices, whole = payload.get("choices"), payload.get("object") == "chat.completion"
        if (not choices or "error" in payload) and is_error(payload):
            raise self._dialect.error(None, payload, self._target)
        if choices is None:
            self._odd = True
        if not self._started and (choices or payload.get("id")):
            self._started = True
            events.append(Start(label(payload, "model"), str(payload.get("id") or "")))
        for choice in choices or ():
            if choice.get("index") not in _FIRST:
                continue
            self._chosen = True
            if choice.get("error"):
                raise self._dialect.error(None, choice, self._target)
            delta = choice.get("delta")
            if delta is None or whole:
                delta = self._message(choice)
            delta = self._several.piece(delta) if len(delta) > 1 else delta
            content = delta.get("content")
            plain = len(delta) == 1 and content and type(content) is str
            if not plain:
                self._thought(delta, events)
            if content and type(content) is str:  # here, without a call: it is nearly every chunk
                self._texts.append(content)
                events.append(TextDelta(content))
            if not plain:
                self._more(delta, content, events)
            self._reason = text(choice, "finish_reason") or self._reason
            if tokens := logprobs(choice.get("logprobs") or {}):
                events.append(Logprobs(tokens))
        self._whole = self._whole or whole
        if counts := payload.get("usage") or (payload.get("x_groq") or {}).get("usage"):
            self._usage = counts
        if payload.get("citations") or payload.get("search_results"):
            self._sources = payload
        return events

    def _message(self, choice: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a choice has in place of a delta: the message, or nothing, if it says why it ended."""
        message = self._several.message(choice)
        if message is None and "delta" in choice:
            return {}
        if message is None and not choice.get("finish_reason"):
            raise KeyError("message")
        self._whole = True
        return message or {}

    def _thought(self, delta: Mapping[str, Any], events: list[Event]) -> None:
        """The reasoning in a delta, which servers tell in one of three fields, or in two alike."""
        details = delta.get("reasoning_details")
        told = self._kept.details(details, self._whole) if details else ""
        self._kept.blocks(delta.get("thinking_blocks") or ())
        if thought := delta.get("reasoning_content") or delta.get("reasoning") or told:
            self._think(thought, events)

    def _more(self, delta: Mapping[str, Any], content: Any, events: list[Event]) -> None:
        """All of a delta but reasoning and plain text."""
        if content and type(content) is not str:
            self._pieces(content, events)
        if refusal := text(delta, "refusal"):
            events.append(RefusalDelta(refusal))
        for call in delta.get("tool_calls") or ():
            self._call(call, events)
        function = delta.get("function_call")
        if function and (function.get("name") or self._calls):
            self._call({"index": 0, "function": function}, events)
        for annotation in delta.get("annotations") or ():
            if cited := annotation.get("url_citation"):
                self._citations.append(citation(cited, "content"))
        for picture in delta.get("images") or ():
            self._media.append(image(picture["image_url"]["url"]))
        if (audio := delta.get("audio")) and (words := self._sound.add(audio)):
            self._say(words, events)

    def _say(self, words: str, events: list[Event]) -> None:
        self._texts.append(words)
        events.append(TextDelta(words))

    def _think(self, thought: Any, events: list[Event]) -> None:
        if not isinstance(thought, str):
            raise TypeError("reasoning that is no text")
        self._thoughts.append(thought)
        events.append(ReasoningDelta(thought))

    def _pieces(self, content: Any, events: list[Event]) -> None:
        """Content that is no text: a list of pieces, or the JSON object that was asked for."""
        if isinstance(content, dict):
            content = [{"text": json.dumps(content, ensure_ascii=False)}]
        for piece in content:
            thinking = piece.get("thinking") or piece.get("summary")  # Mistral's, and Databricks'
            for thought in [{"text": thinking}] if isinstance(thinking, str) else thinking or ():
                if words := text(thought, "text"):
                    self._think(words, events)
            if words := text(piece, "text"):
                self._say(words, events)
            self._kept.sign(piece)
            self._citations += references(piece, self._texts)
            self._media += images(piece)

    def _call(self, wire: Mapping[str, Any], events: list[Event]) -> None:
        function = wire.get("function") or {}
        id, name, arguments = text(wire, "id"), text(function, "name"), function.get("arguments") or ""
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments, ensure_ascii=False)
        if not isinstance(arguments, str) or wire.get("custom"):  # a custom tool
            raise TypeError("a call without arguments in JSON")
        extra = wire.get("extra_content")
        if not (id or name or arguments or (extra and self._calls)):
            return
        place = self._place(wire.get("index"), id, name)
        if extra:
            self._kept.extra[str(place)] = extra
        known = self._calls[place]
        events.append(ToolCallDelta(place, arguments, "" if known[0] else id, "" if known[1] else name))
        known[0], known[1], known[2] = known[0] or id, known[1] or name, known[2] or arguments

    def _place(self, index: Any, id: str, name: str) -> int:
        """Which call a fragment is of. Servers repeat, shift or leave out an index; a new call has a name."""
        place = self._places.get(index)
        if place is None and self._calls and not name and not (id and index is not None):
            place = len(self._calls) - 1
        if place is not None and name:
            known_id, known_name, _ = self._calls[place]
            other = id != known_id if id and known_id else name != known_name
            place = None if known_name and (other or self._whole) else place
        if place is None:
            place = len(self._calls)
            self._calls.append(["", "", ""])
        if index is not None:
            self._places[index] = place
        return place

    def _end(self, _: Any) -> list[Event]:
        events: list[Event] = []
        self._more({"tool_calls": self._several.calls()}, None, events)
        if not all(name for _, name, _ in self._calls):
            raise KeyError("name")
        bare = [place for place, call in enumerate(self._calls) if not call[2]]
        events += [ToolCallDelta(place, "{}") for place in bare]
        answer, thoughts = "".join(self._texts), "".join(self._thoughts)
        citations = tuple(self._citations) or sources(self._sources)
        media = self._media + self._sound.parts(NAME, streamed=not self._whole)
        kept, signature = self._kept.fields(), self._kept.signature
        if kept or (citations and answer) or media or signature:
            if thoughts:
                events.append(PartEnd(Reasoning(thoughts, signature, dialect=NAME if signature else "")))
            events += [PartEnd(Native(dialect=NAME, data={field: held})) for field, held in kept.items()]
            if answer:
                events.append(PartEnd(Text(answer, citations)))
            events += [PartEnd(part) for part in media]
        if self._usage:
            events.append(usage(self._usage))
        events.append(finish(self._reason, bool(self._calls)))
        return events
