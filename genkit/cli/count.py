"""``genkit count``: how many tokens a text has."""

from __future__ import annotations

import dataclasses
import json

import click

import genkit

from .options import json_option, text_of, with_generator
from .output import json_line


@click.command()
@click.argument("text")
@with_generator
@click.option("--chat", is_flag=True, help="Count it as a user's message, with what the chat template adds.")
@json_option
def count(generator: genkit.Generator, *, text: str, chat: bool, as_json: bool) -> None:
    """Print how many tokens TEXT has, or what stdin says if it is "-"."""
    text = text_of(text)
    counted = generator.count(genkit.Message.user(text) if chat else text)
    if as_json:
        json_line(json.dumps(dataclasses.asdict(counted)))
    else:
        print(counted.tokens if counted.exact else f"about {counted.tokens}")
