"""How much memory a model takes, reckoned from its header before any of it is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ConfigError, OutOfMemory
from .gguf import Header

DEFAULT_CONTEXT = 4096
STEP = 256
"""llama.cpp makes contexts of a multiple of this many tokens."""
_RECURRENT = {"arwkv7", "mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7"}
"""Architectures whose layers all have a state for each sequence instead of keys and values."""
_EVERY = {"minimax-01": 8, "qwen35": 4, "qwen35moe": 4, "qwen3next": 4, "qwen4exp": 4}
"""Architectures of whose layers one in so many has keys and values, and the others have a state."""
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
        beside: of what attention keeps beside these.
        states: of the recurrent states of all sequences.
    """

    weights: int
    token: int
    compute: int
    mask: int
    beside: int = 0
    states: int = 0

    def total(self, context: int) -> int:
        """The bytes that the model takes with a context window of so many tokens."""
        size = padded(context)
        computing = max(self.compute, self.beside + self.mask * size)
        return _PROCESS + self.weights + self.states + computing + self.token * size

    def fitting(self, memory: int) -> int:
        """The largest context window that fits into so many bytes; 0 if none does."""
        spare = memory - _PROCESS - self.weights - self.states
        if spare < max(self.compute, self.beside):
            return 0
        size = (spare - self.beside) // (self.token + self.mask)
        if self.token:  # encoders keep none
            size = min(size, (spare - self.compute) // self.token)
        return size // STEP * STEP


class _Shape:
    """What a header says of a model's layers."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self.count, self.width = self.one("block_count"), self.one("embedding_length")
        self.heads = self.layers("attention.head_count")
        self.key_heads = self.layers("attention.head_count_kv", self.heads)

    def layers(self, key: str, default: tuple[int, ...] = (0,)) -> tuple[int, ...]:
        """The integers at a key: one for all layers, or one for each."""
        value = self._header.metadata.get(f"{self._header.architecture}.{key}", default)
        found = tuple(each for each in (value if isinstance(value, tuple) else (value,)) if type(each) is int)
        return found or default

    def one(self, key: str, default: int = 0) -> int:
        """The integer at a key."""
        return self.layers(key, (default,))[0]

    def recurrent(self) -> int:
        """How many layers have a state, if any does."""
        kind, keys = self._header.architecture, self.key_heads
        if kind in _RECURRENT or kind == "falcon-h1":  # which has both in every layer
            return self.count
        if kind in _EVERY:
            told = self._header.metadata.get(f"{kind}.attention.recurrent_layers")
            every = max(self.one("full_attention_interval", _EVERY[kind]), 1)
            return sum(map(bool, told)) if isinstance(told, tuple) else self.count - self.count // every
        if kind.startswith("nemotron_h") and len(found := self.layers("feed_forward_length")) == len(keys):
            keys = tuple(key or feed for key, feed in zip(keys, found, strict=True))
        return keys.count(0)

    def all_key_heads(self) -> int:
        """The heads of keys, in all layers together."""
        kind = self._header.architecture
        if kind in _RECURRENT or self._header.is_encoder:
            return 0
        if len(self.key_heads) > 1:
            return sum(self.key_heads)
        return self.key_heads[0] * (self.count - (self.recurrent() if kind in _EVERY else 0))

    def state(self) -> int:
        """How many numbers one layer's state of a sequence has (llama_hparams::n_embd_r and n_embd_s)."""
        convolved = max(self.one("ssm.conv_kernel") - 1, 0)
        if head := self.one("wkv.head_size"):
            return self.width * (self.one("token_shift_count", 2) + head)
        if cached := self.one("shortconv.l_cache"):
            return self.width * (cached - 1)
        if head := self.one("kda.head_dim"):
            return self.heads[0] * head * (3 * convolved + head)
        if self._header.architecture == "minimax-01":
            head = self.one("attention.key_length", self.width // max(self.heads[0], 1))
            return self.heads[0] * head * head
        inner, size = self.one("ssm.inner_size"), self.one("ssm.state_size")
        return convolved * (inner + 2 * self.one("ssm.group_count") * size) + inner * size


def needs(header: Header, batch: int, *, flash_attention: bool = True, sequences: int = 1) -> Needs:
    """What the model with this header takes.

    The compute buffer is llama.cpp's graph at its widest, as measured with 0c1e57098: logits, or attention
    and feed-forward, and four rows of the model's width, 32 bits each.

    Args:
        header: of the model file.
        batch: the most tokens of one step.
        flash_attention: whether the context has it; else the scores of all heads are kept, 32 bits each.
        sequences: how many of them a context has whose model keeps a state for each.
    """
    shape = _Shape(header)
    width, heads, key_heads = shape.width, shape.heads, shape.key_heads
    share = width // max(*heads, 1)
    length = sum(shape.one(f"attention.{each}_length", share) for each in ("key", "value"))
    cached = length
    if shape.one("attention.key_length_mla"):  # from its keys the values are computed
        cached = shape.one("attention.key_length", share)
    logits = 0 if header.is_encoder else header.n_vocab
    widest = max(logits, 2 * max(shape.layers("feed_forward_length")) + 2 * width)
    # Queries three times, keys and values, and two rows of the model's width.
    beside = batch * (2 * length * (3 * max(heads) + 2 * max(key_heads)) + 8 * width)
    return Needs(
        weights=header.tensor_bytes,
        token=shape.all_key_heads() * cached * 2,
        compute=batch * 4 * (widest + 4 * width),
        mask=batch * (2 if flash_attention else 4 * (max(heads) + 2)),
        beside=beside,
        states=sequences * shape.recurrent() * shape.state() * 4,
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


def changing(header: Header, size: int, batch: int, few: int) -> int:
    """The bytes that a change of how attention is computed takes.

    That is another context, which stays, and meanwhile all that the first holds once more.

    Args:
        header: of the model file.
        size: the context window, in tokens.
        batch: the most tokens of one step with flash attention.
        few: the same without.
    """
    kinds = needs(header, batch), needs(header, few, flash_attention=False)
    return max(need.total(size) - _PROCESS - need.weights + need.token * size for need in kinds)


def choose_context(
    header: Header,
    wanted: int | Literal["auto"] | None,
    *,
    batch: int,
    free: int | None,
    flash_attention: bool = True,
    sequences: int = 1,
) -> int:
    """The context window to make, in tokens.

    Args:
        header: of the model file.
        wanted: a size; None for the model's own, at most 4096; ``"auto"`` for the model's own, or as much of
            it as fits into half of the memory that the weights leave.
        batch: the most tokens of one step.
        free: the bytes of memory that may be taken; None if that is not known.
        flash_attention: as in :func:`needs`.
        sequences: as in :func:`needs`.

    Raises:
        ConfigError: the model was not made for so many tokens.
        OutOfMemory: there is not enough memory.
    """
    trained = header.context_length or DEFAULT_CONTEXT
    need = needs(header, batch, flash_attention=flash_attention, sequences=sequences)
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
        raise _too_large(need, context, free, several=sequences > 1)
    return context


def _too_large(need: Needs, context: int, free: int, *, several: bool) -> OutOfMemory:
    total, rest, fitting = need.total(context), need.total(context) - need.weights, need.fitting(free)
    fewer = "let fewer calls run at a time (parallel=), " if need.states and several else ""
    what_to_do = (
        f"context={fitting} would fit"
        if fitting
        else f"no context window fits: {fewer}take a smaller model or free memory"
    )
    states = f", {need.states // MIB} of them for the states of all calls" if need.states else ""
    return OutOfMemory(
        f"with context={context} this model takes {total // MIB} MiB of memory ({need.weights // MIB} of "
        f"weights, {rest // MIB} for the context window and computing{states}), and {free // MIB} MiB are "
        f"free; {what_to_do}",
        needed=total,
        free=free,
        context=fitting,
    )
