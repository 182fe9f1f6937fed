"""Doing something once nobody has come for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Idle:
    """Calls a function when :meth:`rest` was last called so many seconds ago.

    Args:
        seconds: how long nobody may come.
        then: what is done; in a thread of its own.
    """

    def __init__(self, seconds: float, then: Callable[[], None]) -> None:
        self._seconds, self._then = seconds, then
        self._since = 0.0
        self._timer: threading.Timer | None = None
        self._is_over = False

    def rest(self) -> None:
        """The time starts now; from any thread, and at any line."""
        self._since = time.monotonic()
        if self._timer is None and not self._is_over:
            self._start(self._seconds)

    def close(self) -> None:
        """Nothing is done any more, and no thread waits to; from any thread, and at any line."""
        self._is_over = True
        if timer := self._timer:
            timer.cancel()

    def _start(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._look)
        timer.daemon = True
        try:
            self._timer = timer
            timer.start()
        except BaseException as error:
            self._timer = None  # the next rest tries again
            if not isinstance(error, RuntimeError):  # there is no room for a thread
                raise
        if self._is_over:  # by another thread, just now
            timer.cancel()

    def _look(self) -> None:
        left = self._since + self._seconds - time.monotonic()
        if left > 0:
            self._start(left)
            return
        self._timer = None
        self._then()

    def after_fork(self) -> None:
        """In the new process: the timer is not in it."""
        self._timer = None
