"""LoRA adapters: those of a Generator, and which of them a call has."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..errors import BadRequest, ConfigError
from ..lora import LARGEST, Given, pairs
from . import files


class Adapters:
    """The adapters that a Generator was given, of which its calls choose.

    Args:
        given: what :func:`genkit.lora.pairs` takes, or None.

    Raises:
        ConfigError: it is something else.
        ModelFileError: there is no such file.
    """

    def __init__(self, given: Given | None) -> None:
        try:
            named = () if given is None else pairs(given)
        except BadRequest as error:
            raise ConfigError(error.message) from None
        self.files = [(str(files.find(path)), scale) for path, scale in named]
        """The file of each, and how much of it to add to the weights."""
        self._names = [path for path, _ in named]
        self._real = [os.path.realpath(file) for file, _ in self.files]

    def scales(self, wanted: Sequence[tuple[str, float]] | None) -> list[float]:
        """How much of each a call adds to the weights.

        Args:
            wanted: the adapters that the call names, as the Generator did or by another path; None for all.

        Raises:
            BadRequest: the Generator has no such adapter.
        """
        if wanted is None:
            return [scale for _, scale in self.files]
        found = [0.0] * len(self.files)
        for path, scale in wanted:
            try:
                real = os.path.realpath(os.path.expanduser(path))
            except (OSError, ValueError):  # a NUL byte, half a character
                real = ""
            if path not in self._names and real not in self._real:
                there = ", ".join(self._names) or "it has none"
                raise BadRequest(
                    f"{path} is none of the Generator's LoRA adapters ({there}); "
                    "name all that calls choose from in Generator(lora=), with scale 0 if others go without"
                )
            at = self._names.index(path) if path in self._names else self._real.index(real)
            found[at] += scale
            if abs(found[at]) > LARGEST:
                raise BadRequest(
                    f"{path} is wanted with a scale of {found[at]:g} in all; {LARGEST} is the most"
                )
        return found
