"""From sampling options to the steps of llama.cpp's sampler chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# llama.cpp's own defaults (common/common.h), so that a model behaves here as its makers tried it there.
DEFAULTS: Mapping[str, Any] = {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05}
PENALTY_WINDOW = 64
LARGEST_SEED = 2**32 - 2  # the next one means "random" to llama.cpp

Step = tuple[Any, ...]


def steps(options: Mapping[str, Any]) -> list[Step]:
    """The sampler chain for the options that were set, in llama.cpp's order: names and their values.

    ``logit_bias`` comes as pairs of a token id and a bias; see :func:`genkit.local.bias.biases`.
    """
    value = {**DEFAULTS, **options}
    chain: list[Step] = []
    if biases := value.get("logit_bias"):
        chain.append(("logit_bias", biases))
    repeat = value.get("repeat_penalty", 1.0)
    frequency, presence = value.get("frequency_penalty", 0.0), value.get("presence_penalty", 0.0)
    if (repeat, frequency, presence) != (1.0, 0.0, 0.0):
        chain.append(("penalties", PENALTY_WINDOW, repeat, frequency, presence))
    if value["temperature"] == 0:
        return [*chain, ("greedy",)]
    if value["top_k"] > 0:
        chain.append(("top_k", value["top_k"]))
    if value["top_p"] < 1:
        chain.append(("top_p", value["top_p"]))
    if value["min_p"] > 0:
        chain.append(("min_p", value["min_p"]))
    return [*chain, ("temp", value["temperature"]), ("dist", value["seed"])]
