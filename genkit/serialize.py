"""Messages, requests and responses as JSON, and back.

The bytes of images and sounds travel as base64 (URL-safe), numbers that are infinite as text. What
:func:`loads` takes was perhaps written by a stranger: it is checked, and what is wrong with it is said.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from .errors import BadRequest, shown
from .events import TokenLogprob
from .messages import Message
from .request import Request, Tool
from .response import Response

T = TypeVar("T")


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:  # building one takes a millisecond
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def dumps(value: Message | Sequence[Message] | Request | Response) -> str:
    """A message, a list of messages, a request or a response as JSON text.

    Raises:
        BadRequest: it is something else; a text in it is not Unicode (it holds a lone surrogate); something
            in it is no JSON, such as NaN; or a provider's own tool would be read as a :class:`genkit.Tool`.
    """
    if not isinstance(value, (list, tuple, Message, Request, Response)):
        raise BadRequest(f"dumps takes messages, a request or a response, not {shown(value)}")
    listed = value if isinstance(value, (list, tuple)) else ()
    if others := [each for each in listed if not isinstance(each, Message)]:
        raise BadRequest(f"of a list dumps takes genkit.Message alone, not {shown(others[0])}")
    if isinstance(value, Request):
        _check_own(value.tools)
    try:
        text = json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"not to be written as JSON: {error}") from None
    return text


def _plain(value: Any) -> Any:
    """What stands for a value in JSON that is of no type of JSON's own. Raises ValueError for any other."""
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, TokenLogprob):
        top = {token: _number(logprob) for token, logprob in value.top.items()}
        return {"token": value.token, "logprob": _number(value.logprob), "top": top}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return to_jsonable_python(value)


def _number(logprob: float) -> float | str:
    """JSON has no infinity: that of what cannot be, as pydantic reads it."""
    return "-Infinity" if logprob == -math.inf else logprob


def _check_own(tools: Sequence[Tool | Mapping[str, Any]]) -> None:
    """Raises BadRequest for a provider's own tool that would not come back as one."""
    names = {field.name for field in fields(Tool)}
    for tool in tools:
        if not isinstance(tool, Tool) and "name" in tool and names.issuperset(tool):
            raise BadRequest(
                f"a provider's own tool with no more fields than a genkit.Tool has would be read as one: "
                f"{shown(tool)}; make it a genkit.Tool"
            )


def loads(kind: type[T], text: str | bytes) -> T:
    """Read what :func:`dumps` wrote.

    Args:
        kind: what it is: ``Message``, ``list[Message]``, ``Request`` or ``Response``.
        text: the JSON text.

    Raises:
        BadRequest: it is not JSON, or not of that form (the message names the place), or ``kind`` is no type.
    """
    if isinstance(kind, (str, bytes)):
        raise BadRequest(f"loads takes the type first, as in loads(list[Message], text), not {shown(kind)}")
    try:
        # Of a response a log probability may be infinite, which is text in JSON.
        strict = True if {Message, Request}.intersection((kind, *get_args(kind))) else None
        value: T = _adapter(kind).validate_json(text, strict=strict)
    except (PydanticUserError, TypeError) as error:
        raise BadRequest(f"JSON cannot be read as {shown(kind)}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole"
        name = getattr(kind, "__name__", kind)
        raise BadRequest(f"this is no {name} in JSON: {place}: {first['msg']}") from None
    return value
