"""Tiny GGUF models whose behaviour is known from how they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import gguf
import numpy as np

BARE = "{{ messages[-1].content }}"
_PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
_REST = [byte for byte in range(256) if byte not in _PRINTABLE]
TOKENS = [*(chr(byte) for byte in _PRINTABLE), *(chr(256 + i) for i in range(len(_REST))), "<|end|>"]
BYTES = [*_PRINTABLE, *_REST]  # the byte that each token stands for
END = len(TOKENS) - 1
WIDTH = 288  # at least one dimension a token, and a multiple of 32


def alphabet(path: Path, **options: Any) -> Path:
    """A model that goes on with the alphabet, and stops after z; digits go round for ever, as does ``é``.

    One token is one byte. Every layer adds nothing, so that the next token depends on the last alone.
    """
    return _write(path, *_alphabet(), scale=0, layers=1, heads=4, **options)


def _alphabet() -> tuple[np.ndarray, np.ndarray]:
    follows = dict.fromkeys(range(len(TOKENS)), END)
    for text in ("abcdefghijklmnopqrstuvwxyz", "01234567890", b"\xc3\xa9\xc3".decode("latin-1")):
        codes = text.encode("latin-1")
        follows |= {BYTES.index(one): BYTES.index(other) for one, other in pairwise(codes)}
    embeddings, output = np.zeros((2, len(TOKENS), WIDTH), np.float32)
    for token, successor in follows.items():
        embeddings[token, token] = output[successor, token] = 1
    return embeddings, output


def noise(path: Path, *, extra: Sequence[str] = (), control: Sequence[str] = (), **options: Any) -> Path:
    """A model of random weights that never ends by itself: what it says hangs on every token before.

    ``extra`` tokens come after ``TOKENS``, and then the ``control`` tokens, or user-``defined`` ones.
    """
    random = np.random.default_rng(1)
    embeddings, output = random.standard_normal((2, len(TOKENS) + len(extra) + len(control), 64)).astype(
        np.float32
    )
    output[END] = 0  # far from the likeliest 40
    options |= {"extra": extra, "control": control}
    return _write(path, embeddings, output / 2, scale=0.3, layers=2, heads=4, **options)


def _write(
    path: Path,
    embeddings: np.ndarray,
    output: np.ndarray,
    *,
    scale: float,
    layers: int,
    heads: int,
    extra: Sequence[str] = (),
    control: Sequence[str] = (),
    defined: bool = False,
    pre: str = "gpt-2",
    context: int = 131072,
    template: str | None = BARE,
    name: str = "",
    pooling: str = "",
    architecture: str = "llama",
    rerank: str = "",
    gap: bool = False,
    ends: bool = False,
    sections: Sequence[int] | None = None,
    window: int = 0,
    added: Mapping[str, np.ndarray] | None = None,
) -> Path:
    width, feed_forward = embeddings.shape[1], 64
    writer = gguf.GGUFWriter(path, architecture)
    if sections:  # positions of several dimensions
        writer.add_rope_dimension_sections(sections)
    if window:  # every other layer looks back so far only, if it is a Gemma 3
        writer.add_sliding_window(window)
        writer.add_uint32(f"{architecture}.attention.sliding_window_pattern", 2)
    writer.add_name(name or path.stem)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    _add_vocabulary(writer, extra, control, defined=defined, pre=pre)
    if rerank:
        writer.add_chat_template([{"name": "rerank", "template": rerank}])
        writer.add_classifier_output_labels(["yes", "no"])
    elif template is not None:
        writer.add_chat_template(template)
    if pooling:
        writer.add_pooling_type(gguf.PoolingType[pooling])
    if ends:  # texts, that is, as many who trained a model had it
        writer.add_add_eos_token(True)
    if gap:  # the last three control tokens begin what is before, after and in a gap
        for mark, back in (("fim_pre", 3), ("fim_suf", 2), ("fim_mid", 1)):
            writer.add_uint32(f"tokenizer.ggml.{mark}_token_id", len(embeddings) - back)
    random = np.random.default_rng(2)
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    if rerank:
        writer.add_tensor("cls.output.weight", random.standard_normal((2, width)).astype(np.float32))
    for layer in range(layers):
        if architecture == "gemma3":
            for norm in ("post_attention_norm", "post_ffw_norm"):
                writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(width, np.float32))
        if architecture in ("qwen3", "gemma3"):
            for norm in ("attn_q_norm", "attn_k_norm"):
                writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(width // heads, np.float32))
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(width, np.float32))
        for matrix, rows, columns in (
            *((f"attn_{each}", width, width) for each in ("q", "k", "v", "output")),
            ("ffn_gate", feed_forward, width),
            ("ffn_up", feed_forward, width),
            ("ffn_down", width, feed_forward),
        ):
            weights = (random.standard_normal((rows, columns)) * scale).astype(np.float32)
            full = f"blk.{layer}.{matrix}.weight"
            writer.add_tensor(full, weights + (added or {}).get(full, np.float32(0)))
            if sections and matrix in ("attn_q", "attn_k", "attn_v"):
                writer.add_tensor(f"blk.{layer}.{matrix}.bias", np.zeros(rows, np.float32))
    return _finish(writer, path)


WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *(f"\u2581{word}" for word in ["red", "green", "blue", "cold", "warm"]),
]
"""The vocabulary of an encoder: words, as llama.cpp spells them for a tokenizer like BERT's."""


def encoder(path: Path, *, pooling: str, context: int = 512) -> Path:
    """A small BERT of random weights, with a head for ranks if that is its pooling."""
    width, feed_forward, layers, random = 64, 128, 2, np.random.default_rng(3)
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name(path.stem)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(4)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType[pooling])
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list(WORDS)
    writer.add_token_types(
        [int(gguf.TokenType.CONTROL)] * 4 + [int(gguf.TokenType.NORMAL)] * (len(WORDS) - 4)
    )
    writer.add_token_type_count(2)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_sep_token_id(3)

    def add(name: str, *shape: int, scale: float = 0.3) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * scale).astype(np.float32))

    def norm(name: str) -> None:
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(width, np.float32))

    add("token_embd.weight", len(WORDS), width, scale=1)
    add("token_types.weight", 2, width)
    add("position_embd.weight", context, width)
    norm("token_embd_norm")
    for layer in range(layers):
        for each in ("q", "k", "v", "output"):
            add(f"blk.{layer}.attn_{each}.weight", width, width)
            add(f"blk.{layer}.attn_{each}.bias", width)
        norm(f"blk.{layer}.attn_output_norm")
        add(f"blk.{layer}.ffn_up.weight", feed_forward, width)
        add(f"blk.{layer}.ffn_up.bias", feed_forward)
        add(f"blk.{layer}.ffn_down.weight", width, feed_forward)
        add(f"blk.{layer}.ffn_down.bias", width)
        norm(f"blk.{layer}.layer_output_norm")
    if pooling == "RANK":
        add("cls.weight", width, width)
        add("cls.bias", width)
        add("cls.output.weight", 1, width)
        add("cls.output.bias", 1)
    return _finish(writer, path)


def adapter(
    path: Path,
    pairs: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    alpha: float,
    architecture: str = "llama",
    **more: str,
) -> Path:
    """A LoRA adapter that adds ``alpha / rank * b @ a`` to each of these weights; ``more`` is metadata."""
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in {"general_type": "adapter", "adapter_type": "lora", **more}.items():
        writer.add_string(key.replace("_", "."), value)
    writer.add_float32("adapter.lora.alpha", alpha)
    for weight, (a, b) in pairs.items():
        writer.add_tensor(f"{weight}.lora_a", a)
        writer.add_tensor(f"{weight}.lora_b", b)
    return _finish(writer, path)


def recurrent(path: Path) -> Path:
    """The alphabet of a Mamba, whose state goes forward only; its one layer adds nothing."""
    embeddings, output = _alphabet()
    inner, conv, state, rank = 2 * WIDTH, 4, 16, 18
    writer = gguf.GGUFWriter(path, "mamba")
    writer.add_name(path.stem)
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_block_count(1)
    writer.add_ssm_conv_kernel(conv)
    writer.add_ssm_inner_size(inner)
    writer.add_ssm_state_size(state)
    writer.add_ssm_time_step_rank(rank)
    writer.add_layer_norm_rms_eps(1e-5)
    _add_vocabulary(writer)
    writer.add_chat_template(BARE)
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output.weight", output)
    for name, *shape in (
        ("output_norm.weight", WIDTH),
        ("blk.0.attn_norm.weight", WIDTH),
        ("blk.0.ssm_in.weight", 2 * inner, WIDTH),
        ("blk.0.ssm_conv1d.weight", inner, conv),
        ("blk.0.ssm_conv1d.bias", inner),
        ("blk.0.ssm_x.weight", rank + 2 * state, inner),
        ("blk.0.ssm_dt.weight", inner, rank),
        ("blk.0.ssm_dt.bias", inner),
        ("blk.0.ssm_a", inner, state),
        ("blk.0.ssm_d", inner),
        ("blk.0.ssm_out.weight", WIDTH, inner),
    ):
        value = 1 if "norm" in name else -1 if name.endswith("_a") else 0
        writer.add_tensor(name, np.full(shape, value, np.float32))
    return _finish(writer, path)


def plamo(path: Path) -> Path:
    """A PLaMo 2 of random weights: a layer with a state, and one with attention."""
    embeddings, output = _alphabet()
    inner, conv, state, heads, rank, length = 2 * WIDTH, 4, 16, 4, 64, 16
    writer = gguf.GGUFWriter(path, "plamo2")
    writer.add_name(path.stem)
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(inner)
    writer.add_block_count(2)
    writer.add_head_count(heads)
    writer.add_head_count_kv([0, 2])
    writer.add_key_length(length)
    writer.add_value_length(length)
    writer.add_ssm_conv_kernel(conv)
    writer.add_ssm_inner_size(inner)
    writer.add_ssm_state_size(state)
    writer.add_ssm_time_step_rank(heads)
    writer.add_ssm_group_count(0)
    writer.add_layer_norm_rms_eps(1e-5)
    _add_vocabulary(writer)
    writer.add_chat_template(BARE)
    of_both = {
        "attn_norm.weight": (WIDTH,), "post_attention_norm": (WIDTH,), "ffn_norm.weight": (WIDTH,),
        "ffn_up.weight": (2 * inner, WIDTH), "ffn_down.weight": (WIDTH, inner), "post_ffw_norm": (WIDTH,),
    }  # fmt: skip
    of_state = {
        "ssm_in.weight": (2 * inner, WIDTH), "ssm_conv1d.weight": (inner, conv),
        "ssm_x.weight": (rank + 2 * state, inner), "ssm_dt.weight": (heads, rank), "ssm_dt.bias": (heads,),
        "ssm_a": (heads,), "ssm_d": (heads,), "ssm_out.weight": (WIDTH, inner),
        "ssm_dt_norm": (rank,), "ssm_b_norm": (state,), "ssm_c_norm": (state,),
    }  # fmt: skip
    of_attention = {
        "attn_qkv.weight": ((heads + 4) * length, WIDTH), "attn_output.weight": (WIDTH, heads * length),
        "attn_q_norm.weight": (heads, length), "attn_k_norm.weight": (2, length),
    }  # fmt: skip
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    random = np.random.default_rng(1)
    for layer, own in enumerate((of_state, of_attention)):
        for name, shape in (of_both | own).items():
            value = np.ones(shape) if "norm" in name else random.standard_normal(shape) * 0.3
            value = -abs(value) if name == "ssm_a" else value
            writer.add_tensor(f"blk.{layer}.{name}", value.astype(np.float32))
    return _finish(writer, path)


def _add_vocabulary(
    writer: gguf.GGUFWriter,
    extra: Sequence[str] = (),
    control: Sequence[str] = (),
    *,
    defined: bool = False,
    pre: str = "gpt-2",
) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([*TOKENS, *extra, *control])
    normal, special = int(gguf.TokenType.NORMAL), int(gguf.TokenType.CONTROL)
    marks = [int(gguf.TokenType.USER_DEFINED) if defined else special] * len(control)
    writer.add_token_types([normal] * END + [special] + [normal] * len(extra) + marks)
    writer.add_token_merges(["<|end|> <|end|>"])  # llama.cpp wants one; this one never applies
    writer.add_bos_token_id(END)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(False)


def _finish(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
