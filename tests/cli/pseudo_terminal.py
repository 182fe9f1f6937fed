"""A terminal for the program to run in, and the hands at its keyboard. POSIX only."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from types import TracebackType

# A new session has no terminal until one is made its own: only then does Ctrl-C reach the program.
_BOOT = """
import fcntl, runpy, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module("genkit", run_name="__main__")
"""
_PATIENCE = 60.0

# What prompt_toolkit sends when it begins to read a line, and when it has it: bracketed paste on and off.
READY = "\x1b[?2004h"
TAKEN = "\x1b[?2004l"


class Terminal:
    """Runs ``genkit`` with these arguments on a terminal of its own."""

    def __init__(self, *args: str, **environment: str) -> None:
        self._screen, terminal = pty.openpty()
        self._seen = ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, *args],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **environment},
        )
        os.close(terminal)

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._screen, keys.encode())

    def wait_for(self, text: str) -> str:
        """Read until this text is shown; returns what came before it."""
        while text not in self._seen:
            new = self._read()
            assert new, f"the program ended before it showed {text!r}; it showed {self._seen!r}"
            self._seen += new
        before, _, self._seen = self._seen.partition(text)
        return before

    def wait_for_more(self) -> None:
        """Read until anything more is shown."""
        self._seen = self._seen or self._read()
        assert self._seen, "the program ended"

    def rest(self) -> str:
        """All that is shown up to the end of the program."""
        while new := self._read():
            self._seen += new
        return self._seen

    def exit_code(self) -> int:
        """The exit code, once the program has ended."""
        self.rest()
        return self._process.wait(_PATIENCE)

    def _read(self) -> str:
        ready, _, _ = select.select([self._screen], [], [], _PATIENCE)
        assert ready, f"nothing more is shown after {self._seen!r}"
        try:
            return os.read(self._screen, 4096).decode("utf-8", "replace")
        except OSError:  # so Linux says that the other side is closed
            return ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._screen)
