"""What waiting means here: the interface that a blocking and an awaiting runtime share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

T = TypeVar("T")


class Channel(Protocol[T]):
    """A queue that any thread fills and one call drains."""

    def put(self, item: T) -> None:
        """Add an item; never blocks."""

    async def get(self) -> T:
        """Take the next item, waiting until there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a remote call may take, in seconds; None is for ever.

    Args:
        total: from the call to the end of its answer, waits and retries included.
        connect: to reach the server.
        first: until the first content of the answer.
        idle: between two pieces of content; pings do not count.
    """

    total: float | None = 600
    connect: float | None = 10
    first: float | None = None
    idle: float | None = 120


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

    def chunks(self) -> AsyncIterator[bytes]:
        """The decoded body as it arrives.

        Raises:
            ConnectFailed: the connection broke.
            DeadlineExceeded: it took too long.
            TooLarge: it is larger than it may be.
        """

    async def aclose(self) -> None:
        """Let go of the connection; what was not read is not read any more."""


class Runtime(Protocol):
    """How one call waits."""

    def channel(self) -> Channel[T]:
        """A new channel, to be drained by the call that asked for it."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def send(self, request: HttpRequest, timeouts: Timeouts, deadline: float | None) -> HttpResponse:
        """Send a request and wait for the head of its response.

        Args:
            request: what to send.
            timeouts: how long each step may take.
            deadline: when the whole call must have ended, by ``time.monotonic()``.

        Raises:
            ConnectFailed: there is no answer.
            DeadlineExceeded: it took too long.
            TooLarge: the head is larger than it may be.
        """
