"""How families of models write down what they think and which tools they call.

The forms are those of the models' own chat templates. Which one a model has is found from signs in its
template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeAlias


class Call(NamedTuple):
    """A call as a model wrote it: the tool's name, and the arguments as JSON text."""

    name: str
    arguments: str


Reader: TypeAlias = Callable[[str], list[Call]]
"""Reads what is between two markers; raises ValueError if it is no call."""


class Section(NamedTuple):
    """A part of an answer between two markers; without ``closes`` it goes to the end.

    A ``header`` (Harmony) says what the part after it is.
    """

    kind: Literal["text", "reasoning", "call", "header"]
    opens: str
    closes: tuple[str, ...] = ()
    read: Reader | None = None


class Syntax(NamedTuple):
    """The sections of one family, whose templates hold all of the signs."""

    name: str
    signs: tuple[str, ...]
    sections: tuple[Section, ...]
    bare: bool = False
    """Whether an answer that is one JSON object may be a call."""


def read_json(text: str) -> list[Call]:
    """JSON objects with a name and arguments: one, a list, or several in a row."""
    found, at, decoder = [], 0, json.JSONDecoder()
    while at < len(text):
        if text[at] in " \n\r\t;,":
            at += 1
            continue
        try:
            value, at = decoder.raw_decode(text, at)
        except RecursionError:
            raise ValueError("too deep") from None
        found += value if isinstance(value, list) else [value]
    return [_from_object(value) for value in found]


def _from_object(value: Any) -> Call:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    value = value.get("function", value) if isinstance(value.get("function"), dict) else value
    name = value.get("name", value.get("tool_name", value.get("function")))
    arguments = value.get("arguments", value.get("parameters"))
    if not isinstance(name, str) or not name or not isinstance(arguments, (dict, str)):
        raise ValueError("no name, or no arguments")
    if isinstance(arguments, str):
        return Call(name, arguments)
    return Call(name, json.dumps(arguments, ensure_ascii=False))


def read_tagged(text: str) -> list[Call]:
    """``<tool_call>``: JSON (Qwen, Hermes), ``<function=`` (Qwen Coder), or ``name<arg_key>`` (GLM)."""
    text = text.strip().removeprefix("<tool_call>")
    if text.startswith("{"):
        return read_json(text)
    if text.startswith("<function="):
        names = _all(r"<function=([^>\s]+)>(.*?)(?:</function>|$)", text)
        return [
            _from_pairs(name, r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>", body) for name, body in names
        ]
    name, _, body = text.partition("<arg_key>")
    return [
        _from_pairs(
            name.strip(), r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", "<arg_key>" + body
        )
    ]


def _from_pairs(name: str, pattern: str, body: str) -> Call:
    if not re.fullmatch(r"[\w.:-]+", name):
        raise ValueError("no name")
    pairs = {key: _value(value) for key, value in re.findall(pattern, body, re.DOTALL)}
    return Call(name, json.dumps(pairs, ensure_ascii=False))


def _value(text: str) -> Any:
    """A value without quotes: JSON, or else the text it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _all(pattern: str, text: str) -> list[tuple[str, ...]]:
    found = re.findall(pattern, text, re.DOTALL)
    if not found:
        raise ValueError("no call")
    return found


def _checked(calls: Iterator[Call]) -> list[Call]:
    """The calls, if their arguments are JSON."""
    checked = []
    for call in calls:
        try:
            arguments = json.loads(call.arguments)
        except RecursionError:
            raise ValueError("too deep") from None
        if not isinstance(arguments, dict):
            raise ValueError("arguments that are no object")
        checked.append(call)
    return checked


# What a model writes without end must not take without end to read: no pattern here has two neighbours that
# could share the same characters between them.
_MISTRAL = re.compile(r"\s*([\w.-]+)(?:\[CALL_ID\]\w+)?(?:\[ARGS\])?\s*(\{.*\})", re.DOTALL)


def read_mistral(text: str) -> list[Call]:
    """After ``[TOOL_CALLS]``: a JSON list, or ``name[ARGS]{…}``, with the marker before each further call."""
    if text.lstrip().startswith(("[{", "{", "[ ")):
        return read_json(text)
    found = [_MISTRAL.match(each) for each in text.split("[TOOL_CALLS]")]
    if not all(found):
        raise ValueError("no call")
    return _checked(Call(*each.groups()) for each in found if each)


def read_deepseek(text: str) -> list[Call]:
    """V3 and R1 write ``function``, a separator, the name and a fenced block; V3.1 the name and JSON."""
    pattern = (
        r"<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?([\w.-]+)(?:<｜tool▁sep｜>|\s*```json)"
        r"(.*?)<｜tool▁call▁end｜>"
    )
    found = _all(pattern, text)
    return _checked(Call(name, body.strip().removesuffix("```").strip()) for name, body in found)


def read_kimi(text: str) -> list[Call]:
    """``functions.name:0``, a marker, JSON."""
    pattern = (
        r"<\|tool_call_begin\|>\s*(?:functions\.)?([\w.-]+)(?::\d+)?\s*<\|tool_call_argument_begin\|>(.*?)"
    )
    return _checked(Call(*found) for found in _all(pattern + r"<\|tool_call_end\|>", text))


def read_function(text: str) -> list[Call]:
    """``<function=name>{…}``, of which the beginning was the marker."""
    name, _, arguments = text.partition(">")
    return _checked(iter([Call(name.strip(), arguments.strip())]))


_GEMMA_TOKEN = re.compile(r'<\|"\|>(.*?)<\|"\|>|(?<![\w.-])([A-Za-z_][\w.-]*)(?=\s*:)|(.)', re.DOTALL)


def read_gemma(text: str) -> list[Call]:
    """``call:name{key:<|"|>text<|"|>,other:1}``."""
    name, brace, rest = text.strip().removeprefix("call:").partition("{")
    quoted = "".join(
        other or json.dumps(key or string, ensure_ascii=False)
        for string, key, other in _GEMMA_TOKEN.findall(brace + rest)
    )
    return _checked(iter([Call(name.strip(), quoted)]))


_THINK = Section("reasoning", "<think>", ("</think>",))
_TAGGED = Section("call", "<tool_call>", ("</tool_call>",), read_tagged)
_FUNCTION = Section("call", "<function=", ("</function>",), read_function)

_WITHIN = {
    "<|channel|>", "<|message|>", "<|constrain|>", "<|end|>", "<|start|>", "<|call|>", "<|return|>",
    "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>", "[ARGS]", "[CALL_ID]", '<|"|>',
    "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "</think>", "<think>",
}  # fmt: skip

# The first of which all signs are in the template; the last has none, and is for all others.
SYNTAXES = (
    Syntax(
        "harmony",
        ("<|channel|>", "<|message|>"),
        (
            Section("header", "<|start|>", ("<|message|>",)),
            Section("header", "<|channel|>", ("<|message|>",)),
        ),
    ),
    Syntax(
        "command-r",
        ("<|START_ACTION|>",),
        (
            Section("reasoning", "<|START_THINKING|>", ("<|END_THINKING|>",)),
            Section("call", "<|START_ACTION|>", ("<|END_ACTION|>",), read_json),
            Section("text", "<|START_RESPONSE|>", ("<|END_RESPONSE|>",)),
            Section("text", "<|START_TEXT|>", ("<|END_TEXT|>",)),
        ),
    ),
    Syntax(
        "deepseek",
        ("<｜tool▁calls▁begin｜>",),
        (
            _THINK,
            Section("call", "<｜tool▁calls▁begin｜>", ("<｜tool▁calls▁end｜>",), read_deepseek),
            _TAGGED,  # what genkit tells them: some of their templates show no tools
        ),
    ),
    Syntax(
        "kimi",
        ("<|tool_calls_section_begin|>",),
        (_THINK, Section("call", "<|tool_calls_section_begin|>", ("<|tool_calls_section_end|>",), read_kimi)),
    ),
    Syntax(
        "gemma",
        ("<|tool_call>", "<tool_call|>"),
        (
            Section("reasoning", "<|channel>thought", ("<channel|>",)),
            Section("call", "<|tool_call>", ("<tool_call|>",), read_gemma),
        ),
    ),
    Syntax(
        "mistral",
        ("[TOOL_CALLS]",),
        (
            Section("reasoning", "[THINK]", ("[/THINK]",)),
            _THINK,
            Section("call", "[TOOL_CALLS]", (), read_mistral),
        ),
    ),
    Syntax(  # Granite 3, Phi 4
        "listed",
        ("<|tool_call|>",),
        (_THINK, Section("call", "<|tool_call|>", ("<|/tool_call|>",), read_json)),
    ),
    Syntax(
        "tagged", ("<tool_call>",), (_THINK, Section("call", "<tool_call>", ("</tool_call>",), read_tagged))
    ),
    Syntax(
        "function", ("<function=",), (_THINK, Section("call", "<function=", ("</function>",), read_function))
    ),
    Syntax(
        "llama",
        ("<|python_tag|>",),
        (
            Section("call", "<|python_tag|>", (), read_json),
            _FUNCTION,
        ),
        bare=True,
    ),
    # What genkit itself tells a model that has no syntax of its own (conversation.py).
    Syntax("told", (), (_THINK, _TAGGED)),
)
BARE = Syntax("bare", (), (), bare=True)
"""An answer that was held to the form of a call."""
PLAIN = Syntax("plain", (), ())
"""An answer that was held to another form: all of it is text."""
BY_NAME = {syntax.name: syntax for syntax in (*SYNTAXES, BARE, PLAIN)}


def find(template: str) -> Syntax:
    """The syntax that a chat template speaks of."""
    return next(syntax for syntax in SYNTAXES if all(sign in template for sign in syntax.signs))


def after_header(header: str) -> Section:
    """What a part of a Harmony answer is, by its header: where it is sent to, and on which channel."""
    ends = ("<|end|>", "<|return|>", "<|call|>", "<|start|>")
    if receiver := re.search(r"to=(?:functions\.)?([\w.-]+)", header):
        name = receiver[1]
        return Section("call", "", ends, lambda text: _checked(iter([Call(name, text.strip())])))
    return Section("reasoning" if "analysis" in header else "text", "", ends)


def markers(syntax: Syntax) -> set[str]:
    """The spellings that must reach the host, though tokens may stand for them."""
    found = {text for section in syntax.sections for text in (section.opens, *section.closes)}
    return found | _WITHIN
