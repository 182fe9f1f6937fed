"""Tool calls held to the schemas of the tools: free text until the model opens a call, then only what is one.

How a model spells a call is taken from its template, which is made to show one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .context import Context
from .mask import Mask
from .schema import JSON_OPTIONS, narrowed, takes_nothing
from .toolsyntax import Syntax

_BLANKS = JSON_OPTIONS["whitespace_pattern"]
_MARKER = r"(<[^<>\s]{2,40}>|\[[A-Z_/]{3,40}\])"
_ID = "\uf8ff"  # for private use: stands for a call's id


class _Blanks(NamedTuple):
    """Where the parts of a call meet, in llguidance's Lark."""

    colon: str
    comma: str
    inside: str


def _blanks(options: Mapping[str, Any]) -> _Blanks:
    if options.get("whitespace_flexible", True):
        return _Blanks('BLANK? ":" BLANK?', 'BLANK? "," BLANK?', "BLANK?")
    return _Blanks(literal(options["key_separator"]), literal(options["item_separator"]), "")


class Spelling(NamedTuple):
    """How a model spells a call after a marker: as JSON with these keys in their order.

    Without keys, it is the name, a text, and then the arguments as JSON.
    """

    opens: str
    keys: tuple[str, ...] = ("name", "arguments")
    name: str = "name"
    arguments: str = "arguments"
    listed: bool = False
    """Whether the marker is followed by a list of calls."""
    between: str = ""


TOLD = Spelling("<tool_call>")
"""How models are told to spell calls whose templates know none (``conversation.py``)."""


def spelling(shown: str, syntax: Syntax, example: Mapping[str, Any]) -> Spelling | None:
    """How a call is spelled in a conversation that holds one; None if not with JSON after a marker.

    Args:
        shown: the conversation, as the model sees it.
        syntax: how the model marks its calls.
        example: the ``id``, the ``name`` and the ``arguments`` of the call in it.
    """
    markers = [section.opens for section in syntax.sections if section.kind == "call"]
    texts = [(marker, text) for marker in markers for text in shown.split(marker)[1:]]
    found = (form(marker, text, example) for form in (_as_json, _as_text) for marker, text in texts)
    return next(filter(None, found), None)


def markers_around(shown: str, plain: str, example: Mapping[str, Any]) -> tuple[str, str] | None:
    """The markers of a call in JSON that no table knows, each '' if there is none: before it, and after it.

    Args:
        shown: a conversation that holds the call, as the model sees it.
        plain: one without calls: its markers are not those of calls.
        example: as for :func:`spelling`.
    """
    for found in re.finditer(_MARKER + r"\s*(?=[\[{])", shown):
        text = shown[found.end() :]
        if _as_json(found[1], text, example):
            after = re.match(r"\s*" + _MARKER, text[json.JSONDecoder().raw_decode(text)[1] :])
            opens, closes = ("" if not each or each[1] in plain else each[1] for each in (found, after))
            return opens, closes
    return None


def _as_json(marker: str, text: str, example: Mapping[str, Any]) -> Spelling | None:
    call = _decoded(text.lstrip())
    listed = isinstance(call, list) and len(call) == 1
    call = call[0] if listed else call
    keys = {json.dumps(value): key for key, value in call.items()} if isinstance(call, dict) else {}
    name, arguments = (keys.get(json.dumps(example[key])) for key in ("name", "arguments"))
    return Spelling(marker, tuple(call), name, arguments, listed) if name and arguments else None


def _as_text(marker: str, text: str, example: Mapping[str, Any]) -> Spelling | None:
    between, brace, arguments = text.removeprefix(example["name"]).partition("{")
    between = between.replace(example["id"], _ID)
    counts = any(character.isdigit() for character in between)  # calls: the next is another
    if not text.startswith(example["name"]) or counts or _decoded(brace + arguments) != example["arguments"]:
        return None
    return Spelling(marker, (), between=between)


def _decoded(text: str) -> Any:
    """The JSON that a text begins with, or None."""
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except ValueError:
        return None


def grammar(
    functions: Sequence[Mapping[str, Any]],
    spelled: Spelling | None,
    control: Mapping[str, int],
    options: Mapping[str, Any],
) -> str:
    """What a call of one of these functions looks like, as llguidance's Lark.

    Args:
        functions: ``name`` and ``parameters`` of each.
        spelled: how the model spells calls after its marker; as a JSON object if None.
        control: the ids of control tokens that may be part of it.
        options: what llguidance is told of JSON.
    """
    form, blanks = spelled or TOLD, _blanks(options)
    calls = [
        call
        for number, function in enumerate(functions)
        for call in _calls(number, function, form, control, blanks)
    ]
    start = f'"[" {blanks.inside} call ({blanks.comma} call)* {blanks.inside} "]"' if form.listed else "call"
    rules = [
        f"start: BLANK? {start} TAIL?" if spelled else f"start: {start}",
        f"call: {' | '.join(calls)}",
        *(f"arguments_{number}: %json {_schema(each, options)}" for number, each in enumerate(functions)),
        r'OTHER: /"[\w-]{1,40}"|-?[0-9]{1,9}|null/',
        "ID: /[A-Za-z0-9]{1,40}/",
        f"BLANK: /{_BLANKS}/",
        rf"TAIL: /{_BLANKS}|[ \t\r\n]{{0,20}}[<\[](.|\n)*/",  # may be in one token with a call's end
    ]
    return "\n".join(rules)


def literal(text: str) -> str:
    """A text in llguidance's Lark."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _calls(
    number: int,
    function: Mapping[str, Any],
    spelled: Spelling,
    control: Mapping[str, int],
    blanks: _Blanks,
) -> Iterator[str]:
    """What a call of one function may be; keys that are neither its name nor its arguments may be missing."""
    if not spelled.keys:
        yield " ".join([literal(function["name"]), *_terms(spelled.between, control), f"arguments_{number}"])
        return
    values = {spelled.name: literal(json.dumps(function["name"], ensure_ascii=False))}
    values[spelled.arguments] = f"arguments_{number}"
    for keys in dict.fromkeys([spelled.keys, tuple(key for key in spelled.keys if key in values)]):
        pairs = [f"{literal(json.dumps(key))} {blanks.colon} {values.get(key, 'OTHER')}" for key in keys]
        yield f'"{{" {blanks.inside} {f" {blanks.comma} ".join(pairs)} {blanks.inside} "}}"'


def _terms(text: str, control: Mapping[str, int]) -> Iterator[str]:
    """A text in Lark, with its control tokens as such."""
    markers = sorted(filter(None, control), key=len, reverse=True)
    for part in re.split(f"({'|'.join(map(re.escape, [_ID, *markers]))})", text):
        if part == _ID:
            yield "ID"
        elif part:
            yield f"<[{control[part]}]>" if part in control else literal(part)


def _schema(function: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """The arguments' schema, of which objects are left: no reader takes anything else for a call.

    Raises:
        ValueError: no object fits it.
    """
    parameters = function["parameters"]
    if not isinstance(parameters, Mapping):
        return json.dumps(parameters)
    closed = {"additionalProperties": False} if takes_nothing(parameters) else {}
    schema = {**narrowed(parameters), **closed}
    kinds = schema.get("type", "object")
    if "object" not in (kinds if isinstance(kinds, list) else [kinds]):
        raise ValueError(f'arguments are an object, not of "type": {json.dumps(kinds)}')
    schema["type"] = "object"
    return json.dumps({**schema, "x-guidance": {**options, **function.get("options", {})}})


class Calls:
    """Holds an answer to its form inside of tool calls only; see :class:`genkit.local.sequence.Constraint`.

    Args:
        spelled: how the model spells calls.
        syntax: how it marks its thoughts, in which nothing is a call.
        thinking: whether the answer begins with thoughts.
        piece: the text of a token.
        make: makes the mask for a call.
    """

    def __init__(
        self,
        spelled: Spelling,
        syntax: Syntax,
        *,
        thinking: bool,
        piece: Callable[[int], bytes],
        make: Callable[[], Mask],
    ) -> None:
        thoughts = [section for section in syntax.sections if section.kind == "reasoning"]
        self._opens = spelled.opens.encode()
        self._think = {section.opens.encode() for section in thoughts}
        closes = [close.encode() for section in thoughts for close in section.closes]
        markers = sorted([self._opens, *self._think, *closes], key=len, reverse=True)
        self._marker = re.compile(b"|".join(map(re.escape, markers)))
        self._reach = len(markers[0])
        self._thinking, self._piece, self._make = thinking, piece, make
        self._said, self._keys = b"", spelled.keys
        self._after = False  # a call was whole, and nothing but blanks came since
        self._mask: Mask | None = None

    @property
    def holds(self) -> bool:
        """Whether the answer is inside a call now."""
        return self._mask is not None

    def apply(self, context: Context, row: int) -> None:
        """Inside a call, lower the logits of what does not fit."""
        if self._mask:
            self._mask.apply(context, row)

    def guess(self) -> list[int]:
        """Inside a call, what most likely comes next, if little else may."""
        return self._mask.guess() if self._mask else []

    def accept(self, token: int) -> None:
        """This token was chosen."""
        if self._mask:
            self._mask.accept(token)
            if self._mask.whole:
                self._mask, self._after = None, bool(self._keys)
            return
        self._said += self._piece(token)
        if self._after:
            rest = self._said.lstrip(b" \t\r\n,;")
            if rest.startswith(b"{"):  # another call without a marker of its own
                self._said = rest
                self._open()
                return
            self._after = not rest
        while found := self._marker.search(self._said):
            self._said = self._said[found.end() :]
            if found[0] != self._opens:
                self._thinking = found[0] in self._think
            elif not self._thinking:
                self._open()
                return
        self._said = self._said[-self._reach :]

    def _open(self) -> None:
        """A call begins; what came in one token with its marker may be the beginning of one, or of none."""
        mask, text = self._make(), self._said.decode("utf-8", "replace")
        self._said, self._after = b"", False
        if mask.begin(text) and not mask.whole:
            self._mask = mask
