"""One request inside the engine: the tokens it has, and how far they are evaluated."""

from __future__ import annotations

from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .sampling import Step

if TYPE_CHECKING:
    from .context import Context


class Constraint(Protocol):
    """What a sequence may say next; the engine's thread asks it at each token.

    A :class:`~genkit.errors.GenkitError` that it raises fails its sequence, and no other.
    """

    def apply(self, context: Context, row: int) -> None:
        """Lower the logits of tokens that may not come next, in ``context.logits(row)``, before sampling."""

    def accept(self, token: int) -> None:
        """This token was sampled; it may be one that ends the answer."""


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
    constraint: Constraint | None = None
    prompt_length: int = field(init=False)
    evaluated: int = 0
    slot: int = -1

    def __post_init__(self) -> None:
        self.prompt_length = len(self.tokens)

    @property
    def generated(self) -> int:
        """How many tokens were generated."""
        return len(self.tokens) - self.prompt_length
