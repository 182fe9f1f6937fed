"""Reads the calls of tools that models wrote between their markers (``toolsyntax.py``)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple


class Call(NamedTuple):
    """A call as a model wrote it: the tool's name, and the arguments as JSON text."""

    name: str
    arguments: str


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse)
_BETWEEN = " \n\r\t;,"


def read_json(text: str) -> list[Call]:
    """JSON objects with a name and arguments: one, a list, or several in a row."""
    calls, rest = _leading(text)
    if rest.strip(_BETWEEN):
        raise ValueError("more than calls")
    return calls


def _leading(text: str) -> tuple[list[Call], str]:
    """The calls that a text begins with, and what follows them. Raises ValueError if the first is none."""
    found, at, end = list[Any](), 0, 0
    while at < len(text) and (text[at] in _BETWEEN or text[at] in "{["):
        if text[at] in _BETWEEN:
            at += 1
            continue
        try:
            value, at = _decoded(text, at)
        except ValueError:
            if not found:
                raise
            break
        found += value if isinstance(value, list) else [value]
        end = at
    return [_from_object(value) for value in found], text[end:]


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """The JSON that begins there, and where it ends."""
    try:
        return _JSON.raw_decode(text, at)
    except RecursionError:
        raise ValueError("too deep") from None


def _from_object(value: Any) -> Call:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    value = value.get("function", value) if isinstance(value.get("function"), dict) else value
    name = value.get("name", value.get("tool_name", value.get("function")))
    arguments = value.get("arguments", value.get("parameters"))
    if not isinstance(name, str) or not name or not isinstance(arguments, (dict, str)):
        raise ValueError("no name, or no arguments")
    if isinstance(arguments, str):
        return checked([Call(name, arguments.strip() or "{}")])[0]
    return Call(name, _text(arguments))


def _text(arguments: Any) -> str:
    """As JSON, with letters as they are; but half of one, which no encoding takes, is spelled out."""
    text = json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(arguments, allow_nan=False)
    return text


def read_tagged(text: str) -> list[Call]:
    """``<tool_call>``: JSON (Qwen, Hermes), ``<function=`` (Qwen Coder), or ``name<arg_key>`` (GLM)."""
    text = text.strip().removeprefix("<tool_call>").lstrip()  # Qwen may write the marker twice
    if text.startswith("{"):
        return read_json(text)
    if text.startswith("<function="):
        found = re.findall(r"<function=([^>\s]+)(?:(>)(.*?)(?:</function>|$))?", text, re.DOTALL)
        key, end = r"<parameter=((?:(?!<parameter=)[^>\s])+)>\n?", r"\n?</parameter>"
        return _some(_from_pairs(name, _closed(key, end, body)) for name, is_one, body in found if is_one)
    name, _, body = text.partition("<arg_key>")
    key = r"<arg_key>((?:(?!</?arg_key>).)*)</arg_key>\s*<arg_value>"
    return [_from_pairs(name.strip(), _closed(key, "</arg_value>", "<arg_key>" + body))]


def read_unopened(text: str) -> list[Call]:
    """``<function=…``, of which the beginning was the marker: Qwen Coder may leave ``<tool_call>`` out."""
    _, closer, rest = text.rpartition("</function>")
    if not closer or rest.strip():
        raise ValueError("more than calls, or none")
    return read_tagged(f"<function={text}")


def _from_pairs(name: str, found: Iterable[tuple[str, str]]) -> Call:
    if not re.fullmatch(r"[\w.:-]+", name):
        raise ValueError("no name")
    return Call(name, _text({key: _value(value) for key, value in found}))


def _value(text: str) -> Any:
    """A value without quotes: JSON, or else the text it is."""
    try:
        return _JSON.decode(text)
    except (ValueError, RecursionError):
        return text


def _some(calls: Iterable[Call]) -> list[Call]:
    if not (found := list(calls)):
        raise ValueError("no call")
    return found


def checked(calls: Iterable[Call]) -> list[Call]:
    """The calls, if their arguments are JSON."""
    calls = list(calls)
    for call in calls:
        try:
            arguments = _JSON.decode(call.arguments)
        except RecursionError:
            raise ValueError("too deep") from None
        if not isinstance(arguments, dict):
            raise ValueError("arguments that are no object")
    return calls


# What a model writes without end must not take without end to read: no pattern here has two neighbours that
# could share the same characters between them, and none looks for the same end from many beginnings.
def _closed(opens: str, closes: str, text: str) -> list[tuple[str, str]]:
    """What the group in ``opens`` found, and what follows up to an end; one without an end is left out."""
    found = re.findall(rf"{opens}(.*?)(?:({closes})|\Z)", text, re.DOTALL)
    return [(name, body) for name, body, end in found if end]


_MISTRAL = re.compile(r"\s*([\w.-]+)(?:\[CALL_ID\]\w+)?(?:\[ARGS\])?\s*(?=\{)")


def read_mistral(text: str) -> list[Call | str]:
    """After ``[TOOL_CALLS]``: a JSON list of calls, or one ``name[ARGS]{…}``; what follows is text."""
    if text.lstrip().startswith(("[", "{")):
        calls, rest = _leading(text)
        return [*_some(calls), rest]
    if not (found := _MISTRAL.match(text)):
        raise ValueError("no call")
    _, end = _decoded(text, found.end())
    return [*checked([Call(found[1], text[found.end() : end])]), text[end:]]


def read_deepseek(text: str) -> list[Call]:
    """V3 and R1 write ``function``, a separator, the name and a fenced block; V3.1 the name and JSON."""
    opens = r"<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?([\w.-]+)(?:<｜tool▁sep｜>|\s*```json)"
    found = _closed(opens, "<｜tool▁call▁end｜>", text)
    return _some(checked(Call(name, body.strip().removesuffix("```").strip()) for name, body in found))


def read_kimi(text: str) -> list[Call]:
    """``functions.name:0``, a marker, JSON."""
    opens = r"<\|tool_call_begin\|>\s*(?:functions\.)?([\w.-]+)(?::\d+)?\s*<\|tool_call_argument_begin\|>"
    return _some(checked(Call(*found) for found in _closed(opens, r"<\|tool_call_end\|>", text)))


def read_function(text: str) -> list[Call]:
    """``<function=name>{…}``, of which the beginning was the marker."""
    name, _, arguments = text.partition(">")
    return checked([Call(name.strip(), arguments.strip())])


_GEMMA_TOKEN = re.compile(r'<\|"\|>(.*?)<\|"\|>|(?<![\w.-])(\w[\w.-]*)(?=\s*:)|(.)', re.DOTALL)


def read_gemma(text: str) -> list[Call]:
    """``call:name{key:<|"|>text<|"|>,other:1}``."""
    name, brace, rest = text.strip().removeprefix("call:").partition("{")
    quoted = "".join(
        other or json.dumps(key or string, ensure_ascii=False)
        for string, key, other in _GEMMA_TOKEN.findall(brace + rest)
    )
    return checked([Call(name.strip(), quoted)])
