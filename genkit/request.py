"""What is asked of a model: messages, and how to answer them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from .errors import BadRequest, shown
from .lora import pairs
from .messages import Message, Text
from .sampling import Sampling, whole_number


def _check_types(words: object, what: str, types: Mapping[str, Any]) -> None:
    """The fields of these names are of these types, each with what it is called."""
    for name, (kind, called) in types.items():
        if not isinstance(value := getattr(words, name), kind):
            raise BadRequest(f"{what} takes {name}= as {called}, not {shown(value)}")


_TEXT, _FLAG, _PERHAPS = (str, "text"), (bool, "True or False"), ((bool, type(None)), "True, False or None")


def _check_schema(schema: Any, what: str) -> None:
    if not isinstance(schema, (Mapping, type(None))):
        raise BadRequest(
            f"{what}: a JSON schema is a mapping, not {shown(schema)}; "
            "a pydantic model's is its model_json_schema()"
        )
    if schema and _are_fields(schema):
        whole = "{'type': 'object', 'properties': {...}}"
        raise BadRequest(f"{what}: a JSON schema of fields is {whole}, not {shown(schema)}")


_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_NO_FIELDS = frozenset((
    "type", "properties", "patternProperties", "additionalProperties", "propertyNames", "items", "contains",
    "not", "if", "then", "else", "$ref", "$defs", "definitions", "const", "default", "title", "description",
))  # fmt: skip


def _are_fields(schema: Mapping[str, Any]) -> bool:
    """Whether these are names and types, as ``properties`` holds them: as a schema, it would say nothing."""
    types = (value.get("type") if isinstance(value, Mapping) else value for value in schema.values())
    return not _NO_FIELDS.intersection(schema) and all(each in _TYPES for each in types)


def _is_response_format(schema: Mapping[str, Any]) -> bool:
    """Whether that is OpenAI's ``response_format``, or what is in it: as a schema, it would say nothing."""
    wrapped = isinstance(schema.get("schema"), Mapping) and "name" in schema
    return schema.get("type") in ("json_schema", "json_object") or (wrapped and "type" not in schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that a model may call.

    Args:
        name: its name.
        description: what it does.
        parameters: the JSON schema of its arguments.
        strict: whether the provider must hold the model to the schema; None leaves it to the provider. A
            local model is held where its way of writing calls allows it, unless this is False.
        cache: whether the tools up to this one may be kept in the provider's prompt cache.

    Raises:
        BadRequest: the name is no text, empty, or a word that ``tool_choice`` has for something else; the
            parameters are no JSON schema; or another field is of another type.
    """

    # Read by pydantic, in serialize.py: a mapping with other fields is a provider's own tool.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool | None = None
    cache: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise BadRequest(f"a tool has a name, not {shown(self.name)}")
        if self.name in ("auto", "none", "required"):
            raise BadRequest(
                f"a tool cannot be called {self.name!r}: tool_choice= means something else by it"
            )
        _check_types(self, f"tool {self.name!r}", {"description": _TEXT, "strict": _PERHAPS, "cache": _FLAG})
        if self.parameters is None:
            object.__setattr__(self, "parameters", {})
        _check_schema(self.parameters, f"the parameters of tool {self.name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The form an answer must have: one of the first four, or any JSON object if all are None.

    Args:
        schema: JSON that fits this JSON schema.
        regex: text that matches this regular expression as a whole (local models).
        choices: one of these texts (local models).
        grammar: text of this grammar, in Lark's notation or in llama.cpp's GBNF (local models).
        name: what a provider calls the schema.
        description: what the schema is for.
        strict: whether the provider must hold the model to the schema; None leaves it to the provider.

    Raises:
        BadRequest: two forms were given, one or another field is of another type, the schema is OpenAI's
            ``response_format``, or a description without a schema.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    schema: Mapping[str, Any] | None = None
    regex: str | None = None
    choices: Sequence[str] | None = None
    grammar: str | None = None
    name: str = "output"
    description: str = ""
    strict: bool | None = None

    def __post_init__(self) -> None:
        _check_schema(self.schema, "output")
        if self.schema and _is_response_format(self.schema):
            raise BadRequest(
                f"output takes a JSON schema itself, not OpenAI's response_format: {shown(self.schema)}; "
                "give what its schema holds, or genkit.Output() for any JSON object"
            )
        _check_types(self, "output", {"name": _TEXT, "description": _TEXT, "strict": _PERHAPS})
        if self.choices is not None:
            given = not isinstance(self.choices, (str, Mapping)) and isinstance(self.choices, Iterable)
            choices = tuple(self.choices) if given else ()
            if not choices or not all(isinstance(choice, str) and choice for choice in choices):
                raise BadRequest(f"choices takes a list of texts, not {shown(self.choices)}")
            object.__setattr__(self, "choices", choices)
        for name in ("regex", "grammar"):
            if not isinstance(getattr(self, name), (str, type(None))):
                raise BadRequest(f"{name} takes text, not {shown(getattr(self, name))}")
        if len(self.form) > 1:
            raise BadRequest(f"an answer has one form, not {' and '.join(self.form)}")
        if self.description and self.schema is None:
            raise BadRequest(
                f"description={self.description!r} is of a schema, and there is none: "
                "give schema=, or say it in the prompt"
            )

    @property
    def form(self) -> dict[str, Any]:
        """The form that was given, by its name; empty for any JSON object."""
        forms = {name: getattr(self, name) for name in ("schema", "regex", "choices", "grammar")}
        return {name: value for name, value in forms.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call, ready for a backend: no model, no I/O, only what was asked.

    Args:
        messages: the conversation.
        sampling: how to choose the next token.
        tools: the functions the model may call; a mapping is a provider's own tool, sent verbatim.
        tool_choice: ``"auto"``, ``"none"``, ``"required"``, or the name of the one tool to call.
        parallel_tool_calls: whether the model may call several tools at once.
        output: the form the answer must have.
        reasoning: how much to think first: an effort (``"none"``, ``"minimal"``, ``"low"``, ``"medium"``,
            ``"high"`` …) or a budget in tokens.
        keep: the name under which the prompt is to stay in the KV cache of a local model, until another call
            has that name, it is dropped (:meth:`genkit.Generator.drop`), or the Generator is closed.
        suffix: the text after a gap that is to be filled, of which the one message is the text before.
        lora: which LoRA adapters of the Generator's a local model is to have for this call: the path of one,
            or a list of paths or of ``(path, scale)``, kept as pairs; None leaves it to the Generator.
        metadata: labels that the provider keeps with the call.
        extra: fields for the body of a remote call, sent verbatim.
        deadline: when the call must have ended, by ``time.monotonic()``.
        stream: whether the caller wants the answer in pieces.
        on_unsupported: what happens to an option that the backend cannot honour: ``"error"``, or it
            is left out, which ``"warn"`` tells in ``response.warnings`` and ``"drop"`` does not.

    Raises:
        BadRequest: a tool, the output, ``keep`` or another option is none of what it may be, two tools have
            one name, ``tool_choice`` has no tool to call, or ``suffix`` comes with more than one message,
            with tools or with reasoning.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    messages: Sequence[Message]
    sampling: Sampling = field(default_factory=Sampling)
    tools: Sequence[Tool | Mapping[str, Any]] = ()
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    output: Output | None = None
    reasoning: str | int | None = None
    keep: str | None = None
    suffix: str | None = None
    lora: tuple[tuple[str, float], ...] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    deadline: float | None = None
    stream: bool = True
    on_unsupported: Literal["error", "warn", "drop"] = "error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "messages", tuple(self.messages))
        self._check_tools()
        if self.keep is not None and not (isinstance(self.keep, str) and self.keep):
            raise BadRequest(f"keep takes a name of at least one character, not {shown(self.keep)}")
        if self.lora is not None:
            object.__setattr__(self, "lora", pairs(self.lora))
        self._check_words()
        if self.suffix is not None:
            self._check_gap()
        if not isinstance(self.output, (Output, type(None))):
            raise BadRequest(
                f"output takes a JSON schema or genkit.Output, not {shown(self.output)}; "
                "a pydantic model's schema is its model_json_schema(), that of another type "
                "pydantic.TypeAdapter(kind).json_schema()"
            )

    def _check_tools(self) -> None:
        if isinstance(self.tools, (str, Mapping)) or not isinstance(self.tools, Iterable):
            raise BadRequest(f"tools takes a list of genkit.Tool, not {shown(self.tools)}")
        object.__setattr__(self, "tools", tuple(self.tools))
        for tool in self.tools:
            if not isinstance(tool, (Tool, Mapping)):
                raise BadRequest(
                    f"a tool is a genkit.Tool, or a mapping for a provider's own, not {shown(tool)}; "
                    "describe a function by its name and the JSON schema of its parameters"
                )
        names = [tool.name for tool in self.tools if isinstance(tool, Tool)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise BadRequest(f"two tools are called {twice!r}: a call would not say which it means")

    def _check_words(self) -> None:
        for name in ("metadata", "extra"):
            if not isinstance(getattr(self, name), Mapping):
                raise BadRequest(f"{name} takes a mapping, not {shown(getattr(self, name))}")
        if not _says_how_much(self.reasoning):
            raise BadRequest(f"reasoning takes an effort or a number of tokens, not {shown(self.reasoning)}")
        if (tokens := whole_number(self.reasoning)) is not None:  # of numpy, say, which JSON does not have
            object.__setattr__(self, "reasoning", tokens)
        if self.on_unsupported not in ("error", "warn", "drop"):
            raise BadRequest(
                f'on_unsupported takes "error", "warn" or "drop", not {shown(self.on_unsupported)}'
            )
        if self.tool_choice is not None and not (isinstance(self.tool_choice, str) and self.tool_choice):
            names = '"auto", "none", "required" or the name of a tool'
            raise BadRequest(f"tool_choice takes {names}, not {shown(self.tool_choice)}")
        if self.tool_choice not in (None, "auto", "none") and not self.extra:  # which may have tools, too
            self._check_choice()
        if not isinstance(self.parallel_tool_calls, (bool, type(None))):
            raise BadRequest(
                f"parallel_tool_calls takes True or False, not {shown(self.parallel_tool_calls)}"
            )

    def _check_choice(self) -> None:
        """That a tool is there to be called; those of a provider's own go by other names."""
        if not self.tools:
            raise BadRequest(f"tool_choice={self.tool_choice!r} needs tools=")
        names = [tool.name for tool in self.tools if isinstance(tool, Tool)]
        if self.tool_choice not in ("required", *names) and len(names) == len(self.tools):
            raise BadRequest(
                f"tool_choice names {self.tool_choice!r}, which is not among the tools: {', '.join(names)}"
            )

    def _check_gap(self) -> None:
        if not isinstance(self.suffix, str):
            raise BadRequest(f"suffix takes text, not {shown(self.suffix)}")
        before = self.messages[0] if len(self.messages) == 1 else None
        is_text = before and all(isinstance(part, Text) for part in before.parts)
        if not before or before.role != "user" or not is_text:
            raise BadRequest("before a gap (suffix) is one text: no conversation, system message or media")
        for name in ("tools", "reasoning"):
            if getattr(self, name):
                raise BadRequest(f"a gap is filled (suffix) without {name}; leave it out")


def _says_how_much(reasoning: Any) -> bool:
    """Whether that is nothing, a word, or a number of tokens (for Gemini, -1 is as many as it likes)."""
    if (tokens := whole_number(reasoning)) is not None:
        return -1 <= tokens < 2**31
    return reasoning is None or (isinstance(reasoning, str) and reasoning != "")
