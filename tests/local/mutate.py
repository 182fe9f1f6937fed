"""Broken GGUF files by the thousand: sound models are taken apart, changed, and put together.

``python tests/local/mutate.py 10000`` runs so many through a Generator, and says what became of them.
"""

from __future__ import annotations

import argparse
import math
import random
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fabricate

from genkit import Generator
from genkit.errors import GenkitError, WorkerDied
from genkit.local.gguf import read_header
from genkit.local.gguf_format import ARRAY, SCALARS, STRING, TENSOR_TYPES, Reader

ALIGNMENT = 32
INTEGERS = (0, 1, 2, 3, 5, 31, 33, 64, 255, 256, 511, 4096, 65536, 10**6, 2**31 - 1, 2**31, 2**32 - 1, 2**63)
FLOATS = (0.0, -0.0, -1.0, 1e-45, 1e-5, 0.5, 1.0, 3.4e38, math.inf, -math.inf, math.nan)
ARCHITECTURES = (
    "llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi2", "phi3", "gpt2", "falcon", "bloom",
    "mpt", "bert", "mamba", "rwkv6", "t5", "deepseek2", "granite", "olmo2", "stablelm", "starcoder2",
    "command-r", "dbrx", "jamba", "gpt-oss", "qwen2moe", "minicpm", "nomic-bert", "lfm2", "clip",
    "llama4", "", "bogus",
)  # fmt: skip
STRINGS = (
    "", "x", "bogus", "a\0b", "é" * 40, "{{ messages }}", "llama", "bert", "gpt2", "t5", "rwkv",
    "plamo2", "none", "llama-bpe", "qwen2", "deepseek-llm", "falcon", "smaug-bpe", "tekken", "linear",
    "yarn", "longrope", "default",
)  # fmt: skip
NUMBERS = (
    "attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.value_length",
    "attention.sliding_window", "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon",
    "attention.group_norm_groups", "attention.group_norm_epsilon", "attention.causal",
    "attention.clamp_kqv", "attention.max_alibi_bias", "attention.scale",
    "attention.temperature_length", "attention.kv_lora_rank", "attention.q_lora_rank",
    "attention.shared_kv_layers", "block_count", "context_length", "decoder_block_count",
    "embedding_length", "embedding_length_out", "embedding_scale", "expert_count",
    "expert_feed_forward_length", "expert_gating_func", "expert_group_count", "expert_group_used_count",
    "expert_shared_count", "expert_used_count", "expert_weights_norm", "expert_weights_scale",
    "feed_forward_length", "full_attention_interval", "interleave_moe_layer_step",
    "leading_dense_block_count", "logit_scale", "n_deepstack_layers", "nextn_predict_layers",
    "pooling_type", "residual_scale", "rope.dimension_count", "rope.dimension_sections",
    "rope.freq_base", "rope.freq_base_swa", "rope.scaling.attn_factor", "rope.scaling.factor",
    "rope.scaling.type", "rope.scaling.original_context_length", "rope.scaling.yarn_log_multiplier",
    "ssm.conv_kernel", "ssm.inner_size", "ssm.state_size", "ssm.time_step_rank",
    "use_parallel_residual", "vocab_size", "wkv.head_size",
)  # fmt: skip
OTHERS = (
    "general.alignment", "general.type", "general.file_type", "general.quantization_version",
    "split.count", "split.no", "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token",
    "tokenizer.ggml.add_sep_token", "tokenizer.ggml.add_space_prefix", "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.unknown_token_id",
    "tokenizer.ggml.padding_token_id", "tokenizer.ggml.mask_token_id",
    "tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.token_type_count",
    "tokenizer.ggml.remove_extra_whitespaces", "tokenizer.ggml.precompiled_charsmap",
    "tokenizer.ggml.merges", "tokenizer.ggml.scores", "tokenizer.ggml.model", "tokenizer.ggml.pre",
    "tokenizer.chat_template",
)  # fmt: skip


@dataclass
class Pair:
    key: str
    kind: int
    value: Any
    of: int = 0
    """The type of an array's items."""


@dataclass
class Tensor:
    name: str
    shape: list[int]
    kind: int
    data: bytes
    offset: int = 0


@dataclass
class Parts:
    """A GGUF file taken apart."""

    pairs: list[Pair]
    tensors: list[Tensor]

    def pair(self, key: str) -> Pair:
        return next(pair for pair in self.pairs if pair.key == key)

    def lay_out(self) -> None:
        """Offsets and data that fit the tensors' types and shapes again."""
        offset = 0
        for tensor in self.tensors:
            size = size_of(tensor)
            tensor.data = (tensor.data + bytes(max(0, min(size, 1 << 24) - len(tensor.data))))[:size]
            tensor.offset = offset
            offset += -(-len(tensor.data) // ALIGNMENT) * ALIGNMENT


def size_of(tensor: Tensor) -> int:
    _, block, width = TENSOR_TYPES.get(tensor.kind, ("", 1, 4))
    return max(0, math.prod(tensor.shape) // block * width)


def take_apart(path: Path) -> Parts:
    with path.open("rb") as file:
        reader = Reader(file, path.stat().st_size)
        file.seek(8)
        n_tensors, n_pairs = reader.number("Q"), reader.number("Q")
        pairs = [_read_pair(reader) for _ in range(n_pairs)]
        tensors = [_read_tensor(reader) for _ in range(n_tensors)]
        start = -(-file.tell() // ALIGNMENT) * ALIGNMENT
        for tensor in tensors:
            file.seek(start + tensor.offset)
            tensor.data = file.read(size_of(tensor))
    return Parts(pairs, tensors)


def _read_pair(reader: Reader) -> Pair:
    key, kind = reader.take(reader.number("Q")).decode(), reader.number("I")
    if kind != ARRAY:
        return Pair(key, kind, _read_value(reader, kind))
    of, count = reader.number("I"), reader.number("Q")
    return Pair(key, kind, [_read_value(reader, of) for _ in range(count)], of)


def _read_value(reader: Reader, kind: int) -> Any:
    return reader.take(reader.number("Q")) if kind == STRING else reader.number(SCALARS[kind])


def _read_tensor(reader: Reader) -> Tensor:
    name, n_dims = reader.take(reader.number("Q")).decode(), reader.number("I")
    shape = [reader.number("Q") for _ in range(n_dims)]
    return Tensor(name, shape, reader.number("I"), b"", reader.number("Q"))


def put_together(parts: Parts) -> bytes:
    out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(parts.tensors), len(parts.pairs)))
    for pair in parts.pairs:
        out += _string(pair.key.encode()) + struct.pack("<I", pair.kind)
        if pair.kind == ARRAY:
            out += struct.pack("<IQ", pair.of, len(pair.value))
            out += b"".join(_value(pair.of, item) for item in pair.value)
        else:
            out += _value(pair.kind, pair.value)
    for tensor in parts.tensors:
        out += _string(tensor.name.encode()) + struct.pack("<I", len(tensor.shape))
        out += b"".join(struct.pack("<Q", size % 2**64) for size in tensor.shape)
        out += struct.pack("<IQ", tensor.kind, tensor.offset % 2**64)
    for tensor in parts.tensors:
        out += bytes(-len(out) % ALIGNMENT) + tensor.data
    return bytes(out)


def _string(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def _value(kind: int, value: Any) -> bytes:
    if kind == STRING:
        return _string(value if isinstance(value, bytes) else str(value).encode())
    code = SCALARS[kind]
    if isinstance(value, (str, bytes)):
        value = len(value)
    if code in "fd":
        return struct.pack("<" + code, max(-3.4e38, min(3.4e38, value)) if math.isfinite(value) else value)
    width = struct.calcsize(code)
    whole = int(value) if math.isfinite(value) else 0
    return (whole % 2 ** (8 * width)).to_bytes(width, "little")


class Mutator:
    """Makes mutants of some sound models.

    Args:
        folder: where the sound models are written.
        seed: the same seed gives the same mutants.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._chance = random.Random(seed)
        self.sound = [take_apart(path) for path in (fabricate.noise(folder / "a.gguf"),)]
        self.sound += [_mixture(self.sound[0]), _sentencepiece(self.sound[0]), _grouped(self.sound[0])]
        self._ways: list[Callable[[Parts], None]] = [
            self._change_number, self._change_number, self._add_number, self._add_number, self._change_string,
            self._change_array, self._change_kind, self._drop, self._rename, self._change_architecture,
            self._change_tensor, self._change_tensor, self._move_tensor, self._change_weights,
            self._per_layer,
        ]  # fmt: skip

    def mutants(self, count: int) -> Iterator[bytes]:
        for _ in range(count):
            parts = deepcopy(self._chance.choice(self.sound))
            if self._chance.random() < 0.25:
                yield self._flip_bytes(put_together(parts), parts)
                continue
            for _ in range(self._chance.choice((1, 1, 1, 2, 3))):
                self._chance.choice(self._ways)(parts)
            yield put_together(parts)

    def _flip_bytes(self, whole: bytes, parts: Parts) -> bytes:
        chance, mutant = self._chance, bytearray(whole)
        vocabulary = whole.index(b"tokenizer.ggml.tokens")
        tensors = whole.index(parts.tensors[0].name.encode())
        regions = (
            (24, vocabulary),
            (vocabulary, tensors),
            (tensors, tensors + 1500),
            (tensors + 1500, len(whole)),
        )
        low, high = chance.choice(regions)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(low, high)
            mutant[place] = chance.choice((0, 1, 8, 127, 128, 255, mutant[place] ^ 1 << chance.randrange(8)))
        return bytes(mutant)

    def _number(self, old: Any) -> Any:
        near = (old + 1, old - 1, old * 2, old // 2, -old) if isinstance(old, int) else ()
        return self._chance.choice((*near, *near, *INTEGERS, *(FLOATS if isinstance(old, float) else ())))

    def _some_pair(self, parts: Parts, kinds: Callable[[int], bool] = lambda _: True) -> Pair:
        return self._chance.choice([pair for pair in parts.pairs if kinds(pair.kind)] or [Pair("none", 4, 0)])

    def _change_number(self, parts: Parts) -> None:
        pair = self._some_pair(parts, lambda kind: kind in SCALARS)
        pair.value = self._number(pair.value)

    def _add_number(self, parts: Parts) -> None:
        chance = self._chance
        architecture = parts.pair("general.architecture").value.decode() if parts.pairs else "llama"
        name = chance.choice(NUMBERS)
        key = f"{architecture}.{name}" if chance.random() < 0.75 else chance.choice(OTHERS)
        kind = chance.choice((4, 4, 4, 5, 6, 6, 7, STRING))
        value = chance.choice(STRINGS if kind == STRING else FLOATS if kind == 6 else INTEGERS[:12])
        parts.pairs = [pair for pair in parts.pairs if pair.key != key]
        parts.pairs.append(Pair(key, kind, value))

    def _change_string(self, parts: Parts) -> None:
        pair = self._some_pair(parts, lambda kind: kind == STRING)
        if pair.key != "general.architecture":
            pair.value = self._chance.choice(STRINGS)

    def _change_array(self, parts: Parts) -> None:
        chance, pair = self._chance, self._some_pair(parts, lambda kind: kind == ARRAY)
        items = pair.value
        if not items:
            return
        at, other = chance.randrange(len(items)), chance.randrange(len(items))
        match chance.randrange(6):
            case 0:
                del items[at:]
            case 1:
                items[at], items[other] = items[other], items[at]
            case 2:
                items[at] = items[other]
            case 3:
                items[at] = chance.choice(STRINGS) if pair.of == STRING else self._number(items[at])
            case 4:
                items.insert(at, items[at])
            case _:
                pair.of = chance.choice((0, 4, 5, 6, 10, STRING))

    def _change_kind(self, parts: Parts) -> None:
        pair = self._some_pair(parts, lambda kind: kind in SCALARS)
        pair.kind = self._chance.choice((0, 1, 4, 5, 6, 7, 10, 11, 12, STRING))

    def _drop(self, parts: Parts) -> None:
        if self._chance.random() < 0.3:
            del parts.tensors[self._chance.randrange(len(parts.tensors))]
            return parts.lay_out()
        pair = self._some_pair(parts)
        parts.pairs = [each for each in parts.pairs if each is not pair or each.key == "general.architecture"]

    def _rename(self, parts: Parts) -> None:
        pair, other = self._some_pair(parts), self._some_pair(parts)
        if "general.architecture" not in (pair.key, other.key):
            pair.key, other.key = other.key, pair.key

    def _change_architecture(self, parts: Parts) -> None:
        new, pair = self._chance.choice(ARCHITECTURES), parts.pair("general.architecture")
        old, pair.value = pair.value.decode(), new.encode()
        for each in parts.pairs:
            if each.key.startswith(old + "."):
                each.key = new + each.key[len(old) :]

    def _per_layer(self, parts: Parts) -> None:
        numbers = [p for p in parts.pairs if p.key.split(".")[0] != "tokenizer" and p.kind in SCALARS]
        if numbers:
            pair = self._chance.choice(numbers)
            count = self._chance.choice((0, 1, 2, 2, 2, 3, 600))
            pair.value = [self._chance.choice((pair.value, self._number(pair.value))) for _ in range(count)]
            pair.kind, pair.of = ARRAY, pair.kind

    def _change_tensor(self, parts: Parts) -> None:
        """Its type or shape, with the rest laid out anew so that the file is consistent."""
        chance, tensor = self._chance, self._chance.choice(parts.tensors)
        match chance.randrange(6):
            case 0 | 1:
                tensor.kind = chance.choice([*TENSOR_TYPES, 0, 1, 8, 30, 9, 24, 25, 28, 99])
            case 2:
                tensor.shape.reverse()
            case 3:
                at = chance.randrange(len(tensor.shape))
                tensor.shape[at] = min(abs(int(self._number(tensor.shape[at]))), 1 << 16)
            case 4:
                tensor.shape = chance.choice(
                    ([*tensor.shape, 1], [*tensor.shape, 2], tensor.shape[:-1] or [1])
                )
            case _:
                other = chance.choice(parts.tensors)
                tensor.name, other.name = other.name, tensor.name
        parts.lay_out()

    def _move_tensor(self, parts: Parts) -> None:
        tensor = self._chance.choice(parts.tensors)
        tensor.offset = int(self._number(tensor.offset))

    def _change_weights(self, parts: Parts) -> None:
        tensor, size = self._chance.choice(parts.tensors), 64
        noise = self._chance.choice((b"\xff", b"\0\0\xc0\x7f", b"\0\0\x80\x7f", self._chance.randbytes(size)))
        tensor.data = (noise * (len(tensor.data) // len(noise) + 1))[: len(tensor.data)]


def _mixture(dense: Parts) -> Parts:
    """The same with four experts a layer."""
    parts = deepcopy(dense)
    parts.pairs += [Pair("llama.expert_count", 4, 4), Pair("llama.expert_used_count", 4, 2)]
    for tensor in parts.tensors:
        if ".ffn_" in tensor.name and "norm" not in tensor.name:
            tensor.name = tensor.name.replace(".weight", "_exps.weight")
            tensor.shape, tensor.data = [*tensor.shape, 4], tensor.data * 4
    width = parts.pair("llama.embedding_length").value
    for layer in range(parts.pair("llama.block_count").value):
        parts.tensors.append(Tensor(f"blk.{layer}.ffn_gate_inp.weight", [width, 4], 0, bytes(width * 16)))
    parts.lay_out()
    return parts


def _sentencepiece(model: Parts) -> Parts:
    """The same with a SentencePiece vocabulary."""
    parts = deepcopy(model)
    tokens = [b"<unk>"] + [b"<0x%02X>" % byte for byte in range(256)]
    kinds = [2] + [6] * 256
    parts.pairs = [
        pair for pair in parts.pairs if "merges" not in pair.key and pair.key != "tokenizer.ggml.pre"
    ]
    parts.pair("tokenizer.ggml.model").value = b"llama"
    parts.pair("tokenizer.ggml.tokens").value = tokens
    parts.pair("tokenizer.ggml.token_type").value = kinds
    parts.pairs.append(Pair("tokenizer.ggml.scores", ARRAY, [0.0] * len(tokens), 6))
    return parts


def _grouped(model: Parts) -> Parts:
    """The same as Qwen 2, with half the heads for keys, biases, tied embeddings, and Q8_0 weights."""
    parts = deepcopy(model)
    for pair in parts.pairs:
        pair.key = pair.key.replace("llama.", "qwen2.")
    parts.pair("general.architecture").value = b"qwen2"
    heads = parts.pair("qwen2.attention.head_count_kv")
    heads.value //= 2
    parts.tensors = [tensor for tensor in parts.tensors if tensor.name != "output.weight"]
    for tensor in [*parts.tensors]:
        if tensor.name.endswith(("attn_k.weight", "attn_v.weight")):
            tensor.shape[1] //= 2
        if ".attn_" in tensor.name and tensor.name[-8] in "qkv":
            name = tensor.name.replace("weight", "bias")
            parts.tensors.append(Tensor(name, [tensor.shape[1]], 0, bytes(4 * tensor.shape[1])))
        if len(tensor.shape) == 2:
            tensor.kind, tensor.data = 8, b"\0\x20" + bytes(range(32))  # blocks of a scale and 32 values
            tensor.data *= size_of(tensor) // 34
    parts.lay_out()
    return parts


def outcome(path: Path, *, run: bool = True) -> str:
    """What became of a file: ``refused`` by the guard, the error it ended with, or ``ran``.

    Any error that is not genkit's own is raised.
    """
    try:
        read_header(path)
    except GenkitError as error:
        return "refused by the safety net" if "Error:" in error.message else "refused"
    if not run:
        return "passed"
    with Generator(path, context=256, threads=1, template=fabricate.BARE) as generator:
        try:
            generator.generate("hello", max_tokens=4, seed=1)
        except WorkerDied as error:
            return f"killed a worker: {error.message}"
        except GenkitError as error:
            return f"{type(error).__name__}: {error.message}"
    return "ran"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where to keep the mutants that killed a worker")
    options = parser.parse_args()
    totals: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mutant.gguf")
        for number, mutant in enumerate(Mutator(Path(folder), options.seed).mutants(options.count)):
            path.write_bytes(mutant)
            result = outcome(path)
            totals[result.split(":")[0]] += 1
            if result.startswith(("killed", "refused by")):
                print(number, result, flush=True)
                if options.keep:
                    (options.keep / f"{options.seed}-{number}.gguf").write_bytes(mutant)
    for what, count in totals.most_common():
        print(f"{count:6} {what}")


if __name__ == "__main__":
    main()
