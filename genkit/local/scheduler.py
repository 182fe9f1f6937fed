"""Which sequences run in the next step, and how many of their tokens. Pure: decides, and touches nothing.

A step evaluates one token of every sequence that answers, and a bounded chunk of the prompts that
others wait with. A prompt that begins as another sequence did takes over what is evaluated of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..errors import GenkitError
from .pins import Pins, outstanding
from .plan import Cut, Forget, Move, Park, Pin, Plan, Share, Shift, Work
from .prefixes import WORTHWHILE, Kept, Name, common, longest
from .sequence import Sequence, leader_of
from .slots import Slots
from .turns import Turns, share_out


class Scheduler:
    """First come, first served, as far as there is room.

    Args:
        slots: the sequence ids and the cells there are.
        parallel: the most sequences that run at a time.
        batch: the most tokens one step may evaluate.
        names: the most prefixes that may be pinned; there must be as many ids beside those that run.
        remembers: whether what finished sequences left serves others; else each begins with nothing.
        intact: whether an id still holds every token from the first on, so that a part of them can be
            shared; else only all of them can (models with a recurrent state, or a sliding window).
        parks: whether what an id holds can be set aside.
        restores: loads what was set aside or saved for a sequence that begins, by means of :meth:`restore`.
        turns: whose turn it is where calls have different adapters.
    """

    def __init__(
        self,
        slots: Slots,
        *,
        parallel: int,
        batch: int,
        names: int = 0,
        remembers: bool = True,
        intact: Callable[[int], bool] = lambda _: True,
        parks: Callable[[int], bool] = lambda _: False,
        restores: Callable[[Sequence], None] = lambda _: None,
        turns: Turns | None = None,
    ) -> None:
        self._slots, self._parallel, self._batch, self._intact = slots, parallel, batch, intact
        self._remembers, self._waiting = remembers, deque[Sequence]()
        self._parks, self._restores, self._settled = parks, restores, (list[int](), list[int]())
        self._kept, self._moves = Kept(), list[Move]()
        self._pins = Pins(slots, self._kept, names=names, intact=intact)
        self._turns = turns or Turns()
        self.running: list[Sequence] = []
        self.refused: list[tuple[Sequence, GenkitError]] = []
        """Those that :meth:`plan` sent away, since what is pinned leaves them no room; to be emptied."""

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence; its prompt must be shorter than the room there is."""
        self._waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """The sequence is done or no longer wanted: free its place, and keep what it holds for others."""
        if sequence in self.running:
            self.running.remove(sequence)
            if sequence.evaluated and self._remembers and not sequence.shifted:
                self._kept.add(sequence.slot, sequence.tokens[: sequence.evaluated], sequence.scales)
            else:
                self._drop(sequence.slot)
        elif sequence in self._waiting:
            self._waiting.remove(sequence)

    def restore(self, sequence: Sequence, tokens: list[int]) -> int | None:
        """The id that is to hold these tokens for the sequence to begin with, if that is of use.

        What must make room for it is in :meth:`take_moves`; if loading them fails, see :meth:`not_restored`.
        """
        more = common(sequence.tokens, tokens) - self.source(sequence)[1]
        if more < WORTHWHILE or len(tokens) > self._slots.room - self._slots.held(self._staying()):
            return None
        if len(tokens) > self._slots.left:
            self._set_aside()
        while len(tokens) > self._slots.left:
            self._evict()
        slot = self._take_slot() if self._kept.can_go else self._slots.take()
        if slot is not None:
            self._slots.grow(slot, len(tokens))
            self._kept.add(slot, tokens, sequence.scales)
        return slot

    def not_restored(self, slot: int) -> None:
        """The id holds nothing after all."""
        self._slots.give_back(self._kept.pop(slot))

    def unpin(self, name: Name) -> None:
        """The prefix of this name, or all of the owner's if it is '', makes room like any other."""
        self._kept.unpin(name)

    def everyone(self) -> list[Sequence]:
        """The sequences that run or wait."""
        return [*self.running, *self._waiting]

    @property
    def waiting(self) -> int:
        """How many sequences wait for a place."""
        return len(self._waiting)

    def plan(self, chunk: Callable[[int, int], int] | None = None) -> Plan:
        """What to do in the next step; no work when there is nothing to do.

        Args:
            chunk: the most tokens of prompts to evaluate beside so many sequences that answer, of so many.
        """
        while self._waiting and len(self.running) < self._parallel:
            if objection := self._pins.objection(self._waiting[0], self.running):
                if not (self._waiting[0].generated and self.shorten(self._waiting[0])):
                    self.refused.append((self._waiting.popleft(), objection))
            elif self._admit(self._waiting[0]):
                self._turns.begin(self._waiting[0])
                self.running.append(self._waiting.popleft())
            else:
                break
        for sequence in self.running:
            self._begin(sequence)
        self._park()
        work = share_out(self.running, self._turns, self._batch, chunk)
        while sum(size for _, size, _ in work) > self._slots.left:
            last = self.running[0]
            if not (self._make_room() or self.shorten(last)):  # all but its own is pinned
                self.remove(last)
                self.refused.append((last, self._pins.overflow(last)))
            work = share_out(self.running, self._turns, self._batch, chunk)
        return Plan(self.take_moves(), work)

    def done(self, work: list[Work]) -> list[Move]:
        """The tokens of this work are evaluated, and drafts with them.

        Returns:
            What is to be done at once, to pin prompts.
        """
        self._turns.done(work)
        for sequence, size, sample in work:
            count = size + len(sequence.draft)
            sequence.evaluated += count
            self._slots.grow(sequence.slot, count)
            if sample and sequence.keep and not sequence.pinned:
                self._pin(sequence, sequence.keep)
        return self.take_moves()

    def lost(self, sequence: Sequence, remaining: int) -> None:
        """Of what was evaluated of a running sequence, only so many tokens remain."""
        sequence.evaluated = remaining
        self._slots.cut(sequence.slot, remaining)

    def shorten(self, sequence: Sequence) -> bool:
        """Drop the older half of what follows a sequence's head; what is left moves up in the KV cache.

        Where another holds what would move, that is evaluated anew instead.

        Returns:
            False if nothing is to be dropped: the sequence is to end where the room does, or is all head.
        """
        if sequence.head is None or (count := (len(sequence.tokens) - sequence.head) // 2) < 1:
            return False
        slot, start = sequence.slot, sequence.head
        sequence.drop(start, count)
        if sequence.evaluated <= start:
            return True
        for kept in list(self._kept.unpinned()):
            if self._slots.meet(kept, slot, start):
                self._drop(self._kept.pop(kept))
        others = [other for other in self._staying() if other != slot]
        if sequence.evaluated < start + count or any(self._slots.meet(o, slot, start) for o in others):
            self.lost(sequence, start)
            self._moves.append(Cut(slot, start))
        else:
            self._slots.remove(slot, start, count)
            self._moves.append(Shift(slot, start, count))
            sequence.evaluated -= count
            sequence.shifted = True
        return True

    def _admit(self, sequence: Sequence) -> bool:
        """Give it an id, if there is room for its prompt and the beginning of its answer."""
        source, ready = self.source(sequence)
        leader, led = leader_of(sequence, self._alike(sequence), ready)
        stays = self._staying()
        room = self._slots.room - self._slots.held(stays) - sum(outstanding(other) for other in self.running)
        fits = outstanding(sequence) <= room or not self.running  # even if it shares nothing with them
        if source in self._kept and source not in stays and not led:
            room -= ready  # not to be dropped for it
        if outstanding(sequence) - max(led, ready) > room and self.running:
            return False
        if fits:
            self._restores(sequence)
        source, ready = self.source(sequence)
        sequence.leader, sequence.led = leader, led = leader_of(sequence, self._alike(sequence), ready)
        if source is not None and source in self._kept:
            self._kept.use(source)
            if leader is None and ready == self._slots.length(source) and source not in stays:
                sequence.slot = self._kept.pop(source)
                sequence.evaluated = sequence.cached = ready
                sequence.begun = True
                return True
        sequence.slot = self._take_slot()
        return True

    def _staying(self) -> list[int]:
        """The ids that make no room for a call: those that are pinned, and those that run."""
        return [*self._kept.pinned.values(), *(other.slot for other in self.running)]

    def _take_slot(self) -> int:
        """An id that holds nothing; there are more than run and are pinned."""
        while (slot := self._slots.take()) is None:
            self._let_go(next(self._kept.unpinned()), aside=False)
        return slot

    def _pin(self, sequence: Sequence, name: Name) -> None:
        """Its prompt was evaluated just now, and nothing more: an id of its own holds that."""
        self._kept.unpin(name)
        slot, length = self._take_slot(), sequence.evaluated
        self._slots.share(sequence.slot, slot, length)
        self._moves.append(Pin(sequence.slot, slot, length))
        self._kept.pin(name, slot, sequence.tokens[:length], sequence.scales)
        sequence.pinned = True

    def _begin(self, sequence: Sequence) -> None:
        """Share what is evaluated of its prompt elsewhere, once all that is to be expected is."""
        leader = sequence.leader
        if sequence.begun or (leader and leader in self.running and leader.evaluated < sequence.led):
            return
        sequence.begun, sequence.leader, sequence.led = True, None, 0
        source, length = self.source(sequence)
        if source is not None:
            sequence.evaluated = sequence.cached = length
            self._slots.share(source, sequence.slot, length)
            self._moves.append(Share(source, sequence.slot, length))
            if source in self._kept:
                self._kept.use(source)

    def _park(self) -> None:
        """Set aside what is of no use to those that run and wait, once after each change."""
        now = [sequence.call for sequence in self.running], [*self._kept.unpinned()]
        if now == self._settled or not self.running or not all(sequence.begun for sequence in self.running):
            return
        self._settled = now
        self._set_aside()

    def _set_aside(self) -> None:
        """Set aside what nobody begins with who runs, is about to, or waits; of what is much alike, one."""
        coming = [*self._waiting, *(sequence for sequence in self.running if not sequence.begun)]
        worth, alike = self._idle([sequence.tokens for sequence in coming])
        for slot in filter(self._parks, worth + alike):
            self._let_go(slot, aside=slot in worth)

    def _evict(self) -> None:
        """What was kept longest without use makes room; set aside, unless others hold the better part."""
        slot = next(self._kept.unpinned())
        self._let_go(slot, aside=slot in self._idle([])[0] and self._parks(slot))

    def _idle(self, prompts: list[list[int]]) -> tuple[list[int], list[int]]:
        return self._kept.idle(prompts, self._slots.cells(self._staying()), self._slots.cells)

    def _let_go(self, slot: int, *, aside: bool) -> None:
        self._moves.append(Park(slot, *self._kept.held_by(slot)) if aside else Forget(slot))
        self._slots.give_back(self._kept.pop(slot))

    def source(self, sequence: Sequence) -> tuple[int | None, int]:
        """Whose evaluated tokens a prompt has most in common with, and how many it can share."""
        running = [(r.slot, r.tokens[: r.evaluated]) for r in self._alike(sequence)]
        return longest(sequence.tokens, [*self._kept.items(sequence.scales), *running], self._intact)

    def _alike(self, sequence: Sequence) -> list[Sequence]:
        """Those that run whose KV cache is of use to the sequence, as far as they begin like it."""
        return [r for r in self.running if r.scales == sequence.scales and not r.shifted]

    def _make_room(self) -> bool:
        """Of what is kept, one goes; else send the last that came back to the queue."""
        self._pins.give_way(self.running)
        if self._kept.can_go:
            self._evict()
        elif len(self.running) > 1:
            last = self.running.pop()
            self._drop(last.slot)
            last.start_over()
            self._waiting.appendleft(last)
        else:
            return False
        return True

    def take_moves(self) -> list[Move]:
        """What is to be done about the KV cache since this was asked last."""
        moves, self._moves = self._moves, []
        return moves

    def _drop(self, slot: int) -> None:
        self._slots.give_back(slot)
        self._moves.append(Forget(slot))
