"""What Claude's models take alike at Anthropic, Vertex AI and Bedrock: how much to think first.

Wire format: "Extended thinking", "Adaptive thinking" and "Effort" in the Claude API documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .base import Encoding

# Anthropic's API wants a limit. This is the one in the documentation's examples; every model since Claude 3.7
# writes that much. With what is thought, Opus 4 and 4.1 write 32,000, and the others at least 64,000.
MAX_TOKENS = 16_000
_BRIEF = ("claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-2", "claude-opus-4@")
_BRIEF_LIMIT = 32_000
# Models that think by a budget of tokens; those after them by an effort.
_BUDGETED = (
    "claude-3", "claude-haiku-4", "claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-2", "claude-opus-4-5",
    "claude-opus-4@", "claude-sonnet-4-0", "claude-sonnet-4-2", "claude-sonnet-4-5", "claude-sonnet-4@",
)  # fmt: skip
# Models that refuse a budget: the one before them, Opus 4.6, still takes one.
_NO_BUDGET = re.compile(r"claude-(opus-4-[7-9]|mythos|fable|(opus|sonnet|haiku)-[5-9])")
# Models that always think; and those that can be told not to think but between calls of tools.
_ALWAYS = re.compile(r"claude-(mythos|fable|opus-5-[5-9])")
_BETWEEN_TOOLS = re.compile(r"claude-sonnet-5-[5-9]")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
# For models that only take a budget: the API's least, and the steps that Gemini's documentation gives.
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much is to be thought: the field ``thinking``, an effort, and the limit on all that is written."""

    limit: int | None
    thinking: dict[str, Any] = field(default_factory=dict)
    effort: str = ""


def thinking(encoding: Encoding, model: str, limit: int | None) -> Thinking:
    """How much a model is to think.

    Args:
        encoding: what is asked for.
        model: which one, as Anthropic calls it.
        limit: the limit on what it writes, if there is one.
    """
    reasoning: str | int | None = encoding.take("reasoning")
    by_budget = model.startswith(_BUDGETED)
    efforts = tuple(_BUDGETS) if by_budget else _EFFORTS
    if reasoning in ("none", 0):
        if _ALWAYS.match(model):
            encoding.refuse(f"reasoning={reasoning!r}", "this model always thinks, least with 'low'")
            return Thinking(limit)
        return Thinking(limit, {"type": "between_tools" if _BETWEEN_TOOLS.match(model) else "disabled"})
    if isinstance(reasoning, int) and _NO_BUDGET.match(model):
        encoding.refuse("reasoning as a number of tokens", f"this model's efforts are {', '.join(efforts)}")
        return Thinking(limit)
    if isinstance(reasoning, str) and reasoning not in efforts:
        encoding.refuse(f"reasoning={reasoning!r}", f"this model's efforts are {', '.join(efforts)}")
        return Thinking(limit)
    if isinstance(reasoning, str) and not by_budget:
        # From 4.7 on, models do not tell what they thought unless they are asked to.
        return Thinking(limit, {"type": "adaptive", "display": "summarized"}, reasoning)
    if reasoning is None:
        return Thinking(limit)
    budget = reasoning if isinstance(reasoning, int) else _BUDGETS[reasoning]
    if limit is None:
        limit = MAX_TOKENS + budget
        if model.startswith(_BRIEF):
            limit = min(limit, _BRIEF_LIMIT)
            # A budget in tokens is sent as it is, and leaves less for the answer.
            budget = min(budget, limit - MAX_TOKENS) if isinstance(reasoning, str) else budget
    elif isinstance(reasoning, str):
        # The budget is part of the limit, and something must be left for the answer.
        budget = max(1024, min(budget, limit // 2))
    return Thinking(limit, {"type": "enabled", "budget_tokens": budget})
