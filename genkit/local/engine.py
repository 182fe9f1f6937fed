"""The one thread that owns a llama context: admit, step, hand out ids."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import GenkitError
from .context import Context, Sampler
from .llama import Model
from .scheduler import Scheduler, Work
from .sequence import Sequence
from .slots import Slots

BATCH = 512


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the engine says what happened; called in its thread."""

    tokens: Callable[[list[tuple[int, int]]], None]
    """The tokens of one step: whose (the sequence's ``call``), and which."""
    finished: Callable[[Sequence, str], None]
    """A sequence is done: ``eog`` (the model ended it), ``max_tokens`` or ``context_full``."""
    failed: Callable[[Sequence, GenkitError], None]
    """A sequence cannot go on."""


class Engine:
    """Runs sequences on a context, as many at a time as it has slots.

    Args:
        model: the model.
        context_size: the context window, in tokens.
        threads: how many threads compute.
        sequences: how many sequences run at a time.
        listener: who hears of it.
    """

    def __init__(
        self, model: Model, *, context_size: int, threads: int, sequences: int, listener: Listener
    ) -> None:
        self.context_size = context_size
        self._model, self._listener = model, listener
        self._context = Context(model, size=context_size, sequences=sequences, batch=BATCH, threads=threads)
        self._scheduler = Scheduler(Slots(sequences), BATCH)
        self._samplers: dict[int, Sampler] = {}
        self._changed = threading.Condition()
        self._new: list[Sequence] = []
        self._unwanted: set[int] = set()
        self._evaluating_prompt_of: set[int] = set()
        threading.Thread(target=self._loop, name="genkit engine", daemon=True).start()

    def submit(self, sequence: Sequence) -> None:
        """Queue a sequence; called from any thread."""
        with self._changed:
            self._new.append(sequence)
            self._changed.notify()

    def cancel(self, call: int) -> None:
        """Stop working for a call, in the middle of its prompt too; called from any thread."""
        with self._changed:
            self._unwanted.add(call)
            if call in self._evaluating_prompt_of:
                self._context.abort()
            self._changed.notify()

    def _loop(self) -> None:
        while True:
            with self._changed:
                while not (work := self._next()):
                    self._changed.wait()
                self._evaluating_prompt_of = {w.sequence.call for w in work if w.size > 1}
            self._step(work)

    def _next(self) -> list[Work]:
        """Take what changed into account, and say what to do next."""
        for sequence in self._new:
            self._scheduler.add(sequence)
        self._new.clear()
        if self._unwanted:
            for sequence in self._scheduler.everyone():
                if sequence.call in self._unwanted:
                    self._remove(sequence)
            self._unwanted.clear()
        self._context.abort(False)
        return self._scheduler.plan()

    def _step(self, work: list[Work]) -> None:
        try:
            if not self._context.decode(_rows(work)):  # aborted: what it got done is unknown
                for sequence, _, _ in work:
                    sequence.evaluated = self._context.forget(sequence.slot, sequence.evaluated)
                return
            new = self._sample(work)
        except GenkitError as error:
            for sequence, _, _ in work:
                self._remove(sequence)
                self._listener.failed(sequence, error)
            return
        if new:
            self._listener.tokens([(sequence.call, sequence.tokens[-1]) for sequence in new])
        for sequence in new:
            if sequence.generated >= sequence.max_tokens:
                self._finish(sequence, "max_tokens")
            elif len(sequence.tokens) >= self.context_size:
                self._finish(sequence, "context_full")

    def _sample(self, work: list[Work]) -> list[Sequence]:
        """The sequences that got a token they go on with; those that ended are told so."""
        row, new = -1, []
        for sequence, size, sample in work:
            row += size
            sequence.evaluated += size
            if not sample:
                continue
            try:
                token = self._choose(sequence, row)
            except GenkitError as error:
                self._remove(sequence)
                self._listener.failed(sequence, error)
                continue
            if self._model.ends_generation(token):
                self._finish(sequence, "eog")
            else:
                sequence.tokens.append(token)
                new.append(sequence)
        return new

    def _choose(self, sequence: Sequence, row: int) -> int:
        constraint = sequence.constraint
        if constraint:
            constraint.apply(self._context, row)
        token = self._sampler(sequence).sample(self._context, row)
        if constraint:
            constraint.accept(token)
        return token

    def _sampler(self, sequence: Sequence) -> Sampler:
        sampler = self._samplers.get(sequence.call)
        if sampler is None:
            sampler = self._samplers[sequence.call] = Sampler(self._model, sequence.steps, sequence.tokens)
        return sampler

    def _finish(self, sequence: Sequence, reason: str) -> None:
        self._remove(sequence)
        self._listener.finished(sequence, reason)

    def _remove(self, sequence: Sequence) -> None:
        self._scheduler.remove(sequence)
        if sequence.slot >= 0:
            self._context.forget(sequence.slot)
        if sampler := self._samplers.pop(sequence.call, None):
            sampler.close()


def _rows(work: list[Work]) -> list[tuple[int, int, int, bool]]:
    rows = []
    for sequence, size, sample in work:
        start = sequence.evaluated
        last = start + size - 1
        for at in range(start, start + size):
            rows.append((sequence.tokens[at], at, sequence.slot, sample and at == last))
    return rows
