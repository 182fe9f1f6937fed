"""What every dialect shares: what it is, and what it makes.

A dialect is pure: it turns a request into a :class:`Call` and the payloads of an answer into events,
and neither waits nor touches the network. What differs between the servers that speak one dialect is
data: a :class:`Vendor` with its quirks.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias

from ..errors import BadRequest, GenkitError, UnsupportedOption, shown
from ..events import Event
from ..messages import Media, ToolResult
from ..request import Request


class _Done:
    """The mark at the end of a stream that has one (``data: [DONE]``)."""


DONE: Final = _Done()
Payload: TypeAlias = Any
"""One JSON value of the answer: the data of a stream's event, or a whole body; or :data:`DONE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A server that speaks a dialect.

    Args:
        name: what users call it, before the colon.
        dialect: the name of the dialect it speaks.
        base_url: where it is.
        moved: where it is instead if the environment variable in it is set, as ``{NAME}/PATH``.
        key_variables: the environment variables that may hold the key, the first one set wins.
        auth: how the key travels: a ``Bearer`` token, a header of its own, or not at all.
        headers: what else every call carries.
        quirks: where it differs from its dialect, as its dialect reads it.
    """

    name: str
    dialect: str
    base_url: str
    moved: str = ""
    key_variables: tuple[str, ...] = ()
    auth: str = "bearer"
    headers: Mapping[str, str] = field(default_factory=dict)
    quirks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a call is for: a model at a vendor."""

    model: str
    vendor: Vendor

    def quirk(self, name: str, default: Any = None) -> Any:
        """Where the vendor differs from its dialect, or the default."""
        return self.vendor.quirks.get(name, default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request, without the key: the path under the vendor's base URL, and the JSON body."""

    path: str
    body: Mapping[str, Any] | None = None
    method: Literal["GET", "POST"] = "POST"
    query: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Dialect(Protocol):
    """A wire format, as pure functions.

    One that can do more has, in pairs, ``encode_embed`` and ``decode_embed`` (with ``embed_limit``),
    ``encode_rerank``, ``encode_models`` (see ``abilities.py``) and ``encode_count``, or ``encode_count_text``
    (see ``counting.py``). One whose streams are lines of JSON has ``in_lines = True``.
    """

    name: str

    def encode(self, request: Request, target: Target) -> Call:
        """The call for a request; ``request.stream`` says whether the answer is to come in pieces.

        Raises:
            BadRequest: the dialect cannot express something in it.
        """

    def decode(self, payloads: AsyncIterator[Payload], target: Target) -> AsyncGenerator[Event, None]:
        """The events in an answer, streamed or in one body.

        Raises:
            GenkitError: the payloads tell of an error, or make no sense (ProtocolError), or end
                before the terminal mark (IncompleteStream).
        """

    def error(self, status: int | None, body: Any, target: Target) -> GenkitError:
        """The error that a body tells of: of a failed response, or of a payload in a good one."""


_OPTIONS = (
    "tools", "tool_choice", "parallel_tool_calls", "output", "reasoning", "keep", "suffix", "lora",
    "metadata",
)  # fmt: skip


class Encoding:
    """What is set in a request, taken one by one by its dialect; what is left over is not supported.

    Args:
        request: the request.
        target: what it is for. Quirk: ``reads_files``, its server may be told to take ``file://`` URLs.

    Raises:
        BadRequest: an image, a sound or a document is nowhere that the server could fetch it.
    """

    def __init__(self, request: Request, target: Target) -> None:
        _check_places(request, target)
        self._request, self._provider = request, target.vendor.name
        self._warnings: list[str] = []
        self._left: dict[str, Any] = request.sampling.given()
        for name in _OPTIONS:
            value = getattr(request, name)
            if value is not None and value not in ((), [], {}):
                self._left[name] = value
        for form in request.output.form if request.output else ():
            if form != "schema":  # no API takes it
                self._left[f"output of a given {form}"] = self._left.pop("output")

    def take(self, name: str, default: Any = None) -> Any:
        """The value of an option, which is supported by being taken, or the default."""
        return self._left.pop(name, default)

    def move(self, body: dict[str, Any], names: Mapping[str, str]) -> None:
        """Put options into the body under their names on the wire."""
        for name, wire in names.items():
            if name in self._left:
                value = self._left.pop(name)
                body[wire] = list(value) if isinstance(value, tuple) else value  # as in JSON

    def refuse(self, option: str, why: str = "") -> None:
        """The option cannot be honoured: an error, or a warning if the request prefers that.

        Raises:
            UnsupportedOption: unless the request says otherwise.
        """
        message = f"{self._provider} does not take {option}" + (f": {why}" if why else "")
        if self._request.on_unsupported == "error":
            name = re.split(r"\W", option, maxsplit=1)[0]  # of "output of a given regex", output
            known = hasattr(self._request, name) or hasattr(self._request.sampling, name)
            raise UnsupportedOption(message, option=name if known else option, provider=self._provider)
        self.warn(f"{message}; it was left out")

    def warn(self, message: str) -> None:
        """The answer says this among its warnings, unless the request wants none."""
        if self._request.on_unsupported != "drop":
            self._warnings.append(message)

    def call(self, path: str, body: dict[str, Any], **more: Any) -> Call:
        """The finished call; ``more`` are the other fields of :class:`Call`.

        What is in ``extra`` wins; an object of it is merged with the one of the body that has its name.

        Raises:
            UnsupportedOption: an option was set that the dialect did not take.
        """
        for name in self._left:
            self.refuse(name)
        for name, value in self._request.extra.items():
            both = isinstance(value, Mapping) and isinstance(body.get(name), Mapping)
            body[name] = {**body[name], **value} if both else value
        return Call(path=path, body=body, warnings=tuple(self._warnings), **more)


def _check_places(request: Request, target: Target) -> None:
    """What others than the model give by a URL is at an address, not in a file. Raises BadRequest."""
    said = [part for message in request.messages if message.role != "assistant" for part in message.parts]
    results = [part.content for part in said if isinstance(part, ToolResult)]
    inner = [part for content in results if not isinstance(content, str) for part in content]
    for media in (*said, *inner):
        if isinstance(media, Media) and media.url and not _is_address(media.url, target):
            kind, name = type(media).__name__, target.vendor.name
            raise BadRequest(
                f"{kind} has url={shown(media.url)}, which {name} cannot fetch: give an address, such as "
                f"https://…, or for a file on this machine genkit.{kind}.read(path)",
                provider=name,
            )


def _is_address(url: str, target: Target) -> bool:
    scheme = re.match(r"([a-z][a-z0-9+.-]*)://", url, re.IGNORECASE)
    return scheme is not None and (scheme[1].lower() != "file" or target.quirk("reads_files", False))


def no_purpose(purpose: str | None, target: Target) -> None:
    """For embeddings that are the same whatever they are for. Raises UnsupportedOption if that is told."""
    if purpose is not None:
        name = target.vendor.name
        message = f"{name} does not take purpose: its embeddings are the same for all, leave it out"
        raise UnsupportedOption(message, option="purpose", provider=name)
