"""What is said: a message is a role and the parts of its content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from .attachments import Audio as Audio  # noqa: PLC0414 - where parts are looked for
from .attachments import Document as Document  # noqa: PLC0414 - where parts are looked for
from .attachments import Image as Image  # noqa: PLC0414 - where parts are looked for
from .attachments import Media as Media  # noqa: PLC0414 - where parts are looked for
from .errors import BadRequest, shown


class _ByType:
    """Read by pydantic, in serialize.py: which kind of part something is, its ``type`` says."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: Any) -> dict[str, Any]:
        kinds = {kind.__dataclass_fields__["type"].default: kind for kind in get_args(source)}
        choices = {name: handler.generate_schema(kind) for name, kind in kinds.items()}
        return {"type": "tagged-union", "discriminator": "type", "choices": choices}


Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where a piece of an answer comes from; ``start`` and ``end`` are offsets in its text, if known."""

    url: str = ""
    title: str = ""
    quote: str = ""
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text, and where it comes from if the model says so.

    ``signature`` proves to the provider that it is the model's own; it is sent back with the text.

    Raises:
        BadRequest: it is no text.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    signature: str = field(default="", kw_only=True, repr=False)
    type: Literal["text"] = field(default="text", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _plain(self.text, "Text"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model's words when it declines to answer.

    Raises:
        BadRequest: it is no text.
    """

    text: str
    type: Literal["refusal"] = field(default="refusal", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _plain(self.text, "Refusal"))


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model thought before it answered.

    ``signature`` proves to its provider that it is unchanged, or holds it encrypted (then ``text``
    may be empty); ``id`` is the provider's own. Sent back as it is, the model goes on from it.
    ``dialect`` is the one that they came in: only its providers are shown them, others the text at most.

    Raises:
        BadRequest: it is no text.
    """

    text: str
    signature: str = ""
    id: str = ""
    dialect: str = field(default="", kw_only=True)
    type: Literal["reasoning"] = field(default="reasoning", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _plain(self.text, "Reasoning"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's request to run a tool; ``arguments`` is the JSON text as the model wrote it.

    Raises:
        BadRequest: the arguments, the name or the id are no text.
    """

    id: str
    name: str
    arguments: str
    signature: str = ""
    type: Literal["tool_call"] = field(default="tool_call", repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not isinstance(self.name, str):
            raise BadRequest(
                f"a call has an id and a name, texts, not {shown(self.id)} and {shown(self.name)}"
            )
        if not isinstance(self.arguments, str):
            raise BadRequest(
                f"a call's arguments are JSON text, not {shown(self.arguments)}; json.dumps them"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What the tool called ``name`` answered to the call with this ``id``; ``error`` says that it failed.

    The content is text, or text, images, documents and what only its dialect knows for models that take them.

    Raises:
        BadRequest: it, the id, the name or ``error`` is of another type.
    """

    id: str
    content: str | Sequence[Annotated[Text | Image | Document | Native, _ByType]]
    name: str = ""
    error: bool = False
    type: Literal["tool_result"] = field(default="tool_result", repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.id, str):
            raise BadRequest(f"a result has the id of its call, a text, not {shown(self.id)}")
        if not isinstance(self.name, str):
            raise BadRequest(f"a result has the name of its tool, a text, not {shown(self.name)}")
        if not isinstance(self.error, bool):
            raise BadRequest(f"whether a tool failed (error=) is True or False, not {shown(self.error)}")
        if isinstance(self.content, str):
            object.__setattr__(self, "content", _plain(self.content, "ToolResult"))
            return
        parts = tuple(self.content) if isinstance(self.content, (list, tuple)) else (self.content,)
        if any(not isinstance(part, (Text, Image, Document, Native)) for part in parts):
            raise BadRequest(
                "what a tool answers is text, or genkit.Text, Image, Document and Native, not "
                f"{shown(self.content)}; json.dumps it"
            )
        object.__setattr__(self, "content", parts)

    @property
    def text(self) -> str:
        """The text of the content."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, Text))

    @property
    def told(self) -> str | Sequence[Text | Image | Document | Native]:
        """The content where nothing else says that the tool failed: then it begins with ``Error: ``."""
        if not self.error:
            return self.content
        return f"Error: {self.content}" if isinstance(self.content, str) else (Text("Error: "), *self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMark:
    """Everything before this may be kept in the provider's prompt cache, for ``ttl`` (``5m``, ``1h``).

    Raises:
        BadRequest: ``ttl`` is no text.
    """

    ttl: str = ""
    type: Literal["cache_mark"] = field(default="cache_mark", repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.ttl, str):
            raise BadRequest(f"CacheMark takes ttl= as text, such as '5m', not {shown(self.ttl)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """Content that only one dialect knows (a search it ran itself, say), kept to be sent back verbatim.

    Raises:
        BadRequest: the dialect is no text, or the data no mapping.
    """

    dialect: str
    data: Mapping[str, Any]
    type: Literal["native"] = field(default="native", repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.dialect, str) or not isinstance(self.data, Mapping):
            raise BadRequest(
                f"Native takes a dialect and a mapping, not {shown(self.dialect)} and {shown(self.data)}"
            )


Part: TypeAlias = (
    Text | Refusal | Image | Audio | Document | Reasoning | ToolCall | ToolResult | CacheMark | Native
)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. A pydantic model may hold messages: it reads and writes them as JSON.

    Args:
        role: ``"system"``, ``"developer"``, ``"user"``, ``"assistant"`` or ``"tool"``.
        parts: the content, in order; a plain string stands for one :class:`Text`.

    Raises:
        BadRequest: the role or a part is not one of these.
    """

    # Read by pydantic, in serialize.py and where a program's own models hold messages, for the parts too.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    role: Role
    parts: tuple[Annotated[Part, _ByType], ...]

    def __init__(self, role: Role, parts: str | Part | Iterable[str | Part]) -> None:
        if role not in get_args(Role):
            raise BadRequest(f"{shown(role)} is not a role; use one of {', '.join(get_args(Role))}")
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
        """What the tools answered. Raises BadRequest for what does not say whose call it answers."""
        for result in results:
            if isinstance(result, (str, Text)):
                example = "genkit.ToolResult(id=call.id, content=...)"
                raise BadRequest(f"{shown(result)} does not say which call it answers; give {example}")
        return cls("tool", results)

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def _parts(parts: str | Part | Iterable[str | Part]) -> tuple[Part, ...]:
    if isinstance(parts, (str, Part)):
        parts = (parts,)
    if not isinstance(parts, Iterable) or isinstance(parts, Mapping):
        raise BadRequest(f"a message's content is text or parts, not {type(parts).__name__} ({shown(parts)})")
    checked = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    for part in checked:
        if not isinstance(part, Part):
            raise BadRequest(
                f"a message is text or parts of genkit, not {type(part).__name__} ({shown(part)})"
            )
    return checked


def _plain(text: Any, kind: str) -> str:
    """The text alone: what inherits from str (an enum does) may be written by another name."""
    if not isinstance(text, str):
        raise BadRequest(f"{kind} takes text, not {shown(text)}")
    return str.__str__(text)
