"""Whether the settings of a local model are in their ranges, and go together."""

from __future__ import annotations

import threading
from typing import Any

from ..errors import ConfigError, shown
from ..runtime.base import is_duration
from ..sampling import whole_number

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
    flash_attention: Any,
    **rest: Any,
) -> dict[str, Any]:
    """The settings that a worker is to have, with what they are by default.

    Args:
        rest: ``threads`` and ``gpu_layers``, and flags.

    Raises:
        ConfigError: one is out of its range, or two do not go together.
    """
    numbers = {name: rest.pop(name) for name in ("threads", "gpu_layers")}
    _check_flags(deterministic=deterministic)
    parallel = (1 if deterministic else PARALLEL) if parallel is None else parallel
    lookup = not deterministic if lookup is None else lookup
    is_auto = isinstance(context, str) and context == "auto"
    numbers = _numbers(context=None if is_auto else context, parallel=parallel, **numbers)
    _check_flags(lookup=lookup, keep_on_disk=keep_on_disk, **rest)
    if flash_attention is not None:
        _check_flags(flash_attention=flash_attention)
    if template is not None and not (isinstance(template, str) and "{" in template):
        what = "a chat template in Jinja, itself and not its path"
        raise ConfigError(f"template takes {what}, not {shown(template)}")
    if deterministic:
        for name, value in {
            "parallel": numbers["parallel"] > 1 and parallel,
            "lookup": lookup,
            "keep_on_disk": keep_on_disk,
        }.items():
            if value:
                raise ConfigError(
                    "deterministic=True computes one call at a time, each from nothing: "
                    f"leave out {name}={value}"
                )
    settings = {**rest, **numbers, "template": template, "lookup": lookup, "deterministic": deterministic}
    settings["flash_attention"] = flash_attention
    return settings | {"context": "auto"} if is_auto else settings


def seconds(name: str, value: Any) -> float | None:
    """How long something may take. Raises ConfigError."""
    if value is None:
        return None
    if not is_duration(value) or float(value) > threading.TIMEOUT_MAX:
        hint = "; leave it out for no limit" if is_duration(value) else ""
        raise ConfigError(f"a local model's {name} is seconds above 0, not {shown(value)}{hint}")
    return float(value)


def _numbers(**given: Any) -> dict[str, Any]:
    """The numbers as Python's own, which JSON has. Raises ConfigError."""
    numbers = {name: whole_number(value) for name, value in given.items()}
    for name, value in given.items():
        low, high = 0 if name == "gpu_layers" else 1, MOST_PARALLEL if name == "parallel" else _MOST
        number = numbers[name]
        if value is not None and (number is None or not low <= number <= high):
            also = {"context": ' or "auto"', "gpu_layers": " (999 for all)"}.get(name, "")
            raise ConfigError(f"{name} takes a whole number from {low} to {high}{also}, not {shown(value)}")
    return numbers


def _check_flags(**flags: Any) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ConfigError(f"{name} takes True or False, not {shown(value)}")
