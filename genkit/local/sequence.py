"""One request inside the engine: the tokens it has, and how far they are evaluated."""

from __future__ import annotations

from collections.abc import Sequence as Tokens
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .prefixes import WORTHWHILE, Name, Scales, common
from .sampling import Step
from .shelf import Saved

if TYPE_CHECKING:
    from .context import Context
    from .saving import Attempt


class Constraint(Protocol):
    """What a sequence may say next; the engine's thread asks it at each token.

    A :class:`~genkit.errors.GenkitError` that it raises fails its sequence, and no other.
    """

    def apply(self, context: Context, row: int) -> None:
        """Lower the logits of tokens that may not come next, in ``context.logits(row)``, before sampling."""

    def accept(self, token: int) -> None:
        """This token was sampled; it may be one that ends the answer."""

    def guess(self) -> list[int]:
        """The tokens that most likely come next, if the form leaves hardly any others; or none."""


class Chances(NamedTuple):
    """The log probability of a chosen token, and the likeliest ids with theirs, by the model's own logits."""

    logprob: float
    likeliest: list[tuple[int, float]]


class Chosen(NamedTuple):
    """A token that was chosen: for which call, and if that was asked, how likely it was."""

    call: int
    token: int
    chances: Chances | None = None


@dataclass(slots=True)
class Times:
    """When things happened to a sequence, by ``time.perf_counter()``; 0 if they did not.

    Before Python 3.13, ``time.monotonic()`` goes in steps of 16 ms on Windows, and a short prompt takes less.
    """

    queued: float = 0
    ahead: float = 0
    """How many seconds its prompt was evaluated ahead of its turn."""
    started: float = 0
    first: float = 0


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
    logprobs: int | None = None
    """How many alternatives to tell the log probabilities of, at each token."""
    keep: Name | None = None
    """Under what name its prompt is pinned once it is evaluated."""
    scales: Scales = ()
    """How much of each LoRA adapter is added to the weights for it."""
    served: int = 0
    """In which step it was evaluated last, or began to run."""
    saved: Saved | None = None
    """What is to be loaded for it to begin with; still there if that failed."""
    ahead: bool = False
    """Whether that was evaluated for it, ahead of its turn."""
    saving: Attempt | None = None
    """That its prompt is being saved, for which its end waits."""
    prompt_length: int = field(init=False)
    evaluated: int = 0
    slot: int = -1
    draft: Tokens[int] = ()
    """Tokens that may come next, and are evaluated along with those that do."""
    begun: bool = False
    """Whether it has taken over what others evaluated of its prompt, and goes on from there."""
    leader: Sequence | None = None
    """Who evaluates the first ``led`` tokens of its prompt, for it to share them."""
    led: int = 0
    pinned: bool = False
    head: int | None = None
    """How many tokens stay when the context is full and the oldest of the rest go; None ends it there."""
    drops: int = 0
    """How many times tokens were dropped."""
    shifted: bool = False
    """Whether what is in the KV cache was evaluated after tokens that were dropped since."""
    cached: int = 0
    """How many tokens of its prompt were evaluated before it came."""
    times: Times = field(default_factory=Times)

    def __post_init__(self) -> None:
        self.prompt_length = len(self.tokens)

    def start_over(self) -> None:
        """It holds nothing of the KV cache any more, and is to begin again."""
        self.slot, self.evaluated, self.begun, self.shifted = -1, 0, False, False
        self.leader, self.led = None, 0
        if not self.generated:
            self.cached = 0

    def drop(self, start: int, count: int) -> None:
        """Forget so many of its tokens from this one on."""
        self.drops += 1
        del self.tokens[start : start + count]
        self.prompt_length -= count

    @property
    def left(self) -> int:
        """How many of its tokens are still to be evaluated."""
        return len(self.tokens) - self.evaluated

    @property
    def answers(self) -> bool:
        """Whether its answer has begun, and goes on with the next step."""
        return self.left == 1 and self.generated > 0

    @property
    def generated(self) -> int:
        """How many tokens were generated."""
        return len(self.tokens) - self.prompt_length


def leader_of(sequence: Sequence, others: list[Sequence], ready: int) -> tuple[Sequence | None, int]:
    """Who is about to evaluate most of a prompt, and how much of it, if that is more than is ready."""
    best, most = None, ready + WORTHWHILE - 1
    for other in others:
        length = min(common(sequence.tokens, other.tokens), len(sequence.tokens) - 1)
        if length > max(most, other.evaluated):
            best, most = other, length
    return best, most if best else 0
