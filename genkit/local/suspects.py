"""Requests that a worker died of: one that killed two is not run a third time, for a while."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

DEATHS = 2
SECONDS = 60.0


class Suspects:
    """Remembers what was asked when a worker crashed.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths: dict[bytes, list[float]] = {}

    def add(self, question: dict[str, Any]) -> None:
        """A worker crashed while it was working on this question."""
        now = self._clock()
        self._deaths = {
            key: fresh
            for key, times in list(self._deaths.items())  # clear() is called in any thread
            if (fresh := [at for at in times if now - at < SECONDS])
        }
        self._deaths.setdefault(_fingerprint(question), []).append(now)

    def clear(self, question: dict[str, Any]) -> None:
        """The question was answered: it was not the culprit."""
        if self._deaths:
            self._deaths.pop(_fingerprint(question), None)

    def seconds_left(self, question: dict[str, Any]) -> float:
        """How long this question is not to be run; 0 if it may be."""
        if not self._deaths:
            return 0
        times = self._deaths.get(_fingerprint(question), [])
        return max(0.0, times[-1] + SECONDS - self._clock()) if len(times) >= DEATHS else 0


def _fingerprint(question: dict[str, Any]) -> bytes:
    """The same for the same question, whatever its seed, which is another each time if none was given."""
    sampling = {name: value for name, value in question.get("sampling", {}).items() if name != "seed"}
    text = json.dumps({**question, "sampling": sampling})
    return hashlib.sha256(text.encode()).digest()
