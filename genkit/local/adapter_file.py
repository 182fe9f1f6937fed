"""A look at the file of a LoRA adapter, before native code sees it."""

from __future__ import annotations

from collections.abc import Mapping

from .arrays import numpy
from .gguf import checked, contents
from .gguf_format import Contents, Refused, brief

_EXPONENTS = {"F32": ("<u4", 0x7F800000), "F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80)}
"""The bits that are all set in what is infinite or no number (IEEE 754)."""


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
    return checked(path, lambda shown: _judge(shown, contents(shown), architecture))


def _judge(path: str, found: Contents, architecture: str) -> int:
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
    _check_numbers(path, found)
    return found.tensor_bytes


def _check_numbers(path: str, found: Contents) -> None:
    """What is no number would stay in the KV cache, and spoil the answers of calls without this adapter."""
    for name, (kind, start, size) in found.places.items():
        if kind not in _EXPONENTS:
            continue
        width, exponent = _EXPONENTS[kind]
        values = numpy().fromfile(path, dtype=width, count=size // int(width[-1]), offset=start)
        if ((values & exponent) == exponent).any():
            raise Refused(
                f"has tensor {name!r} with infinite values, or such that are no numbers", "train it again"
            )


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
