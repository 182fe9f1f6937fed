"""The one retry loop: nothing above or below it tries again."""

from __future__ import annotations

import importlib
import math
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from ..backend import Handler
from ..errors import (
    ConnectFailed,
    DeadlineExceeded,
    GenkitError,
    IncompleteStream,
    ProtocolError,
    RateLimited,
)
from ..events import Event, Received, Start, Usage, Warned
from ..log import tell
from ..request import Request
from ..runtime.base import Runtime
from ..runtime.lock import Lock
from .breaker import Breaker

T = TypeVar("T")

FIRST_WAIT, LONGEST_WAIT, LONGEST_RETRY_AFTER = 0.5, 8.0, 60.0
BUDGET, COST, THROTTLE_COST = 500, 5, 10
SLICE = 0.25
"""How often a call that waits for its next try looks whether it still has to, in seconds."""

_BEFORE_CONTENT = (Start, Received, Usage, Warned)
_UNANSWERED = (ConnectFailed, DeadlineExceeded, IncompleteStream, ProtocolError)
"""After these, the server may have served the request all the same; the others it has told itself."""


class Retry:
    """Try again after a failure that may pass, as long as no content has been handed out.

    At most ``attempts`` tries; the n-th wait is ``min(8, 0.5 * 2**(n-1))`` seconds, less up to a quarter at
    random. A server that says when to come back is obeyed. Where the wait would be longer than 60 s, or than
    what is left until the deadline, the error is raised at once. A budget of 500 is shared by all calls: a
    retry costs 5 (10 when throttled, or nothing if the server says when to come back) and gets it back if it
    succeeds, a success at first try adds 1; in an outage it runs dry, and retries cease. So they do once the
    :class:`Breaker` has opened, but for a call that alone has failed. The errors of the tries before are in
    the ``attempts`` of the one that is raised.

    Args:
        attempts: how many tries a call has.
        timeout: the seconds that a call has, all tries and waits included, if its request has no deadline;
            None is for ever.
        clock: seconds, monotonic.
        closed: whether nobody wants to wait any longer; the next try is to fail then.
    """

    def __init__(
        self,
        attempts: int = 3,
        *,
        timeout: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        closed: Callable[[], bool] | None = None,
    ) -> None:
        self.attempts = attempts
        self._closed = closed
        self._timeout = timeout
        self.clock = clock
        self._budget = float(BUDGET)
        self._lock = Lock()
        self.breaker = Breaker(clock)

    def __call__(self, handler: Handler) -> Handler:
        async def handle(request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
            if request.deadline is None and self._timeout is not None:
                request = replace(request, deadline=self.clock() + self._timeout)
            call = _Call(self, request.deadline)
            async for attempt in _tries(call, self, runtime):
                with attempt:
                    async with aclosing(self._try(handler, request, runtime, call)) as events:
                        async for event in events:
                            yield event

        return handle

    async def answer(
        self, ask: Callable[[], Awaitable[T]], runtime: Runtime, deadline: float | None = None
    ) -> T:
        """What something comes to that has one answer and no events; tried again like a request.

        Args:
            ask: makes one try.
            runtime: how to wait between tries.
            deadline: when all of it has to be over, by the clock; None is never.

        Raises:
            GenkitError: the last try failed.
        """
        call = _Call(self, deadline)

        async def once() -> T:
            with self._noted(call):
                return await ask()

        result: T = await _tries(call, self, runtime)(once)
        return result

    async def _try(
        self, handler: Handler, request: Request, runtime: Runtime, call: _Call
    ) -> AsyncGenerator[Event, None]:
        """One try for the events of an answer."""
        with self._noted(call):
            if warning := call.doubt():
                yield warning
            async with aclosing(handler(request, runtime)) as events:
                async for event in events:
                    if isinstance(event, Received):
                        self.breaker.answered()
                    elif isinstance(event, Warned) and call.was_told(event.message):
                        continue
                    if not isinstance(event, _BEFORE_CONTENT):
                        call.delivered = True
                    yield event

    @contextmanager
    def _noted(self, call: _Call) -> Iterator[None]:
        """One try, whose outcome is made known to the breaker and the budget."""
        if not call.errors:  # else it was asked before the wait
            self.breaker.admit()
        try:
            yield
        except GenkitError as error:
            self.breaker.failed(error)
            error.attempts = (*call.errors, *error.attempts)
            call.errors.append(error)
            raise
        except BaseException:
            self.breaker.abandoned()
            raise
        self.breaker.succeeded()
        self._earn(call.spent or 1)

    def _earn(self, amount: float) -> None:
        with self._lock:
            self._budget = min(BUDGET, self._budget + amount)

    def spend(self, amount: float) -> bool:
        """Take from the budget, if it holds that much."""
        with self._lock:
            if self._budget < amount:
                return False
            self._budget -= amount
            return True

    async def wait(self, seconds: float, runtime: Runtime) -> None:
        """Wait for the next try."""
        if self._closed is None:
            await runtime.sleep(seconds)
            return
        ends = self.clock() + seconds
        while not self._closed() and (left := ends - self.clock()) > 0:
            await runtime.sleep(min(SLICE, left))


class _Call:
    """What the retry loop knows of one call."""

    def __init__(self, retry: Retry, deadline: float | None) -> None:
        self._retry = retry
        self._deadline = math.inf if deadline is None else deadline
        self.pause = 0.0
        self.delivered = False
        self.errors: list[GenkitError] = []
        self.spent = 0.0
        self._told: set[str] = set()

    def was_told(self, warning: str) -> bool:
        """Whether an earlier try gave this warning; a later one need not."""
        known = warning in self._told
        self._told.add(warning)
        return known

    def doubt(self) -> Warned | None:
        """What to tell if the try before this one may have been served too."""
        last = self.errors[-1] if self.errors else None
        if not isinstance(last, _UNANSWERED) or last.phase == "connect":
            return None
        return Warned(f"a request that may have been served, and charged, was sent again: {last.message}")

    def may_retry(self, error: BaseException) -> bool:
        """Whether to try again, after ``pause`` seconds."""
        if not isinstance(error, GenkitError) or not error.retryable or self.delivered:
            return False
        tries = len(self.errors)  # 0: it was not let through
        if not 0 < tries < self._retry.attempts or not self._retry.breaker.spares(tries):
            return False
        if error.retry_after is None:
            self.pause = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (tries - 1)) * random.uniform(0.75, 1)
        else:
            self.pause = error.retry_after
        if self.pause > LONGEST_RETRY_AFTER or self.pause >= self._deadline - self._retry.clock():
            return False
        cost = THROTTLE_COST if isinstance(error, RateLimited) else COST
        if isinstance(error, RateLimited) and error.retry_after is not None:
            cost = 0  # the server sees to it that it is not asked too often, and a batch may wait for it
        if not self._retry.spend(cost):
            return False
        self.spent = cost
        tell(f"tried again in {self.pause:.1f} s: {error}")
        return True


def _tries(call: _Call, retry: Retry, runtime: Runtime) -> Any:
    """The tries of a call, by tenacity: it is loaded with the first call, since it loads asyncio."""
    tenacity = importlib.import_module("tenacity")
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(call.may_retry),
        wait=lambda _: call.pause,
        sleep=lambda seconds: retry.wait(seconds, runtime),
        reraise=True,
    )
