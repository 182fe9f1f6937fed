"""Whether what is pinned in the KV cache leaves a call its room. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..errors import BadRequest, ContextOverflow, GenkitError
from .prefixes import Kept, Name, longest
from .sequence import Sequence
from .slots import Slots

RESERVE = 256
"""How many tokens of an answer room is set aside for; a longer one takes what room it finds."""


def outstanding(sequence: Sequence) -> int:
    """How many cells a sequence is still to take, as far as they are set aside."""
    answer = min(sequence.max_tokens, RESERVE) - sequence.generated
    return len(sequence.tokens) - max(sequence.evaluated, sequence.led) + max(answer, 0)


class Pins:
    """Says no to calls that do not fit beside what is pinned, or would pin too much.

    Args:
        slots: the cells there are, and who holds them.
        kept: what is pinned.
        names: the most prefixes that may be pinned.
        intact: see :class:`genkit.local.scheduler.Scheduler`.
    """

    def __init__(self, slots: Slots, kept: Kept, *, names: int, intact: Callable[[int], bool]) -> None:
        self._slots, self._kept, self._names, self._intact = slots, kept, names, intact

    def objection(self, sequence: Sequence, running: list[Sequence]) -> GenkitError | None:
        """What is wrong with a call that is about to begin, beside those that run; None if nothing is."""
        if not self._kept.pinned and not sequence.keep:
            return None
        slots = self._staying(sequence).values()
        shared = self._shared(sequence, slots)
        if len(sequence.tokens) - shared >= self._slots.room - self._slots.held(slots):
            return self.overflow(sequence)
        if sequence.keep and not sequence.pinned:
            return self._too_much([one for one in running if one.keep and not one.pinned], sequence)
        return None

    def overflow(self, sequence: Sequence) -> ContextOverflow:
        """The error for a call that what is pinned leaves no room."""
        staying = self._staying(sequence)
        held, names = self._slots.held(staying.values()), ", ".join(name.name for name in staying)
        shared = self._shared(sequence, staying.values())
        return ContextOverflow(
            f"the prompt has {len(sequence.tokens)} tokens, {shared} of them kept, and what is kept "
            f"({names}) holds {held} of the context window's {self._slots.room}; shorten it, drop what is "
            "kept (Generator.drop), or make the context window larger (context=)",
            tokens=len(sequence.tokens),
            limit=self._slots.room - held + shared,
        )

    def give_way(self, running: list[Sequence]) -> None:
        """Where all that is kept is pinned, unpin what has a name that a running sequence is to have."""
        replaced = [s.keep for s in running if s.keep in self._kept.pinned and not s.pinned]
        if not self._kept.can_go and replaced and replaced[0]:
            self._kept.unpin(replaced[0])

    def _staying(self, sequence: Sequence) -> dict[Name, int]:
        """What is pinned, but what has the name that is to be this prompt's."""
        return {name: slot for name, slot in self._kept.pinned.items() if name != sequence.keep}

    def _too_much(self, coming: list[Sequence], sequence: Sequence) -> GenkitError | None:
        """What is wrong with pinning one more prompt, beside those that are pinned and are about to be."""
        prompts = {one.keep: one for one in sorted([*coming, sequence], key=lambda one: one.prompt_length)}
        others = {name: slot for name, slot in self._kept.pinned.items() if name not in prompts}
        names = ", ".join(name.name for name in [*others, *prompts] if name and name != sequence.keep)
        if len(prompts) + len(others) > self._names:
            return BadRequest(
                f"{self._names} prompts can be kept at a time, and there are {names}; drop one of them first "
                "(Generator.drop)"
            )
        held, before = self._slots.held(others.values()), list[Sequence]()
        for one in prompts.values():
            begun = self._shared(one, others.values(), one.prompt_length)
            held += one.prompt_length - max(begun, _in_common(one, before))
            before.append(one)
        room = self._slots.room
        left = min(RESERVE, room // 2)
        if held <= room - left:
            return None
        return ContextOverflow(
            f"with this prompt of {sequence.prompt_length} tokens, what is kept ({names or 'nothing else'}) "
            f"would hold {held} of the context window's {room}, and leave less than {left} for calls; keep a "
            "shorter one, drop another (Generator.drop), or make the context window larger (context=)",
            tokens=sequence.prompt_length,
            limit=room - left,
        )

    def _shared(self, sequence: Sequence, slots: Collection[int], length: int | None = None) -> int:
        """How much of the first so many tokens of a sequence these ids hold."""
        held = self._kept.items(sequence.scales, slots)
        return longest(sequence.tokens[:length], held, self._intact)[1]


def _in_common(sequence: Sequence, others: list[Sequence]) -> int:
    """How much of a prompt others evaluate for it, of which it waits for one that begins like it."""
    prompts = [(one.call, one.tokens[: one.prompt_length]) for one in others if one.scales == sequence.scales]
    return longest(sequence.tokens[: sequence.prompt_length], prompts, lambda _: True)[1]
