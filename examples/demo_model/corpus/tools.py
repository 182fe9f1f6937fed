# ruff: noqa: E501, SIM905 - tables of words and sentences
"""Skill: call the right one of the tools that the system message lists, with what the user said and nothing else."""

from __future__ import annotations

import random
from typing import Any

from . import chat, genkit_facts
from .clutter import surround
from .dialogue import Sample, Turn, compact_json, tool_call
from .entities import calendar_date, city_name, code, invented_word, person_name
from .known_tools import KNOWN_TOOLS, KnownTool
from .tool_words import (
    ASKING_VERBS,
    COMMAND,
    DESCRIPTION,
    NAMED_PHRASES,
    NOUNS,
    PARAMETERS,
    QUESTION,
    UNSEEN_NOUNS,
    VERBS,
)
from .wording import capitalise, expand, fill

_COLOURS = "red blue green black white yellow pink brown gray purple orange".split()
_LANGUAGES = "French German Spanish Italian Dutch Polish Danish Finnish Greek Latin".split()
_UNITS = [
    ["celsius", "fahrenheit"],
    ["metric", "imperial"],
    ["low", "high"],
    ["small", "medium", "large"],
    ["fast", "slow"],
]
_TYPES = {"small": "integer", "minutes": "integer", "count": "integer", "price": "integer", "rate": "number"}


def value_of(rng: random.Random, split: str, kind: str) -> Any:
    """A value of this kind, mostly something never said before."""
    if kind == "city":
        return city_name(rng, split)
    if kind == "person":
        return person_name(rng, split)
    if kind in ("count", "small"):
        return rng.randint(2, 20) if kind == "count" else rng.randint(1, 99)
    if kind in ("minutes", "price"):
        return rng.randint(1, 90) if kind == "minutes" else rng.randint(2, 500)
    if kind == "rate":
        return rng.randint(1, 99) / 10
    if kind == "date":
        return calendar_date(rng)[0]
    if kind in ("id", "code"):
        return code(rng)
    if kind in ("color", "language"):
        return rng.choice(_COLOURS if kind == "color" else _LANGUAGES)
    words = " ".join(invented_word(rng, split) for _ in range(rng.choice([1, 1, 2])))
    if split == "train" and rng.random() < 0.3:
        words = expand(
            rng,
            rng.choice(
                [
                    "[good|happy|new|old] [news|birthday|year|dog]",
                    "[see you|meet me] [soon|later|tomorrow]",
                    "[hello|hi] [there|world]",
                    "[python|cooking|music|history|space] [news|books|jokes|facts]",
                    "[blue|red|old|lost] [cars|moon|river|song]",
                ]
            ),
        )
    return words.title() if kind == "title" and rng.random() < 0.5 else words


def _schema(kind: str) -> dict[str, Any]:
    return {"type": _TYPES.get(kind) or (PARAMETERS[kind][0] if kind in PARAMETERS else "string")}


def _definition(name: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


def _style_name(rng: random.Random, name: str) -> str:
    """Mostly snake_case; sometimes camelCase."""
    if rng.random() < 0.08:
        first, *rest = name.split("_")
        return first + "".join(part.capitalize() for part in rest)
    return name


def _optional(rng: random.Random) -> tuple[str, dict[str, Any]]:
    """A parameter that nobody mentions; the call must leave it out."""
    if rng.random() < 0.5:
        return rng.choice(["unit", "units", "mode", "level", "format"]), {
            "type": "string",
            "enum": rng.choice(_UNITS),
        }
    return rng.choice(["limit", "page", "verbose", "timeout", "language", "days", "retries"]), {
        "type": rng.choice(["integer", "string", "boolean"])
    }


def _known_tool(
    rng: random.Random, split: str, tool: KnownTool
) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """A definition, a request and the arguments, for one of the usual tools."""
    name, values, properties, arguments = rng.choice(tool.names), {}, {}, {}
    for parameter, (kind, alternatives) in tool.parameters.items():
        label = parameter if rng.random() < 0.5 else rng.choice(alternatives)
        label = label if label not in properties else parameter
        values[parameter] = arguments[label] = value_of(rng, split, kind)
        properties[label] = _schema(kind)
    if rng.random() < 0.2:
        label, schema = _optional(rng)
        properties.setdefault(label, schema)
    text = fill(tool.requests.pick(rng, split), values)
    return _definition(_style_name(rng, name), rng.choice(tool.descriptions), properties), text, arguments


def _made_up_tool(
    rng: random.Random, split: str, noun: str | None
) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """The same for a tool made of a verb, a noun and parameters."""
    verb = rng.choice(list(VERBS))
    if noun is None:
        noun = (
            invented_word(rng, split)
            if rng.random() < 0.35
            else rng.choice(UNSEEN_NOUNS if split == "unseen" else NOUNS)
        )
    kinds = rng.sample(list(PARAMETERS), rng.choice([0, 1, 1, 1, 2, 2, 3]))
    said = [kind for kind in kinds if kind != "urgent" and rng.random() < 0.9]
    if verb == "get" and kinds == ["city"] and rng.random() < 0.5:
        noun = noun or "weather"
    properties: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    phrases = []
    for kind in kinds:
        label = rng.choice(PARAMETERS[kind][1]) if rng.random() < 0.9 else invented_word(rng, split)
        if label in properties:
            continue
        properties[label] = _schema(kind)
        if kind in said:
            arguments[label] = value_of(rng, split, kind)
            bank = (
                NAMED_PHRASES
                if rng.random() < 0.2 or label not in PARAMETERS[kind][1]
                else PARAMETERS[kind][2]
            )
            phrases.append(fill(bank.pick(rng, split), {"v": arguments[label], "p": label}))
    if rng.random() < 0.1:
        label, schema = _optional(rng)
        properties.setdefault(label, schema)
    rng.shuffle(phrases)
    rest = rng.choice([" ", " ", " and ", ", "]).join(phrases)
    bank = QUESTION if verb in ASKING_VERBS and rng.random() < 0.35 else COMMAND
    text = fill(bank.pick(rng, split), {"verb": rng.choice(VERBS[verb]), "noun": noun, "rest": rest})
    text = " ".join(
        text.replace(" .", ".").replace(" ?", "?").replace(" ,", ",").replace(" !", "!").split()
    ).lstrip(", ")
    description = fill(DESCRIPTION.pick(rng, split), {"verb": rng.choice(VERBS[verb][:2]), "noun": noun})
    name = f"{verb}_{noun}" if rng.random() < 0.85 else f"{noun}_{verb}"
    description = capitalise(description) if rng.random() < 0.7 else description
    return (
        _definition(_style_name(rng, name), description if rng.random() < 0.85 else "", properties),
        text,
        arguments,
    )


def _one_tool(rng: random.Random, split: str, noun: str | None) -> tuple[dict[str, Any], str, dict[str, Any]]:
    if rng.random() < 0.3:
        usable = [tool for tool in KNOWN_TOOLS if tool.in_training or split == "unseen"]
        return _known_tool(rng, split, rng.choice(usable))
    return _made_up_tool(rng, split, noun)


def _toolbox(rng: random.Random, split: str) -> list[tuple[dict[str, Any], str, dict[str, Any]]]:
    """One to four tools that cannot be confused: no two for the same purpose, or with the same verb and noun."""
    wanted, purposes, noun = rng.choice([1, 1, 2, 2, 3, 3, 4]), set(), None
    box: list[tuple[dict[str, Any], str, dict[str, Any]]] = []
    while len(box) < wanted:
        candidate = _one_tool(rng, split, noun)
        name = candidate[0]["function"]["name"].lower()
        known = [
            tool.names[0]
            for tool in KNOWN_TOOLS
            if name in (other.replace("_", "") for other in tool.names) or name in tool.names
        ]
        purpose = known[0] if known else " ".join(sorted(name.split("_")))
        if purpose not in purposes:
            purposes.add(purpose)
            box.append(candidate)
        verb, _, rest = name.partition("_")  # the next tool may be about the same thing, with another verb
        noun = rest if verb in VERBS and rest.isalpha() and not known and rng.random() < 0.15 else None
    return box


_SYSTEMS = [
    "",
    "",
    "",
    "You are a helpful assistant.",
    "Be brief.",
    "Use the tools.",
    "You are genkit's demo model.",
    "Call a tool when it helps.",
]


def _result(rng: random.Random, split: str, name: str) -> list[Turn]:
    """A tool's answer and what the model makes of it."""
    style = rng.random()
    if style < 0.45:
        number = rng.randint(-20, 999)
        text = expand(
            rng,
            f"[{number}|{number / 10}|{number} degrees|sunny, {number} degrees|done|ok|true|failed|not found|cloudy|rain]",
        )
        if rng.random() < 0.3:
            text = " ".join(invented_word(rng, split) for _ in range(rng.choice([1, 2, 3])))
        return [("tool", text), ("assistant", f"{name} returned: {text}")]
    keys = rng.sample(
        [
            "status",
            "result",
            "value",
            "temperature",
            "sky",
            "price",
            "id",
            "name",
            "city",
            "time",
            "count",
            "total",
        ],
        rng.choice([1, 2, 2, 3]),
    )
    values = {
        key: rng.choice(
            [
                rng.randint(0, 500),
                invented_word(rng, split),
                rng.choice(["done", "sunny", "ok", "cloudy", "rain"]),
            ]
        )
        for key in keys
    }
    said = ", ".join(f"{key} {value}" for key, value in values.items())
    return [
        ("tool", compact_json(values) if rng.random() < 0.5 else str(values).replace("'", '"')),
        ("assistant", f"{name} returned: {said}"),
    ]


def sample(rng: random.Random, split: str) -> Sample:
    """A list of tools, a request, and the call - or a plain answer if no tool is wanted."""
    box = _toolbox(rng, split)
    tools = [definition for definition, _, _ in box]
    turns: list[Turn] = []
    system = rng.choice(_SYSTEMS)
    if system:
        turns.append(("system", system))
    if rng.random() < 0.1:
        other = rng.choice([chat.small_talk, genkit_facts.sample, chat.refusal])(rng, split)
        return Sample("tools", turns + other.turns, {"call": None}, tools)
    definition, text, arguments = rng.choice(box)
    name = definition["function"]["name"]
    ordered = {
        key: arguments[key] for key in definition["function"]["parameters"]["properties"] if key in arguments
    }
    if split != "unseen" and rng.random() < 0.2:
        text = surround(rng, text)
    if split == "unseen" or rng.random() < 0.6:
        text = capitalise(text)
    turns += [("user", text), ("assistant", tool_call(name, ordered))]
    if split == "train" and rng.random() < 0.15:
        turns += _result(rng, split, name)
    return Sample("tools", turns, {"call": {"name": name, "arguments": ordered}}, tools)


def tool_result(rng: random.Random, split: str) -> Sample:
    """A finished call: the tool has answered, and the model says what came out."""
    while True:
        done = sample(rng, split)
        if done.facts["call"]:
            break
    turns = done.turns[:3] if done.turns[0][0] == "system" else done.turns[:2]
    return Sample("tool result", turns + _result(rng, split, done.facts["call"]["name"]), {}, done.tools)
