"""What is asked of a model: messages, and how to answer them."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

from .errors import BadRequest
from .lora import pairs
from .messages import Message, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen. What is None is left to the backend.

    Args:
        max_tokens: the most tokens to generate.
        temperature: 0 always takes the likeliest token; higher is more varied.
        top_p: sample from the fewest tokens whose probabilities add up to this (nucleus sampling).
        top_k: sample from this many likeliest tokens.
        min_p: drop tokens less likely than this share of the likeliest one.
        repeat_penalty: above 1, tokens that came up in the last 64 become less likely.
        frequency_penalty: subtracted from a token's logit for each time it came up; in a local model, in the
            last 64 tokens.
        presence_penalty: subtracted once from the logit of a token that came up; likewise.
        seed: the same seed, request and backend give the same answer, as far as the backend can: remote ones
            do their best, and a local one may settle near-ties otherwise after, or beside, other calls, and
            where it guesses tokens (``lookup=``).
        stop: generation ends before the first of these strings.
        logprobs: how many alternatives to tell the log probabilities of, at each token (0: only of
            the chosen one).
        logit_bias: what is added to the logits of tokens, from -100 (as good as never) to 100: a mapping
            of token ids, or for local models also of the texts of single tokens. It is kept as pairs.

    Raises:
        BadRequest: a value is out of its range.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    logit_bias: Mapping[int | str, float] | tuple[tuple[int | str, float], ...] = ()

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None:
                _check(name, value, low, high, whole=name in _WHOLE)
        given: Any = (self.stop,) if isinstance(self.stop, str) else () if self.stop is None else self.stop
        stop = tuple(given) if isinstance(given, Iterable) else (given,)
        if not all(isinstance(text, str) and text for text in stop):
            raise BadRequest(f"stop takes strings of at least one character, not {self.stop!r}")
        object.__setattr__(self, "stop", stop)
        object.__setattr__(self, "logit_bias", _biases(self.logit_bias))

    def set_options(self) -> dict[str, Any]:
        """The options that were set, by name."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in options.items() if value not in (None, ())}


_WHOLE = frozenset(("max_tokens", "top_k", "seed", "logprobs"))
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("max_tokens", 1, 2**31 - 1),
    ("temperature", 0, 100),
    ("top_p", 0, 1),
    ("top_k", 0, 2**31 - 1),
    ("min_p", 0, 1),
    ("repeat_penalty", 0, 100),
    ("frequency_penalty", -100, 100),
    ("presence_penalty", -100, 100),
    ("seed", 0, 2**64 - 1),
    ("logprobs", 0, 100),
)


def _check(name: str, value: Any, low: float, high: float, *, whole: bool) -> None:
    kind = "a whole number" if whole else "a number"
    right = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not right or not low <= value <= high:
        shown = value if isinstance(value, float) else reprlib.repr(value)
        raise BadRequest(f"{name} takes {kind} from {low} to {high}, not {shown}")


def _biases(given: Any) -> tuple[tuple[int | str, float], ...]:
    """Pairs of a token and what is added to its logit; in JSON, a mapping's keys would all become text."""
    try:
        biases = dict(given or ())
    except (TypeError, ValueError):
        raise BadRequest(f"logit_bias takes a mapping of tokens to numbers, not {given!r:.80}") from None
    for token, bias in biases.items():
        is_id = isinstance(token, int) and not isinstance(token, bool) and 0 <= token < 2**31
        if not is_id and not (isinstance(token, str) and token):
            raise BadRequest(f"logit_bias takes token ids from 0, or texts of one token, not {token!r:.80}")
        _check(f"logit_bias of {token!r:.80}", bias, -100, 100, whole=False)
    return tuple(biases.items())


def _check_schema(schema: Any, what: str) -> None:
    if not isinstance(schema, (Mapping, type(None))):
        raise BadRequest(
            f"{what}: a JSON schema is a mapping, not {schema!r:.80}; "
            "a pydantic model's is its model_json_schema()"
        )


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
        BadRequest: the name is no text or empty, or the parameters are no JSON schema.
    """

    # Read by pydantic, in serialize.py: a mapping with other fields is a provider's own tool.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool | None = None
    cache: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise BadRequest(f"a tool has a name, not {self.name!r:.80}")
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
        BadRequest: two forms were given, one is of another type, or a description without a schema.
    """

    schema: Mapping[str, Any] | None = None
    regex: str | None = None
    choices: Sequence[str] | None = None
    grammar: str | None = None
    name: str = "output"
    description: str = ""
    strict: bool | None = None

    def __post_init__(self) -> None:
        _check_schema(self.schema, "output")
        if self.choices is not None:
            choices = () if isinstance(self.choices, str) else tuple(self.choices)
            if not choices or not all(isinstance(choice, str) and choice for choice in choices):
                raise BadRequest(f"choices takes a list of texts, not {self.choices!r}")
            object.__setattr__(self, "choices", choices)
        for name in ("regex", "grammar"):
            if not isinstance(getattr(self, name), (str, type(None))):
                raise BadRequest(f"{name} takes text, not {getattr(self, name)!r}")
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
        BadRequest: a tool, the output, ``keep`` or another option is none of what it may be, or ``suffix``
            comes with more than one message, with tools or with reasoning.
    """

    messages: Sequence[Message]
    sampling: Sampling = Sampling()
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
        if isinstance(self.tools, (str, Mapping)) or not isinstance(self.tools, Iterable):
            raise BadRequest(f"tools takes a list of genkit.Tool, not {self.tools!r:.80}")
        object.__setattr__(self, "tools", tuple(self.tools))
        for tool in self.tools:
            if not isinstance(tool, (Tool, Mapping)):
                raise BadRequest(
                    f"a tool is a genkit.Tool, or a mapping for a provider's own, not {tool!r:.80}; "
                    "describe a function by its name and the JSON schema of its parameters"
                )
        if self.keep is not None and not (isinstance(self.keep, str) and self.keep):
            raise BadRequest(f"keep takes a name of at least one character, not {self.keep!r:.80}")
        if self.lora is not None:
            object.__setattr__(self, "lora", pairs(self.lora))
        self._check_words()
        if self.suffix is not None:
            self._check_gap()
        if not isinstance(self.output, (Output, type(None))):
            raise BadRequest(
                f"output takes a JSON schema or genkit.Output, not {self.output!r:.80}; "
                "a pydantic model's schema is its model_json_schema()"
            )

    def _check_words(self) -> None:
        for name in ("metadata", "extra"):
            if not isinstance(getattr(self, name), Mapping):
                raise BadRequest(f"{name} takes a mapping, not {getattr(self, name)!r:.80}")
        if isinstance(self.reasoning, bool) or not isinstance(self.reasoning, (str, int, type(None))):
            raise BadRequest(f"reasoning takes an effort or a number of tokens, not {self.reasoning!r:.80}")
        if self.on_unsupported not in ("error", "warn", "drop"):
            raise BadRequest(
                f'on_unsupported takes "error", "warn" or "drop", not {self.on_unsupported!r:.80}'
            )
        if self.tool_choice is not None and not (isinstance(self.tool_choice, str) and self.tool_choice):
            names = '"auto", "none", "required" or the name of a tool'
            raise BadRequest(f"tool_choice takes {names}, not {self.tool_choice!r:.80}")
        if not isinstance(self.parallel_tool_calls, (bool, type(None))):
            raise BadRequest(f"parallel_tool_calls takes True or False, not {self.parallel_tool_calls!r:.80}")

    def _check_gap(self) -> None:
        if not isinstance(self.suffix, str):
            raise BadRequest(f"suffix takes text, not {self.suffix!r:.80}")
        if len(self.messages) != 1 or any(not isinstance(part, Text) for part in self.messages[0].parts):
            raise BadRequest("before a gap (suffix) is one text: no conversation, system message or media")
        for name in ("tools", "reasoning"):
            if getattr(self, name):
                raise BadRequest(f"a gap is filled (suffix) without {name}; leave it out")
