"""A long prompt that comes while others answer: evaluated ahead of its turn, in a context of its own.

In one context all wait for the slowest of a step: a chunk of a prompt, which takes the longer the more its
tokens look back at. In two, with half of the threads each, neither waits for the other. What comes of the
prompt is loaded into the first, as what was saved is, for its call to begin with.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from ..errors import GenkitError
from .context import Context
from .cores import Cores, Part
from .llama import Model
from .parking import SPARE
from .prefixes import common
from .sequence import Sequence
from .shelf import Saved

LONG = 256
"""So many tokens to evaluate are worth a context of their own."""
STEP = 64
"""So many are evaluated at a time: fewer, and llama.cpp's flash kernel takes them one by one."""


class Ahead:
    """Keeps long prompts from a scheduler until they are evaluated, one at a time.

    But for :meth:`end`, it is called with the lock held.

    Args:
        model: the model.
        cores: what says how many threads compute.
        takes: tells how many bytes a prompt of so many tokens takes; None to evaluate none.
        free: how many bytes of memory are free, or None if that cannot be known.
        changed: has the lock, and is notified when a prompt is evaluated.
    """

    def __init__(
        self,
        model: Model,
        *,
        cores: Cores,
        takes: Callable[[int], int] | None,
        free: Callable[[], int | None],
        changed: threading.Condition,
    ) -> None:
        self._model, self._cores, self._takes, self._free = model, cores, takes, free
        self._changed, self._part = changed, Part(cores, lambda: self.alone)
        self._waiting, self._done = deque[Sequence](), list[Sequence]()
        self._thread: threading.Thread | None = None
        self._context: Context | None = None
        self._is_busy = False
        self._call: int | None = None  # whose prompt is evaluated; None if nobody wants it any more
        self._one: Sequence | None = None  # that call
        self._left = 0  # how many of its tokens
        self._failed: Exception | None = None
        self.alone = False
        """Whether nothing else is computed: it has all threads then."""

    @property
    def waiting(self) -> int:
        """How many calls have not come to the scheduler yet."""
        return len(self._waiting) + len(self._done) + (self._call is not None)

    def sort(
        self, new: list[Sequence], others: list[Sequence], known: Callable[[Sequence], int]
    ) -> list[Sequence]:
        """Of the sequences that came, and those that were kept from the scheduler, who is to begin now.

        Args:
            new: who came.
            others: those that run or wait for a place.
            known: tells how many tokens that a sequence begins with are evaluated.

        Raises:
            Exception: what nobody foresaw as a prompt was evaluated.
        """
        if self._failed:
            raise self._failed
        begin, self._done = self._done, []
        answers = any(other.answers for other in others)
        # What was evaluated takes memory until it has a place: then no other is begun.
        blocked = self._is_busy or any(o.ahead and o.saved and o.slot < 0 for o in [*others, *begin])
        if not (answers and blocked):  # what they begin with may have been evaluated since they came
            new = [*self._waiting, *new]
            self._waiting.clear()
        for sequence in new:
            if self._begins_like_it(sequence):
                self._waiting.append(sequence)
            elif not (answers and self._is_long(sequence, [*others, *begin], known)):
                begin.append(sequence)
            elif blocked or self._is_busy:
                short = self._is_busy and 4 * len(sequence.tokens) < self._left
                (begin if short else self._waiting).append(sequence)
            elif not self._start(sequence):
                begin.append(sequence)
        return begin

    def _begins_like_it(self, sequence: Sequence) -> bool:
        """Whether it begins like the one that is evaluated."""
        if self._call is None or self._one is None or self._one.scales != sequence.scales:
            return False
        return common(sequence.tokens, self._one.tokens) >= LONG

    def _start(self, sequence: Sequence) -> bool:
        """Evaluate a prompt in a thread of its own, if there is room for one."""
        thread = threading.Thread(target=self._evaluate, args=(sequence,), daemon=True)
        self._call, self._one, self._is_busy = sequence.call, sequence, True
        self._left = len(sequence.tokens)
        self._part.before()  # the step that begins now is to leave it its threads
        try:
            thread.start()
        except RuntimeError:
            self._call, self._is_busy, self._cores.lent = None, False, 0
            return False
        self._thread = thread
        return True

    def _is_long(self, sequence: Sequence, others: list[Sequence], known: Callable[[Sequence], int]) -> bool:
        """Whether it is worth a context of its own, which shares nothing, and memory is there for one."""
        length = len(sequence.tokens)
        if self._takes is None or sequence.saved or length < LONG or self._cores.threads < 2:
            return False
        alike = [other.tokens for other in others if other.scales == sequence.scales]
        shared = max([known(sequence), *(common(sequence.tokens, tokens) for tokens in alike)])
        if length - shared < LONG or 4 * shared > length:
            return False
        return self._takes(length) * SPARE <= (self._free() or 0)

    def cancel(self, call: int) -> None:
        """Nobody wants this call any more."""
        self._waiting = deque(sequence for sequence in self._waiting if sequence.call != call)
        self._done = [sequence for sequence in self._done if sequence.call != call]
        if call == self._call:
            self._stop()

    def _stop(self) -> None:
        self._call = None
        if self._context:
            self._context.abort()

    def end(self) -> None:
        """Evaluate nothing any more, and free what that took; who comes here must sort no more."""
        with self._changed:
            self._waiting.clear()
            self._stop()
        if self._thread:
            self._thread.join()

    def _evaluate(self, sequence: Sequence) -> None:
        saved = None
        try:
            saved = self._state(sequence)
        except (GenkitError, MemoryError):
            pass  # it is evaluated as others are
        except Exception as error:  # noqa: BLE001 - the engine is to hear of it
            self._failed = error
        finally:
            with self._changed:
                self._is_busy, self._cores.lent = False, 0
                if self._call is not None:
                    self._call = None
                    sequence.saved, sequence.ahead = saved, saved is not None
                    self._done.append(sequence)
                self._changed.notify()

    def _state(self, sequence: Sequence) -> Saved | None:
        """What comes of all but the last token of a prompt; None if nobody wants it any more."""
        tokens = sequence.tokens[:-1]
        context = Context(self._model, size=len(tokens), sequences=1, batch=STEP, threads=self._part)
        try:
            with self._changed:
                self._context = context
            began = time.perf_counter()
            for start in range(0, len(tokens), STEP):
                chunk = enumerate(tokens[start : start + STEP], start)
                rows = [(token, at, 0, False) for at, token in chunk]
                if self._call is None or not context.decode(rows, sequence.scales):
                    return None
                self._left -= len(rows)
            sequence.times.ahead = time.perf_counter() - began
            return Saved(tokens, context.save(0))
        finally:
            with self._changed:
                self._context = None
            context.close()
