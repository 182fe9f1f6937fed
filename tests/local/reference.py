"""What llama.cpp itself computes, through its plain bindings: to compare with."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genkit.local.llama import Model


def token_vectors(path: Path, tokens: Sequence[int]) -> np.ndarray:
    """The model's last hidden state of each token of one sequence, without any pooling."""
    library: Any = importlib.import_module("genkit.local.llama").lib
    model = Model(str(path))
    parameters = library.llama_context_default_params()
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = 1024
    parameters.embeddings, parameters.pooling_type = True, library.LLAMA_POOLING_TYPE_NONE
    context = library.llama_init_from_model(model.pointer, parameters)
    batch = library.llama_batch_init(1024, 0, 1)
    batch.n_tokens = len(tokens)
    for row, token in enumerate(tokens):
        batch.token[row], batch.pos[row], batch.n_seq_id[row], batch.logits[row] = token, row, 1, True
        batch.seq_id[row][0] = 0
    assert library.llama_decode(context, batch) == 0
    vectors = [library.llama_get_embeddings_ith(context, row)[: model.width] for row in range(len(tokens))]
    library.llama_batch_free(batch)
    library.llama_free(context)
    model.close()
    return np.array(vectors)
