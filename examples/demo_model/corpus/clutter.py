# ruff: noqa: E501, SIM905 - tables of words and sentences
"""Random everyday words around the words that matter.

Sentences made of them mean little, but they teach what a list of well-formed frames does not: that a place follows
"in" or "near", that a feeling is in one word, that a tool's name is in the request, whatever else is said around it.
"""

from __future__ import annotations

import random

# fmt: off
_WORDS = """about after again all already also although always another any around away back because been before being best better big both bought bring
brother bus but busy call came can car carry change clean close club cold come company could dance dark day dear decided did different dinner do door down
drink drove early eat end enough even evening ever every everyone exactly family far fast few finally find first food forget found four friend friends full
gave get glad go goes gone good great group had half hand hard has have hear heard help here high his her hold home hope hour hours house how idea if indeed
its job join just keep kept kind knew know large last late later laugh learn least left letter life light like list little long look lost lot lunch made
maybe mean meet members met minutes money month more morning most mother much music must near need never new news next nice night nobody nothing now number
offer office often old once one only open other our out over own paid paper part party past people perhaps picture place plan play please point pretty put
question quickly quite rain reached read ready really red right river road said same saw say school second see seem sent seven she shop should show sing
sister six slowly small so some somebody someone something soon soup still stood stop story street strong such summer sure surely table take talk team tell
ten than that the their them then there these they thing things think this those thought three time today together told tomorrow too took town train travel
tree true turn twice two under until up us used usually very visit voice wait walk want wanted warm was watch water way we week well went were what when
where which while white who whole whose why will wind window winner winter wish with without woman wonder word words work world would write wrote year yes yet
young your""".split()
# fmt: on


def chunk(rng: random.Random, shortest: int, longest: int) -> str:
    """A few random words."""
    return " ".join(rng.choices(_WORDS, k=rng.randint(shortest, longest)))


_BEFORE = {
    "city": [
        "in",
        "in",
        "in",
        "near",
        "to",
        "from",
        "from",
        "of",
        "at",
        "around",
        "outside",
        "through",
        "into",
        "for",
        "towards",
        "the city of",
        "the streets of",
    ],
    "name": [
        "",
        "",
        "",
        "",
        "by",
        "with",
        "and",
        "named",
        "called",
        "told",
        "that",
        "dear",
        "Mrs",
        "Mr",
        "saw",
        "elected",
        "celebrate",
        "our",
        "ask",
        "friend",
        "met",
        "is",
        "was",
        "when",
        "thanked",
    ],
    "age": ["", "aged", "is", "at", "turned", "age", "now", "was", "of", "with", "be", "only", "just", "for"],
    "date": [
        "on",
        "on",
        "on",
        "",
        "by",
        "since",
        "until",
        "before",
        "from",
        "after",
        "is",
        "dated",
        "around",
        "for",
    ],
}
_AFTER = {
    "city": ["", "", "", "", ",", ".", " has", " office", " is home to", " and", " was", "'s"],
    "name": ["", "", "", ",", ".", " is", " has", " was", " and", "'s", " said", " will", " here"],
    "age": [
        "",
        "",
        " years",
        " years old",
        ",",
        ".",
        " candles",
        " years ago",
        " already",
        " today",
        "-year-old",
    ],
    "date": ["", "", ",", ".", " and", ":", " onwards"],
}


def cluttered_facts(rng: random.Random, facts: list[str]) -> str:
    """A sentence with these slots in a random order, told apart only by the words right next to them."""
    parts = [chunk(rng, 1, 4)] if rng.random() < 0.6 else []
    for fact in rng.sample(facts, len(facts)):
        before = rng.choice(_BEFORE[fact])
        parts.append(f"{before} {{{fact}}}{rng.choice(_AFTER[fact])}".strip())
        parts.append(chunk(rng, 1, 5) if rng.random() < 0.8 else "")
    text = " ".join(part for part in parts if part)
    return text[0].upper() + text[1:] + rng.choice([".", ".", "!", "?", ""])


def surround(rng: random.Random, text: str) -> str:
    """The text with a few words before or behind it."""
    side = rng.random()
    if side < 0.45:
        return f"{chunk(rng, 1, 5)}{rng.choice([' ', ', ', ': ', '. '])}{text}"
    if side < 0.8:
        return f"{text.rstrip('.?!')}{rng.choice([' ', ', ', ' because ', '. '])}{chunk(rng, 1, 5)}{rng.choice(['.', '', '?'])}"
    return f"{chunk(rng, 1, 3)} {text.rstrip('.?!')} {chunk(rng, 1, 3)}"
