"""Files: finding those of a model, telling them apart, and the folder of the cache."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ModelFileError

DEMO = Path(__file__).parent.parent / "models" / "demo.gguf"

_BEGINNING = 1 << 22  # most headers are shorter


def find(path: str | os.PathLike[str]) -> Path:
    """The model file at ``path``, made absolute; ``~`` is the home directory.

    Raises:
        ModelFileError: there is no file at that path.
    """
    found: Path | None = None
    try:
        found = Path(path).expanduser().absolute()
        found.stat()
    except (OSError, RuntimeError, ValueError) as error:  # no such user, no right to look, a NUL byte
        if found and isinstance(error, FileNotFoundError):
            far = "nothing is loaded from an address: give the path of a file"
            what = far if "://" in os.fspath(path) else "check the path"
            raise ModelFileError(f"there is no model file at {found}; {what}", path=str(found)) from None
        raise ModelFileError(f"cannot look for a model file at {path}: {error}", path=str(path)) from error
    if found.is_dir():
        models = ", ".join(sorted(p.name for p in found.glob("*.gguf"))[:5]) or "no GGUF file"
        raise ModelFileError(f"{found} is a directory (it holds {models}); name one file", path=str(found))
    return found


def cache_directory() -> Path:
    """Where genkit may keep what can be made again; it need not exist yet."""
    if sys.platform == "win32":
        base, default = os.environ.get("LOCALAPPDATA"), Path("AppData", "Local")
    elif sys.platform == "darwin":
        base, default = None, Path("Library", "Caches")
    else:
        base, default = os.environ.get("XDG_CACHE_HOME"), Path(".cache")
    place = Path(base) if base and os.path.isabs(base) else Path(os.path.expanduser("~"), default)
    if not place.is_absolute():  # there is no home directory
        place = Path(_nowhere().name)
    return place / "genkit"


@cache
def _nowhere() -> tempfile.TemporaryDirectory[str]:
    """A place for this process alone, until it ends: one that others can name may be somebody else's."""
    return tempfile.TemporaryDirectory(prefix="genkit-")


def is_ours(folder: Path) -> bool:
    """Whether a folder is of the user who runs this, and nobody else may put files there.

    Raises:
        OSError: it cannot be looked at.
    """
    if sys.platform == "win32":  # which keeps what is a user's to them
        return True
    status = folder.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def of(settings: Mapping[str, Any]) -> list[str]:
    """The files that a worker's settings name: of the model, and of its LoRA adapters."""
    return [settings["path"], *(path for path, _ in settings.get("lora", ()))]


def fingerprint(path: str) -> str:
    """A hash of what is another for another model file: its beginning, its size and its age.

    Raises:
        ModelFileError: it is a pipe or the like, and who opens that waits for ever.
        OSError: it cannot be read.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise ModelFileError(f"{path!r} is not a regular file; give the path of a .gguf file", path=path)
    with open(path, "rb") as file:
        about = f"{status.st_size} {status.st_mtime_ns} ".encode()
        return hashlib.sha256(about + file.read(_BEGINNING)).hexdigest()
