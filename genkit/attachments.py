"""Images, sounds and documents, as parts of a message."""

from __future__ import annotations

import base64
import mimetypes
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import unquote_to_bytes

from .errors import BadRequest, shown

if TYPE_CHECKING:
    from typing_extensions import Self

# What Python knows only where the system has a list, or where it says otherwise.
_TYPES = {
    ".webp": "image/webp",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".wav": "audio/wav",
    ".csv": "text/csv",
    ".md": "text/markdown",
}
# How files begin of which providers want to know the kind; the dots are a length.
_BEGINNINGS = (
    (rb"\x89PNG\r\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"RIFF....WAVE", "audio/wav"),
    (rb"%PDF-", "application/pdf"),
    (rb"ID3[\x02-\x04]|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", "audio/mpeg"),
    (rb"OggS", "audio/ogg"),
    (rb"fLaC", "audio/flac"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Something that is not text: its bytes (``data``), or where they are (``url``), and its media type.

    A ``data:`` URL is taken apart into bytes and media type. Bytes without a media type get
    that of their beginning, if it is that of PNG, JPEG, GIF, WebP, PDF, WAV, MP3, Ogg or FLAC.

    Raises:
        BadRequest: neither or both were given, they are of another type, or the ``data:`` URL is broken.
    """

    # Read by pydantic, in serialize.py: JSON has no bytes.
    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "val_json_bytes": "base64",
        "ser_json_bytes": "base64",
        "extra": "forbid",
    }
    _kinds: ClassVar[tuple[str, ...]] = ("",)

    data: bytes = field(default=b"", repr=False)  # megabytes, which logs have no room for
    url: str = ""
    media_type: str = ""

    def __post_init__(self) -> None:
        kind = type(self).__name__
        if not isinstance(self.data, bytes):
            raise BadRequest(
                f"{kind} takes data= as bytes, not {type(self.data).__name__}; base64 goes into a data: URL"
            )
        for each in fields(self):
            if each.name != "data" and not isinstance(value := getattr(self, each.name), str):
                raise BadRequest(f"{kind} takes {each.name}= as text, not {shown(value)}")
        if bool(self.data) == bool(self.url):
            raise BadRequest(f"{kind} takes data= (not empty) or url=, one of the two")
        otherwise = ""
        if self.url[:5].lower() == "data:":
            data, media_type = _from_data_url(self.url)
            object.__setattr__(self, "data", data)
            object.__setattr__(self, "media_type", self.media_type or media_type)
            object.__setattr__(self, "url", "")
            otherwise = "text/plain"
        if self.data and not self.media_type:
            object.__setattr__(self, "media_type", _of_its_beginning(self.data) or otherwise)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """The file at ``path``; its beginning tells its media type, or else its name.

        Raises:
            BadRequest: that is no path, or the file is empty or of another kind (text as an image).
            OSError: it cannot be read.
        """
        found = cls(**_read(path))
        if not found.media_type.startswith((*cls._kinds, "application/octet-stream")):
            what = f"{os.fspath(path)} is {found.media_type}, no {cls.__name__}"
            raise BadRequest(f"{what}; genkit.Document.read takes any file")
        return found

    @property
    def known_type(self) -> str:
        """The media type. Raises BadRequest if neither who gave the bytes nor their beginning tells it."""
        if not self.media_type:
            kind = type(self).__name__
            raise BadRequest(
                f"how {self.data[:12]!r} begins does not tell what it is: give {kind} media_type="
            )
        return self.media_type

    @property
    def base64(self) -> str:
        """The bytes in base64."""
        return base64.b64encode(self.data).decode()

    @property
    def data_url(self) -> str:
        """The bytes as a ``data:`` URL, or the URL where they are; raises what :attr:`known_type` does."""
        return self.url or f"data:{self.known_type};base64,{self.base64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Media):
    """An image; ``detail`` is how closely to look (``low``, ``high``), for providers that ask.

    ``signature`` proves to the provider that it is the model's own; it is sent back with the image.
    """

    detail: str = ""
    _kinds: ClassVar[tuple[str, ...]] = ("image/",)
    signature: str = field(default="", repr=False)
    type: Literal["image"] = field(default="image", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio(Media):
    """A sound."""

    _kinds: ClassVar[tuple[str, ...]] = ("audio/", "video/")  # which may hold no more than sound
    type: Literal["audio"] = field(default="audio", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Media):
    """A document, such as a PDF; ``name`` is its file name."""

    name: str = ""
    type: Literal["document"] = field(default="document", repr=False)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """The file at ``path``, with its name; raises what :meth:`Media.read` does."""
        return cls(**_read(path), name=Path(path).name)


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The bytes of a file, and their media type."""
    if not isinstance(path, (str, os.PathLike)):
        raise BadRequest(f"read takes the path of a file as text, not {shown(path)}")
    data = Path(path).read_bytes()
    return {"data": data, "media_type": _of_its_beginning(data) or _guessed(path)}


def _of_its_beginning(data: bytes) -> str:
    """The media type of bytes that begin as this does, or ''."""
    return next((name for start, name in _BEGINNINGS if re.match(start, data, re.DOTALL)), "")


def _guessed(path: str | os.PathLike[str]) -> str:
    """The media type that the name of a file tells: of what is packed, that of the packing."""
    guessed, packing = mimetypes.guess_type(os.fspath(path))
    kind = f"application/{packing}" if packing else guessed
    return _TYPES.get(Path(path).suffix.lower()) or kind or "application/octet-stream"


def _from_data_url(url: str) -> tuple[bytes, str]:
    """The bytes and the media type in a ``data:`` URL (RFC 2397)."""
    head, comma, body = url[5:].partition(",")
    kind, semicolon, last = head.rpartition(";")
    is_base64 = bool(semicolon) and last.strip().lower() == "base64"
    kind = kind if is_base64 else head
    try:
        data = unquote_to_bytes(body)
        data = base64.b64decode(data, validate=True) if is_base64 else data
    except ValueError:  # no base64, half a character
        data = b""
    if not comma or not data:
        raise BadRequest(f"a broken data: URL: {url[:60]!r}")
    return data, kind.partition(";")[0]
