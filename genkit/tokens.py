"""Counting tokens: exact where it can be, and an estimate that says so where it cannot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenCount:
    """How many tokens a text has; ``exact`` says whether the model's own tokenizer counted them."""

    tokens: int
    exact: bool
