"""How a chat template is told how much to think, as far as it can be."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ..errors import BadRequest
from .conversation import Conversation

_HARMONY = ("low", "medium", "high")
"""What models with Harmony's template (gpt-oss) were trained on; the template itself says any word."""


class Efforts:
    """Finds what one template calls it.

    Args:
        conversation: renders with the template, if there is one.
        source: the template's text.
    """

    def __init__(self, conversation: Conversation | None, source: str) -> None:
        self._conversation, self._source = conversation, source

    def of(self, question: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """What to tell the template, and what must be said if a wish cannot be met.

        Args:
            question: ``reasoning``, the effort, if one is wished for; ``form``, that of the answer.
        """
        wanted, form, problem = question.get("reasoning"), question.get("form"), ""
        if form and wanted not in (None, "none"):
            problem = (
                "thoughts do not fit into an answer of a given form, or a call that must be made (reasoning)"
            )
        elif wanted and not self._heeds(wanted):
            problem = "this model's chat template cannot be told how much to think (reasoning)"
        elif wanted and not form and self._unheard(wanted):
            problem, wanted = f"this model knows the efforts {', '.join(_HARMONY)} only (reasoning)", None
        if form:
            return self._without_thoughts, problem
        return self._options(wanted) if wanted else {}, problem

    @cached_property
    def header(self) -> str:
        """What comes between a prompt and the text of an answer without thoughts (a channel); mostly ''."""
        ask, options = {"role": "user", "content": "hi"}, self._without_thoughts
        try:
            assert self._conversation
            prompt = self._conversation.render([ask], **options)
            talk = self._conversation.render([ask, {"role": "assistant", "content": "qztext"}], **options)
        except BadRequest:
            return ""
        before, shown, _ = talk.partition("qztext")
        header = before[len(prompt) :] if shown and before.startswith(prompt) else ""
        return header if header.strip() else ""

    @cached_property
    def _without_thoughts(self) -> dict[str, Any]:
        """What to tell the template; nothing, if it refuses that since its words are others (Hy3's)."""
        if self._unheard("none"):
            return self._options(_HARMONY[0])
        return self._options("none") if self._asked("none") else {}

    def _options(self, effort: str) -> dict[str, Any]:
        """What templates call it, as far as this one mentions it."""
        wanted = {
            "enable_thinking": effort != "none",
            "thinking": effort != "none",
            "reasoning_effort": effort,
        }
        return {name: value for name, value in wanted.items() if name in self._source}

    def _heeds(self, effort: str) -> bool:
        """Whether the template says something else for this effort than for its opposite.

        One that can be told to think less may say nothing else for much than for none (Solar's).
        """
        others = ("high",) if effort == "none" else ("none", "low")
        return any(self._asked(effort) != self._asked(other) for other in others)

    def _unheard(self, effort: str) -> bool:
        """Whether the template would show its model a word that this never saw."""
        shown = "<|channel|>" in self._source and f"Reasoning: {effort}" in self._asked(effort)
        return shown and effort not in _HARMONY

    def _asked(self, effort: str) -> str:
        try:
            assert self._conversation
            return self._conversation.render([{"role": "user", "content": "hi"}], **self._options(effort))
        except BadRequest:
            return ""
