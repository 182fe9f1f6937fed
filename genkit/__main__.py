"""The ``genkit`` command, also as ``python -m genkit``."""

from __future__ import annotations

import importlib
import sys

_EXTRA = ("click", "prompt_toolkit", "rich")


def main() -> None:
    """Run the command line with the arguments of this process, and exit."""
    try:
        importlib.import_module("genkit.cli.app").cli()  # here, where a missing package can be told of
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        needs = f"the command line needs {error.name}, which is not installed"
        print(f'genkit: error: {needs}: pip install "genkit-sdk[cli]"', file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:  # before there is a command to say so
        sys.exit(130)


if __name__ == "__main__":
    main()
