"""The runtime for asyncio, loaded when it is asked for: who calls without an event loop needs no asyncio."""

from __future__ import annotations

import importlib
from functools import cache

from .base import Runtime


@cache
def awaiting() -> Runtime:
    """The runtime that waits in an event loop."""
    runtime: Runtime = importlib.import_module("genkit.runtime.awaiting").AwaitingRuntime()
    return runtime
