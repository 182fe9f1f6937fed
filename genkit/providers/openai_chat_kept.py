"""Reasoning that a server wants to see again as it came, by the fields in which servers tell it.

Wire format: OpenRouter's "Reasoning tokens" and LiteLLM's "'Thinking' / 'Reasoning Content'"; Gemini's
"Thought signatures", about its OpenAI-compatible endpoint; ``ThinkChunk`` in Mistral's API reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .reading import text

_MERGED = ("text", "summary")


class Kept:
    """The reasoning of one answer, with the pieces of each of its parts joined.

    Attributes:
        extra: Gemini's ``extra_content``, its proof of the thoughts before a call, by the call's number.
    """

    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}
        self._details: list[dict[str, Any]] = []
        self._blocks: list[dict[str, Any]] = []
        self._thought = ""
        self._signatures: set[str] = set()

    @property
    def signature(self) -> str:
        """Mistral's proof of the thoughts, if there is one for all of them."""
        return next(iter(self._signatures)) if len(self._signatures) == 1 else ""

    def sign(self, piece: Mapping[str, Any]) -> None:
        """Keep the signature of a piece of thinking."""
        self._signatures |= {text(piece, "signature")} - {""}

    def fields(self) -> dict[str, Any]:
        """The fields of a message that send it back."""
        fields = {
            "reasoning_details": self._details,
            "thinking_blocks": self._blocks,
            "extra_content": self.extra,
        }
        return {name: value for name, value in fields.items() if value}

    def details(self, details: Iterable[dict[str, Any]], whole: bool) -> str:
        """Keep OpenRouter's ``reasoning_details``, whole or in pieces. Returns their text."""
        told = ""
        for piece in details:
            last = self._details[-1] if self._details else {}
            key = next((key for key in _MERGED if piece.get(key)), "")
            told += text(piece, key) if key else ""
            same = all(last.get(name) == piece.get(name) for name in ("type", "index"))
            ended = whole or "data" in piece or (key and last.get("signature"))
            if last and same and not ended:
                joined = {key: text(last, key) + text(piece, key)} if key else {}
                last.update({k: v for k, v in piece.items() if v is not None} | joined)
            else:
                self._details.append(dict(piece))
        return told

    def blocks(self, blocks: Iterable[Mapping[str, Any]]) -> None:
        """Keep LiteLLM's ``thinking_blocks``, if they are signed: Claude takes no others back."""
        for block in blocks:
            words, so_far = text(block, "thinking"), self._thought
            # In a stream, the signature comes with all of the text again, or (from older versions) with none.
            signed = bool(text(block, "signature"))
            self._thought = words if signed and words.startswith(so_far) else so_far + words
            if signed:
                self._blocks.append({**block, "thinking": self._thought})
            elif block.get("type") == "redacted_thinking":
                self._blocks.append(dict(block))
            else:
                continue
            self._thought = ""
