"""How families of models write down what they think and which tools they call.

The forms are those of the models' own chat templates. Which one a model has is found from signs in its
template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from .toolreaders import (
    Call,
    checked,
    read_deepseek,
    read_function,
    read_gemma,
    read_json,
    read_kimi,
    read_mistral,
    read_tagged,
    read_unopened,
)

Reader: TypeAlias = Callable[[str], Sequence[Call | str]]
"""Reads what is between two markers, calls and what is text; raises ValueError if it is no call."""


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


_THINK = Section("reasoning", "<think>", ("</think>",))
_TAGGED = Section("call", "<tool_call>", ("</tool_call>",), read_tagged)
_UNOPENED = Section("call", "<function=", ("</tool_call>",), read_unopened)
_FUNCTION = Section("call", "<function=", ("</function>",), read_function)

_WITHIN = {
    "<|channel|>", "<|message|>", "<|constrain|>", "<|end|>", "<|start|>", "<|call|>", "<|return|>",
    "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>", "[ARGS]", "[CALL_ID]", '<|"|>',
    "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "</think>", "<think>",
}  # fmt: skip

# The first of which all signs are in the template; the last has none, and is for all others.
_KNOWN = (
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
            Section("call", "[TOOL_CALLS]", ("[TOOL_CALLS]",), read_mistral),  # which begins the next
        ),
    ),
    Syntax(  # Granite 3, Phi 4
        "listed",
        ("<|tool_call|>",),
        (_THINK, Section("call", "<|tool_call|>", ("<|/tool_call|>",), read_json)),
    ),
    Syntax("tagged", ("<tool_call>",), (_THINK, _TAGGED, _UNOPENED)),
    Syntax("function", ("<function=",), (_THINK, _FUNCTION)),
    Syntax(
        "llama",
        ("<|python_tag|>",),
        (Section("call", "<|python_tag|>", (), read_json), _FUNCTION),
        bare=True,
    ),
    # What genkit itself tells a model that has no syntax of its own (conversation.py).
    Syntax("told", (), (_THINK, _TAGGED)),
)
# All can read the form in which a model is told to call where its template fails.
SYNTAXES = tuple(
    syntax if _TAGGED in syntax.sections else syntax._replace(sections=(*syntax.sections, _TAGGED))
    for syntax in _KNOWN
)
ALONE = Syntax("alone", (), (_THINK, _TAGGED), bare=True)
"""An answer that may be a call in JSON without a marker (Llama 3.2)."""
BARE = Syntax("bare", (), (), bare=True)
"""An answer that was held to the form of a call."""
PLAIN = Syntax("plain", (), ())
"""An answer that was held to another form: all of it is text."""
_BY_NAME = {syntax.name: syntax for syntax in (*SYNTAXES, ALONE, BARE, PLAIN)}


def by_name(name: str) -> Syntax:
    """The syntax of this name."""
    return _BY_NAME.get(name) or between(*name.split())


def between(opens: str, closes: str = "") -> Syntax:
    """The syntax of a model whose template shows calls as JSON between two markers, after one, or alone."""
    if not opens:
        return ALONE
    call = Section("call", opens, (closes,) if closes else (), read_json)
    return Syntax(f"{opens} {closes}", (), (_THINK, call))


def find(template: str) -> Syntax:
    """The syntax that a chat template speaks of."""
    return next(syntax for syntax in SYNTAXES if all(sign in template for sign in syntax.signs))


def after_header(header: str) -> Section:
    """What a part of a Harmony answer is, by its header: where it is sent to, and on which channel."""
    ends = ("<|end|>", "<|return|>", "<|call|>", "<|start|>")
    if receiver := re.search(r"to=(?:functions\.)?([\w.-]+)", header):
        name = receiver[1]
        return Section("call", "", ends, lambda text: checked([Call(name, text.strip())]))
    return Section("reasoning" if "analysis" in header else "text", "", ends)


def markers(syntax: Syntax) -> set[str]:
    """The spellings that must reach the host, though tokens may stand for them."""
    found = {text for section in syntax.sections for text in (section.opens, *section.closes)}
    return found | _WITHIN
