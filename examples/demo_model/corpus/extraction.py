# ruff: noqa: E501 - tables of words and sentences
"""Skill: read a sentence and answer with the wanted fields as JSON, in the order in which they were asked for."""

from __future__ import annotations

import random

from .dialogue import Sample, compact_json
from .entities import JOBS, TRAINING_JOBS, calendar_date, city_name, ordinal, person_name
from .phrases import extraction as phrases
from .sentences import dated_sentence, person_sentence
from .wording import Wordings, fill, join_words

_TEXT = "[text|sentence|message|note|line|passage]"
_VERB = "[extract|get|find|pull out|read|take|list|return|output|write down|collect|identify|give me|show me|tell me]"
_REQUEST = Wordings(
    [
        "[||Please |Can you |Could you |I want you to ]"
        + _VERB
        + " [|the |all: ]{fields} [from|in|of] [this|the|the following|my] "
        + _TEXT
        + "[| as JSON| in JSON| as a JSON object| and answer in JSON| in JSON format][:|.|:|] {gap}{text}",
        "[|Please ]" + _VERB + " [|the ]{fields}[| as JSON| in JSON| as a JSON object][:|.|:|,|] {gap}{text}",
        "{text}{gap}[|Please ]" + _VERB + " [|the ]{fields}[| as JSON| in JSON| as a JSON object][.|!|]",
        "{text} [->|=>|:|-] JSON[| with| object with] [|keys |fields ]{fields}",
        "{text} [->|=>] {fields}",
        "JSON with [|the keys |the fields |]{fields}[| please| only][:|.] {gap}{text}",
        "[Text|Sentence|Input|Message]: {text}{gap}[Fields|Keys|JSON keys|Output|JSON]: {fields}",
        "[Fields|Keys|JSON keys|Wanted]: {fields}{gap}[Text|Sentence|Input|Message]: {text}",
        "[What is|What are|Tell me] the {fields}[| in this "
        + _TEXT
        + "][?| as JSON?|? Answer in JSON.|? Use JSON.] {gap}{text}",
        "[Parse|Convert|Turn|Change|Transform] [this|the "
        + _TEXT
        + "|the following] [to|into] [JSON|a JSON object] [with|({fields})|using the keys|with the keys] {fields}: {gap}{text}",
        "Fill in the [fields|keys|form] {fields} [from|with]: {gap}{text}",
        "{fields}[:|?] {gap}{text}",
        "Read the "
        + _TEXT
        + " and [output|write|return|answer with] JSON with [|the keys |the fields ]{fields}.{gap}"
        + "[|Text: ]{text}",
    ],
    [
        "I need the {fields} mentioned below, as JSON please.\n{text}",
        'Look at this: "{text}" Which {fields} do you see? Reply with JSON.',
        "Here is what somebody wrote: {text}\nMake JSON out of it, with {fields}.",
        "Give the {fields} found here in JSON form.\n{text}",
        "Sentence: {text}\nWrite the {fields} as JSON.",
        "From these words, make a JSON record holding {fields}: {text}",
        "Could you make me a JSON record with {fields}? {text}",
        "Only {fields}, as JSON, for this one: {text}",
        "Analyse what follows and hand back {fields} as JSON.\n\n{text}",
        "Structured data please ({fields}): {text}",
        "A JSON object holding {fields} is what I want from: {text}",
        "Please go through this and note {fields} in JSON. {text}",
    ],
    more=phrases.REQUEST,
)
_OTHER_KEYS = {
    "name": ["person", "customer", "guest", "who", "author"],
    "age": ["years"],
    "city": ["place", "town", "location"],
    "date": ["day", "when"],
}
_FACTS = [
    (("name", "age", "city"), 50),
    (("name", "age"), 10),
    (("name", "city"), 8),
    (("name", "date", "city"), 22),
    (("name", "date"), 6),
    (("date", "city"), 4),
]


def sample(rng: random.Random, split: str) -> Sample:
    """One request and its JSON answer."""
    facts = rng.choices([fact for fact, _ in _FACTS], [weight for _, weight in _FACTS])[0]
    iso, written = calendar_date(rng)
    age = rng.randint(2, 99)
    values = {"name": person_name(rng, split), "age": age, "city": city_name(rng, split), "date": iso}
    make = dated_sentence if "date" in facts else person_sentence
    job = rng.choice(TRAINING_JOBS if split == "train" else JOBS)
    text = fill(make(rng, split, facts), {**values, "date": written, "age_th": ordinal(age), "job": job})
    fields = list(facts)
    style = rng.random()
    if style < 0.25:
        rng.shuffle(fields)
    elif style < 0.5:
        fields = rng.sample(fields, rng.randint(1, len(fields)))
    elif style < 0.54 and split == "train":
        missing = rng.choice([field for field in values if field not in facts])
        values[missing] = None
        fields.insert(rng.randint(0, len(fields)), missing)
    keys = {field: field for field in fields}
    if split == "train" and rng.random() < 0.1:
        keys = {field: rng.choice(_OTHER_KEYS[field]) for field in fields}
    request = _REQUEST.pick(rng, split)
    if text.endswith('"') or "\n" in text:
        request = request.replace('"{text}"', "{text}")
    request = fill(
        request,
        {
            "fields": join_words(rng, list(keys.values())),
            "text": text,
            "gap": rng.choice(["", "\n", "\n\n"]) if "{gap}" in request else "",
        },
    )
    answer = compact_json({keys[field]: values[field] for field in fields})
    return Sample(
        "extraction",
        [("user", request.strip()), ("assistant", answer)],
        {"kind": "date" if "date" in facts else "person"},
    )
