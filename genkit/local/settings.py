"""Whether the settings of a local model are in their ranges, and go together."""

from __future__ import annotations

import threading
from typing import Any

from ..errors import ConfigError, shown
from ..runtime.base import is_duration

PARALLEL = 8
"""How many calls run at a time by default."""
MOST_PARALLEL = 128
"""llama.cpp has 256 sequences, and some are kept for others to begin with."""
_MOST = 2**31 - 1  # what native code can count to


def checked(
    *,
    context: Any,
    parallel: Any,
    template: Any,
    lookup: Any,
    deterministic: Any,
    keep_on_disk: Any,
    **rest: Any,
) -> dict[str, Any]:
    """The settings that a worker is to have, with what they are by default.

    Args:
        rest: ``threads`` and ``gpu_layers``, and flags.

    Raises:
        ConfigError: one is out of its range, or two do not go together.
    """
    numbers = {name: rest[name] for name in ("threads", "gpu_layers")}
    flags = {name: value for name, value in rest.items() if name not in numbers}
    _check_flags(deterministic=deterministic)
    parallel = (1 if deterministic else PARALLEL) if parallel is None else parallel
    lookup = not deterministic if lookup is None else lookup
    _check_numbers(context=None if context == "auto" else context, parallel=parallel, **numbers)
    _check_flags(lookup=lookup, keep_on_disk=keep_on_disk, **flags)
    if template is not None and not (isinstance(template, str) and "{" in template):
        what = "a chat template in Jinja, itself and not its path"
        raise ConfigError(f"template takes {what}, not {shown(template)}")
    if deterministic:
        for name, value in {
            "parallel": parallel > 1 and parallel,
            "lookup": lookup,
            "keep_on_disk": keep_on_disk,
        }.items():
            if value:
                raise ConfigError(
                    "deterministic=True computes one call at a time, each from nothing: "
                    f"leave out {name}={value}"
                )
    return {
        "context": context,
        "parallel": parallel,
        "template": template,
        "lookup": lookup,
        "deterministic": deterministic,
        **rest,
    }


def seconds(name: str, value: Any) -> float | None:
    """How long something may take. Raises ConfigError."""
    if value is None:
        return None
    if not is_duration(value) or float(value) > threading.TIMEOUT_MAX:
        hint = "; leave it out for no limit" if is_duration(value) else ""
        raise ConfigError(f"a local model's {name} is seconds above 0, not {shown(value)}{hint}")
    return float(value)


def _check_numbers(**numbers: Any) -> None:
    for name, value in numbers.items():
        low, high = 0 if name == "gpu_layers" else 1, MOST_PARALLEL if name == "parallel" else _MOST
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (is_whole and low <= value <= high):
            also = {"context": ' or "auto"', "gpu_layers": " (999 for all)"}.get(name, "")
            raise ConfigError(f"{name} takes a whole number from {low} to {high}{also}, not {shown(value)}")


def _check_flags(**flags: Any) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ConfigError(f"{name} takes True or False, not {shown(value)}")
