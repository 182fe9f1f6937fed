"""``genkit run``: one prompt, one answer."""

from __future__ import annotations

from typing import Any

import click

import genkit

from .options import json_option, raw_option, text_of, with_answer_options, with_generator
from .output import Answer, json_line, note_ending


@click.command()
@click.argument("prompt")
@with_generator
@with_answer_options
@json_option
@raw_option
def run(
    generator: genkit.Generator, *, prompt: str, options: dict[str, Any], as_json: bool, raw: bool
) -> None:
    """Answer PROMPT, or what stdin says if it is "-".

    The answer goes to stdout as it is generated, everything else to stderr.
    """
    text = text_of(prompt)
    if as_json:
        json_line(genkit.dumps(generator.generate(text, **options)))
        return
    answer = Answer(raw=raw)
    with generator.stream(text, **options) as stream:
        try:
            for piece in stream.text:
                answer.write(piece)
        finally:
            answer.end()
        note_ending(stream.response, options["max_tokens"], "a larger --context gives it more room")
