# ruff: noqa: E501, SIM905 - tables of words and sentences
"""Skill: a short story about the hero, place or thing that was asked for."""

from __future__ import annotations

import random
import re

from .dialogue import Sample
from .entities import first_name, invented_word
from .phrases import stories as phrases
from .story_plots import ENDINGS, HABITS, OPENINGS, PLOTS
from .wording import Wordings, expand, fill, held_out

# fmt: off
KINDS = """fox owl robot girl boy cat dragon bear mouse knight wizard rabbit dog pirate farmer queen turtle bird king princess prince frog
hedgehog squirrel wolf lion tiger elephant monkey horse pony duck goose swan hen goat sheep cow pig crow raven sparrow penguin seal whale dolphin
crab snail bee ant spider butterfly beaver badger otter deer bat witch giant fairy elf dwarf ghost mermaid unicorn astronaut sailor baker painter
teacher gardener tailor fisherman shepherd musician inventor clown kitten puppy lamb donkey camel""".split()
UNSEEN_KINDS = "giraffe zebra parrot kangaroo koala lizard panda postman dancer troll hamster eagle magician octopus moose".split()
KINDS += [kind for kind in phrases.KINDS if kind not in {*KINDS, *UNSEEN_KINDS}]
_PLACES = """a green forest|a small village|an old castle|a quiet valley|a busy harbor|a high mountain|a wild garden|a big city|a tiny island|a deep lake|a dark cave|
a snowy field|a sunny meadow|an old mill|a long river|a lonely lighthouse|a windy hill|a hidden beach|a red farm|the desert|a frozen pond|a tall tower|a
 little town|the jungle|a narrow bridge""".replace("\n", "").split("|")
_THINGS = "lamp key book boat crown hat bell letter ring sword kite scarf clock flute mirror drum button umbrella basket coin spoon pebble violin ball".split()
_TRAITS = "brave small kind clever shy curious lazy cheerful lonely proud gentle funny quiet young old grumpy friendly tiny happy polite wise".split()
_HE = "Tom Max Leo Finn Hugo Oscar Felix Theo Sam Ben Jack Otto Milo Bruno Pip Rufus Jasper Rusty Barnaby Toby".split()
_SHE = "Lily Rosa Nina Clara Mia Ella Ruby Luna Maya Nora Tilda Daisy Pearl Hazel Ivy Fern Bella Poppy Wanda Greta".split()
_FEMALE = {"girl", "queen", "princess", "hen", "cow", "witch", "fairy", "mermaid"}
_MALE = {"boy", "king", "prince", "fisherman", "pirate", "knight", "wizard"}

_TELL = ("[Tell me|Tell|tell me|Write|Write me|write|Give me|I want|I'd like|Please tell me|Please write|Can you tell me|Could you write|Make up|Invent|Create|Can you write|Read me|I want to hear|Let me hear|]")
_STORY = "[a story|a short story|a tale|a little story|a bedtime story|a fairy tale|a nice story|a funny story|a story for children|an adventure]"
_END = "[.|||!|, please.| please|?]"
_TELL_STORY = Wordings([f"{_TELL} {_STORY}"], ["Could you come up with a tale", "Time for a bedtime story", "My kids would love a story", "Surprise me with a story", "How about a short tale"], more=phrases.ASK["TELL_STORY"])
_ABOUT = {
    "kind": Wordings(["about {a_k}", "about {a_k}", "about {a_k}", "with {a_k}", "of {a_k}", "about the {k}", "[in which|where] {a_k} [has an adventure|is the hero|learns something|finds a friend]",
                      "[starring|featuring] {a_k}", "about a [little|brave|clever|young|small] {k}", "about {k}s"],
                     ["whose hero is {a_k}", "and let it be about {a_k}", "that has {a_k} in it", "in which we meet {a_k}"], more=phrases.ASK["kind"]),
    "kind name": Wordings(["about {a_k} [named|called] {n}", "about {n} the {k}", "about {n}, {a_k}", "with {a_k} [named|called] {n}", "about the {k} {n}", "of {n} the {k}",
                           "about {a_k}. [Its|The|The hero's] name is {n}", "about {a_k} whose name is {n}"],
                          ["where {a_k} called {n} is the hero", "and the hero is {n}, {a_k}", "that tells of {n} the {k}"], more=phrases.ASK["kind name"]),
    "name": Wordings(["about {n}", "with {n}", "about [someone|a hero|somebody] [named|called] {n}", "about my friend {n}"], ["whose hero is {n}", "and put {n} in it"], more=phrases.ASK["name"]),
    "kind place": Wordings(["about {a_k} in {p}", "about {a_k} [who lives in|near|from] {p}", "with {a_k} in {p}", "set in {p} about {a_k}"], ["where {a_k} lives in {p}", "that takes place in {p} and has {a_k} in it"], more=phrases.ASK["kind place"]),
    "place": Wordings(["[set in|about|that happens in] {p}", "in {p}"], ["that takes place in {p}", "which plays in {p}"], more=phrases.ASK["place"]),
    "thing": Wordings(["about {a_o}", "about [a lost|an old|a magic|a golden] {o}", "with {a_o}", "about {a_k} and {a_o}"], ["in which {a_o} matters", "that involves {a_o}"], more=phrases.ASK["thing"]),
    "nothing": Wordings([""]),
}
_ASKS = [("kind", 42), ("kind name", 22), ("name", 8), ("kind place", 8), ("place", 4), ("thing", 8), ("nothing", 8)]
_BARE = Wordings(["[Once upon a time|once upon a time|Once upon a time...|Long ago|Once there was]", "[story|Story|a story|story time|Story please|another story|One more story][.|!||?]", "[Do you know|Have you got] [a story|any stories|a good story]?"],
                 ["Bedtime! A story!", "Once upon a time there was", "I cannot sleep, tell me something."], more=phrases.ASK["BARE"])
_KIND_ONLY = Wordings(["[story|tale|short story|Story|Tale|A story|a story] [about|of|with] {a_k}", "{k} story[| please|.|!]", "[Who was|Do you know a story about|What happened to] {a_k}?",
                       "Once upon a time there was {a_k}[.||...]", "[A|One] {k} story, please[.|]"], ["I love stories about {k}s, tell one.", "{a_k}: tell its story."], more=phrases.ASK["KIND_ONLY"])
# fmt: on


def article(word: str) -> str:
    """The word with "a" or "an" in front."""
    return ("an " if word[0] in "aeiou" and not word.startswith("uni") else "a ") + word


def _hero_name(rng: random.Random, split: str, kind: str) -> tuple[str, bool]:
    female = kind in _FEMALE or (kind not in _MALE and rng.random() < 0.5)
    return rng.choice(_SHE if female else _HE), female


def sample(rng: random.Random, split: str) -> Sample:
    """A request for a story, and a story of six to nine sentences."""
    ask = rng.choices([kind for kind, _ in _ASKS], [weight for _, weight in _ASKS])[0]
    kind = rng.choice(UNSEEN_KINDS if split == "unseen" and rng.random() < 0.5 else KINDS)
    if split == "train" and rng.random() < 0.15 and "kind" in ask:
        kind = invented_word(rng, split)
    name, female = _hero_name(rng, split, kind)
    if "name" in ask:
        name = first_name(rng, split)
    helper = rng.choice([other for other in KINDS if other != kind])
    place, other_place = rng.sample(_PLACES, 2)
    thing, traits = rng.choice(_THINGS), rng.sample(_TRAITS, 2)
    he, him, his = ("she", "her", "her") if female else ("he", "him", "his")
    values = {
        "n": name,
        "k": kind,
        "a_k": article(kind),
        "t": traits[0],
        "a_t": article(traits[0]),
        "t2": traits[1],
        "p": place,
        "q": other_place,
        "o": thing,
        "a_o": article(thing),
        "u": helper,
        "a_u": article(helper),
        "A_u": article(helper).capitalize(),
        "he": he,
        "him": him,
        "his": his,
        "He": he.capitalize(),
        "His": his.capitalize(),
    }
    question = fill(_request(rng, split, ask), values)
    plots = {"thing": ["lost", "contest", "treasure", "gift"]}.get(ask, list(PLOTS))
    stages = PLOTS[rng.choice(plots)]
    story = [
        OPENINGS,
        *([HABITS] if rng.random() < 0.5 else []),
        *stages,
        *([ENDINGS] if rng.random() < 0.7 else []),
    ]
    text = " ".join(fill(expand(rng, rng.choice(stage)), values) for stage in story)
    return Sample(
        "stories",
        [("user", question), ("assistant", text)],
        {
            "kind": kind if "kind" in ask else None,
            "name": name if "name" in ask else None,
            "place": place if "place" in ask else None,
            "thing": thing if ask == "thing" else None,
        },
    )


def _request(rng: random.Random, split: str, ask: str) -> str:
    if ask == "nothing" and rng.random() < 0.4:
        return _BARE.pick(rng, split)
    if ask == "kind" and rng.random() < 0.2:
        return _KIND_ONLY.pick(rng, split)
    if split == "train" and rng.random() < 0.15 and ask in phrases.WHOLE:
        return expand(rng, rng.choice(phrases.WHOLE[ask]))
    text = ""
    for _ in range(300):
        text = f"{_TELL_STORY.pick(rng, split)} {_ABOUT[ask].pick(rng, split)}".strip()
        if split in ("unseen", "seen") or held_out(text) == (split == "recombined"):
            break
    return text + expand(rng, _END)


_ANY = {
    "k": r"[a-z]+",
    "u": r"[a-z]+",
    "t": r"[a-z]+",
    "t2": r"[a-z]+",
    "a_t": r"an? [a-z]+",
    "a_k": r"an? [a-z]+",
    "a_u": r"an? [a-z]+",
    "A_u": r"An? [a-z]+",
    "p": r"[a-z ]+",
    "q": r"[a-z ]+",
    "o": r"[a-z]+",
    "a_o": r"an? [a-z]+",
    "n": r"[A-Z][\w'-]+",
}


def sentence_pattern(template: str, female: bool) -> re.Pattern[str]:
    """A pattern for everything that a template can become; the evaluation reads stories with it."""
    pronouns = (
        {"he": "she", "him": "her", "his": "her", "He": "She", "His": "Her"}
        if female
        else {"he": "he", "him": "him", "his": "his", "He": "He", "His": "His"}
    )
    pattern = re.escape(template).replace(r"\[", "(?:").replace(r"\]", ")").replace(r"\|", "|")
    return re.compile(
        re.sub(r"\\\{(\w+)\\\}", lambda match: pronouns.get(match[1]) or f"({_ANY[match[1]]})", pattern)
    )


def all_templates() -> list[str]:
    """Every sentence template of the stories."""
    return (
        OPENINGS
        + HABITS
        + ENDINGS
        + [text for stages in PLOTS.values() for stage in stages for text in stage]
    )
