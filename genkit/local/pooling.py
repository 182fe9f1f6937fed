"""Embeddings and ranks, in the service: texts are checked and tokenised, and what comes of them is told."""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Callable
from typing import Any

from ..errors import BackendError, BadRequest, ContextOverflow, GenkitError, ModelFileError, OutOfMemory
from . import memory
from .cores import Cores
from .gguf import Header
from .llama import Model
from .pooler import Pooler, Text, step_size
from .prompt import Prompts

_EMBEDS, _RANKS = (1, 2, 3), 4  # enum llama_pooling_type in llama.h: MEAN, CLS, LAST; RANK
_SOFTMAX = ("qwen3", "qwen3vl")
"""Architectures whose ranks are probabilities, of yes and of no (llm_graph_context::build_pooling)."""


class Pooling:
    """What a model whose file names a pooling makes of texts.

    Args:
        header: of the model file.
        model: the model.
        prompts: what tokenises for it.
        window: the most tokens that a text may have.
        threads: how many threads compute, or what says it before each step.
        free: tells how many bytes of memory are free, if that is known.
        tell: tells the host what came of texts, of one call.
        fail: tells the host of a call that cannot go on.
    """

    def __init__(
        self,
        header: Header,
        model: Model,
        prompts: Prompts,
        *,
        window: int,
        threads: int | Cores,
        free: Callable[[], int | None],
        tell: Callable[..., None],
        fail: Callable[[int, GenkitError], None],
    ) -> None:
        self._header, self._prompts, self._window = header, prompts, window
        self._free, self._tell, self._fail = free, tell, fail
        self._name = header.name or header.path
        self._scores, self._softmax = model.scores, header.architecture in _SOFTMAX
        self._kind = header.metadata.get(f"{header.architecture}.pooling_type", 0)
        self._size = 0
        """The steps that memory was found free for, in tokens."""
        width = model.scores if self._kind == _RANKS else model.width
        self.pooler = Pooler(model, window=window, width=width, threads=threads, told=self._told, failed=fail)

    def texts(self, question: dict[str, Any]) -> list[Text]:
        """The texts of a question, checked and tokenised, as the pooler takes them.

        Args:
            question: ``call``; ``texts`` to embed, or to rank by a ``query``; ``first``: how many came before
                them.

        Raises:
            ModelFileError: the model was not made for this.
            BadRequest: a text is empty.
            ContextOverflow: a text has too many tokens.
            OutOfMemory: there is not enough memory for the longest.
        """
        if question["do"] == "embed":
            self._require_embedding()
            tokens = [self._prompts.whole(text) for text in question["texts"]]
            what = "text {}"
        else:
            self._require_ranks()
            tokens = [self._prompts.pair(question["query"], each) for each in question["texts"]]
            what = "the query with document {}"
        for index, ids in enumerate(tokens, question.get("first", 0)):
            self._check(what.format(index), len(ids))
        self._reserve(max(map(len, tokens)))
        return [Text(question["call"], index, ids) for index, ids in enumerate(tokens)]

    def _require_embedding(self) -> None:
        if self._kind not in _EMBEDS:
            why = "it reranks" if self._kind else "its file names no pooling (mean, cls or last)"
            raise ModelFileError(
                f"{self._name} was not made for embeddings: {why}; give the file of an embedding model",
                path=self._header.path,
            )

    def _require_ranks(self) -> None:
        if self._kind != _RANKS or not self._header.has_head:
            raise ModelFileError(
                f"{self._name} was not made for reranking: its file names no pooling for ranks, or holds no "
                "head for it; give the file of a reranking model",
                path=self._header.path,
            )
        if self._scores > 1 and not self._softmax:
            raise ModelFileError(
                f"{self._name} sorts texts into {self._scores} classes, which is no rank; give the file of a "
                "reranking model",
                path=self._header.path,
            )

    def _check(self, what: str, count: int) -> None:
        if not count:
            raise BadRequest(f"{what} is empty; leave it out")
        if count > self._window:
            raise ContextOverflow(
                f"{what} has {count} tokens, and the context window is {self._window}; shorten it, or "
                "make the context window larger (context=) if the model takes it",
                tokens=count,
                limit=self._window,
            )

    def _reserve(self, longest: int) -> None:
        size = step_size(longest, self._window)
        needed, free = memory.pooled(self._header, size), self._free() if size > self._size else None
        if free is not None and needed > free:
            raise OutOfMemory(
                f"a text of {longest} tokens takes {needed // memory.MIB} MiB of memory beside the model, "
                f"and {free // memory.MIB} MiB are free; shorten it or free memory",
                needed=needed,
                free=free,
            )
        self._size = max(size, self._size)

    def _finished(self, values: list[float]) -> list[float]:
        """A vector of length 1; or a score from 0 to 1, as those who trained such models put it."""
        if self._kind != _RANKS:
            return _normalised(values)
        if not all(map(math.isfinite, values)):
            raise BackendError("llama.cpp computed a score that is not finite; the model file may be damaged")
        return values if self._softmax else [_sigmoid(values[0])]

    def _told(self, texts: list[Text], values: list[list[float]]) -> None:
        for call in {text.call for text in texts}:
            try:
                mine = [
                    (text.place, _packed(self._finished(vector)), len(text.tokens))
                    for text, vector in zip(texts, values, strict=True)
                    if text.call == call
                ]
            except GenkitError as error:
                self._fail(call, error)
            else:
                self._tell(call, pooled=mine)


def _sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-score)) if score > -700 else 0.0  # beyond, exp overflows


def _normalised(vector: list[float]) -> list[float]:
    """The vector with a length of 1; one of zeros stays as it is."""
    length = math.hypot(*vector)
    if not math.isfinite(length):
        raise BackendError(
            "llama.cpp computed an embedding that is not finite; the model file may be damaged"
        )
    return [value / length for value in vector] if length else vector


def _packed(values: list[float]) -> str:
    """Numbers as they travel to the host: 32 bits each, in base64."""
    return base64.b64encode(array("f", values)).decode()
