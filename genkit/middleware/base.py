"""What middleware wraps, and is: a handler."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import TypeAlias

from ..events import Event
from ..request import Request
from ..runtime.base import Runtime

Handler: TypeAlias = Callable[[Request, Runtime], AsyncGenerator[Event, None]]
