"""Gemini's GenerateContentResponse, of which a stream is many: folded into events."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ..errors import IncompleteStream, ProtocolError
from ..events import (
    Event,
    Finish,
    FinishReason,
    Logprobs,
    PartEnd,
    ReasoningDelta,
    Start,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from ..messages import Audio, Citation, Document, Image, Native, Part, Reasoning, Text, ToolCall
from . import reading
from .shared import told_why

NAME = "gemini"

_SHAPE = frozenset(("candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"))
_FIRST = (None, 0, "0")  # of several alternatives
_WRONG = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError)
_BLOCKED = (
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR",
)  # fmt: skip
_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(_BLOCKED, "content_filter"),
}  # any other, such as MALFORMED_FUNCTION_CALL, is an error
# With enum-encoding=int, reasons are numbers. Above 5 the two services number them differently.
_NUMBERS = ("FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")


class Answer:
    """One answer on its way."""

    def __init__(self) -> None:
        self._started = self._thinks = False
        self._run: list[str] = []  # the texts of the part that is still open
        self._signature = ""  # of an empty part after it
        self._closed: list[str] = []  # the texts of the parts before it
        self._calls = 0
        self._reason: Any = None
        self._blocked = self._why = ""
        self._usage: dict[str, Any] = {}
        self._grounding: dict[str, Any] = {}
        self._sources: list[dict[str, Any]] = []

    def read(self, chunk: Any) -> list[Event]:
        """The events in one response, or in one piece of it.

        Raises:
            ProtocolError: it has the wrong shape.
        """
        try:
            return self._read(chunk)
        except _WRONG as error:
            raise ProtocolError(f"not a GenerateContentResponse: {error!r} in {str(chunk)[:200]}") from None

    def end(self) -> list[Event]:
        """The events that are left when no more comes.

        Raises:
            IncompleteStream: there was no reason to finish.
            ProtocolError: what had come makes no sense as a whole.
        """
        if self._reason is None and not self._blocked:
            raise IncompleteStream("Gemini's answer ended without a finishReason")
        try:
            events = self._close() if self._thinks else []
            self._thinks = False
            events += self._close(last=True)
            if self._usage:
                events.append(_usage(self._usage))
        except _WRONG as error:
            raise ProtocolError(f"not a GenerateContentResponse: {error!r}") from None
        raw = self._blocked if self._reason is None else self._reason
        reason: FinishReason = "content_filter" if self._reason is None else _REASONS.get(raw, "error")
        events += told_why(raw, self._why) if reason != "stop" else []
        events.append(Finish("tool_calls" if self._calls and reason == "stop" else reason, raw))
        return events

    def _read(self, chunk: Any) -> list[Event]:
        events: list[Event] = []
        if not self._started:
            self._started = True
            events.append(Start(reading.label(chunk, "modelVersion"), reading.label(chunk, "responseId")))
        candidates = chunk.get("candidates")
        if candidates is None and not chunk.keys() & _SHAPE:
            raise KeyError("candidates")
        for candidate in candidates or ():
            if candidate.get("index") in _FIRST:
                self._candidate(candidate, events)
        if usage := chunk.get("usageMetadata"):
            self._usage.update(usage)
        if feedback := chunk.get("promptFeedback"):
            self._blocked = str(feedback.get("blockReason") or self._blocked)
            self._why = feedback.get("blockReasonMessage") or self._why
        return events

    def _candidate(self, candidate: dict[str, Any], events: list[Event]) -> None:
        content = candidate.get("content")
        if content is not None:
            for part in content.get("parts") or ():
                self._part(part, events)
        if (reason := candidate.get("finishReason")) not in (None, 0, "FINISH_REASON_UNSPECIFIED"):
            known = isinstance(reason, int) and 0 <= reason < len(_NUMBERS)
            self._reason = _NUMBERS[reason] if known else str(reason)
            self._why = candidate.get("finishMessage") or self._why
        if chosen := candidate.get("logprobsResult"):
            events.append(_logprobs(chosen))
        if grounding := candidate.get("groundingMetadata"):
            self._grounding.update(grounding)
        if cited := candidate.get("citationMetadata"):
            # Two names, of the Gemini API and of Vertex; each piece of a stream tells its own.
            self._sources += cited.get("citationSources") or cited.get("citations") or ()

    def _part(self, part: dict[str, Any], events: list[Event]) -> None:
        text, signature = part.get("text"), part.get("thoughtSignature") or ""
        if text is None and not part.keys() - {"thought", "thoughtSignature"}:
            text = ""
        if text is None:
            events += self._close()
            events += self._whole(part, reading.text(part, "thoughtSignature"))
            return
        if type(text) is not str or type(signature) is not str:
            raise TypeError("a text that is none")
        thinks = bool(part.get("thought"))
        # A signature belongs to the very part it came with.
        if thinks is not self._thinks or self._signature or (signature and text):
            events += self._close()
            self._thinks = thinks
        if text:
            self._run.append(text)
            events.append(ReasoningDelta(text) if thinks else TextDelta(text))
            if signature:
                events += self._close(signature)
        elif signature:
            self._signature = signature

    def _close(self, signature: str = "", *, last: bool = False) -> list[Event]:
        """The end of the part that is open, if any, and of the empty one after it."""
        text, after = "".join(self._run), self._signature
        self._run.clear()
        self._signature = ""
        citations = self._citations(text) if last else ()  # what is cited is known only at the end
        events: list[Event] = []
        if text or signature or citations:
            events.append(PartEnd(self._said(text, signature, citations)))
        if after:
            events.append(PartEnd(self._said("", after)))
        return events

    def _said(self, text: str, signature: str, citations: tuple[Citation, ...] = ()) -> Text | Reasoning:
        if self._thinks:
            return Reasoning(text, signature, dialect=NAME if signature else "")
        self._closed.append(text)
        return Text(text, citations, signature=signature)

    def _whole(self, part: dict[str, Any], signature: str) -> list[Event]:
        """The events for a part that comes in one piece."""
        if call := part.get("functionCall"):
            arguments = call.get("args")
            if arguments is not None and not isinstance(arguments, dict):
                raise TypeError("args that are no object")
            text = json.dumps(arguments or {}, ensure_ascii=False, separators=(",", ":"))
            id, name, index = reading.text(call, "id"), reading.text(call, "name"), self._calls
            if not name:
                raise KeyError("name")
            self._calls += 1
            whole = ToolCall(id=id, name=name, arguments=text, signature=signature)
            return [ToolCallDelta(index, text, id, name), PartEnd(whole)]
        blob = part.get("inlineData")
        data = base64.b64decode(blob["data"]) if blob is not None else b""
        if blob and data and not part.get("thought"):  # drafts of an image are thoughts
            return [PartEnd(_media(data, reading.text(blob, "mimeType"), signature))]
        return [PartEnd(Native(dialect=NAME, data=part))]

    def _citations(self, text: str) -> tuple[Citation, ...]:
        """Where the last text comes from; the API counts bytes of the whole answer, genkit its characters."""
        if not self._grounding and not self._sources:
            return ()
        closed = "".join(self._closed)
        whole, before = (closed + text).encode(), len(closed)

        def place(span: Mapping[str, Any], name: str) -> int | None:
            found = len(whole[: span.get(name) or 0].decode(errors="ignore")) - before
            return found if found >= 0 else None

        found = [_citation(s, place(s, "startIndex"), place(s, "endIndex")) for s in self._sources]
        # A chunk is {"web": {…}} or {"retrievedContext": {…}}; a support says which were used where. One
        # that was not told is no reason to lose the answer.
        found_in = self._grounding.get("groundingChunks") or ()
        chunks: list[Any] = [next(iter(chunk.values()), {}) for chunk in found_in]
        supports = self._grounding.get("groundingSupports") or ()
        for support in supports:
            span = support.get("segment") or {}
            named = support.get("groundingChunkIndices") or ()
            used = [chunks[index] for index in named if 0 <= index < len(chunks)]
            found += [_citation(chunk, place(span, "startIndex"), place(span, "endIndex")) for chunk in used]
        return tuple(found if supports else [*found, *map(_citation, chunks)])


def _citation(chunk: Mapping[str, Any], start: int | None = None, end: int | None = None) -> Citation:
    url, title, quote = (reading.text(chunk, name) for name in ("uri", "title", "text"))
    url = url or reading.text(chunk, "sourceUri")  # of the page that an image was found on
    return Citation(url=url, title=title, quote=quote, start=start, end=end)


def _media(data: bytes, media_type: str, signature: str) -> Part:
    if media_type.startswith("image/"):
        return Image(data=data, media_type=media_type, signature=signature)
    kind = Audio if media_type.startswith("audio/") else Document
    return kind(data=data, media_type=media_type)


def _usage(counts: dict[str, Any]) -> Usage:
    thoughts = reading.number(counts, "thoughtsTokenCount")
    answer = reading.number(counts, "candidatesTokenCount") + thoughts
    # What tools found, and the model read, is apart from the prompt.
    read = sum(reading.number(counts, f"{name}TokenCount") for name in ("prompt", "toolUsePrompt"))
    return Usage(read, answer, reading.number(counts, "cachedContentTokenCount"), thoughts)


def _logprobs(result: dict[str, Any]) -> Logprobs:
    chosen, tops = result.get("chosenCandidates") or (), result.get("topCandidates") or ()
    tokens = []
    for number, token in enumerate(chosen):
        others = (tops[number].get("candidates") or ()) if number < len(tops) else ()
        top = {reading.text(other, "token"): float(other["logProbability"]) for other in others}
        tokens.append(TokenLogprob(reading.text(token, "token"), float(token["logProbability"]), top))
    return Logprobs(tokens)
