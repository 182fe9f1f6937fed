"""Trying a model file in a process that is thrown away, before it is loaded into this one.

That it went well is remembered in the user's cache directory, as an empty file that is named after the
beginning, size and age of the model file and its adapters, llama-cpp-python's version, and whether there was
flash attention, since what is computed without it is not the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import platform
import sys
from pathlib import Path
from typing import Any

from ..errors import BackendError, ConfigError, GenkitError
from . import files, pipe
from .child import Child, interpreter


class Trial:
    """Loads the model file in a throw-away process, if that never went well before.

    Args:
        settings: what a worker takes.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._child: Child | None = None
        self._is_over = False

    def require(self) -> None:
        """Wait until it went well.

        Raises:
            GenkitError: what a worker would raise: the file cannot be used, or there is no memory for it.
        """
        mark: Path | None = None
        with contextlib.suppress(OSError):  # nobody may look; why a file cannot be read, the trial tells
            mark = files.cache_directory() / "tried" / _name(self._settings)
            if mark.exists() and files.is_ours(mark.parent):
                return
        try:
            interpreter()
        except ConfigError:  # to be tried in: isolation="thread" is for programs without one, too
            return
        if failure := self._failure():
            raise failure
        if mark is None:
            return
        with contextlib.suppress(OSError):  # a full disk, no right to write: it is tried again next time
            mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            mark.touch()

    def kill(self) -> None:
        """End it now, also before it has begun; called in any thread."""
        self._is_over = True
        if self._child:
            self._child.kill()

    def _failure(self) -> GenkitError | None:
        child = self._child = Child()
        try:
            if self._is_over:
                child.kill()
            child.commands.send(pipe.pack({**self._settings, "context": None}))
            for frame in child.answers():
                if isinstance(frame, dict):
                    return pipe.error_from(frame) if "error" in frame else None
            return child.cause_of_death(loaded=False)
        except ValueError as error:
            return BackendError(
                f"the process that tried the model sent something that is not an answer ({error})"
            )
        finally:
            child.kill()
            child.close()


def _name(settings: dict[str, Any]) -> str:
    try:
        build = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        build = ""
    prints = " ".join(map(files.fingerprint, files.of(settings)))
    about = f"{prints} {build} {sys.platform} {platform.machine()}"
    about += " without flash attention" if settings.get("flash_attention") is False else ""
    return hashlib.sha256(about.encode()).hexdigest()
