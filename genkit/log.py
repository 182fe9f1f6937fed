"""What a program's log hears of what no answer tells: tries that failed, vendors left alone, dead workers."""

from __future__ import annotations

import sys
from contextlib import suppress


def tell(message: str) -> None:
    """Tell the logger ``genkit``, at the level INFO; without ``logging`` loaded, nobody hears.

    It is one line, whatever the server or the model file that it quotes had in mind.
    """
    if logging := sys.modules.get("logging"):
        with suppress(Exception):  # of the program's own handlers, or half of it is loaded
            line = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in message)
            logging.getLogger("genkit").info("%s", line)
