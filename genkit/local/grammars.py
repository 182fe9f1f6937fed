"""Grammars as people write them, in GBNF or in Lark's notation, for llguidance's converter and its parser."""

from __future__ import annotations

import re
from collections.abc import Mapping

_RULE = re.compile(r"^\s*[\w-]+\s*::=", re.MULTILINE)
# Literals and classes (which may want their end), comments, any character, and names.
_PARTS = re.compile(r'"(?:\\.|[^"\\])*"?|\[(?:\\.|[^\]\\])*\]?|#[^\r\n]*|\.|[\w-]+', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|.)", re.DOTALL)
_ANY = "[\\x00-\U0010ffff]"
_LARK_TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"?|//[^\n]*|/(?:\\.|[^/\\\n])+/?')
_LARK_TOKEN = re.compile(r"<\[(\^?)([\d,*-]*)\]>|<[^<>\s]+>")


def is_gbnf(grammar: str) -> bool:
    """Whether a grammar is in llama.cpp's notation."""
    return bool(_RULE.search(grammar))


def spelled_out(grammar: str) -> str:
    """A grammar in GBNF, without what llguidance's converter reads otherwise than llama.cpp does.

    It drops the zeros that a code begins with, and takes ``start`` for its own and a dot for no line break.

    Raises:
        ValueError: a code is none of a character.
    """

    def plain(part: re.Match[str]) -> str:
        if part[0].startswith("#"):
            return part[0]
        if part[0] == ".":
            return _ANY
        return "start-" if part[0] == "start" else _ESCAPE.sub(_character, part[0])

    return _PARTS.sub(plain, grammar)


def _character(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    if not digits:
        return escape[0]
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ValueError(f"{escape[0]} is no character")
    return chr(code) if code > 0x7F else f"\\x{code:02x}"  # which may have a meaning as itself


def token_asked_for(grammar: str, tokens: Mapping[int, str]) -> str:
    """What of a grammar in Lark's notation asks for one of these tokens, by its id or its text; or ''."""
    for found in _LARK_TOKEN.finditer(_LARK_TEXT.sub('""', grammar)):
        if found[2] is None:
            asked = found[0] in tokens.values()
        else:
            asked = any(_is_listed(token, found[2]) != bool(found[1]) for token in tokens)
        if asked:
            return found[0]
    return ""


def _is_listed(token: int, listed: str) -> bool:
    """Whether a token is in a list such as ``1,5-7``, or ``*``."""
    ranges = [each.partition("-") for each in listed.split(",") if each]
    return any(low == "*" or int(low) <= token <= int(high if dash else low) for low, dash, high in ranges)
