"""What a chat completion tells beside its text: usage, finish reason, sources, images, log probabilities."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import BadRequest, ProtocolError
from ..events import Finish, FinishReason, TokenLogprob, Usage
from ..messages import Audio, Citation, Image, Native, Part
from .reading import number, objects, text

_WORDS: dict[FinishReason, str] = {
    "length": "length max_tokens model_length MAX_TOKENS model_context_window_exceeded",
    "tool_calls": "tool_calls tool_call tool_use function_call",
    "content_filter": "content_filter sensitive refusal SAFETY",
    "error": "error insufficient_system_resource network_error function_call_filter",
}
_REASONS = {word: reason for reason, words in _WORDS.items() for word in words.split()}


def finish(raw: str, calls: bool) -> Finish:
    """Why the answer ended; some servers say ``stop``, or nothing, when it did so to call a tool.

    Gemini adds its own word: ``content_filter: PROHIBITED_CONTENT``.
    """
    reason = _REASONS.get(raw.partition(":")[0], "stop")
    return Finish("tool_calls" if calls and reason == "stop" else reason, raw)


def logprobs(told: Mapping[str, Any]) -> list[TokenLogprob]:
    """The log probabilities of the tokens of the text."""
    return [
        TokenLogprob(
            text(token, "token"),
            float(token["logprob"]),
            {text(other, "token"): float(other["logprob"]) for other in objects(token, "top_logprobs")},
        )
        for token in objects(told, "content")
    ]


def citation(source: Mapping[str, Any], quote: str) -> Citation:
    start, end = source.get("start_index"), source.get("end_index")
    return Citation(
        url=text(source, "url"),
        title=text(source, "title"),
        quote=text(source, quote),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
    )


def sources(payload: Mapping[str, Any]) -> tuple[Citation, ...]:
    """Perplexity's sources, which its text names by their number."""
    if found := payload.get("search_results"):
        return tuple(citation(source, "snippet") for source in found)
    return tuple(Citation(url=str(url)) for url in payload.get("citations") or ())


def references(piece: Mapping[str, Any], texts: Sequence[str]) -> list[Citation]:
    """What Mistral names as the source of the text so far, by ids of its own or of a tool's result."""
    ids = piece.get("reference_ids") or ()
    return [Citation(url=str(id), end=sum(map(len, texts))) for id in ids]


def usage(counts: Mapping[str, Any]) -> Usage:
    """The usage, from the many places where servers tell it."""
    prompt, output = counts.get("prompt_tokens_details") or {}, counts.get("completion_tokens_details") or {}
    cached = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens", "num_cached_tokens")
    asked, said = number(counts, "prompt_tokens"), number(counts, "completion_tokens")
    thought = number(output, "reasoning_tokens") or number(counts, "reasoning_tokens")
    apart = counts.get("total_tokens") == asked + said + thought  # as xAI counts
    return Usage(
        asked,
        said + thought if apart else said,
        number(prompt, "cached_tokens") or next(filter(None, (number(counts, name) for name in cached)), 0),
        thought,
        number(prompt, "cache_write_tokens") or number(counts, "cache_creation_input_tokens"),
    )


def image(url: str) -> Image:
    """An image that the model made. Raises ProtocolError."""
    try:
        return Image(url=url)
    except BadRequest as error:
        raise ProtocolError(error.message) from None


def images(piece: Mapping[str, Any]) -> list[Part]:
    """The image that a piece of content is, if it is one. Raises ProtocolError."""
    shown = piece.get("image_url")
    return [image(shown["url"] if isinstance(shown, dict) else shown)] if shown else []


class Sound:
    """A sound that the model makes, in one piece or in many, and what is said in it."""

    def __init__(self) -> None:
        self._id = ""
        self._said: list[str] = []
        self._data: list[bytes] = []

    def add(self, audio: Mapping[str, Any]) -> str:
        """Take the next piece. Returns the words in it."""
        self._id = text(audio, "id") or self._id
        self._data.append(base64.b64decode(text(audio, "data")))
        words = text(audio, "transcript")
        self._said.append(words)
        return words

    def parts(self, dialect: str, streamed: bool) -> list[Part]:
        """The sound, and what stands for it on the way back: its id, in place of what is said in it."""
        if not (data := b"".join(self._data)):
            return []
        sound = Audio(data=data)
        if streamed and not sound.media_type:  # the one form that is streamed has no beginning
            sound = replace(sound, media_type="audio/pcm")
        back = {"audio": {"id": self._id}, "transcript": "".join(self._said)}
        return [sound, Native(dialect=dialect, data=back)] if self._id else [sound]
