"""Messages, requests and responses as JSON, and back.

The bytes of images and sounds travel as base64 (URL-safe). What :func:`loads` takes was perhaps
written by a stranger: it is checked, and what is wrong with it is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from .errors import BadRequest
from .messages import Message
from .request import Request
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
        BadRequest: it is something else, or a text in it is not Unicode (it holds a lone surrogate).
    """
    kind = Sequence[Message] if isinstance(value, (list, tuple)) else type(value)
    if kind not in (Sequence[Message], Message, Request, Response):
        raise BadRequest(f"dumps takes messages, a request or a response, not {value!r:.80}")
    try:
        return _adapter(kind).dump_json(value, warnings="error").decode()
    except PydanticSerializationError as error:  # a lone surrogate: half a character
        raise BadRequest(f"not to be written as JSON: {error}") from None


def loads(kind: type[T], text: str | bytes) -> T:
    """Read what :func:`dumps` wrote.

    Args:
        kind: what it is: ``Message``, ``list[Message]``, ``Request`` or ``Response``.
        text: the JSON text.

    Raises:
        BadRequest: it is not JSON, or not of that form; the message names the place.
    """
    try:
        value: T = _adapter(kind).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole"
        name = getattr(kind, "__name__", kind)
        raise BadRequest(f"this is no {name} in JSON: {place}: {first['msg']}") from None
    return value
