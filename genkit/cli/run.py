"""``genkit run``: one prompt, one answer."""

from __future__ import annotations

from typing import Any

import click

import genkit

from .options import json_option, raw_option, text_of, with_answer_options, with_generator
from .output import Answer, failed, json_line, note_ending


@click.command()
@click.argument("prompt")
@with_generator
@with_answer_options
@json_option
@raw_option
@click.pass_context
def run(
    context: click.Context,
    generator: genkit.Generator,
    *,
    prompt: str,
    options: dict[str, Any],
    as_json: bool,
    raw: bool,
) -> None:
    """Answer PROMPT, or what stdin says if it is "-".

    The answer goes to stdout as it is generated, everything else to stderr.
    """
    text = text_of(prompt)
    if as_json:
        response = generator.generate(text, **options)
        json_line(genkit.dumps(response))
    else:
        answer = Answer(raw=raw)
        with generator.stream(text, **options) as stream:
            try:
                for piece in stream.text:
                    answer.write(piece)
            finally:
                answer.end()
        response = stream.response
        note_ending(response, options["max_tokens"], "a larger --context gives it more room")
    context.exit(1 if failed(response) else 0)
