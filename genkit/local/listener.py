"""Who hears of what happens in the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import GenkitError
from .sequence import Chosen, Sequence


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the engine says what happened; called in its thread."""

    begun: Callable[[Sequence, int, int], None]
    """The prompt of a sequence is evaluated; how many tokens the KV cache holds, and can hold."""
    tokens: Callable[[list[Chosen]], None]
    """The tokens of one step."""
    finished: Callable[[Sequence, str], None]
    """A sequence is done: ``eog`` (the model ended it), ``max_tokens`` or ``context_full``."""
    failed: Callable[[Sequence, GenkitError], None]
    """A sequence cannot go on."""
    broken: Callable[[Exception], None]
    """What nobody foresaw has ended the engine."""
    pinned: Callable[[Sequence, Callable[[], bytearray]], None] = lambda *_: None
    """The prompt of a sequence is pinned; tells the state of its KV cache if that is wanted now."""
