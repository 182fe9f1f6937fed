"""LoRA adapters: which of them a call has, and a look at a file before native code sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ..errors import BadRequest, ConfigError
from ..lora import Given, pairs
from . import files
from .gguf import checked, contents
from .gguf_format import Contents, Refused, brief

Adapters: TypeAlias = Sequence[tuple[str, float]]
"""The files of adapters, and how much of each to add to the weights."""


def adapters(given: Given | None) -> list[tuple[str, float]]:
    """The adapters that a Generator is given: the file of each, and how much of it to add.

    Raises:
        ConfigError: it is none of what :func:`genkit.lora.pairs` takes.
        ModelFileError: there is no such file.
    """
    try:
        return [] if given is None else [(str(files.find(path)), scale) for path, scale in pairs(given)]
    except BadRequest as error:
        raise ConfigError(error.message) from None


def scales(wanted: Adapters | None, loaded: Adapters) -> list[float]:
    """How much of each adapter that was loaded a call adds to the weights.

    Args:
        wanted: the adapters that the call names; None for those of the Generator.
        loaded: what :func:`adapters` made of those.

    Raises:
        BadRequest: the Generator has no such adapter.
        ModelFileError: there is no such file.
    """
    if wanted is None:
        return [scale for _, scale in loaded]
    there, found = [path for path, _ in loaded], [0.0] * len(loaded)
    for path, scale in wanted:
        if (file := str(files.find(path))) not in there:
            raise BadRequest(
                f"{path} is none of the Generator's LoRA adapters ({', '.join(there) or 'it has none'}); "
                "name all that calls choose from in Generator(lora=), with scale 0 if others go without"
            )
        found[there.index(file)] += scale
    return found


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
