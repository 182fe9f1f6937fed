"""The way of frames into a pipe: whoever sends one does not wait for whoever reads."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from typing import IO

from .nowhere import disconnect

_CAN_TRY = sys.platform != "win32"
"""Whether a pipe can be asked to take what it has room for; elsewhere all is written by threads."""


class Outbox:
    """Writes frames, one after another, from any thread and in the middle of any line of its own.

    What the pipe takes at once is written by the sender, what it does not by a thread that then begins.

    Args:
        stream: the pipe's end; nobody else may write to it.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._pipe = stream, stream.fileno()
        self._frames: deque[bytes] = deque()
        self._rest = memoryview(b"")
        """Of the frame that was begun."""
        self._is_over = False
        # Who writes, if anybody does. The garbage collector may close a dropped stream, and so send, in the
        # middle of any line: nobody waits for their turn, who has it writes what others leave. It is taken by
        # setdefault(), since who is interrupted right after that finds out that it is theirs.
        self._writing: dict[str, object] = {}
        self._set_waiting(False)

    def send(self, frame: bytes) -> None:
        """Have a frame written after those before it; it is nothing to the dead, or after :meth:`close`."""
        self._frames.append(frame)
        self._go_on()

    def close(self) -> None:
        """Close the pipe, once a frame that was begun is written; the others never are."""
        self._is_over = True
        self._go_on()

    def after_fork(self) -> None:
        """In the new process: the pipe is the other's, and nothing may be written to it twice."""
        self._writing = {"turn": None}  # for good
        disconnect(self._stream)

    def _go_on(self) -> None:
        turn = threading.Lock()  # which is taken by the thread that goes on with it
        try:
            while (self._frames or self._is_over) and self._writing.setdefault("turn", turn) is turn:
                if not ((_CAN_TRY or self._is_over) and self._write()):
                    self._write_apart(turn)
                    return
                if self._is_over:
                    self._stream.close()
                    return  # and nobody else has a turn
                del self._writing["turn"]
        except BaseException:  # Ctrl-C, perhaps in the middle of a frame: it is the last
            if self._writing.get("turn") is turn and turn.acquire(blocking=False):
                self._stream.close()
            raise

    def _write(self) -> bool:
        """Write until there is nothing left, True, or the pipe takes no more, False; in one's turn."""
        try:
            while self._rest or (self._frames and not self._is_over):
                if not self._rest:
                    self._rest = memoryview(self._frames.popleft())
                try:
                    self._rest = self._rest[os.write(self._pipe, self._rest) :]
                except BlockingIOError:
                    return False
        except OSError:  # its reader is dead, which is told elsewhere
            self._rest = memoryview(b"")
        return True

    def _write_apart(self, turn: threading.Lock) -> None:
        def go_on() -> None:
            if turn.acquire(blocking=False):  # else whoever started this was interrupted, and has ended it
                self._write_waiting()

        try:
            threading.Thread(target=go_on, name="genkit worker outbox", daemon=True).start()
        except RuntimeError:  # there is no room for a thread, so this one has to wait
            self._write_waiting()

    def _write_waiting(self) -> None:
        self._set_waiting(True)
        self._write()
        self._set_waiting(False)
        del self._writing["turn"]
        self._go_on()

    def _set_waiting(self, waiting: bool) -> None:
        if sys.platform != "win32" and _CAN_TRY:
            os.set_blocking(self._pipe, waiting)
