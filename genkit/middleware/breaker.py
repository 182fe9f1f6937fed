"""Knowing when to leave a failing server alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ..errors import AuthFailed, GenkitError, QuotaExceeded, RateLimited, ServerFailed
from ..runtime.lock import Lock

WINDOW = 30.0
FEWEST, IN_A_ROW = 10, 5
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
SOON = 1.0
"""When to come back while another call finds out how the server is, in seconds."""


class Breaker:
    """Opens when a server fails, and lets one call through from time to time to see whether it is back.

    It opens after 5 failures in a row, when more than half of at least 10 calls within 30 s failed, and at
    once when a key is refused. It stays open for 5 s, twice as long each time the probe fails, at most 60 s.
    A server that limits the rate of calls does not fail; it says when to come back.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._results: deque[tuple[float, bool]] = deque()
        self._row = 0
        self._pause = FIRST_PAUSE
        self._opened: float | None = None
        self._reason: GenkitError | None = None
        self._probing = False

    def admit(self) -> None:
        """Let a call through.

        Raises:
            GenkitError: the breaker is open; of the kind that opened it, with ``retry_after``.
        """
        with self._lock:
            if self._opened is None or self._reason is None:
                return
            left = self._opened + self._pause - self._clock()
            if left <= 0 and not self._probing:
                self._probing = True
                return
            left = max(left, SOON if self._probing else 0.0)
            told = isinstance(self._reason, AuthFailed | QuotaExceeded)
            kind = type(self._reason) if told else ServerFailed
            raise kind(
                f"not asked again for {left:.1f} s, since it failed before: {self._reason.message}",
                retryable=False,
                retry_after=left,
                provider=self._reason.provider,
                status=self._reason.status,
                code=self._reason.code,
            )

    def answered(self) -> None:
        """A server that was probed begins to answer: others need not wait for the end."""
        with self._lock:
            if self._probing:
                self._opened, self._reason, self._probing = None, None, False

    def succeeded(self) -> None:
        """A call went well."""
        with self._lock:
            self._note(failed=False)
            self._row = 0
            self._opened, self._reason, self._pause, self._probing = None, None, FIRST_PAUSE, False

    def failed(self, error: GenkitError) -> None:
        """A call went wrong; errors that are the caller's own do not count."""
        refused = isinstance(error, AuthFailed | QuotaExceeded)
        with self._lock:
            if isinstance(error, RateLimited) or not (refused or error.retryable):
                self._probing = False
                return
            self._note(failed=True)
            self._row += 1
            if self._probing:
                self._pause = min(LONGEST_PAUSE, self._pause * 2)
            if refused or self._probing or self._row >= IN_A_ROW or self._mostly_failing():
                self._opened, self._reason = self._clock(), error
            self._probing = False

    def abandoned(self) -> None:
        """A call was given up by its caller, and says nothing."""
        with self._lock:
            self._probing = False

    def _note(self, *, failed: bool) -> None:
        now = self._clock()
        self._results.append((now, failed))
        while self._results[0][0] < now - WINDOW:
            self._results.popleft()

    def _mostly_failing(self) -> bool:
        failures = sum(failed for _, failed in self._results)
        return len(self._results) >= FEWEST and failures * 2 > len(self._results)
