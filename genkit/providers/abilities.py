"""What a vendor may have a call for beside generating: embeddings, ranks, the list of its models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from ..batches import batches
from ..errors import ProtocolError, UnsupportedOption
from ..response import Embeddings, Ranked
from ..runtime.base import Runtime
from .base import Call, Dialect, Target

EMBED_BYTES = 300_000
"""OpenAI embeds so many tokens in a call, each of which has a byte at least."""


class Abilities(ABC):
    """What :class:`genkit.providers.remote.RemoteBackend` inherits; it sends the calls."""

    dialect: Dialect
    target: Target

    async def embed(
        self,
        texts: Sequence[str],
        runtime: Runtime,
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
        deadline: float | None = None,
    ) -> Embeddings:
        """The embedding of each text, in their order; as many calls as the vendor's limit makes necessary.

        Raises:
            UnsupportedOption: the vendor does not embed, or does not take an option.
            BackendError: a call failed.
        """
        encode, decode = self._ability("embed")
        dialect: Any = self.dialect  # of those that embed, all have a limit
        count: int = dialect.embed_limit(self.target)
        size: int = self.target.quirk("embed_bytes", EMBED_BYTES)
        given = {"dimensions": dimensions, "purpose": purpose}
        options = {name: value for name, value in given.items() if value is not None}
        vectors = Embeddings()
        ends = self._deadline() if deadline is None else deadline
        for batch in batches(texts, count, size):
            call = encode(batch, self.target, **options)
            found: Embeddings = await self._ask(call, decode, runtime, ends)
            if len(found) != len(batch):
                raise self._odd(f"gave {len(found)} embeddings for {len(batch)} texts")
            vectors += found
            vectors.usage.input_tokens += found.usage.input_tokens
        lengths = sorted({len(vector) for vector in vectors})
        if len(lengths) > 1 or 0 in lengths:
            raise self._odd(f"gave embeddings of {' and '.join(map(str, lengths))} numbers")
        return vectors

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        runtime: Runtime,
        *,
        top: int | None = None,
        deadline: float | None = None,
    ) -> list[Ranked]:
        """The documents that answer a query best, the best first; none are asked for without documents.

        Raises:
            UnsupportedOption: the vendor does not rerank.
            BackendError: the call failed.
        """
        encode, decode = self._ability("rerank")
        if not documents:
            return []
        call = encode(query, documents, self.target, top=top)
        found: list[Ranked] = await self._ask(call, decode, runtime, deadline)
        indices = [ranked.index for ranked in found]
        if wrong := [index for index in indices if not 0 <= index < len(documents)]:
            raise self._odd(f"ranked document {wrong[0]}, and there were {len(documents)}")
        if len(set(indices)) < len(indices):
            raise self._odd("ranked a document twice")
        return sorted(found, key=lambda ranked: -ranked.score)[:top]

    async def models(self, runtime: Runtime) -> list[str]:
        """The names of the models that the vendor lists.

        Raises:
            UnsupportedOption: it lists none.
            BackendError: the call failed.
        """
        if self.target.quirk("no_models"):
            name = self.target.vendor.name
            raise UnsupportedOption(f"{name} lists no models", option="models", provider=name)
        encode, decode = self._ability("models")
        names: list[str] = await self._ask(encode(self.target), decode, runtime)
        return names

    def _odd(self, what: str) -> ProtocolError:
        name = self.target.vendor.name
        return ProtocolError(f"{name} {what}", provider=name)

    def _ability(self, what: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """How the dialect encodes such a call, and decodes its answer; UnsupportedOption if it does not."""
        encode = getattr(self.dialect, f"encode_{what}", None)
        if encode is None:
            name = self.target.vendor.name
            raise UnsupportedOption(f"{name} has no call for {what}", option=what, provider=name)
        return encode, getattr(self.dialect, f"decode_{what}")

    @abstractmethod
    async def _ask(
        self, call: Call, decode: Callable[..., Any], runtime: Runtime, deadline: float | None = None
    ) -> Any:
        """What a dialect makes of the answer to a call, tried again as far as the deadline allows."""

    @abstractmethod
    def _deadline(self) -> float | None:
        """When the calls that begin now must have ended."""
