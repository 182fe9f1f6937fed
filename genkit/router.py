"""From the name of a model to the backend that runs it."""

from __future__ import annotations

from typing import Any

from .backend import Backend
from .errors import ConfigError
from .local import files
from .local.backend import LocalBackend


def backend(model: str, **settings: Any) -> Backend:
    """The backend for a model's name.

    Args:
        model: ``"demo"``, or ``"llama:PATH"``.
        settings: what the backend is made with; None stands for its default.

    Raises:
        ConfigError: no backend goes by that name, or it does not take these settings.
        ModelFileError: there is no such model file.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if model == "demo":
        return LocalBackend(files.DEMO, **given)
    scheme, colon, name = model.partition(":")
    if colon and scheme == "llama" and name:
        return LocalBackend(name, **given)
    hint = f"; for a file write llama:{model}" if model.endswith(".gguf") else ""
    raise ConfigError(f"no model goes by the name {model!r}; use 'demo' or 'llama:PATH.gguf'{hint}")
