"""How much memory a model takes, reckoned from its header before any of it is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ConfigError, OutOfMemory
from .gguf import Header

DEFAULT_CONTEXT = 4096
STEP = 256
"""llama.cpp makes contexts of a multiple of this many tokens."""
_PROCESS = 96 << 20  # Python, llama.cpp and the small buffers of both
MIB = 1 << 20


def padded(context: int) -> int:
    """How many tokens the context has that llama.cpp makes when it is asked for so many."""
    return -(-context // STEP) * STEP


@dataclass(frozen=True, slots=True)
class Needs:
    """What a model takes, in bytes.

    Args:
        weights: of the tensors.
        token: of one token's keys and values in all layers, 16 bits each.
        compute: of the buffers of one step, but for the attention mask.
        mask: of the mask of one step, and of its scores where they are kept, for one token of context.
        beside: of what attention keeps beside these scores.
    """

    weights: int
    token: int
    compute: int
    mask: int
    beside: int = 0

    def total(self, context: int) -> int:
        """The bytes that the model takes with a context window of so many tokens."""
        size = padded(context)
        computing = max(self.compute, self.beside + self.mask * size)
        return _PROCESS + self.weights + computing + self.token * size

    def fitting(self, memory: int) -> int:
        """The largest context window that fits into so many bytes; 0 if none does."""
        spare = memory - _PROCESS - self.weights
        if spare < max(self.compute, self.beside):
            return 0
        size = (spare - self.beside) // (self.token + self.mask)
        if self.token:  # encoders keep none
            size = min(size, (spare - self.compute) // self.token)
        return size // STEP * STEP


def needs(header: Header, batch: int, *, flash_attention: bool = True) -> Needs:
    """What the model with this header takes.

    The compute buffer is llama.cpp's graph at its widest, as measured with 0c1e57098: logits, or attention
    and feed-forward, and four rows of the model's width, 32 bits each.

    Args:
        header: of the model file.
        batch: the most tokens of one step.
        flash_attention: whether the context has it; else the scores of all heads are kept, 32 bits each.
    """

    def layers(key: str, default: tuple[int, ...] = (0,)) -> tuple[int, ...]:
        value = header.metadata.get(f"{header.architecture}.{key}", default)
        found = tuple(each for each in (value if isinstance(value, tuple) else (value,)) if type(each) is int)
        return found or default

    count, width = layers("block_count")[0], layers("embedding_length")[0]
    heads = layers("attention.head_count")
    key_heads = layers("attention.head_count_kv", heads)
    share = width // max(*heads, 1)
    length = sum(layers(f"attention.{each}_length", (share,))[0] for each in ("key", "value"))
    all_key_heads = sum(key_heads) if len(key_heads) > 1 else key_heads[0] * count
    logits = 0 if header.is_encoder else header.n_vocab
    widest = max(logits, 2 * max(layers("feed_forward_length")) + 2 * width)
    # Queries three times, keys and values, and two rows of the model's width.
    beside = batch * (2 * length * (3 * max(heads) + 2 * max(key_heads)) + 8 * width)
    return Needs(
        weights=header.tensor_bytes,
        token=0 if header.is_encoder else all_key_heads * length * 2,
        compute=batch * 4 * (widest + 4 * width),
        mask=batch * (2 if flash_attention else 4 * (max(heads) + 2)),
        beside=0 if flash_attention else beside,
    )


def pooled(header: Header, size: int) -> int:
    """The bytes that a second context takes, for embeddings: llama.cpp keeps the logits of all tokens there.

    Args:
        header: of the model file.
        size: the tokens of the context and of one step.
    """
    need = needs(header, size)
    logits = 0 if header.is_encoder else size * header.n_vocab * 4
    return need.total(size) - _PROCESS - need.weights + logits


def choose_context(
    header: Header,
    wanted: int | Literal["auto"] | None,
    *,
    batch: int,
    free: int | None,
    flash_attention: bool = True,
) -> int:
    """The context window to make, in tokens.

    Args:
        header: of the model file.
        wanted: a size; None for the model's own, at most 4096; ``"auto"`` for the model's own, or as much of
            it as fits into half of the memory that the weights leave.
        batch: the most tokens of one step.
        free: the bytes of memory that may be taken; None if that is not known.
        flash_attention: as in :func:`needs`.

    Raises:
        ConfigError: the model was not made for so many tokens.
        OutOfMemory: there is not enough memory.
    """
    trained = header.context_length or DEFAULT_CONTEXT
    need = needs(header, batch, flash_attention=flash_attention)
    if isinstance(wanted, int) and wanted > trained:
        raise ConfigError(
            f"context={wanted} is more than this model was made for; it takes at most {trained}"
        )
    if wanted == "auto":
        if free is None:
            return min(trained, DEFAULT_CONTEXT)
        spare = max(0, free - need.total(0))
        context = min(trained, max(need.fitting(free - spare // 2), STEP))
    else:
        context = wanted or min(trained, DEFAULT_CONTEXT)
    if free is not None and need.total(context) > free:
        raise _too_large(need, context, free, need.fitting(free))
    return context


def _too_large(need: Needs, context: int, free: int, fitting: int) -> OutOfMemory:
    total, rest = need.total(context), need.total(context) - need.weights
    what_to_do = (
        f"context={fitting} would fit"
        if fitting
        else "no context window fits: take a smaller model or free memory"
    )
    return OutOfMemory(
        f"with context={context} this model takes {total // MIB} MiB of memory ({need.weights // MIB} of "
        f"weights, {rest // MIB} for the context window and computing), and {free // MIB} MiB are free; "
        f"{what_to_do}",
        needed=total,
        free=free,
        context=fitting,
    )
