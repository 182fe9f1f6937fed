"""What the commands write: answers to stdout, everything else to stderr."""

from __future__ import annotations

import sys

import genkit

from .terminal import UNSAFE, Cleaner, one_line


class Answer:
    """One answer on its way to stdout.

    Args:
        raw: whether to leave in what a terminal would obey; else it is taken out if stdout is one.
    """

    def __init__(self, *, raw: bool) -> None:
        self._cleaner = None if raw or not sys.stdout.isatty() else Cleaner()
        self._line_ended = True

    def write(self, piece: str) -> None:
        """Show the next piece at once."""
        text = self._cleaner.feed(piece) if self._cleaner else piece
        if text:
            self._line_ended = text.endswith("\n")  # before Ctrl-C may come between the two
            print(text, end="", flush=True)

    def end(self) -> None:
        """End the last line, if there is one."""
        if not self._line_ended:
            print(flush=True)


def json_line(text: str) -> None:
    """Write JSON to stdout, with every character that a terminal would obey as an escape."""
    print(UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text), flush=True)


def note(text: str) -> None:
    """Tell the user something."""
    print(one_line(text), file=sys.stderr, flush=True)


def error(problem: genkit.GenkitError) -> None:
    """Tell the user what went wrong, in one line."""
    note(f"genkit: error: {problem}")


def failed(response: genkit.Response) -> bool:
    """Whether the provider ended the answer with an error, which the user is told."""
    if response.finish_reason != "error":
        return False
    note(f"genkit: error: the provider ended the answer with an error ({response.raw_finish_reason})")
    return True


_UNFINISHED = {
    "incomplete": "the answer is not complete",
    "tool_calls": "the answer is a call of a tool, which the command line does not make",
}


def note_ending(response: genkit.Response, max_tokens: int | None, advice: str) -> None:
    """Tell of what was left out of a request, and of an answer that was cut where nobody asked for it.

    Args:
        response: the answer.
        max_tokens: the limit that was asked for, if any.
        advice: what to do about a context window that is full.
    """
    for warning in response.warnings:
        note(f"genkit: warning: {warning}")
    if response.refusal:
        note(f"genkit: the model declined: {response.refusal}")
    if response.finish_reason in _UNFINISHED:
        note(f"genkit: {_UNFINISHED[response.finish_reason]} ({response.raw_finish_reason})")
    elif response.finish_reason == "content_filter":
        note("genkit: the answer was cut here by a content filter")
    elif response.finish_reason == "length" and max_tokens is None:
        if response.raw_finish_reason == "context_full":
            note(f"genkit: the answer was cut here because the context window is full; {advice}")
        else:
            note(
                "genkit: the answer was cut here at the model's own limit; --max-tokens may set a larger one"
            )
