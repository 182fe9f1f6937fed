"""Training data: conversations packed into rows of fixed length, made from a seed, chunk by chunk."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
from corpus.dialogue import block, system_text
from corpus.mixture import training_sample
from tokenizers import Tokenizer

LENGTH = 256


def conversation(
    rng: random.Random, tokenizer: Tokenizer, weights: dict[str, int]
) -> tuple[list[int], list[int]]:
    """Token ids, and for each whether it is part of what the assistant says (only that is learned)."""
    while True:
        sample = training_sample(rng, weights)
        system = system_text("\n".join(text for role, text in sample.turns if role == "system"), sample.tools)
        turns = ([("system", system)] if system else []) + [
            turn for turn in sample.turns if turn[0] != "system"
        ]
        ids: list[int] = []
        learned: list[int] = []
        for role, text in turns:
            whole = block(role, text)
            head = tokenizer.encode(f"<|im_start|>{role}\n").ids
            tail = tokenizer.encode("\n").ids
            body = tokenizer.encode(whole[len(f"<|im_start|>{role}\n") : -1]).ids
            ids += head + body + tail
            learned += [0] * len(head) + [int(role == "assistant")] * len(body) + [0] * len(tail)
        if len(ids) <= LENGTH:
            return ids, learned


def _rows(
    rng: random.Random, tokenizer: Tokenizer, weights: dict[str, int]
) -> Iterator[tuple[list[int], list[int], list[int]]]:
    """Rows filled first-fit from a small buffer, so that little is padding."""
    buffer: list[tuple[list[int], list[int]]] = []
    while True:
        while len(buffer) < 48:
            buffer.append(conversation(rng, tokenizer, weights))
        row: list[int] = []
        learned: list[int] = []
        segment: list[int] = []
        while len(buffer) >= 8:
            fit = next((i for i, (ids, _) in enumerate(buffer) if len(row) + len(ids) <= LENGTH + 1), None)
            if fit is None:
                break
            ids, marks = buffer.pop(fit)
            segment += [segment[-1] + 1 if segment else 0] * len(ids)
            row += ids
            learned += [0, *marks[1:]]
        padding = LENGTH + 1 - len(row)
        yield row + [0] * padding, learned + [0] * padding, segment + [255] * padding


def chunk(
    tokenizer_file: str, seed: int, weights: dict[str, int], number: int, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chunk ``number`` of the endless data: ids, learned, segment, each of shape (rows, LENGTH + 1)."""
    source = _rows(random.Random(f"{seed}/{number}"), Tokenizer.from_file(tokenizer_file), weights)
    parts = [next(source) for _ in range(rows)]
    return (
        np.array([row for row, _, _ in parts], dtype=np.int64),
        np.array([marks for _, marks, _ in parts], dtype=bool),
        np.array([segment for _, _, segment in parts], dtype=np.uint8),
    )
