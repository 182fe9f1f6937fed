"""What a Generator does for a search: embeddings, and the order of what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .backend import Backend
from .errors import BadRequest, shown
from .options import deadline
from .response import Embeddings, Ranked
from .runtime.blocking import BlockingRuntime
from .runtime.drive import run
from .runtime.late import awaiting
from .sampling import checked_number


class Retrieval:
    """What :class:`genkit.Generator` inherits."""

    _backend: Backend
    _blocking: BlockingRuntime

    def embed(
        self,
        texts: Iterable[str],
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
        timeout: float | None = None,
    ) -> Embeddings:
        """The embedding of each text, in their order.

        Args:
            texts: any number of texts; they are sent in as many calls as the vendor's limit makes necessary.
            dimensions: how long each embedding is to be, for models that can shorten theirs.
            purpose: what the embeddings are for, for vendors that ask: ``"document"``, ``"query"`` (to find
                documents by it), or a word of the vendor's own.
            timeout: how many seconds this call may take in all, instead of what its Generator allows.

        Returns:
            A list of as many lists of numbers; its ``usage`` tells the tokens of all, if the backend does.

        Raises:
            BadRequest: the vendor does not embed, or an option is none of its or wrong, or a text is too
                long.
            ModelFileError: the local model was not made for it.
            BackendError: the backend failed, or took longer than it may (DeadlineExceeded).
            Closed: the Generator was closed.
        """
        options = _embedding(dimensions, purpose, timeout)
        return run(self._backend.embed(_texts(texts, "embed"), self._blocking, **options))

    async def aembed(
        self,
        texts: Iterable[str],
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
        timeout: float | None = None,
    ) -> Embeddings:
        """The asynchronous twin of :meth:`embed`."""
        options = _embedding(dimensions, purpose, timeout)
        return await self._backend.embed(_texts(texts, "embed"), awaiting(), **options)

    def rerank(
        self, query: str, documents: Iterable[str], *, top: int | None = None, timeout: float | None = None
    ) -> list[Ranked]:
        """The documents in the order in which they answer a query, the best first.

        Args:
            query: what is searched for.
            documents: what was found.
            top: how many to tell of, all by default.
            timeout: how many seconds this call may take in all, instead of what its Generator allows.

        Returns:
            For each, its index in ``documents``, and its score: from 0 to 1, and comparable to others of the
            same model only.

        Raises:
            BadRequest: the vendor does not rerank, an option is wrong, or a query and a document together
                are too long.
            ModelFileError: the local model was not made for it.
            BackendError: the backend failed, or took longer than it may (DeadlineExceeded).
            Closed: the Generator was closed.
        """
        options = _ranking(top, timeout)
        return run(self._backend.rerank(*_search(query, documents), self._blocking, **options))

    async def arerank(
        self, query: str, documents: Iterable[str], *, top: int | None = None, timeout: float | None = None
    ) -> list[Ranked]:
        """The asynchronous twin of :meth:`rerank`."""
        options = _ranking(top, timeout)
        return await self._backend.rerank(*_search(query, documents), awaiting(), **options)


def _embedding(dimensions: int | None, purpose: str | None, timeout: float | None) -> dict[str, Any]:
    """The options of an embedding, checked, as backends take them."""
    size = _count("dimensions", dimensions)
    return {"dimensions": size, "purpose": _purpose(purpose), **_limit(timeout)}


def _ranking(top: int | None, timeout: float | None) -> dict[str, Any]:
    """The options of a search, likewise."""
    return {"top": _count("top", top), **_limit(timeout)}


def _limit(timeout: float | None) -> dict[str, float]:
    """Until when, if that was said: backends need not know of it else."""
    ends = deadline(timeout)
    return {} if ends is None else {"deadline": ends}


def _texts(texts: Iterable[str], what: str) -> Sequence[str]:
    wrong = isinstance(texts, (str, Mapping)) or not isinstance(texts, Iterable)
    given = [] if wrong else list(texts)
    if wrong or not all(isinstance(text, str) for text in given):
        raise BadRequest(f"{what} takes a list of texts, not {shown(given or texts, 60)}")
    return given


def _count(name: str, value: int | None) -> int | None:
    return None if value is None else int(checked_number(name, value, 1, 2**31 - 1, whole=True))


def _purpose(value: str | None) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise BadRequest(f'purpose takes "document", "query", or a word of the vendor\'s own, not {shown(value)}')


def _search(query: str, documents: Iterable[str]) -> tuple[str, Sequence[str]]:
    if not isinstance(query, str):
        raise BadRequest(f"rerank takes a query as text, not {shown(query, 60)}")
    return query, _texts(documents, "rerank")
