"""A model's first step, before anybody is told that it is loaded."""

from __future__ import annotations

from ..errors import ConfigError
from .context import Context
from .cores import Cores
from .llama import Model
from .memory import STEP


def try_out(model: Model, threads: int | Cores, *, shifting: bool) -> None:
    """Evaluate one token, which is when some broken files end the process.

    Better before anybody is told that the model is loaded; what it costs, the first prompt saves.

    Raises:
        ConfigError: contexts are to shift, and those of this model cannot.
    """
    context = Context(model, size=STEP, sequences=1, batch=1, threads=threads)
    try:
        context.decode([(0, 0, 0, True)], (1.0,) * len(model.adapters))  # all that a call may choose
        if shifting and not context.can_shift:
            raise ConfigError(
                "of what this model has evaluated nothing can be moved, as context_shift needs it to be; "
                "leave that out"
            )
    finally:
        context.close()
