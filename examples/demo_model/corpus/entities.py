# ruff: noqa: E501, SIM905 - tables of words and sentences
"""People, places, dates and words to talk about; a tenth of them, and two lists of real ones, stay unseen."""

from __future__ import annotations

import random

from .phrases import entities as phrases
from .wording import held_out

# fmt: off
_ONSETS = "b c d f g h j k l m n p r s t v w y z br cr dr fr gr kr pr tr st sk sl bl cl fl gl ch sh th".split()
_VOWELS = "a e i o u a e i o ai ea ee oa ou ia io y".split()
_CODAS = ["", "", "", "", "n", "r", "l", "s", "t", "m", "k", "d", "th", "ck", "nd", "rt", "ng", "x", "sh", "ll"]

# Real names and places that training may use ...
FIRST_NAMES = """Ada Adam Ahmed Aisha Alan Alex Anna Anton Ben Bella Carlos Carol Chloe Clara Daniel David Elena Ella
Emma Erik Eva Felix Finn Frank George Grace Hans Hassan Helen Henry Hugo Ian Irene Ivan Jack James Jan Jane Jim Joe
John Julia Karen Kate Kim Laura Leo Lena Li Lily Linda Lisa Lucy Luis Maria Mark Martha Martin Mary Max Maya Mei Mia
Michael Mike Mila Mina Nadia Nina Nora Olga Omar Oscar Paul Peter Pia Rita Robert Rosa Ruth Sam Sara Simon Sofia Susan
Theo Thomas Tim Tina Tom Uma Vera Victor Viktor Wei William Zara""".split()
LAST_NAMES = """Smith Jones Brown Miller Davis Garcia Wilson Moore Taylor Lopez Lee Walker Hall Young King Wright Hill
Green Baker Nelson Carter Novak Rossi Silva Costa Meyer Weber Larsen Ito Sato Kim Chen Wang Singh Khan Ali Petrov
Lovelace Turing Hopper""".split()
CITIES = """Paris London Rome Tokyo Vienna Prague Oslo Athens Boston Denver Miami Delhi Beijing Sydney Moscow Venice
Milan Zurich Basel Hamburg Munich Cologne Porto Seville Valencia Lyon Nice Leeds York Oxford Bristol Dallas Austin
Houston Kyoto Seoul Hanoi Manila Jakarta Lagos Accra Tunis Havana Bogota Santiago Perth Brisbane Quebec Vancouver
Ottawa Krakow Riga Tallinn Budapest Sofia""".split()
CITIES += ["New York", "San Francisco", "Los Angeles", "Buenos Aires", "Hong Kong", "Cape Town", "Mexico City"]
# ... and those that it must never use.
UNSEEN_FIRST_NAMES = """Alice Benjamin Katherine Mohammed Priya Yuki Oliver Charlotte Svetlana Giuseppe Fatima Diego
Hannah Lukas Amelie Kwame Ingrid Noah Zoe Xavier""".split()
UNSEEN_CITIES = """Stockholm Nairobi Lisbon Chicago Osaka Melbourne Toronto Berlin Reykjavik Bangkok Madrid Dublin
Cairo Seattle Lima Helsinki Mumbai Warsaw Quito Geneva""".split()
_RESERVED = {word.lower() for word in UNSEEN_FIRST_NAMES + UNSEEN_CITIES}
FIRST_NAMES += [name for name in phrases.FIRST_NAMES if name.lower() not in _RESERVED]
LAST_NAMES += [name for name in phrases.LAST_NAMES if name.lower() not in _RESERVED]
CITIES += [name for name in phrases.CITIES if name.lower() not in _RESERVED]
_PARTS = [word.lower() for word in phrases.WORDS + FIRST_NAMES + LAST_NAMES + CITIES if word.isalpha()]

MONTHS = """January February March April May June July August September October November December""".split()
JOBS = """baker teacher pilot nurse driver painter farmer singer doctor student chef lawyer gardener writer dancer
engineer carpenter plumber musician librarian photographer designer journalist scientist waiter sailor tailor
programmer actor dentist mechanic architect""".split()
TRAINING_JOBS = sorted({*JOBS, *phrases.JOBS})
# fmt: on


def _spliced(rng: random.Random) -> str:
    """The front of one real word and the back of another: every token comes to stand inside some name."""
    front, back = rng.sample(_PARTS, 2)
    return front[: rng.randint(1, 5)] + back[-rng.randint(2, 7) :]


def invented_word(rng: random.Random, split: str) -> str:
    """A made-up lower-case word; training and the other splits never share one."""
    while True:
        if split == "train" and rng.random() < 0.4:
            word = _spliced(rng)
        elif rng.random() < 0.12:
            word = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 8)))
        else:
            word = "" if rng.random() < 0.8 else rng.choice("aeiou")
            for _ in range(rng.choice([1, 2, 2, 2, 3, 3])):
                word += rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
        word = word[:11]
        if len(word) >= 3 and word not in _RESERVED and held_out(word) == (split != "train"):
            return word


def first_name(rng: random.Random, split: str) -> str:
    """A given name: mostly invented, so that copying is the only way to get it right."""
    if rng.random() < 0.3:
        return rng.choice(FIRST_NAMES if split == "train" else UNSEEN_FIRST_NAMES)
    return invented_word(rng, split).capitalize()


def person_name(rng: random.Random, split: str) -> str:
    """A given name, in a third of the cases with a family name."""
    name = first_name(rng, split)
    if rng.random() < 0.35:
        last = invented_word(rng, split).capitalize()
        if split == "train" and rng.random() < 0.25:
            last = rng.choice(LAST_NAMES)
        elif rng.random() < 0.06:
            last = rng.choice(["O'", "Mc", "van ", "de "]) + last
        name += " " + last
    return name


def city_name(rng: random.Random, split: str) -> str:
    """A place, sometimes of two words."""
    if rng.random() < 0.3:
        return rng.choice(CITIES if split == "train" else UNSEEN_CITIES)
    city = invented_word(rng, split).capitalize()
    style = rng.random()
    if style < 0.06:
        return rng.choice(["New", "Port", "San", "Saint", "Lake", "Mount", "North"]) + " " + city
    if style < 0.12:
        return city + " " + rng.choice(["City", "Falls", "Bay", "Hills", "Beach"])
    return city


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st ..."""
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def calendar_date(rng: random.Random) -> tuple[str, str]:
    """A date as YYYY-MM-DD, and the same date the way somebody writes it."""
    year, month, day = rng.randint(1950, 2039), rng.randint(1, 12), rng.randint(1, 28)
    iso, name = f"{year}-{month:02d}-{day:02d}", MONTHS[month - 1]
    styles = [
        f"{name} {day}, {year}",
        f"{day} {name} {year}",
        f"{name} {ordinal(day)}, {year}",
        f"the {ordinal(day)} of {name} {year}",
        f"{name} {day} {year}",
        iso,
    ]
    return iso, rng.choice(styles)


def code(rng: random.Random) -> str:
    """Something like an order number."""
    return "".join(rng.choices("ABCDEFGHKMNPQRSTXYZ0123456789", k=rng.randint(3, 6)))
