"""LoRA adapters: what a caller may give, and a look at the file before native code sees it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ..errors import ConfigError
from . import files
from .gguf import checked, contents
from .gguf_format import Contents, Refused, brief

Path: TypeAlias = str | os.PathLike[str]
Given: TypeAlias = Path | Sequence[Path | tuple[Path, float]]


def adapters(given: Given | None) -> list[tuple[str, float]]:
    """The adapters that a caller gave: the file of each, and how much of it to add.

    Args:
        given: the path of one, or a list of paths or of pairs of a path and a scale, which is 1 by default.

    Raises:
        ConfigError: it is something else.
        ModelFileError: there is no such file.
    """
    if given is None:
        return []
    listed = [given] if isinstance(given, (str, os.PathLike)) else given
    if not isinstance(listed, Sequence):
        raise ConfigError(f"lora takes a path, or a list of paths or of (path, scale), not {given!r:.200}")
    return [_adapter(each) for each in listed]


def _adapter(given: Any) -> tuple[str, float]:
    path, scale = (given, 1.0) if isinstance(given, (str, os.PathLike)) else _pair(given)
    is_number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
    if not is_number or not math.isfinite(scale):
        raise ConfigError(f"the scale of a LoRA adapter is a number, not {scale!r:.80}")
    return str(files.find(path)), float(scale)


def _pair(given: Any) -> tuple[Any, Any]:
    is_pair = isinstance(given, (tuple, list)) and len(given) == 2
    if not is_pair or not isinstance(given[0], (str, os.PathLike)):
        raise ConfigError(f"lora takes paths, or pairs of a path and a scale, not {given!r:.200}")
    return given[0], given[1]


def size(path: str, architecture: str) -> int:
    """The bytes that the adapter at ``path`` takes, after a look at its header.

    Rules: the checks and asserts of llama-adapter.cpp in llama.cpp 0c1e57098; whether its tensors fit those
    of the model, llama.cpp says itself.

    Args:
        path: the file.
        architecture: of the model that it is for.

    Raises:
        ModelFileError: it cannot be read, is no LoRA adapter, or was made for another architecture.
    """
    return checked(path, lambda shown: _judge(contents(shown), architecture))


def _judge(found: Contents, architecture: str) -> int:
    values = found.values
    if (values.get("general.type"), values.get("adapter.type")) != ("adapter", "lora"):
        raise Refused("is no LoRA adapter", "convert one with llama.cpp's convert_lora_to_gguf.py")
    if values.get("general.architecture") != architecture:
        problem = f"was made for a model of architecture {brief(values.get('general.architecture'))}"
        raise Refused(f"{problem}, and this one is {architecture!r}", "give an adapter of the same model")
    if not isinstance(values.get("adapter.lora.alpha", 0.0), float):
        raise Refused(f"has adapter.lora.alpha = {brief(values['adapter.lora.alpha'])}, which is no float")
    if any("adapter.alora.invocation_tokens" in part for part in (values, found.arrays)):
        raise Refused("is an aLoRA, which begins in the middle of a prompt", "give a plain LoRA adapter")
    _check_pairs(found.shapes)
    return found.tensor_bytes


def _check_pairs(shapes: Mapping[str, tuple[int, ...]]) -> None:
    halves = {name for name in shapes if not name.endswith("_norm.weight")}
    if not halves:
        raise Refused("holds no tensors of an adapter")
    for name in halves:
        base, half = name[:-1], name[-1:]
        if not base.endswith(".lora_") or half not in "ab" or f"{base}{'ba'['ab'.index(half)]}" not in halves:
            raise Refused(f"has tensor {name!r}, which is no half of a pair (.lora_a, .lora_b)")
        if len(shapes[name]) != 2:
            raise Refused(f"has tensor {name!r} of shape {list(shapes[name])}, which is no matrix")
