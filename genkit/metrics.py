"""What a Generator's calls took in total: sums over the calls that have ended."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

from .events import Metrics, Usage
from .runtime.lock import renew_after_fork

Outcome = Literal["answered", "failed", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All the answers of a Generator that have ended until now, in total.

    ``calls`` have ended: ``failed`` of them with an error, ``closed`` when their caller left early or
    cancelled; only the tokens of the others are counted, ``uncounted`` of which their backend did not tell.
    ``prefix_hits`` of them found a part of their prompt evaluated or cached, ``cached_tokens`` together.

    The rest is measured for local models only, and 0 for others: the seconds that calls spent in all in
    the queue (``queued``), until their first token (``first_token``, of which ``queued`` is a part) and from
    there to their last (``decoding``); the tokens per second of such calls' prompts and answers, as each
    alone would see them; and the KV cache as it was at the latest call's first token (see
    :class:`~genkit.Metrics`). Calls that ran side by side count with all of their seconds each.
    """

    calls: int = 0
    failed: int = 0
    closed: int = 0
    uncounted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    prefix_hits: int = 0
    queued: float = 0
    first_token: float = 0
    decoding: float = 0
    prompt_tokens_per_second: float = 0
    decode_tokens_per_second: float = 0
    kv_used: int = 0
    kv_room: int = 0


class Meter:
    """Adds up what calls took; from any thread, also from the garbage collector in the middle of any line."""

    def __init__(self) -> None:
        self._ended: deque[tuple[Outcome, Usage, Metrics | None]] = deque()
        self._counts = dict.fromkeys(("answered", "failed", "closed"), 0)
        self._usage, self._metrics = Usage(), Metrics()
        self._hits = self._evaluated = self._decoded = self._uncounted = 0
        self.after_fork()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """In the new process: a thread that is not in it may have held the lock."""
        self._adding = threading.Lock()

    def add(self, outcome: Outcome, usage: Usage, metrics: Metrics | None) -> None:
        """A call has ended."""
        self._ended.append((outcome, usage, metrics))
        self._add_up()

    def totals(self) -> Totals:
        """What has come together until now."""
        self._add_up()
        usage, metrics = self._usage, self._metrics
        evaluating = metrics.first_token - metrics.queued
        return Totals(
            calls=sum(self._counts.values()),
            failed=self._counts["failed"],
            closed=self._counts["closed"],
            uncounted=self._uncounted,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            prefix_hits=self._hits,
            queued=metrics.queued,
            first_token=metrics.first_token,
            decoding=metrics.decoding,
            prompt_tokens_per_second=self._evaluated / evaluating if evaluating > 0 else 0,
            decode_tokens_per_second=self._decoded / metrics.decoding if metrics.decoding else 0,
            kv_used=metrics.kv_used,
            kv_room=metrics.kv_room,
        )

    def _add_up(self) -> None:
        """Take in the calls that have ended; who finds another at it leaves them to it, and never waits."""
        while self._ended and self._adding.acquire(blocking=False):
            try:
                while self._ended:
                    self._take(*self._ended.popleft())
            finally:
                self._adding.release()

    def _take(self, outcome: Outcome, usage: Usage, metrics: Metrics | None) -> None:
        self._counts[outcome] += 1
        if outcome != "answered":
            return
        read = usage.input_tokens
        self._uncounted += not (read or usage.output_tokens)
        self._usage.input_tokens += read
        self._usage.output_tokens += usage.output_tokens
        self._usage.cached_tokens += usage.cached_tokens
        self._hits += usage.cached_tokens > 0
        if metrics:
            self._evaluated += usage.input_tokens - usage.cached_tokens
            self._decoded += max(usage.output_tokens - 1, 0)
            self._metrics.queued += metrics.queued
            self._metrics.first_token += metrics.first_token
            self._metrics.decoding += metrics.decoding
            self._metrics.kv_used, self._metrics.kv_room = metrics.kv_used, metrics.kv_room
