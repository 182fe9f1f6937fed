"""Fabricate a GGUF model of a real shape with random weights: its text is noise, its speed is real.

    python benchmarks/random_model.py OUT.gguf [--type q4_0|q8_0] [--layers 24] [--vocabulary 151936]

The default is the shape of a 0.5B model (Qwen 2.5): 24 layers, 896 wide, 14 heads, 2 KV heads, a
feed-forward of 4864. Blocks are random bytes under a fixed scale, so that nothing needs quantizing.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gguf
import numpy as np

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TYPES = {"q4_0": gguf.GGMLQuantizationType.Q4_0, "q8_0": gguf.GGMLQuantizationType.Q8_0}
SCALE = {"q4_0": 0.004, "q8_0": 0.0003}


def fabricate(
    path: Path,
    *,
    quantization: str = "q4_0",
    layers: int = 24,
    width: int = 896,
    heads: int = 14,
    kv_heads: int = 2,
    feed_forward: int = 4864,
    vocabulary: int = 151936,
    context: int = 32768,
) -> Path:
    """Write the model, unless it is there already, and return its path."""
    if path.exists():
        return path
    writer = gguf.GGUFWriter(str(path.with_suffix(".part")), "llama")
    writer.add_name("random")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    _add_vocabulary(writer, vocabulary)
    random = np.random.default_rng(0)
    kv_width = width // heads * kv_heads
    matrices = {"token_embd": (vocabulary, width)}
    vectors = ["output_norm"]
    for i in range(layers):
        block = f"blk.{i}."
        vectors += [f"{block}attn_norm", f"{block}ffn_norm"]
        for name, rows, columns in (
            ("attn_q", width, width),
            ("attn_k", kv_width, width),
            ("attn_v", kv_width, width),
            ("attn_output", width, width),
            ("ffn_gate", feed_forward, width),
            ("ffn_up", feed_forward, width),
            ("ffn_down", width, feed_forward),
        ):
            matrices[block + name] = (rows, columns)
    for name, (rows, columns) in matrices.items():
        data = _blocks(random, quantization, rows, columns)
        writer.add_tensor(f"{name}.weight", data, raw_dtype=TYPES[quantization])
    for name in vectors:
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path.with_suffix(".part").rename(path)
    return path


@contextmanager
def model_file(small: dict[str, int] | None = None) -> Iterator[Path]:
    """The model to measure with, while it is measured.

    Its file is at the path in GENKIT_BENCHMARK_MODEL, where it is made if it is missing and stays; without
    that variable, in a folder that goes.

    Args:
        small: what :func:`fabricate` takes for a small model, which is always in a folder that goes.
    """
    with tempfile.TemporaryDirectory() as folder:
        given = None if small else os.environ.get("GENKIT_BENCHMARK_MODEL")
        yield fabricate(Path(given or Path(folder) / "random.gguf"), **(small or {}))


def _blocks(random: np.random.Generator, quantization: str, rows: int, columns: int) -> np.ndarray:
    """Random blocks of 32 weights: a half-precision scale, then the quantized weights."""
    block, size = gguf.GGML_QUANT_SIZES[TYPES[quantization]]
    data = random.integers(0, 256, (rows, columns // block, size), dtype=np.uint8)
    data[..., :2] = np.frombuffer(np.float16(SCALE[quantization]).tobytes(), np.uint8)
    return data.reshape(rows, columns // block * size)


def _add_vocabulary(writer: gguf.GGUFWriter, size: int) -> None:
    """A byte-level vocabulary: 256 bytes, ChatML's control tokens, and words to fill it."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    tokens = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens += [f"word{i}" for i in range(size - len(tokens) - len(control))] + control
    normal, special = int(gguf.TokenType.NORMAL), int(gguf.TokenType.CONTROL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([normal] * (size - 3) + [special] * 3)
    writer.add_token_merges(["w o", "r d"])
    writer.add_bos_token_id(size - 3)
    writer.add_eos_token_id(size - 1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--type", choices=list(TYPES), default="q4_0")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--vocabulary", type=int, default=151936)
    arguments = parser.parse_args()
    made = fabricate(
        arguments.path,
        quantization=arguments.type,
        layers=arguments.layers,
        vocabulary=arguments.vocabulary,
    )
    print(made, f"{made.stat().st_size / 1e6:.0f} MB")
