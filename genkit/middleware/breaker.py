"""Knowing when to leave a failing server alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ..errors import AuthFailed, GenkitError, QuotaExceeded, RateLimited, ServerFailed
from ..log import tell
from ..runtime.lock import Lock

WINDOW = 30.0
FEWEST, IN_A_ROW = 10, 5
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0
SOON = 1.0
"""When to come back while another call finds out how the server is, in seconds."""


class Breaker:
    """Opens when a server fails, and lets one call through from time to time to see whether it is back.

    It opens after 5 failures in a row, when more than half of at least 10 calls within 30 s failed, and at
    once when a key is refused or its account is empty. It stays open for 5 s, twice as long each time the
    probe fails, at most 60 s; a probe that is not answered for as long is followed by another. A server that
    limits the rate of calls does not fail; it says when to come back.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._results: deque[tuple[float, bool]] = deque()
        self._row = 0
        self._pause = FIRST_PAUSE
        self._opened: tuple[float, GenkitError] | None = None
        """When, and for what."""
        self._probe: float | None = None
        """When the call began that finds out how the server is."""

    def admit(self) -> None:
        """Let a call through.

        Raises:
            ServerFailed: the breaker is open; with ``retry_after``.
            AuthFailed, QuotaExceeded: the same, where that is what opened it.
        """
        with self._lock:
            if self._opened is None:
                return
            now = self._clock()
            since, reason = self._opened
            left = (since if self._probe is None else self._probe) + self._pause - now
            if left <= 0:
                self._probe = now
                return
            left = left if self._probe is None else min(left, SOON)
            kind = type(reason) if isinstance(reason, AuthFailed | QuotaExceeded) else ServerFailed
            raise kind(
                f"not asked again for {left:.1f} s, since it failed before: {reason.message}",
                retry_after=left,
                provider=reason.provider,
                status=reason.status,
                code=reason.code,
            )

    def spares(self, failures: int) -> bool:
        """Whether a call that failed so often may try again: it is closed, or only that call has failed."""
        with self._lock:
            return self._opened is None or self._row <= failures

    def answered(self) -> None:
        """A server that was probed begins to answer: others need not wait for the end."""
        with self._lock:
            if self._probe is not None:
                self._opened = self._probe = None

    def succeeded(self) -> None:
        """A call went well."""
        with self._lock:
            self._note(failed=False)
            self._row = 0
            self._opened, self._pause, self._probe = None, FIRST_PAUSE, None

    def failed(self, error: GenkitError) -> None:
        """A call went wrong; errors that are the caller's own do not count."""
        # 402 and 403 may be about this call alone: its size, its endpoint, what it says.
        refused = isinstance(error, AuthFailed | QuotaExceeded) and error.status not in (402, 403)
        opens = False
        with self._lock:
            if isinstance(error, RateLimited) or not (refused or error.retryable):
                self._probe = None
                return
            self._note(failed=True)
            self._row += 1
            if self._probe is not None:
                self._pause = min(LONGEST_PAUSE, self._pause * 2)
            if refused or self._probe is not None or self._row >= IN_A_ROW or self._mostly_failing():
                opens = self._opened is None or self._probe is not None
                self._opened = self._clock(), error
            self._probe = None
        if opens:
            tell(f"not asked again for {self._pause:.0f} s: {error}")

    def abandoned(self) -> None:
        """A call was given up by its caller, and says nothing."""
        with self._lock:
            self._probe = None

    def _note(self, *, failed: bool) -> None:
        now = self._clock()
        self._results.append((now, failed))
        while self._results[0][0] < now - WINDOW:
            self._results.popleft()

    def _mostly_failing(self) -> bool:
        failures = sum(failed for _, failed in self._results)
        return len(self._results) >= FEWEST and failures * 2 > len(self._results)
