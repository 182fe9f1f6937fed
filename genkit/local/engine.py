"""The one thread that owns a llama context: admit, step, hand out ids."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from ..errors import GenkitError, RateLimited
from .ahead import Ahead
from .attention import Attention
from .choice import Choice
from .context import Context
from .cores import Cores
from .listener import Listener
from .llama import Model
from .machine import free_memory
from .pace import Pace
from .parking import Parking
from .plan import Work, counted, rows
from .pooler import Pooler, Text
from .prefixes import Name, common
from .scheduler import Scheduler
from .sequence import Sequence
from .slots import Slots
from .speculation import Speculation

BATCH = 256
"""The most tokens of a step: a step is left between two operations only, and of 512 one alone takes 40 ms."""
KEPT = 8
"""How many finished sequences may be kept beside those that run, for others to begin with; pinned or not."""
QUEUE = 4096
"""How many calls may wait."""
COME_BACK = 1.0
"""After how many seconds to try again when no more may wait."""


class Engine:
    """Runs sequences on a context, several at a time.

    Args:
        model: the model.
        context_size: the context window, in tokens; all that run share its room.
        threads: how many threads compute, or what says it before each step.
        parallel: the most sequences that run at a time.
        listener: who hears of it.
        pooler: what computes beside sequences, in the same thread; closed with the engine.
        queue: the most calls that wait.
        speculation: what guesses tokens, if that is wanted; never used where the KV cache cannot be cut.
        remembers: whether what finished sequences left serves others; else each begins with nothing.
        changing: how many bytes a change of how attention is computed may take; None to change nothing.
        takes: tells how many bytes a prompt of so many tokens takes in a context of its own; None for none.
    """

    def __init__(
        self,
        model: Model,
        *,
        context_size: int,
        threads: int | Cores,
        parallel: int,
        listener: Listener,
        pooler: Pooler,
        queue: int,
        speculation: Speculation | None,
        remembers: bool = True,
        changing: int | None = None,
        takes: Callable[[int], int] | None = None,
    ) -> None:
        self.context_size, self._queue, self._parallel = context_size, queue, parallel
        self._model, self._listener, self._pooler = model, listener, pooler
        # A recurrent state is large, and seldom shared.
        ids = parallel + (kept := KEPT if remembers and not model.recurrent else 0)
        self._context = Context(model, size=context_size, sequences=ids, batch=BATCH, threads=threads)
        self._slots, self._pace = Slots(ids, context_size), Pace(BATCH)
        self._attention = Attention(self._context, takes=changing, free=free_memory)
        self._parking = Parking(self._context, count=kept, free=free_memory)
        self._scheduler = Scheduler(
            self._slots,
            parallel=parallel,
            batch=BATCH,
            names=kept,
            remembers=remembers,
            intact=self._context.intact,
            parks=self._parking.takes,
            restores=lambda sequence: self._parking.restore(sequence, self._scheduler),
        )
        self._choice = Choice(model, self._context, context_size)
        self._speculation = None if model.recurrent else speculation
        self._changed, cores = threading.Condition(), self._context.cores
        self._ahead = Ahead(model, cores=cores, takes=takes, free=free_memory, changed=self._changed)
        self._new, self._unpinned = list[Sequence](), list[Name]()
        self._unwanted, self._abortable = set[int](), set[int]()
        self._called_off = False  # whether the last step was, which lost what it did for others, too
        self._is_closed, self._is_over = False, threading.Event()

    def submit(self, asked: Sequence | list[Text], *, more: bool = False) -> None:
        """Queue a sequence, or texts of a call for the pooler, or ``more`` of them; called from any thread.

        Raises:
            RateLimited: too many wait already.
        """
        with self._changed:
            waiting = len(self._new) + self._ahead.waiting + self._scheduler.waiting + self._pooler.waiting
            if waiting >= self._queue and not more:
                raise RateLimited(
                    f"{waiting} calls wait for this model already, and no more may; call again later",
                    retry_after=COME_BACK,
                )
            if isinstance(asked, Sequence):
                asked.times.queued = time.perf_counter()
                self._new.append(asked)
            else:
                self._pooler.add(asked)
            self._changed.notify()

    def cancel(self, call: int) -> None:
        """Stop working for a call, in the middle of a step too where others lose little; from any thread."""
        with self._changed:
            self._pooler.cancel(call)
            self._ahead.cancel(call)
            self._unwanted.add(call)
            if call in self._abortable:
                self._context.abort()
            self._changed.notify()

    def unpin(self, name: Name) -> None:
        """Keep the prompt of this name, or all of the owner's if it is '', no longer than others."""
        with self._changed:
            self._unpinned.append(name)

    def close(self) -> None:
        """Stop at once, and free the context when :meth:`run`, which must have been called, has ended."""
        with self._changed:
            self._is_closed = True
            self._context.abort()
            self._pooler.abort()
            self._changed.notify()
        self._is_over.wait()
        self._ahead.end()
        self._pooler.close()
        self._choice.close()
        self._context.close()

    def run(self) -> None:
        """Compute, in this thread, until the engine is closed or broken."""
        try:
            self._loop()
        except Exception as error:  # noqa: BLE001 - whoever waits for an answer must hear of it
            self._listener.broken(error)
        finally:
            self._is_over.set()

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._gather()
                while not (
                    self._is_closed
                    or (work := self._next())
                    or self._scheduler.refused
                    or self._pooler.waiting
                ):
                    self._changed.wait()
                    self._gather()
                if self._is_closed:
                    return
                texts = self._pooler.take(alone=not work)
                alone = len(work) == 1 and not self._model.recurrent  # of which nothing would be left
                spared = self._called_off and len(work) > 1  # or who cancels all the time would stop the rest
                self._abortable = {s.call for s, _, _ in work if alone or not (spared or s.answers)}
            self._refuse()
            if work:
                if self._speculation:
                    self._speculation.draft(work, self._slots.left, self.context_size)
                self._step(work)
            if texts:
                self._pooler.step(texts)

    def _gather(self) -> None:
        """Calls that come together begin together: in one step their prompts take less time than apart."""
        while 0 < len(self._new) < self._parallel and not self._is_closed and not self._unwanted:
            patience = self._pace.patience(sum(len(sequence.tokens) for sequence in self._new))
            left = self._new[0].times.queued + patience - time.perf_counter()
            if left <= 0 or self._scheduler.everyone() or self._pooler.waiting:
                return
            self._changed.wait(left)

    def _next(self) -> list[Work]:
        """Take what changed into account, and say what to do next."""
        for name in self._unpinned:
            self._scheduler.unpin(name)
        self._unpinned.clear()
        if self._unwanted:
            for sequence in self._scheduler.everyone():
                if sequence.call in self._unwanted:
                    self._remove(sequence)
        new, self._new = [each for each in self._new if each.call not in self._unwanted], []
        self._unwanted.clear()
        for sequence in self._ahead.sort(new, self._scheduler.everyone(), self._known):
            self._scheduler.add(sequence)
        self._context.abort(False)
        moves, work = self._scheduler.plan(self._pace.chunk)
        self._parking.make(moves)
        self._ahead.alone = not work
        self._attention.suit(work, min(self._ahead.waiting + len(self._scheduler.everyone()), self._parallel))
        return work

    def _known(self, sequence: Sequence) -> int:
        """How many tokens that it begins with are evaluated."""
        parked = self._parking.find(sequence.tokens, sequence.scales)
        aside = common(sequence.tokens, parked.tokens) if parked else 0
        return max(self._scheduler.source(sequence)[1], aside)

    def _refuse(self) -> None:
        """Tell those that what is pinned leaves no room; an answer that has begun ends there."""
        for sequence, error in self._scheduler.refused:
            self._forget(sequence)
            if sequence.generated:
                self._listener.finished(sequence, "context_full")
            else:
                self._listener.failed(sequence, error)
        self._scheduler.refused.clear()

    def _step(self, work: list[Work]) -> None:
        began = time.perf_counter()
        for sequence, _, _ in work:
            sequence.times.started = sequence.times.started or began - sequence.times.ahead
        try:
            done = self._context.decode(rows(work), work[0].sequence.scales)
        except GenkitError as error:
            self._one_by_one(work, error)
            return
        self._called_off = not done and len(work) > 1
        if not done:  # aborted: what it got done is unknown
            for sequence, _, _ in work:
                self._cut(sequence, sequence.evaluated)
            return
        self._parking.make(self._scheduler.done(work))
        now, (answering, prompt) = time.perf_counter(), counted(work)
        self._pace.observe(answering, prompt, now - began)
        if self._speculation and not prompt:
            self._speculation.observe(answering, now - began, self._context.threads)
        for sequence, _, sample in work:
            if sample and not sequence.times.first:
                sequence.times.first = now
                sequence.cached = 0 if sequence.ahead else sequence.cached
                self._listener.begun(sequence, self._slots.room - self._slots.left, self._slots.room)
                if sequence.pinned:
                    self._listener.pinned(sequence, partial(self._context.save, sequence.slot))
        self._hand_out(work)

    def _one_by_one(self, work: list[Work], error: GenkitError) -> None:
        """A step failed: whose fault it was shows when each is taken alone."""
        guessed = any(sequence.draft for sequence, _, _ in work)
        for sequence, size, sample in work:
            before = sequence.evaluated
            self._cut(sequence, before)
            if (len(work) > 1 or guessed) and sequence.evaluated == before:
                self._step([Work(sequence, size, sample)])
            else:
                self._fail(sequence, error)

    def _hand_out(self, work: list[Work]) -> None:
        """Choose the tokens of a step, and tell of them and of who is done."""
        chosen, over = self._choice.step(work)
        for sequence, _, _ in work:
            if sequence.draft and self._cut(sequence, len(sequence.tokens) - 1) < len(sequence.tokens) - 1:
                self._speculation = None
        if chosen:
            self._listener.tokens(chosen)
        for sequence, why in over:
            if isinstance(why, GenkitError):
                self._fail(sequence, why)
            elif why != "context_full" or not self._scheduler.shorten(sequence):
                self._remove(sequence)
                self._listener.finished(sequence, why)
        self._parking.make(self._scheduler.take_moves())

    def _cut(self, sequence: Sequence, length: int) -> int:
        """Drop what the KV cache may hold of a sequence after so many tokens, and its draft; what remains."""
        remaining, sequence.draft = self._context.forget(sequence.slot, length), ()
        self._scheduler.lost(sequence, remaining)
        return remaining

    def _fail(self, sequence: Sequence, error: GenkitError) -> None:
        self._context.forget(sequence.slot)
        self._scheduler.lost(sequence, 0)
        self._remove(sequence)
        self._listener.failed(sequence, error)

    def _remove(self, sequence: Sequence) -> None:
        self._scheduler.remove(sequence)
        self._forget(sequence)

    def _forget(self, sequence: Sequence) -> None:
        self._choice.forget(sequence.call)
        if self._speculation:
            self._speculation.forget(sequence.call)
