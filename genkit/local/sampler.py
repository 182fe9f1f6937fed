"""Sampler chains: what chooses a token from logits."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BackendError
from .arrays import as_array
from .context import Context
from .llama import Model, lib
from .sampling import Step

MANY = 10_000
"""From so many tokens on, numpy finds the likeliest sooner than a chain, which copies all of them first."""


class Sampler:
    """A sampler chain of llama.cpp, built from :func:`genkit.local.sampling.steps`.

    Args:
        model: the model whose tokens are sampled.
        steps: the steps of the chain.
        history: the tokens so far, for penalties.
    """

    def __init__(self, model: Model, steps: Sequence[Step], history: Sequence[int]) -> None:
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        self._size = model.vocabulary_size
        self._likeliest = self._size >= MANY and [name for name, *_ in steps] == ["greedy"]
        for name, *values in steps:
            if name in ("top_p", "min_p"):
                values.append(1)  # keep at least one token
            elif name == "logit_bias":
                biases = (lib.llama_logit_bias * len(values[0]))(*values[0])
                values[:] = model.vocabulary_size, len(biases), biases
            elif name == "penalties":
                window = values[0]
                values.insert(0, model.vocabulary_size)
            step = getattr(lib, f"llama_sampler_init_{name}")(*values)
            if not step:
                raise BackendError(f"llama.cpp cannot make the sampler {name}{tuple(values)}")
            lib.llama_sampler_chain_add(self._chain, step)
            if name == "penalties":
                for token in history[-window:]:
                    lib.llama_sampler_accept(self._chain, token)

    def sample(self, context: Context, row: int) -> int:
        """Choose the next token from the logits of this row of the last batch."""
        if self._likeliest:
            return int(as_array(context.logits(row), self._size).argmax())
        token: int = lib.llama_sampler_sample(self._chain, context.pointer, row)
        return token

    def close(self) -> None:
        """Free the chain."""
        chain, self._chain = self._chain, None
        if chain:
            lib.llama_sampler_free(chain)
