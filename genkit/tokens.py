"""Counting tokens: exact where it can be, and an estimate that says so where it cannot."""

from __future__ import annotations

import importlib
import math
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

# What each message costs beside its text, and the start of the answer: "How to count tokens with tiktoken"
# in OpenAI's cookbook.
_A_MESSAGE, _THE_ANSWER = 3, 3
PATIENCE = 10.0
"""How long a count waits for a vocabulary, in seconds; one that comes later is there for the next count."""
_BYTES = 4  # of English in UTF-8, a token: OpenAI's "What are tokens and how to count them?"


@dataclass(frozen=True, slots=True)
class TokenCount:
    """How many tokens a text has.

    ``exact`` says whether the model's own tokenizer counted them, and ``source`` who did, or how the
    estimate was made. ``limit`` is the context window, in tokens, of a local model; vendors tell none.
    """

    tokens: int
    exact: bool
    source: str = ""
    limit: int | None = field(default=None, compare=False)


def offline_count(texts: Sequence[str], *, bare: bool, openai_model: str, patience: float) -> TokenCount:
    """The tokens of texts, without asking the model's server.

    Exact for a bare text and a model that tiktoken knows; tiktoken fetches a vocabulary (1 to 4 MB) when it
    first meets one, and keeps it. Without it, as without a network, it is an estimate, and as long as it
    does not come.

    Args:
        texts: one text, or that of each message of a conversation.
        bare: whether it is one text as it is, not a conversation.
        openai_model: the name of a model of OpenAI's, or ''; for others, tiktoken has no vocabulary.
        patience: how long to wait for a vocabulary, in seconds.
    """
    around = 0 if bare else len(texts) * _A_MESSAGE + _THE_ANSWER
    if openai_model and (encoding := _encoding(openai_model, patience)) is not None:
        tokens = sum(len(encoding.encode(text, disallowed_special=())) for text in texts)
        source = f"tiktoken's {encoding.name}" + ("" if bare else ", and an estimate of what messages add")
        return TokenCount(tokens + around, exact=bare, source=source)
    tokens = sum(math.ceil(len(text.encode("utf-8", "replace")) / _BYTES) for text in texts)
    return TokenCount(tokens + around, exact=False, source=f"an estimate of {_BYTES} bytes a token")


class _Loader(threading.Thread):
    """Loads a vocabulary: tiktoken itself waits for its server without end, and makes all others wait too."""

    def __init__(self, model: str) -> None:
        super().__init__(name=f"genkit vocabulary of {model}", daemon=True)
        self._model, self._began = model, time.monotonic()
        self.encoding: Any = None

    def run(self) -> None:
        tiktoken = importlib.import_module("tiktoken")  # needed by few, and costs 50 ms
        with suppress(KeyError, OSError, ValueError):  # not known; not reached; damaged on the way
            self.encoding = tiktoken.encoding_for_model(self._model)

    def wait(self, patience: float) -> None:
        """Wait until it is loaded, or it has taken too long since it was begun."""
        self.join(max(0.0, self._began + patience - time.monotonic()))


_loaders: dict[str, _Loader] = {}


def _encoding(model: str, patience: float) -> Any:
    """tiktoken's vocabulary of a model, or None if it has none, or it cannot be fetched in time."""
    loader = _loaders.get(model)
    if loader is None or not loader.is_alive():
        loader = _loaders[model] = _Loader(model)
        loader.start()
    loader.wait(patience)
    return loader.encoding
