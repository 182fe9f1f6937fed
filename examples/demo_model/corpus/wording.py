"""Wordings: a tiny template language and the rule that keeps some of them out of training.

A template is plain text with ``[a|b|c]`` (one of these, may be nested) and ``{slot}`` (filled later).

Every random choice belongs to a *split*:

``train``       what training sees
``seen``        invented names, places and the like are new; the wordings are those of training
``recombined``  as ``seen``, but the exact combination of template parts never occurs in training
``unseen``      as ``seen``, and every wording comes from hand-written lists that training never sees
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Mapping, Sequence

SPLITS = ("train", "seen", "recombined", "unseen")

_INNERMOST = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeio])")


def held_out(text: str) -> bool:
    """Whether this string belongs to the tenth of all strings that training never sees."""
    return zlib.crc32(text.lower().encode()) % 10 == 0


def expand(rng: random.Random, template: str) -> str:
    """Replace every ``[a|b]`` by one of its alternatives, the innermost first."""
    while "[" in template:
        template = _INNERMOST.sub(lambda match: rng.choice(match[1].split("|")), template)
    return template


def fill(template: str, values: Mapping[str, object]) -> str:
    """Fill the ``{slots}``, and turn "a" into "an" where needed. Braces in the values are left alone."""
    return _ARTICLE.sub(r"\1n ", _SLOT.sub(lambda match: str(values[match[1]]), template))


def capitalise(text: str) -> str:
    """Upper-case the first letter and leave the rest as it is."""
    return text[:1].upper() + text[1:]


class Wordings:
    """Templates of one kind: those for training, and separate hand-written ones for the unseen split.

    Args:
        train: templates with many choices in them.
        unseen: what training never sees.
        more: many more templates with few choices in them, for training, which takes them two times in three.
    """

    def __init__(self, train: Sequence[str], unseen: Sequence[str] = (), more: Sequence[str] = ()) -> None:
        self.train = list(train)
        self.unseen = list(unseen)
        self.more = list(more)

    def pick(self, rng: random.Random, split: str) -> str:
        """Choose and expand one template; its slots stay open."""
        if split == "unseen" and self.unseen:
            return expand(rng, rng.choice(self.unseen))
        text = ""
        for _ in range(300):
            bank = self.more if self.more and rng.random() < 2 / 3 else self.train
            text = expand(rng, rng.choice(bank))
            if held_out(text) == (split == "recombined"):
                break
        return text


def join_words(rng: random.Random, words: Sequence[str]) -> str:
    """Write a list the way people do: "a, b and c" or "a, b, c"."""
    if len(words) > 1 and rng.random() < 0.5:
        return ", ".join(words[:-1]) + rng.choice([" and ", " and ", ", and "]) + words[-1]
    return ", ".join(words)
