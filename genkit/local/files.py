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
    found = Path(path).expanduser().absolute()
    if found.is_dir():
        models = ", ".join(sorted(p.name for p in found.glob("*.gguf"))[:5]) or "no GGUF file"
        raise ModelFileError(f"{found} is a directory (it holds {models}); name one file", path=str(found))
    if not found.exists():
        raise ModelFileError(f"there is no model file at {found}; check the path", path=str(found))
    return found
