"""Counting tokens: exact where it can be, and an estimate that says so where it cannot."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# What each message costs beside its text, and the start of the answer: "How to count tokens with tiktoken"
# in OpenAI's cookbook.
_A_MESSAGE, _THE_ANSWER = 3, 3
_BYTES = 4  # of English in UTF-8, a token: OpenAI's "What are tokens and how to count them?"


@dataclass(frozen=True, slots=True)
class TokenCount:
    """How many tokens a text has.

    ``exact`` says whether the model's own tokenizer counted them, and ``source`` who did, or how the
    estimate was made.
    """

    tokens: int
    exact: bool
    source: str = ""


def offline_count(texts: Sequence[str], *, bare: bool, openai_model: str = "") -> TokenCount:
    """The tokens of texts, without asking the model's server.

    Exact for a bare text and a model that tiktoken knows; tiktoken fetches a vocabulary (1 to 4 MB) when it
    first meets one, and keeps it. Without it, as without a network, it is an estimate.

    Args:
        texts: one text, or that of each message of a conversation.
        bare: whether it is one text as it is, not a conversation.
        openai_model: the name of a model of OpenAI's; for others, tiktoken has no vocabulary.
    """
    around = 0 if bare else len(texts) * _A_MESSAGE + _THE_ANSWER
    if openai_model and (encoding := _encoding(openai_model)) is not None:
        tokens = sum(len(encoding.encode(text, disallowed_special=())) for text in texts)
        source = f"tiktoken's {encoding.name}" + ("" if bare else ", and an estimate of what messages add")
        return TokenCount(tokens + around, exact=bare, source=source)
    tokens = sum(math.ceil(len(text.encode("utf-8", "replace")) / _BYTES) for text in texts)
    return TokenCount(tokens + around, exact=False, source=f"an estimate of {_BYTES} bytes a token")


def _encoding(model: str) -> Any:
    """tiktoken's vocabulary of a model, or None if it has none, or it cannot be fetched."""
    tiktoken = importlib.import_module("tiktoken")  # needed by few, and costs 50 ms
    try:
        return tiktoken.encoding_for_model(model)
    except (KeyError, OSError, ValueError):  # not known; not reached; damaged on the way
        return None
