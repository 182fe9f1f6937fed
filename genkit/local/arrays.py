"""Rows of logits as numpy arrays; numpy is loaded when it is first needed, which most calls never do."""

from __future__ import annotations

import contextlib
import importlib
import math
import threading
from functools import cache
from typing import Any

from ..errors import MissingDependency


@cache
def numpy() -> Any:
    """The package numpy.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        return importlib.import_module("numpy")
    except ImportError as error:
        raise MissingDependency(
            f"the local engine needs numpy: pip install numpy ({error})",
            extra="local",
        ) from error


def numpy_soon() -> None:
    """Import numpy in a thread of its own; who needs it hears if that cannot be."""
    threading.Thread(target=_try_numpy, name="genkit numpy", daemon=True).start()


def _try_numpy() -> None:
    with contextlib.suppress(Exception):
        numpy()


def as_array(logits: Any, size: int) -> Any:
    """Logits as an array that shares their memory.

    Args:
        logits: a pointer to C floats, from :meth:`genkit.local.context.Context.logits`.
        size: how many there are.
    """
    return numpy().ctypeslib.as_array(logits, (size,))


def log_probabilities(logits: Any, size: int, count: int) -> tuple[float, list[tuple[int, float]]]:
    """What softmax makes of logits, as logarithms.

    Args:
        logits: as for :func:`as_array`.
        size: as for :func:`as_array`.
        count: how many of the likeliest to tell.

    Returns:
        What is to be subtracted from a logit to make it a log probability; and the likeliest ids with their
        log probabilities, the likeliest first and of equals the lower id.
    """
    values, library = as_array(logits, size), numpy()
    largest = float(values.max())
    total = largest + math.log(float(library.exp(values - largest).sum(dtype=library.float64)))
    if not count:
        return total, []
    least = library.partition(values, -min(count, size))[-min(count, size)]
    best = library.flatnonzero(values >= least)
    best = best[library.lexsort((best, -values[best]))]
    return total, [(int(id), float(values[id]) - total) for id in best[:count]]
