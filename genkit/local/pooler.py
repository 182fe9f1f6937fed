"""From texts to what the model's pooling makes of each, several in one step, beside the engine.

The engine's thread computes; all but :meth:`Pooler.step` and :meth:`Pooler.close` has the engine's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from ..errors import GenkitError
from .context import Context
from .cores import Cores
from .llama import Model
from .memory import padded

SMALLEST = 256
"""The tokens of a step, as long as no text is longer: each of them costs memory for a row of logits."""
TOGETHER = 32
"""The most texts in one step."""


class Text(NamedTuple):
    """One text of a call: whose it is, its place in the call, and its tokens."""

    call: int
    place: int
    tokens: list[int]


def step_size(tokens: int, window: int) -> int:
    """How many tokens the steps are made for when a text has so many: a power of two, as far as they fit.

    Args:
        tokens: those of the longest text.
        window: the most tokens that a text may have.
    """
    return min(max(SMALLEST, 1 << (tokens - 1).bit_length()), padded(window))


def take(calls: deque[deque[Text]], room: int, most: int) -> list[Text]:
    """The texts of the next step: one of each call in turn, as long as they fit; they leave their queues.

    Args:
        calls: the texts of each call that wait.
        room: the most tokens.
        most: the most texts.
    """
    taken: list[Text] = []
    while calls and len(taken) < most and len(calls[0][0].tokens) <= room:
        texts = calls.popleft()
        taken.append(texts.popleft())
        room -= len(taken[-1].tokens)
        if texts:
            calls.append(texts)
    return taken


class Pooler:
    """Has a context of its own, made for the first text and again for a longer one.

    Args:
        model: the model, whose file names a pooling.
        window: the most tokens that a text may have.
        width: how many numbers come of a text.
        threads: how many threads compute, or what says it before each step.
        told: hears what came of the texts of a step.
        failed: hears of a call that cannot go on.
    """

    def __init__(
        self,
        model: Model,
        *,
        window: int,
        width: int,
        threads: int | Cores,
        told: Callable[[list[Text], list[list[float]]], None],
        failed: Callable[[int, GenkitError], None],
    ) -> None:
        self._model, self._window, self._width, self._threads = model, window, width, threads
        self._told, self._failed = told, failed
        self._calls: deque[deque[Text]] = deque()
        self._unwanted: set[int] = set()
        self._computing: set[int] = set()
        self._is_over = False
        self._context: Context | None = None
        self._size = 0

    @property
    def waiting(self) -> int:
        """How many calls have texts to compute."""
        return len(self._calls)

    def add(self, texts: list[Text]) -> None:
        """Queue the texts of one call, none of them empty or longer than the window."""
        self._calls.append(deque(texts))

    def cancel(self, call: int) -> None:
        """Stop working for a call, in the middle of a step if nobody else is in it."""
        self._unwanted.add(call)
        self._abort_unwanted()

    def abort(self) -> None:
        """End the step that runs, for good."""
        self._is_over = True
        self._abort_unwanted()

    def _abort_unwanted(self) -> None:
        """End the step that runs if nobody wants it; called after what says so is set, or the context is."""
        context = self._context
        if context and (self._is_over or (self._computing and self._computing <= self._unwanted)):
            context.abort()

    def take(self, *, alone: bool) -> list[Text]:
        """The texts of the next step.

        Args:
            alone: whether nobody else waits to compute; else it is one text only.
        """
        if self._unwanted:
            self._calls = deque(texts for texts in self._calls if texts[0].call not in self._unwanted)
            self._unwanted.clear()
        first = len(self._calls[0][0].tokens) if self._calls else 0
        room = max(self._size, step_size(first, self._window))
        texts = take(self._calls, room, TOGETHER if alone and not self._model.recurrent else 1)
        self._computing = {text.call for text in texts}
        if self._context:
            self._context.abort(False)
        return texts

    def step(self, texts: list[Text]) -> None:
        """Compute, and tell what came of it."""
        try:
            values = self._values(texts)
        except GenkitError as error:
            for call in {text.call for text in texts}:
                self._unwanted.add(call)
                self._failed(call, error)
            return
        if values:
            self._told(texts, values)

    def close(self) -> None:
        """Free the context."""
        if self._context:
            self._context.close()

    def _values(self, texts: list[Text]) -> list[list[float]]:
        """What came of each text; nothing if it was aborted."""
        context = self._fitting(sum(len(text.tokens) for text in texts))
        context.clear()
        rows = [(id, at, slot, True) for slot, text in enumerate(texts) for at, id in enumerate(text.tokens)]
        if not context.decode(rows):
            return []
        return [context.pooled(slot, self._width) for slot in range(len(texts))]

    def _fitting(self, tokens: int) -> Context:
        size = step_size(tokens, self._window)
        if self._context is None or size > self._size:
            self.close()
            self._context, self._size = None, 0
            sequences = 1 if self._model.recurrent else TOGETHER  # each has a state, which is large
            self._context = Context(
                self._model, size=size, sequences=sequences, batch=size, threads=self._threads, pooled=True
            )
            self._size = size
            self._abort_unwanted()  # it was not there to be aborted
        return self._context
