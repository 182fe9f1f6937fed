"""Which skill how often, and conversations of more than one turn."""

from __future__ import annotations

import random
from collections.abc import Callable

from . import chat, extraction, genkit_facts, sentiment, stories, tools
from .dialogue import Sample

SKILLS: dict[str, Callable[[random.Random, str], Sample]] = {
    "extraction": extraction.sample,
    "tools": tools.sample,
    "tool result": tools.tool_result,
    "sentiment": sentiment.sample,
    "stories": stories.sample,
    "genkit": genkit_facts.sample,
    "sums": chat.sums,
    "small talk": chat.small_talk,
    "out of reach": chat.refusal,
    "recall": chat.recall,
}
WEIGHTS = {
    "extraction": 24,
    "tools": 24,
    "tool result": 1,
    "sentiment": 10,
    "stories": 8,
    "genkit": 12,
    "sums": 10,
    "small talk": 5,
    "out of reach": 6,
    "recall": 3,
}
_SYSTEMS = [
    "You are a helpful assistant.",
    "You are genkit's demo model.",
    "Be brief.",
    "Answer the user.",
    "You are a tiny language model.",
    "You are a friendly assistant.",
    "Answer briefly.",
    "You are a helpful assistant. Answer in one sentence.",
    "Be concise and honest.",
]


def pick_skill(rng: random.Random, weights: dict[str, int]) -> str:
    """A skill, in these proportions."""
    return rng.choices(list(weights), list(weights.values()))[0]


def training_sample(rng: random.Random, weights: dict[str, int] = WEIGHTS) -> Sample:
    """One training conversation: now and then with a system message, or with a second and third request."""
    sample = SKILLS[pick_skill(rng, weights)](rng, "train")
    if sample.tools:
        return sample
    while rng.random() < 0.1:
        more = SKILLS[pick_skill(rng, weights)](rng, "train")
        if not more.tools:
            sample.turns = sample.turns + more.turns
    if rng.random() < 0.2:
        sample.turns = [("system", rng.choice(_SYSTEMS)), *sample.turns]
    return sample
