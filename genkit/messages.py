"""What is said: a message is a role and the parts of its content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from .errors import BadRequest

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text."""

    text: str
    type: Literal["text"] = field(default="text", kw_only=True, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image: its bytes (``data``), or where they are (``url``), and its media type."""

    data: bytes = b""
    url: str = ""
    media_type: str = "image/png"
    type: Literal["image"] = field(default="image", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A sound: its bytes (``data``), or where they are (``url``), and its media type."""

    data: bytes = b""
    url: str = ""
    media_type: str = "audio/wav"
    type: Literal["audio"] = field(default="audio", repr=False)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model thought before it answered; ``signature`` proves to its provider that it is unchanged."""

    text: str
    signature: str = ""
    type: Literal["reasoning"] = field(default="reasoning", kw_only=True, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's request to run a tool; ``arguments`` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str
    type: Literal["tool_call"] = field(default="tool_call", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What the tool answered to the call with this ``id``; ``error`` says that it failed."""

    id: str
    content: str
    error: bool = False
    type: Literal["tool_result"] = field(default="tool_result", repr=False)


Part: TypeAlias = Text | Image | Audio | Reasoning | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Args:
        role: ``"system"``, ``"user"``, ``"assistant"`` or ``"tool"``.
        parts: the content, in order; a plain string stands for one :class:`Text`.

    Raises:
        BadRequest: the role or a part is not one of these.
    """

    role: Role
    parts: tuple[Part, ...]

    def __init__(self, role: Role, parts: str | Part | Iterable[str | Part]) -> None:
        if role not in get_args(Role):
            raise BadRequest(f"{role!r} is not a role; use one of {', '.join(get_args(Role))}")
        object.__setattr__(self, "role", role)
        object.__setattr__(self, "parts", _parts(parts))

    @classmethod
    def system(cls, *parts: str | Part) -> Message:
        """Instructions that hold for the whole conversation."""
        return cls("system", parts)

    @classmethod
    def user(cls, *parts: str | Part) -> Message:
        """What the user says."""
        return cls("user", parts)

    @classmethod
    def assistant(cls, *parts: str | Part) -> Message:
        """What the model said."""
        return cls("assistant", parts)

    @classmethod
    def tool(cls, *results: ToolResult) -> Message:
        """What the tools answered."""
        return cls("tool", results)

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def _parts(parts: str | Part | Iterable[str | Part]) -> tuple[Part, ...]:
    if isinstance(parts, (str, Part)):
        parts = (parts,)
    if not isinstance(parts, Iterable):
        raise BadRequest(f"a message's content is text or parts, not {type(parts).__name__} ({parts!r})")
    checked = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    for part in checked:
        if not isinstance(part, Part):
            raise BadRequest(f"a message is text or parts of genkit, not {type(part).__name__} ({part!r})")
    return checked
