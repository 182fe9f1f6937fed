"""A model behind HTTP: encode, send, cut into payloads, decode."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias
from weakref import finalize

from ..errors import GenkitError, IncompleteStream, ProtocolError, TooLarge
from ..events import Event, Finish, Received, Start, Usage, Warned
from ..request import Request
from ..runtime.base import HttpResponse, Limits, Runtime, Timeouts
from ..runtime.http import Connections
from ..tokens import PATIENCE, TokenCount
from .abilities import Abilities
from .base import Call, Dialect, Target
from .counting import count
from .elsewhere import from_elsewhere
from .endpoint import NOT_EXPECTED, Auth, Endpoint, request_id
from .payloads import parse, payloads, read_all
from .secret import Secret, SecretHeaders

_LONGEST_DRAIN = 0.05
_RESENT = "a request that may have been served, and charged, was sent again: a kept connection broke"

Around: TypeAlias = Callable[[Callable[[], Awaitable[Any]], Runtime, float | None], Awaitable[Any]]
"""What makes the tries for one answer: it takes one try, the runtime, and the deadline of all of them."""


class RemoteBackend(Abilities):
    """Speaks one dialect with one vendor; see :class:`genkit.backend.Backend`.

    Args:
        dialect: the wire format, a :class:`~genkit.providers.base.Dialect`.
        target: the model and its vendor.
        key: what the vendor's ``auth`` sends: text, :class:`Secret`, or a pydantic ``SecretStr``.
        auth: makes the headers that prove who calls, in place of the key.
        headers: what every call carries besides, or instead of a header of the same name.
        timeouts: how long a call may take.
        connections: the connections to use, and to close; by default its own.
        around: what tries again where the answer is no stream (embeddings, counts, lists of models); by
            default nothing does.
    """

    def __init__(
        self,
        dialect: Dialect,
        target: Target,
        *,
        key: Any = None,
        auth: Auth | None = None,
        headers: SecretHeaders | None = None,
        timeouts: Timeouts | None = None,
        connections: Connections | None = None,
        around: Around | None = None,
    ) -> None:
        self.dialect, self.target = dialect, target
        self._timeouts = timeouts or Timeouts()
        self._connections = connections or Connections()
        self._around = around or _once
        self._endpoint = Endpoint(
            dialect,
            target,
            key=Secret(key if key is not None else ""),
            auth=auth,
            headers=headers or SecretHeaders({}),
            connections=self._connections,
        )
        finalize(self, self._connections.close)

    async def stream(self, request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
        """See :class:`genkit.backend.Backend`."""
        call = self.dialect.encode(from_elsewhere(request, self.dialect.name, self.target), self.target)
        for warning in call.warnings:
            yield Warned(warning)
        limits = Limits(self._timeouts, request.deadline)
        try:
            response = await self._endpoint.send(call, runtime, limits)
        except GenkitError:
            if limits.resent:
                yield Warned(_RESENT)
            raise
        inputs = payloads(response, in_lines=getattr(self.dialect, "in_lines", False))
        events = self.dialect.decode(inputs, self.target)
        finished = False
        room = _room(request)
        try:
            if limits.resent:
                yield Warned(_RESENT)
            yield _received(response)
            async for event in events:
                if not isinstance(event, (Start, Usage)):
                    limits.heard = True
                    finished = finished or isinstance(event, Finish)
                    room -= 1
                    if room < 0:
                        raise TooLarge(f"the answer goes on beyond max_tokens={request.sampling.max_tokens}")
                yield event
            if not finished:
                raise IncompleteStream("the answer ended without saying why", phase="body")
            limits.hurry(_LONGEST_DRAIN)
            async for _ in inputs:  # what follows the last event, so that the connection can be used again
                pass
            return
        except GenkitError as error:
            if finished:  # all was said before the connection broke
                return
            failed = error
        except NOT_EXPECTED as error:
            failed = _unforeseen(error)
        finally:
            await events.aclose()
            await inputs.aclose()
            await response.aclose()
        raise self._endpoint.complete(failed, response)

    async def count(
        self, prompt: str | Request, runtime: Runtime, *, deadline: float | None = None
    ) -> TokenCount:
        """See :class:`genkit.backend.Backend`; an estimate where the vendor does not count."""
        self._connections.check()
        shown = prompt if isinstance(prompt, str) else from_elsewhere(prompt, self.dialect.name, self.target)
        ends = self._deadline() if deadline is None else deadline
        patience = PATIENCE if ends is None else min(PATIENCE, ends - time.monotonic())
        ask = partial(self._ask, deadline=ends)
        return await count(self.dialect, self.target, shown, runtime, ask=ask, patience=patience)

    async def warm(self, runtime: Runtime) -> None:
        """See :class:`genkit.backend.Backend`; nothing is sent."""
        await self._connections.pool(runtime)  # to load what that takes is a fifth of a second

    def drop(self, name: str) -> None:
        """See :class:`genkit.backend.Backend`; nothing is kept here."""

    def close(self) -> None:
        """See :class:`genkit.backend.Backend`."""
        self._connections.close()

    async def _ask(
        self, call: Call, decode: Callable[..., Any], runtime: Runtime, deadline: float | None = None
    ) -> Any:
        """A call with one answer, in as many tries as it takes."""
        ends = self._deadline() if deadline is None else deadline
        return await self._around(lambda: self._try(call, decode, runtime, ends), runtime, ends)

    def _deadline(self) -> float | None:
        total = self._timeouts.total
        return None if total is None else time.monotonic() + total

    async def _try(
        self, call: Call, decode: Callable[..., Any], runtime: Runtime, deadline: float | None
    ) -> Any:
        limits = Limits(self._timeouts, deadline)
        response = await self._endpoint.send(call, runtime, limits)
        try:
            return decode(parse(await read_all(response.chunks())), self.target)
        except GenkitError as error:
            failed = error
        except NOT_EXPECTED as error:
            failed = _unforeseen(error)
        finally:
            await response.aclose()
        raise self._endpoint.complete(failed, response)


async def _once(ask: Callable[[], Awaitable[Any]], runtime: Runtime, deadline: float | None) -> Any:
    return await ask()


def _unforeseen(error: Exception) -> GenkitError:
    return ProtocolError(f"the answer has another form than it should: {error!r:.200}", phase="body")


def _room(request: Request) -> float:
    """How many events an answer may have: a piece of text is seldom less than a quarter of a token."""
    most = request.sampling.max_tokens
    return math.inf if most is None else 4 * most + 1000


def _received(response: HttpResponse) -> Received:
    limits = {name: value for name, value in response.headers.items() if "ratelimit" in name}
    return Received(request_id(response.headers), limits)
