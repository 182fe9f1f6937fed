"""What finished sequences left in the KV cache, until its room is needed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


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


class Kept:
    """The tokens that ids without a running sequence hold, the least recently used first."""

    def __init__(self) -> None:
        self._tokens: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._tokens)

    def __contains__(self, slot: object) -> bool:
        return slot in self._tokens

    def items(self) -> Iterator[tuple[int, list[int]]]:
        """The ids and what they hold."""
        return iter(self._tokens.items())

    def add(self, slot: int, tokens: list[int]) -> None:
        """Keep what an id holds."""
        self._tokens[slot] = tokens

    def use(self, slot: int) -> None:
        """It was of use just now: it goes last."""
        self._tokens[slot] = self._tokens.pop(slot)

    def pop(self, slot: int | None = None) -> int:
        """Keep this one no longer, or else the least recently used; returns its id."""
        slot = next(iter(self._tokens)) if slot is None else slot
        del self._tokens[slot]
        return slot
