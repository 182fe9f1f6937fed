"""What a step is made of: moves in the KV cache, and tokens to evaluate. Plain data."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from .prefixes import Scales
from .sequence import Sequence


class Work(NamedTuple):
    """Evaluate the next ``size`` tokens of a sequence; the logits of the last are wanted if ``sample``.

    The tokens of its draft come after them, with their logits.
    """

    sequence: Sequence
    size: int
    sample: bool


class Share(NamedTuple):
    """Let an id that holds nothing hold the first ``length`` tokens of another."""

    source: int
    slot: int
    length: int


class Pin(Share):
    """A Share that stays whole, whatever else is evaluated."""


class Forget(NamedTuple):
    """Drop all that an id holds."""

    slot: int


class Park(NamedTuple):
    """Set aside the state of all that an id holds, evaluated with these adapters, and drop it."""

    slot: int
    tokens: list[int]
    scales: Scales


class Cut(NamedTuple):
    """Drop what an id holds from this token on."""

    slot: int
    start: int


class Shift(NamedTuple):
    """Drop so many tokens of an id from this one on; those after them, which no other holds, move up."""

    slot: int
    start: int
    length: int


Move: TypeAlias = Share | Forget | Park | Cut | Shift


class Plan(NamedTuple):
    """One step: what to do about the KV cache, in this order, and then what to evaluate."""

    moves: list[Move]
    work: list[Work]


def rows(work: list[Work]) -> list[tuple[int, int, int, bool]]:
    """The rows of a batch: token, position, sequence id, and whether its logits are wanted."""
    found = []
    for sequence, size, sample in work:
        start = sequence.evaluated
        last = start + size - 1
        for at in range(start, start + size):
            found.append((sequence.tokens[at], at, sequence.slot, sample and at == last))
        for at, token in enumerate(sequence.draft, last + 1):
            found.append((token, at, sequence.slot, True))
    return found


def counted(work: list[Work]) -> tuple[int, int]:
    """How many tokens of answers are evaluated, guessed ones too, and how many of prompts."""
    answering = prompt = 0
    for sequence, size, sample in work:
        answers = sample and size == 1  # one token that is not its last may be all of a prompt's chunk
        answering += answers + len(sequence.draft)
        prompt += 0 if answers else size
    return answering, prompt
