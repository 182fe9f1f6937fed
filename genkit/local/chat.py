"""Chat templates: the Jinja program in a model file that turns messages into a prompt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import BadRequest, ModelFileError


class ChatTemplate:
    """A template, compiled in a sandbox with what Hugging Face's templates expect to find.

    Args:
        source: the Jinja text.
        bos: the text of the token that begins a prompt.
        eos: the text of the token that ends a turn.
        limited: bounds what it may take to render it.

    Raises:
        ModelFileError: it is not valid Jinja.
    """

    def __init__(
        self,
        source: str,
        *,
        bos: str,
        eos: str,
        limited: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.source, self._limited = source, limited
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
        )
        environment.filters["tojson"] = _to_json
        environment.globals.update(raise_exception=_refuse, strftime_now=_now, bos_token=bos, eos_token=eos)
        try:
            self._template = environment.from_string(source)
        except (TemplateError, SyntaxError, RecursionError) as error:  # Jinja makes Python of it
            raise ModelFileError(
                f"the chat template is broken: {error}; give another with template="
            ) from error

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> str:
        """The prompt for a conversation, up to where the model's answer begins.

        Args:
            messages: entries with ``role`` and ``content``, as for ``apply_chat_template`` of transformers.
            tools: the functions the model may call, as ``{"type": "function", "function": {…}}``.
            options: what else the template is to know, such as ``enable_thinking``.

        Raises:
            BadRequest: the template does not take these messages, or wants more memory than it may have.
        """
        with self._limited():
            return self._rendered(messages=messages, tools=tools, add_generation_prompt=True, **options)

    def _rendered(self, **values: Any) -> str:
        try:
            return self._template.render(**values)
        except MemoryError:
            raise BadRequest(
                "the model's chat template wants too much memory for these messages; "
                "give another with template="
            ) from None
        except (
            TemplateError,
            TypeError,
            ValueError,
            ArithmeticError,
            LookupError,
            AttributeError,
            RecursionError,
        ) as error:
            raise BadRequest(f"the model's chat template does not take these messages: {error}") from error


class _Generation(Extension):
    """``{% generation %}`` of transformers: it marks what the model said, and changes nothing."""

    tags = {"generation"}  # noqa: RUF012 - as its base class declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As in transformers: Jinja's own filter would escape ``<``, ``>``, ``&`` and ``'``."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
        default=_plain,
    )


def _plain(value: Any) -> Any:
    """What Jinja's ``map`` and ``select`` make is no list yet."""
    if isinstance(value, Iterator):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)
