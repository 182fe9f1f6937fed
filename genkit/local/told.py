"""What the worker tells about a call, and how long that may take; in the caller's thread."""

from __future__ import annotations

import time
from typing import Any

from ..errors import BackendError, DeadlineExceeded, GenkitError
from ..events import Metrics, TokenLogprob, Usage
from ..request import Request
from ..runtime.base import Channel, Runtime
from .answer import AnswerStream
from .connection import Answer
from .pipe import Token, error_from
from .toolsyntax import by_name


class Told:
    """The answers to one call, as they come.

    Args:
        runtime: waits for them.
        timeout: the seconds until the last of them, or None.
        deadline: when that must have come instead, by ``time.monotonic()``.
        less: what the caller may give instead of more time, if there is such a thing.
    """

    def __init__(
        self,
        runtime: Runtime,
        timeout: float | None,
        deadline: float | None = None,
        *,
        less: str = "",
    ) -> None:
        self.channel: Channel[Answer] = runtime.channel()
        self._limit = "its deadline" if timeout is None or deadline is not None else f"{timeout:g} s"
        if deadline is None and timeout is not None:
            deadline = time.monotonic() + timeout
        self._until, self._less = deadline, less

    async def next(self) -> Answer:
        """The next answer.

        Raises:
            DeadlineExceeded: it did not come in time.
        """
        try:
            if self._until is not None and time.monotonic() >= self._until:  # also of one that is read slowly
                raise TimeoutError
            return await self.channel.get(self._until)
        except TimeoutError:
            raise DeadlineExceeded(
                f"the call was to end within {self._limit}, and had not; give it more (timeout=)"
                + (self._less and f", or {self._less}")
            ) from None

    async def facts(self) -> dict[str, Any]:
        """The next answer, which is no token; raises what :meth:`next` does, and the worker's errors."""
        return facts(await self.next())


def facts(answer: Answer) -> dict[str, Any]:
    """What the worker told; its errors are raised."""
    if isinstance(answer, GenkitError):
        raise answer
    if isinstance(answer, Token):
        raise BackendError("the worker sent a token where another answer was due")
    if "error" in answer:
        raise error_from(answer)
    return answer


def logprob(told: dict[str, Any]) -> TokenLogprob:
    """How likely a token was, as the worker told it."""
    top: dict[str, float] = {}
    for token, logprob in told["top"]:  # the likeliest first; two tokens may be spelled alike
        top.setdefault(token, logprob)
    return TokenLogprob(told["token"], told["logprob"], top)


def answer_stream(started: dict[str, Any], request: Request) -> AnswerStream:
    """What reads the answer, for a prompt of which the worker told this."""
    return AnswerStream(
        by_name(started["syntax"]),
        tools=bool(request.tools) and request.tool_choice != "none",
        thinking=started["thinking"],
        single=request.parallel_tool_calls is False,
    )


def metrics(usage: Usage, begun: dict[str, Any], decoding: float) -> Metrics:
    """What the worker measured until the first token, and we since."""
    evaluated, after_first = usage.input_tokens - usage.cached_tokens, usage.output_tokens - 1
    return Metrics(
        queued=begun["queued"],
        first_token=begun["queued"] + begun["evaluating"],
        decoding=decoding,
        prompt_tokens_per_second=evaluated / begun["evaluating"] if begun["evaluating"] else 0,
        decode_tokens_per_second=after_first / decoding if decoding and after_first > 0 else 0,
        kv_used=begun["kv_used"],
        kv_room=begun["kv_room"],
    )
