"""What waiting means here: the interface that a blocking and an awaiting runtime share."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Protocol, TypeVar

from ..errors import ConfigError, ConnectFailed, DeadlineExceeded, GenkitError, shown

T = TypeVar("T")
_LONGEST = 1e6
"""Seconds; systems refuse to wait for much longer, and nobody does."""


class Channel(Protocol[T]):
    """A queue that any thread fills and one call drains."""

    def put(self, item: T) -> object:
        """Add an item; never blocks. False if the event loop that would read it was closed."""

    async def get(self, until: float | None = None) -> T:
        """Take the next item, waiting until there is one.

        Args:
            until: how long to wait at most, by ``time.monotonic()``.

        Raises:
            TimeoutError: there was none until then.
        """


def is_duration(seconds: object) -> bool:
    """Whether that is how long something may take: a number above 0 that a float holds, infinity included."""
    if not isinstance(seconds, Real) or isinstance(seconds, bool):
        return False
    try:
        return float(seconds) > 0
    except OverflowError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a remote call may take, in seconds; None is for ever.

    Args:
        total: from the call to the end of its answer, waits and retries included.
        connect: to reach the server.
        first: until the first content of the answer.
        idle: between two pieces of content; pings do not count.

    Raises:
        ConfigError: one is not a number above 0.
    """

    total: float | None = 600
    connect: float | None = 10
    first: float | None = None
    idle: float | None = 300

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value is None:
                continue
            if not is_duration(value):
                what = "timeout" if limit.name == "total" else f"the {limit.name} timeout"
                raise ConfigError(f"{what} takes seconds above 0, or genkit.Timeouts, not {shown(value)}")
            if not isinstance(value, (int, float)):  # numpy's, say: what is added to it would be as coarse
                object.__setattr__(self, limit.name, float(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """An HTTP request, ready to send; ``secret`` headers are added last, and appear in no repr."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes = b""
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)


class HttpResponse(Protocol):
    """The head of an HTTP response, whose body is still to come."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The decoded body as it arrives.

        Raises:
            ConnectFailed: the connection broke.
            DeadlineExceeded: it took too long.
            IncompleteStream: the connection was closed before the end of the body.
            ProtocolError: the body is not what its headers say.
            TooLarge: it is larger than it may be.
        """

    async def aclose(self) -> None:
        """Let go of the connection; what was not read is not read any more."""


class Limits:
    """The :class:`Timeouts` of one call as it goes on: when the step that it is in must have ended.

    Args:
        timeouts: how long each step may take.
        deadline: when the whole call must have ended, by ``time.monotonic()``.
    """

    __slots__ = ("_deadline", "_start", "_timeouts", "_what", "answered", "at", "heard", "phase", "resent")
    at: float

    def __init__(self, timeouts: Timeouts, deadline: float | None = None) -> None:
        self._timeouts = timeouts
        self._start = time.monotonic()
        if deadline is None:
            deadline = math.inf if timeouts.total is None else self._start + timeouts.total
        self._deadline = deadline
        self.answered = False
        """Set when the first byte of the answer arrives."""
        self.heard = False
        """Set at each piece of content: the idle limit starts anew."""
        self.resent = False
        """Set when the request is sent twice: a kept connection broke, perhaps with the request served."""
        self.enter("connect")

    def enter(self, phase: str) -> None:
        """The next step begins: ``connect``, or ``headers``."""
        self.phase = phase
        if phase == "connect":
            self._until(time.monotonic(), self._timeouts.connect, "connect")
        else:
            self._until(self._start, self._timeouts.first, "first")

    def hurry(self, seconds: float) -> None:
        """All that is still to come has to come within this time."""
        self.heard = False
        self.at = min(self.at, time.monotonic() + seconds)

    def _until(self, start: float, seconds: float | None, what: str) -> None:
        at = math.inf if seconds is None else start + seconds
        self.at, self._what = (at, what) if at < self._deadline else (self._deadline, "total")

    def left(self) -> float | None:
        """How many seconds are left for the step; None is for ever.

        Raises:
            DeadlineExceeded, ConnectFailed: none.
        """
        now = time.monotonic()
        if self.heard:
            self.heard = False
            self._until(now, self._timeouts.idle, "idle")
        if now >= self.at:
            raise self.exceeded()
        return None if self.at == math.inf else min(self.at - now, _LONGEST)

    def exceeded(self) -> GenkitError:
        """The error for the limit that was reached."""
        limits, more = self._timeouts, "give it more (genkit.Timeouts({}=))".format
        match self._what:
            case "connect":
                message = (
                    f"no connection within {limits.connect:g} s; look at the address, or {more('connect')}"
                )
                return ConnectFailed(message, phase=self.phase)
            case "first":
                message = f"no content within {limits.first:g} s; {more('first')}"
                return DeadlineExceeded(message, phase=self.phase, retryable=True)
            case "idle":
                message = f"no more content for {limits.idle:g} s; {more('idle')}"
                return DeadlineExceeded(message, phase=self.phase)
        took = time.monotonic() - self._start
        return DeadlineExceeded(
            f"the call took longer than its timeout, its last try {took:.3g} s; give it more (timeout=)",
            phase=self.phase,
        )


class Runtime(Protocol):
    """How one call waits."""

    @property
    def home(self) -> Hashable:
        """The event loop that its connections belong to; None where any thread may use them."""

    def channel(self) -> Channel[T]:
        """A new channel, to be drained by the call that asked for it."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def apart(self, work: Callable[[], T]) -> T:
        """The result of something that blocks; it must not touch what belongs to the event loop."""

    async def at_shutdown(self, callback: Callable[[], Awaitable[None]]) -> object:
        """Have something done when the event loop is about to end, as long as the result is kept."""
