"""What people and tools said cannot become control tokens: it is marked where the prompt will be cut."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..errors import BadRequest, ModelFileError

_MOST = 1 << 26
"""What the ends and beginnings of all spellings may take, about, in characters."""
_MARKS = [chr(code) for code in range(0xF8FF, 0xE000, -1)]  # private use: they mean nothing to anybody
_WORD = re.compile(r"\w+")


class Guard:
    """Marks, in data, the places where a prompt must be cut so that no control token comes of it.

    Args:
        literals: the spellings of the tokens that data may not become.

    Raises:
        ModelFileError: they would take too much memory.
    """

    def __init__(self, literals: Sequence[str]) -> None:
        spellings = list(filter(None, literals))
        if sum(len(text) * (len(text) + 64) for text in spellings) > _MOST:
            raise ModelFileError(
                f"the model's {len(spellings)} control tokens are too many, or too long: the longest has "
                f"{max(map(len, spellings))} characters; download or convert the file again"
            )
        self._any = re.compile("|".join(map(re.escape, spellings)) or "(?!)")
        # The ends and the beginnings of spellings, that two texts side by side could make whole.
        self._heads = {text[:size] for text in spellings for size in range(2, len(text))}
        self._tails = {text[-size:] for text in spellings for size in range(2, len(text))}
        self._inside = "\n".join(text[1:-1] for text in spellings)
        self._reach = max(map(len, spellings), default=0)

    def marked(self, data: Any) -> tuple[Any, str]:
        """A copy of JSON-like data with marks in its strings, and the mark; '' if there is nothing to mark.

        Raises:
            BadRequest: every character that could be the mark is taken.
        """
        texts = list(_strings(data))
        if not any(map(self._cuts, texts)):
            return data, ""
        mark = next((mark for mark in _MARKS if not any(mark in text for text in texts)), None)
        if mark is None:
            raise BadRequest("the messages hold every character for private use; leave one of them out")
        return self._copy(data, mark), mark

    def pieces(self, text: str, *, alone: bool = False) -> list[str]:
        """A text, cut there; ``alone`` says that no other text is beside it, to make a spelling whole."""
        bounds = [0, *self._cuts(text, alone=alone), len(text)]
        return [text[a:b] for a, b in pairwise(bounds)]

    def _cuts(self, text: str, *, alone: bool = False) -> list[int]:
        """Where to cut a text: inside each spelling, after its first character."""
        cuts, at = [], 0
        while found := self._any.search(text, at):
            at = found.start() + 1
            cuts.append(at)
        if alone:
            return cuts
        sizes = range(min(len(text), self._reach), 1, -1)
        if tail := next((size for size in sizes if text[-size:] in self._heads), 0):
            cuts.append(len(text) - tail + 1)
        if any(text[:size] in self._tails for size in sizes) or self._is_inside(text):
            cuts.append(1)
        return sorted(set(cuts))

    def _is_inside(self, text: str) -> bool:
        """Whether a template that writes it between ``<`` and ``>``, as a key, would make a spelling whole.

        Not if it is a word, say a role: of that, templates are to make one.
        """
        return text in self._inside and bool(_WORD.search(text)) and not _WORD.fullmatch(text)

    def _copy(self, data: Any, mark: str) -> Any:
        if isinstance(data, str):
            return mark.join(self.pieces(data))
        if isinstance(data, Mapping):
            return {self._copy(key, mark): self._copy(value, mark) for key, value in data.items()}
        if isinstance(data, (list, tuple)):
            return [self._copy(item, mark) for item in data]
        return data


def _strings(data: Any) -> list[str]:
    """Every string in JSON-like data."""
    found, left = [], [data]
    while left:
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, Mapping):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, (list, tuple)):
            left += item
    return found


def forgeable(special: Sequence[tuple[int, str, bool]], template: str) -> list[str]:
    """The spellings that structure a prompt: of control tokens, and of users' own that look or serve as such.

    Other tokens of the latter kind are text that came often, such as runs of spaces, or ``<table>``.
    """
    return [
        text
        for _, text, is_control in special
        if is_control or (text.strip() and (text in template or "|" in text or "｜" in text))
    ]
