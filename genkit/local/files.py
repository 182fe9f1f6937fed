"""Finding model files."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ModelFileError

DEMO = Path(__file__).parent.parent / "models" / "demo.gguf"


def find(path: str | os.PathLike[str]) -> Path:
    """The model file at ``path``, made absolute; ``~`` is the home directory.

    Raises:
        ModelFileError: there is no file at that path.
    """
    try:
        found = Path(path).expanduser().absolute()
        found.stat()
    except FileNotFoundError:
        raise ModelFileError(f"there is no model file at {found}; check the path", path=str(found)) from None
    except (OSError, RuntimeError, ValueError) as error:  # no such user, no right to look, a NUL byte
        raise ModelFileError(f"cannot look for a model file at {path}: {error}", path=str(path)) from error
    if found.is_dir():
        models = ", ".join(sorted(p.name for p in found.glob("*.gguf"))[:5]) or "no GGUF file"
        raise ModelFileError(f"{found} is a directory (it holds {models}); name one file", path=str(found))
    return found
