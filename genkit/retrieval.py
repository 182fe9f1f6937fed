"""What a Generator does for a search: embeddings, and the order of what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .backend import Backend
from .errors import BadRequest, shown
from .response import Ranked
from .runtime.blocking import BlockingRuntime
from .runtime.drive import run
from .runtime.late import awaiting
from .sampling import checked_number


class Retrieval:
    """What :class:`genkit.Generator` inherits."""

    _backend: Backend
    _blocking: BlockingRuntime

    def embed(
        self, texts: Iterable[str], *, dimensions: int | None = None, purpose: str | None = None
    ) -> list[list[float]]:
        """The embedding of each text, in their order.

        Args:
            texts: any number of texts; they are sent in as many calls as the vendor's limit makes necessary.
            dimensions: how long each embedding is to be, for models that can shorten theirs.
            purpose: what the embeddings are for, for vendors that ask: ``"document"``, ``"query"`` (to find
                documents by it), or a word of the vendor's own.

        Raises:
            BadRequest: the vendor does not embed, or an option is none of its, or a text is too long.
            ModelFileError: the local model was not made for it.
            BackendError: the backend failed.
            Closed: the Generator was closed.
        """
        checked, size = _texts(texts, "embed"), _count("dimensions", dimensions)
        return run(self._backend.embed(checked, self._blocking, dimensions=size, purpose=_purpose(purpose)))

    async def aembed(
        self, texts: Iterable[str], *, dimensions: int | None = None, purpose: str | None = None
    ) -> list[list[float]]:
        """The asynchronous twin of :meth:`embed`."""
        checked, size = _texts(texts, "embed"), _count("dimensions", dimensions)
        return await self._backend.embed(checked, awaiting(), dimensions=size, purpose=_purpose(purpose))

    def rerank(self, query: str, documents: Iterable[str], *, top: int | None = None) -> list[Ranked]:
        """The documents in the order in which they answer a query, the best first.

        Args:
            query: what is searched for.
            documents: what was found.
            top: how many to tell of, all by default.

        Returns:
            For each, its index in ``documents``, and its score: from 0 to 1, and comparable to others of the
            same model only.

        Raises:
            BadRequest: the vendor does not rerank, or a query and a document together are too long.
            ModelFileError: the local model was not made for it.
            BackendError: the backend failed.
            Closed: the Generator was closed.
        """
        return run(self._backend.rerank(*_search(query, documents), self._blocking, top=_count("top", top)))

    async def arerank(self, query: str, documents: Iterable[str], *, top: int | None = None) -> list[Ranked]:
        """The asynchronous twin of :meth:`rerank`."""
        return await self._backend.rerank(*_search(query, documents), awaiting(), top=_count("top", top))


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
