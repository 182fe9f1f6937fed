"""The one shape of all middleware: it takes a handler, and is a handler."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import reduce
from typing import TypeAlias

from ..events import Event
from ..request import Request
from ..runtime.base import Runtime

Handler: TypeAlias = Callable[[Request, Runtime], AsyncGenerator[Event, None]]
Middleware: TypeAlias = Callable[[Handler], Handler]


def stack(handler: Handler, *middleware: Middleware) -> Handler:
    """Wrap a handler; the first middleware is the outermost."""
    return reduce(lambda inner, wrap: wrap(inner), reversed(middleware), handler)
