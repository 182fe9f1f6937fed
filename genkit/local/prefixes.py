"""What finished sequences left in the KV cache, until its room is needed, and what is pinned there. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

WORTHWHILE = 16
"""A shorter prefix is not worth sharing."""
IDLE = 64
"""So few cells cost others less than to set them aside would."""

Scales: TypeAlias = tuple[float, ...]
"""How much of each LoRA adapter is added to the weights; evaluated with some, it is of no use to others."""


class Name(NamedTuple):
    """Under what a prefix is pinned: each owner has names of its own."""

    owner: int
    name: str


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:  # comparing slices is native code, comparing tokens is not
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def longest(
    prompt: Sequence[int], held: Iterable[tuple[int, Sequence[int]]], intact: Callable[[int], bool]
) -> tuple[int | None, int]:
    """Which id holds most of what a prompt begins with, and how much of it: not all, one must be evaluated.

    Args:
        prompt: its tokens.
        held: ids, and what each holds.
        intact: whether a part of what an id holds can be shared; else all of it or nothing.
    """
    best, most = None, WORTHWHILE - 1
    for slot, tokens in held:
        length = min(common(prompt, tokens), len(prompt) - 1)
        if length > most and (length == len(tokens) or intact(slot)):
            best, most = slot, length
    return best, most if best is not None else 0


class Kept:
    """The tokens that ids without a running sequence hold, the least recently used first.

    What is pinned under a name is never the least recently used.
    """

    def __init__(self) -> None:
        self._tokens: dict[int, list[int]] = {}
        self._scales: dict[int, Scales] = {}
        self.pinned: dict[Name, int] = {}
        """The ids that are pinned, by name."""

    def __contains__(self, slot: object) -> bool:
        return slot in self._tokens

    @property
    def can_go(self) -> bool:
        """Whether there is anything that is not pinned."""
        return len(self._tokens) > len(self.pinned)

    def unpinned(self) -> Iterator[int]:
        """The ids that are not pinned, the least recently used first."""
        pinned = set(self.pinned.values())
        return (slot for slot in self._tokens if slot not in pinned)

    def items(
        self, scales: Scales = (), slots: Iterable[int] | None = None
    ) -> Iterator[tuple[int, list[int]]]:
        """What ids hold that was evaluated with these adapters: of all, the pinned ones first, or of some."""
        for slot in [*self.pinned.values(), *self.unpinned()] if slots is None else slots:
            if self._scales[slot] == scales:
                yield slot, self._tokens[slot]

    def held_by(self, slot: int) -> tuple[list[int], Scales]:
        """What an id holds, and with which adapters that was evaluated."""
        return self._tokens[slot], self._scales[slot]

    def idle(
        self, waiting: Iterable[Sequence[int]], stays: set[int], cells: Callable[[list[int]], set[int]]
    ) -> tuple[list[int], list[int]]:
        """The ids whose cells are of no use to those that run or wait, and many enough to slow them down.

        Args:
            waiting: the prompts that wait.
            stays: the cells of those that run or are pinned.
            cells: what tells the cells of ids.

        Returns:
            Those that are worth setting aside, the least recently used first, and those that hardly differ
            from one of them.
        """
        begin, worth, alike = {tuple(tokens[:WORTHWHILE]) for tokens in waiting}, list[int](), list[int]()
        covered = set(stays)
        for slot in reversed(list(self.unpinned())):
            tokens, own = self._tokens[slot], cells([slot])
            if tuple(tokens[:WORTHWHILE]) in begin or len(own - stays) < max(IDLE, len(tokens) / 2):
                continue
            (worth if len(own - covered) >= IDLE else alike).append(slot)
            covered |= own
        return worth[::-1], alike

    def add(self, slot: int, tokens: list[int], scales: Scales = ()) -> None:
        """Keep what an id holds, and was evaluated with these adapters."""
        self._tokens[slot], self._scales[slot] = tokens, scales

    def pin(self, name: Name, slot: int, tokens: list[int], scales: Scales = ()) -> None:
        """Keep what an id holds under a name; what had that name must have been dropped."""
        self.add(slot, tokens, scales)
        self.pinned[name] = slot

    def unpin(self, wanted: Name) -> None:
        """What has this name, or any of the owner's if the name is '', is kept like all else from now on."""
        for name in list(self.pinned):
            if wanted in (name, (name.owner, "")):
                del self.pinned[name]

    def use(self, slot: int) -> None:
        """It was of use just now: it goes last."""
        self._tokens[slot] = self._tokens.pop(slot)

    def pop(self, slot: int | None = None) -> int:
        """Keep this one no longer, or else the least recently used that is not pinned; returns its id."""
        if slot is None:
            slot = next(self.unpinned())
        del self._tokens[slot], self._scales[slot]
        return slot
