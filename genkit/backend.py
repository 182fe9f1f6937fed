"""The seam between genkit and whatever generates: one interface, remote or local."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol, TypeAlias

from .events import Event
from .request import Request
from .response import Embeddings, Ranked
from .runtime.base import Runtime
from .tokens import TokenCount

Handler: TypeAlias = Callable[[Request, Runtime], AsyncGenerator[Event, None]]
"""What :meth:`Backend.stream` is, and middleware wraps, and is."""


class Backend(Protocol):
    """Something that answers requests. All methods may be called from any thread, several at a time."""

    def stream(self, request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
        """The events of the answer; closing the generator stops the work behind it at once."""

    async def count(
        self, prompt: str | Request, runtime: Runtime, *, deadline: float | None = None
    ) -> TokenCount:
        """The tokens of a bare text, or of all that the model would be shown of a request.

        Args:
            prompt: the text, or the request.
            runtime: how to wait.
            deadline: when they must have been counted, by ``time.monotonic()``.
        """

    async def embed(
        self,
        texts: Sequence[str],
        runtime: Runtime,
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
        deadline: float | None = None,
    ) -> Embeddings:
        """The embedding of each text, in their order; see :meth:`genkit.Generator.embed`.

        Args:
            texts, dimensions, purpose: see there.
            runtime: how to wait.
            deadline: when the last of them must have come, by ``time.monotonic()``.
        """

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        runtime: Runtime,
        *,
        top: int | None = None,
        deadline: float | None = None,
    ) -> list[Ranked]:
        """The documents that answer a query best; see :meth:`genkit.Generator.rerank`.

        Args:
            query, documents, top: see there.
            runtime: how to wait.
            deadline: when they must have been ranked, by ``time.monotonic()``.
        """

    async def models(self, runtime: Runtime) -> list[str]:
        """The names of the models there are."""

    async def warm(self, runtime: Runtime) -> None:
        """Do now what the first call would else have to wait for."""

    def drop(self, name: str) -> None:
        """Keep the prompt of this name no longer; see :meth:`genkit.Generator.drop`."""

    def close(self) -> None:
        """Free everything; safe to call twice."""
