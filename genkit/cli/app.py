"""The group of commands, and what holds for all of them: errors, interruptions, encodings."""

from __future__ import annotations

import errno
import io
import os
import sys

import click

import genkit

from .chat import chat
from .count import count
from .doctor import doctor
from .output import error, note
from .run import run

_STREAMS = (("stdin", "r", "utf-8-sig"), ("stdout", "w", "utf-8"), ("stderr", "w", "utf-8"))
_INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


class _Program(click.Group):
    def invoke(self, context: click.Context) -> None:
        for name, mode, encoding in _STREAMS:
            stream = getattr(sys, name)
            if stream is None:  # it was closed by whoever started this
                setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - to the end
            elif isinstance(stream, io.TextIOWrapper):  # a pipe on Windows is not UTF-8 by itself
                errors = "strict" if name == "stdin" else "replace"
                if stream.isatty():
                    stream.reconfigure(errors=errors)
                else:
                    newline = None if name == "stdin" else "\n"
                    stream.reconfigure(encoding=encoding, errors=errors, newline=newline)
        try:
            super().invoke(context)
        except genkit.GenkitError as problem:
            error(problem)
            context.exit(1)
        except UnicodeDecodeError as problem:
            note(f"genkit: error: stdin is not UTF-8: {problem}")
            context.exit(1)
        except KeyboardInterrupt:
            context.exit(_INTERRUPTED)
        except OSError as problem:
            if problem.errno == errno.EPIPE:  # the reader left: click ends in silence
                raise
            if os.name != "nt" or problem.errno != errno.EINVAL:  # which is what Windows says to that
                note(f"genkit: error: {problem}")
            # What could not be written is lost.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            context.exit(1)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(genkit.__version__, prog_name="genkit", message="%(prog)s %(version)s")
def _group() -> None:
    """Generate text, with a model on this machine or one behind an API.

    Exit codes: 0 all went well, 1 an error, 2 wrong usage, 130 interrupted.
    """


for _command in (run, chat, count, doctor):
    _group.add_command(_command)


def cli() -> None:
    """Run the command line, and exit."""
    # On Windows click would put files in the place of *, and what the environment holds in that of $NAME:
    # perhaps a key, which would go to a provider as a part of the prompt.
    _group(prog_name="genkit", windows_expand_args=False)
