"""One request inside the engine: the tokens it has, and how far they are evaluated."""

from __future__ import annotations

from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field

from .sampling import Step


@dataclass(slots=True, eq=False)
class Sequence:
    """A prompt and what was generated after it.

    ``tokens[:evaluated]`` are in the KV cache under the sequence id ``slot``; the rest is to be
    evaluated, after which the next token can be sampled.
    """

    call: int
    tokens: list[int]
    steps: Tokens[Step]
    max_tokens: int
    prompt_length: int = field(init=False)
    evaluated: int = 0
    slot: int = -1

    def __post_init__(self) -> None:
        self.prompt_length = len(self.tokens)

    @property
    def generated(self) -> int:
        """How many tokens were generated."""
        return len(self.tokens) - self.prompt_length
