"""Write a checkpoint as GGUF: llama architecture, our tokenizer and chat template; Q8_0, F16 or F32."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Kind
from gguf import quants
from tokenizer import CONTROL

FILE_TYPES = {
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "f32": gguf.LlamaFileType.ALL_F32,
}
KINDS = {"q8_0": Kind.Q8_0, "f16": Kind.F16, "f32": Kind.F32}
# our name -> the name in a GGUF file
LAYER_TENSORS = {
    "attention_norm": "attn_norm",
    "mlp_norm": "ffn_norm",
    "query.weight": "attn_q",
    "key.weight": "attn_k",
    "value.weight": "attn_v",
    "output.weight": "attn_output",
    "gate.weight": "ffn_gate",
    "up.weight": "ffn_up",
    "down.weight": "ffn_down",
}


def interleave(matrix: np.ndarray, heads: int) -> np.ndarray:
    """From "rotate half" (element i pairs with i + half) to llama.cpp's layout (2i pairs with 2i + 1)."""
    return matrix.reshape(heads, 2, matrix.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def separate(matrix: np.ndarray, heads: int) -> np.ndarray:
    """The reverse of :func:`interleave`."""
    return matrix.reshape(heads, matrix.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def read(file: str) -> dict[str, np.ndarray]:
    """The weights of a file that :func:`export` wrote, under our names."""
    reader = gguf.GGUFReader(file)
    theirs = {t.name: quants.dequantize(t.data, t.tensor_type) for t in reader.tensors}
    weights = {
        "embedding.weight": theirs["token_embd.weight"],
        "final_norm": theirs["output_norm.weight"],
    }
    heads = int(reader.fields["llama.attention.head_count"].contents())
    for layer in range(int(reader.fields["llama.block_count"].contents())):
        for ours, name in LAYER_TENSORS.items():
            value = theirs[f"blk.{layer}.{name}.weight"]
            weights[f"blocks.{layer}.{ours}"] = (
                separate(value, heads) if name in ("attn_q", "attn_k") else value
            )
    return weights


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer_file: str) -> int:
    """Vocabulary, merges and special tokens; returns the number of tokens."""
    description = json.loads(Path(tokenizer_file).read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = dict(description["model"]["vocab"])
    kinds = {}
    for added in description["added_tokens"]:
        vocabulary[added["content"]] = added["id"]
        kinds[added["id"]] = (
            gguf.TokenType.CONTROL if added["content"] in CONTROL else gguf.TokenType.USER_DEFINED
        )
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    default = [
        gguf.TokenType.UNUSED if token.startswith("<unused") else gguf.TokenType.NORMAL for token in tokens
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")  # single digits, then GPT-2's pattern
    writer.add_token_list(tokens)
    writer.add_token_types([int(kinds.get(i, kind)) for i, kind in enumerate(default)])
    writer.add_token_merges(
        [merge if isinstance(merge, str) else " ".join(merge) for merge in description["model"]["merges"]]
    )
    writer.add_bos_token_id(vocabulary["<|im_start|>"])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_pad_token_id(vocabulary["<|endoftext|>"])
    writer.add_add_bos_token(False)
    return len(tokens)


def export(checkpoint: dict[str, Any], tokenizer_file: str, target: Path, kind: str) -> None:
    """Write one GGUF file; it appears under its name only when it is complete."""
    config, weights = (
        checkpoint["config"],
        {name: value.float().numpy() for name, value in checkpoint["weights"].items()},
    )
    part = target.with_name(target.name + ".part")
    writer = gguf.GGUFWriter(part, "llama")
    writer.add_name("genkit demo model")
    writer.add_description("A toy of four million parameters that ships with genkit.")
    writer.add_license("mit")
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_context_length(config["context"])
    writer.add_embedding_length(config["width"])
    writer.add_block_count(config["layers"])
    writer.add_feed_forward_length(config["hidden"])
    writer.add_head_count(config["heads"])
    writer.add_head_count_kv(config["heads"])
    writer.add_layer_norm_rms_eps(config["epsilon"])
    writer.add_rope_freq_base(config["rope_base"])
    head_width = config["width"] // config["heads"]
    writer.add_rope_dimension_count(head_width)
    writer.add_key_length(head_width)
    writer.add_value_length(head_width)
    writer.add_vocab_size(config["vocabulary"])
    if add_tokenizer(writer, tokenizer_file) != config["vocabulary"]:
        raise SystemExit("the tokenizer is not the one that the model was trained with")
    writer.add_chat_template(Path(__file__).with_name("chat_template.jinja").read_text().strip())

    def put(name: str, value: np.ndarray) -> None:
        value = np.ascontiguousarray(value, dtype=np.float32)
        chosen = Kind.F32 if value.ndim == 1 else KINDS[kind]
        writer.add_tensor(name, quants.quantize(value, chosen), raw_dtype=chosen)

    put("token_embd.weight", weights["embedding.weight"])  # also the output matrix: there is no output.weight
    put("output_norm.weight", weights["final_norm"])
    for layer in range(config["layers"]):
        for ours, theirs in LAYER_TENSORS.items():
            value = weights[f"blocks.{layer}.{ours}"]
            put(
                f"blk.{layer}.{theirs}.weight",
                interleave(value, config["heads"]) if theirs in ("attn_q", "attn_k") else value,
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(part, target)
    print(target, f"{target.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("output", type=Path)
    parser.add_argument("--tokenizer", default="build/tokenizer.json")
    parser.add_argument("--kind", choices=KINDS, default="q8_0")
    options = parser.parse_args()
    export(torch.load(options.checkpoint, weights_only=True), options.tokenizer, options.output, options.kind)


if __name__ == "__main__":
    main()
