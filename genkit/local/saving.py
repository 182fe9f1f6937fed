"""What the worker keeps on disk of the prompts that are pinned: when to read one, and when to write."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import BackendError
from .prefixes import WORTHWHILE, Scales, common
from .shelf import Saved, Shelf, Unfit


@dataclass(eq=False)
class Attempt:
    """That a prompt is to be saved, for the call that waits for it."""

    problem: str = ""
    """What went wrong, once it was tried."""


class Saving:
    """Reads each name's prompt once, and writes it anew when calls have gone on far beyond it.

    Writing is done in a thread of its own. ``find`` is called in one thread, ``offer`` in the engine's.

    Args:
        shelf: where the prompts are.
        broken: hears of what nobody foresaw, which has ended the writing.
        window: how many tokens some of the model's layers look back; 0 if all look at all.
    """

    def __init__(self, shelf: Shelf, broken: Callable[[Exception], None], window: int = 0) -> None:
        self._shelf, self._broken, self._window = shelf, broken, window
        self._written: dict[tuple[str, Scales], list[int]] = {}
        """What is on disk, or about to be, as far as that was asked for."""
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._work, name="genkit saving", daemon=True)
        self._writer.start()

    def find(self, name: str, prompt: Sequence[int], scales: Scales = ()) -> Saved | None:
        """What was saved under a name, when it is asked for first, and if this prompt begins like it."""
        if (name, scales) in self._written:
            return None
        saved = self._shelf.read(name, scales)
        self._written[name, scales] = saved.tokens if saved else []
        return saved if saved and common(saved.tokens, prompt) >= WORTHWHILE else None

    def doubt(self, name: str, scales: Scales = ()) -> None:
        """What was saved under a name is of no use, or was not saved: it is to be written again."""
        self._written[name, scales] = []

    def offer(
        self, name: str, prompt: list[int], state: Callable[[], bytearray], scales: Scales = ()
    ) -> Attempt | None:
        """A prompt was pinned: save it, unless at least half of it is on disk.

        Args:
            name: under what name.
            prompt: its tokens.
            state: gets the state of the KV cache; called now or never.
            scales: how much of each LoRA adapter it was evaluated with.

        Returns:
            What :meth:`then` waits for; None if nothing is to be saved.
        """
        if common(self._written.get((name, scales), []), prompt) * 2 >= len(prompt):
            return None
        attempt = Attempt()
        if 0 < self._window < len(prompt):
            self._written[name, scales] = prompt  # told once
            problem = f"it has {len(prompt)} tokens, and {self._window}, a sliding window, are the most"
            attempt.problem = _problem(name, BackendError(problem))
            return attempt
        try:
            saved = Saved(prompt, state())
        except (BackendError, MemoryError) as error:
            attempt.problem = _problem(name, error)
        else:
            self._written[name, scales] = prompt
            self._jobs.put(lambda: self._write(attempt, name, saved, scales))
        return attempt

    def then(self, attempt: Attempt | None, tell: Callable[[str], None]) -> None:
        """Tell of a call's end, once what it had to be saved is; with what went wrong, or ''."""
        if attempt is None:
            tell("")
        else:
            self._jobs.put(lambda: tell(attempt.problem))

    def remove(self, name: str) -> None:
        """Let go of what was saved under a name."""
        for key in list(self._written):  # at once: other threads add and remove others
            if key[0] == name:
                self._written.pop(key, None)
        self._jobs.put(lambda: self._shelf.remove(name))

    def close(self) -> None:
        """Write what is still to be written, and end."""
        self._jobs.put(None)
        self._writer.join()

    def _write(self, attempt: Attempt, name: str, saved: Saved, scales: Scales) -> None:
        try:
            self._shelf.write(name, saved, scales)
        except (OSError, MemoryError) as error:
            if not isinstance(error, Unfit):  # which it would be the next time too
                self.doubt(name, scales)
            attempt.problem = _problem(name, error)

    def _work(self) -> None:
        try:
            while job := self._jobs.get():
                job()
        except Exception as error:  # noqa: BLE001 - calls would wait for ever
            self._broken(error)


def _problem(name: str, error: Exception) -> str:
    return f"the prompt kept as {name!r} could not be saved: {str(error) or 'there is no memory for it'}"
