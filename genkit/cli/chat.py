"""``genkit chat``: a conversation in the terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

import genkit

from .options import raw_option, with_answer_options, with_generator
from .output import Answer, error, failed, note, note_ending

_HELP = "/clear starts anew, /exit or Ctrl-D leaves, Ctrl-C stops an answer"
_ANEW = "/clear starts anew"
_ROOM = f"{_ANEW}, and a larger --context holds more"
_COMMAND = re.compile("/[a-z]+")


class Conversation:
    """What was said so far, and the model that answers.

    Args:
        generator: the model.
        system: the system message, or None.
        options: how to answer, as :meth:`genkit.Generator.stream` takes it.
    """

    def __init__(self, generator: genkit.Generator, system: str | None, options: dict[str, Any]) -> None:
        self._generator, self._options = generator, options
        self._start = [genkit.Message.system(system)] if system else []
        self.messages = list(self._start)

    def clear(self) -> None:
        """Forget all but the system message."""
        self.messages = list(self._start)

    def answer(self, text: str, show: Callable[[str], None]) -> genkit.Response:
        """Answer the next message, and remember both.

        A KeyboardInterrupt stops the answer; what there is of it is remembered. If there is nothing
        of it, or something failed, the conversation stays as it was.

        Args:
            text: what the user says.
            show: called with each piece of the answer as it comes.

        Raises:
            GenkitError: see :meth:`genkit.Generator.generate`.
        """
        messages = [*self.messages, genkit.Message.user(text)]
        with self._generator.stream(messages, **self._options) as stream:
            try:
                for piece in stream.text:
                    show(piece)
            except KeyboardInterrupt:
                pass
        response = stream.response
        if response.text or response.refusal:
            self.messages = [*messages, response.message]
        return response


@click.command()
@with_generator
@with_answer_options
@raw_option
@click.pass_context
def chat(context: click.Context, generator: genkit.Generator, *, options: dict[str, Any], raw: bool) -> None:
    """Talk with a model.

    On a terminal, lines can be edited and called back; else each line of stdin is a message.
    """
    conversation = Conversation(generator, options.pop("system"), options)
    genkit.Sampling(**options)  # what is wrong with an option is said now, and not at each message
    generator.warm()
    # On Windows lines are edited on stdout only.
    shows = sys.stdout.isatty() or (os.name != "nt" and sys.stderr.isatty())
    interactive = sys.stdin.isatty() and shows
    if interactive:
        note(f"{generator.model}: {_HELP}")
    all_went_well = True
    for line in _typed_lines() if interactive else sys.stdin:
        text = line.strip()
        if text == "/exit":
            break
        if text == "/clear":
            conversation.clear()
            note("the conversation starts anew")
        elif text == "/help":
            note(_HELP)
        elif _COMMAND.fullmatch(text):
            note(f"there is no command {text}: {_HELP}")
        elif text:
            all_went_well &= _turn(conversation, text, options, raw)
    context.exit(0 if all_went_well or interactive else 1)


def _turn(conversation: Conversation, text: str, options: dict[str, Any], raw: bool) -> bool:
    """Answer one message on stdout; whether that went well."""
    answer = Answer(raw=raw)
    try:
        try:
            response = conversation.answer(text, answer.write)
        finally:
            answer.end()
    except genkit.errors.ContextOverflow as problem:
        size = f"with this message it has {problem.tokens} tokens, and the context window {problem.limit}"
        told = f"{problem}; {_ANEW}" if problem.provider else f"{size}; {_ROOM}"
        note(f"genkit: error: the conversation no longer fits: {told}")
        return False
    except genkit.GenkitError as problem:
        error(problem)
        return False
    note_ending(response, options["max_tokens"], _ROOM)
    return not failed(response)


def _typed_lines() -> Iterator[str]:
    """Lines typed on the terminal, until Ctrl-D, or Ctrl-C where nothing is typed."""
    from prompt_toolkit import PromptSession  # noqa: PLC0415 - 0.2 s that only a terminal needs
    from prompt_toolkit.output import create_output  # noqa: PLC0415

    session: PromptSession[str] = PromptSession("> ", output=create_output(always_prefer_tty=True))
    while True:
        try:
            yield session.prompt()
        except EOFError:
            return
        except KeyboardInterrupt:
            if not session.default_buffer.text:
                return
