"""The options and the argument that several commands share."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from typing import Any, Literal

import click

import genkit

Command = Callable[..., None]
_SCHEME = re.compile("[a-z][a-z0-9]+:")  # of two characters or more: C: is a drive

model_option = click.option(
    "--model",
    "-m",
    default="demo",
    show_default=True,
    callback=lambda _context, _option, value: model_name(value),
    help="demo (a toy in the box), the path of a .gguf file, or VENDOR:MODEL (openai:..., ollama:...).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, on one line.")
raw_option = click.option(
    "--raw", is_flag=True, help="Leave escape sequences in what is shown on a terminal."
)


def _context_size(_context: click.Context, _option: click.Parameter, value: str | None) -> int | str | None:
    if value in (None, "auto"):
        return value
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f'{value!r} is neither a number nor "auto".') from None


_context_option = click.option(
    "--context",
    callback=_context_size,
    metavar="TOKENS|auto",
    help="The size of the context window; auto is the model's own, or what fits into half of the memory that "
    "its weights leave.",
)
_base_url_option = click.option("--base-url", metavar="URL", help="The address of a remote model's server.")
_threads_option = click.option(
    "--threads", type=int, help="How many threads compute.  [default: one a physical core]"
)
_answer_options = (
    click.option("--system", metavar="TEXT", help="Instructions that hold for the whole conversation."),
    click.option("--max-tokens", type=int, help="The most tokens to generate."),
    click.option("--temperature", type=float, help="0 takes the likeliest token; higher is more varied."),
    click.option(
        "--seed", type=int, help="The same seed and prompt give the same answer, as far as the model can."
    ),
    click.option("--stop", multiple=True, metavar="TEXT", help="End before this text; may be repeated."),
)


def model_name(text: str) -> str:
    """The name of a model as :class:`genkit.Generator` takes it: a bare path is one of a GGUF file."""
    is_path = text.lower().endswith(".gguf") and not _SCHEME.match(text)
    return f"llama:{text}" if is_path else text


def with_generator(command: Command) -> Command:
    """Give a command the options that choose a model, and the Generator they make as its first argument."""

    @model_option
    @_context_option
    @_threads_option
    @_base_url_option
    @functools.wraps(command)
    def wrapped(
        *,
        model: str,
        context: int | Literal["auto"] | None,
        threads: int | None,
        base_url: str | None,
        **rest: Any,
    ) -> None:
        with genkit.Generator(model, context=context, threads=threads, base_url=base_url) as generator:
            command(generator, **rest)

    return wrapped


def with_answer_options(command: Command) -> Command:
    """Give a command the options that say how to answer, together as its argument ``options``."""

    @functools.wraps(command)
    def wrapped(*args: Any, **given: Any) -> None:
        names = ("system", "max_tokens", "temperature", "seed", "stop")
        command(*args, options={name: given.pop(name) for name in names}, **given)

    for option in reversed(_answer_options):
        wrapped = option(wrapped)
    return wrapped


def text_of(argument: str) -> str:
    """The text that an argument stands for: for ``-`` all of stdin, but not the newline at its end."""
    return sys.stdin.read().removesuffix("\n") if argument == "-" else argument
