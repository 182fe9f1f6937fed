"""Running coroutines by hand, without an event loop.

A coroutine that waits only through a :class:`~genkit.runtime.blocking.BlockingRuntime` never
suspends, so sending it None once runs it to its end.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")
_SUSPENDED = "a synchronous call awaited an event loop; wait through the runtime instead"


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in this thread, inside a running event loop too.

    Raises:
        RuntimeError: the coroutine awaited an event loop; it has to wait through its runtime.
    """
    hooks = None
    try:
        # An event loop running in this thread would else adopt the async generators started here.
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)
        coroutine.send(None)
        coroutine.throw(RuntimeError(_SUSPENDED))  # at the very await
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        if hooks:
            sys.set_asyncgen_hooks(*hooks)
        coroutine.close()  # also one that Ctrl-C came before
    raise RuntimeError(_SUSPENDED)


def drive(items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """Iterate over an async generator by hand; it is closed when the iteration ends or is dropped."""

    # Coroutines, since a generator is adopted by a loop when it is asked for its first step or its end.
    async def step() -> T:
        return await items.__anext__()

    async def close() -> None:
        await items.aclose()

    try:
        while True:
            try:
                item = run(step())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(close())
