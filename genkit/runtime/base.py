"""What waiting means here: the interface that a blocking and an awaiting runtime share."""

from __future__ import annotations

from typing import Protocol, TypeVar

T = TypeVar("T")


class Channel(Protocol[T]):
    """A queue that any thread fills and one call drains."""

    def put(self, item: T) -> None:
        """Add an item; never blocks."""

    async def get(self) -> T:
        """Take the next item, waiting until there is one."""


class Runtime(Protocol):
    """How one call waits."""

    def channel(self) -> Channel[T]:
        """A new channel, to be drained by the call that asked for it."""
