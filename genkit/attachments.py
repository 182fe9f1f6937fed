"""Images, sounds and documents, as parts of a message."""

from __future__ import annotations

import base64
import mimetypes
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import unquote_to_bytes

from .errors import BadRequest

# What Python knows only where the system has a list.
_TYPES = {".webp": "image/webp", ".ogg": "audio/ogg", ".flac": "audio/flac", ".m4a": "audio/mp4"}
# How files begin of which providers want to know the kind; the dots are a length.
_BEGINNINGS = (
    (rb"\x89PNG\r\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"RIFF....WAVE", "audio/wav"),
    (rb"%PDF-", "application/pdf"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Something that is not text: its bytes (``data``), or where they are (``url``), and its media type.

    A ``data:`` URL is taken apart into bytes and media type. Bytes without a media type get
    that of their beginning, if it is that of PNG, JPEG, GIF, WebP, WAV or PDF.

    Raises:
        BadRequest: neither or both were given, they are of another type, or the ``data:`` URL is broken.
    """

    # Read by pydantic, in serialize.py: JSON has no bytes.
    __pydantic_config__: ClassVar[dict[str, str]] = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}

    data: bytes = b""
    url: str = ""
    media_type: str = ""

    def __post_init__(self) -> None:
        kind = type(self).__name__
        if not isinstance(self.data, bytes):
            raise BadRequest(
                f"{kind} takes data= as bytes, not {type(self.data).__name__}; base64 goes into a data: URL"
            )
        if not isinstance(self.url, str) or not isinstance(self.media_type, str):
            raise BadRequest(f"{kind} takes url= and media_type= as text, not {self.url!r:.80}")
        if bool(self.data) == bool(self.url):
            raise BadRequest(f"{kind} takes data= (not empty) or url=, one of the two")
        if self.url[:5].lower() == "data:":
            data, media_type = _from_data_url(self.url)
            object.__setattr__(self, "data", data)
            object.__setattr__(self, "media_type", self.media_type or media_type)
            object.__setattr__(self, "url", "")
        elif self.data and not self.media_type:
            found = (name for start, name in _BEGINNINGS if re.match(start, self.data, re.DOTALL))
            object.__setattr__(self, "media_type", next(found, ""))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Any:
        """The file at ``path``; its media type is guessed from its name. Raises OSError."""
        return cls(data=Path(path).read_bytes(), media_type=_guessed(path))

    @property
    def base64(self) -> str:
        """The bytes in base64."""
        return base64.b64encode(self.data).decode()

    @property
    def data_url(self) -> str:
        """The bytes as a ``data:`` URL, or the URL where they are."""
        return self.url or f"data:{self.media_type};base64,{self.base64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Media):
    """An image; ``detail`` is how closely to look (``low``, ``high``), for providers that ask.

    ``signature`` proves to the provider that it is the model's own; it is sent back with the image.
    """

    detail: str = ""
    signature: str = field(default="", repr=False)
    type: Literal["image"] = field(default="image", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio(Media):
    """A sound."""

    type: Literal["audio"] = field(default="audio", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Media):
    """A document, such as a PDF; ``name`` is its file name."""

    name: str = ""
    type: Literal["document"] = field(default="document", repr=False)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Any:
        """The file at ``path``, with its name; its media type is guessed from that. Raises OSError."""
        return cls(data=Path(path).read_bytes(), media_type=_guessed(path), name=Path(path).name)


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
    return data, kind.partition(";")[0] or "text/plain"
