"""The check of a GGUF header: good files pass, others are refused with a ModelFileError that helps."""

from __future__ import annotations

import os
import random
import re
import struct
import tarfile
from pathlib import Path
from typing import Any

import pytest

from genkit.errors import ModelFileError
from genkit.local import gguf_format
from genkit.local.gguf import Header, read_header

gguf = pytest.importorskip("gguf", reason="the gguf package fabricates the files")
np = pytest.importorskip("numpy")

SHARED = Path(__file__).resolve().parents[3] / "shared"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="../shared (model files of other projects) is not here"
)


def write_model(path: Path, *, arch: str = "llama", **changes: Any) -> Path:
    """A complete tiny model; ``changes`` maps a key to its value (None drops it), ``tensors`` its weights."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "a"]
    tensors = {
        "token_embd.weight": np.ones((len(tokens), 32), np.float32),
        "output_norm.weight": np.ones(32, np.float32),
        **{f"blk.{layer}.attn_k.weight": np.ones((16, 32), np.float32) for layer in range(2)},
    } | changes.pop("tensors", {})
    values = {
        "general.name": "tiny",
        f"{arch}.context_length": 128,
        f"{arch}.embedding_length": 32,
        f"{arch}.block_count": 2,
        f"{arch}.attention.head_count": 4,
        f"{arch}.attention.head_count_kv": 2,
        f"{arch}.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1],
        "tokenizer.chat_template": "{{ messages }}",
    } | {key.replace("/", "."): value for key, value in changes.items()}
    writer = gguf.GGUFWriter(path, arch)
    kinds = {int: gguf.GGUFValueType.UINT32, float: gguf.GGUFValueType.FLOAT32, bool: gguf.GGUFValueType.BOOL}
    for key, value in values.items():
        if isinstance(value, list):
            writer.add_array(key, value)
        elif value is not None:
            writer.add_key_value(key, value, kinds.get(type(value), gguf.GGUFValueType.STRING))
    for name, data in tensors.items():
        writer.add_tensor(name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def short(value: Any) -> str:
    return " ".join(value) if isinstance(value, dict) else str(value)


def refusal(path: Path | str) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_header(path)
    assert caught.value.path == os.fspath(path)
    return caught.value.message


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny.gguf")


def test_a_good_file_gives_its_header(model: Path) -> None:
    header = read_header(model)
    assert (header.path, header.architecture, header.name) == (str(model), "llama", "tiny")
    assert (header.n_tensors, header.n_vocab, header.context_length) == (4, 260, 128)
    assert header.metadata["tokenizer.chat_template"] == "{{ messages }}"
    assert header.tensor_bytes == 4 * (260 * 32 + 32 + 2 * 16 * 32)
    assert header.metadata["llama.block_count"] == 2
    assert "tokenizer.ggml.tokens" not in header.metadata


@needs_shared
@pytest.mark.parametrize(
    "path", [*SHARED.glob("vocab/*.gguf"), *SHARED.glob("sketches/demo_model/*.gguf")], ids=str
)
def test_files_of_other_projects_pass(path: Path) -> None:
    assert isinstance(read_header(path), Header)


@needs_shared
def test_files_that_end_llama_cpp_are_refused(tmp_path: Path) -> None:
    with tarfile.open(SHARED / "hostile_gguf.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    hostile = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(hostile) == 27
    for path in hostile:
        assert "Error:" not in refusal(path), "only the safety net refused it"


def test_the_type_table_equals_the_gguf_package() -> None:
    theirs = {int(kind): (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    ours = gguf_format.TENSOR_TYPES
    assert {theirs[number][0] for number in theirs.keys() - ours} == {"I8", "I16", "F64", "Q8_1", "Q8_K"}
    newer = {"Q1_0", "Q2_0", "NVFP4"}  # in ggml.h, perhaps not yet in the package
    assert {ours[number][0] for number in ours.keys() - theirs} <= newer
    shared = ours.keys() & theirs
    assert {number: ours[number] for number in shared} == {number: theirs[number] for number in shared}


@pytest.mark.parametrize(
    ("start", "says"),
    [
        (b"", "empty"),
        (b"GG", "truncated"),
        (b"GGUF\3\0\0\0", "truncated"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (struct.pack("<Q", 60) + b'{"__metadata__":{}}', "safetensors"),
        (b"PK\x03\x04archive/data.pkl", "zip archive"),
        (b"MZqFpD='\n\0", "unzip the .gguf file"),
        (b"\x80\x02\x8a\x0al", "pickle"),
        (struct.pack("<II", 0x67676A74, 3), "'ggjt'"),
        (struct.pack("<I", 0x67676D6C), "'ggml'"),
        (b'{"error": "not found"}', "JSON"),
        (b"\x1f\x8b\x08", "gzip"),
        (bytes(64), "blank"),
        (b"hello", "not a GGUF file"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack("<IQQ", 4, 0, 0), "update genkit"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "claims"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "general.architecture"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 62), "metadata key"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 8, 1 << 20), "truncated"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 9, 1), "unknown type"),
        (b"GGUF" + struct.pack("<IQQQ1sIQ1s", 3, 0, 1, 1, b"k", 8, 1, b"\xff"), "UTF-8"),
    ],
)
def test_what_is_not_a_usable_file_is_named(tmp_path: Path, start: bytes, says: str) -> None:
    path = tmp_path / "file.gguf"
    path.write_bytes(start)
    assert says in refusal(path)


def test_paths_that_are_no_files_are_named(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.gguf")
    assert "is a directory" in refusal(tmp_path)
    assert "embedded null" in refusal("a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    assert "not a regular file" in refusal(tmp_path / "pipe.gguf")


@pytest.mark.parametrize("name", ["m.gguf.part1of2", "m.gguf-split-a"])
def test_a_part_of_a_file_that_was_cut_is_to_be_joined(tmp_path: Path, name: str) -> None:
    whole = write_model(tmp_path / "whole.gguf").read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    assert "join all parts" in refusal(tmp_path / name)


F16_NORM = {"output_norm.weight": np.ones(32, np.float16)}
I32_KEY = {"blk.0.attn_k.weight": np.ones((16, 32), np.int32)}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"general/architecture": None, "llama.block_count": 0}, "from 1 to 512"),
        ({"llama.block_count": None}, "it is no language model, or damaged"),
        ({"llama.block_count": "two"}, "must be an integer"),
        ({"llama.context_length": 2**31 - 1}, "context_length"),
        ({"llama.nextn_predict_layers": 2}, "nextn_predict_layers"),
        ({"llama.expert_count": 4}, "0 of 4 experts"),
        ({"llama.expert_used_count": 1}, "1 of 0 experts"),
        ({"llama.expert_count": 8, "llama.expert_used_count": 2, "llama.expert_group_count": 3}, "groups"),
        ({"llama.rope.scaling.type": "bogus"}, "rope.scaling.type"),
        ({"llama.rope.dimension_count": 3}, "rope.dimension_count"),
        ({"llama.rope.dimension_count": 10}, "rope.dimension_count"),
        ({"llama.rope.freq_base": float("nan")}, "nan"),
        ({"llama.attention.layer_norm_rms_epsilon": -1.0}, "epsilon"),
        ({"llama.attention.head_count_kv": [2, 4]}, "in layer 1"),
        ({"llama.attention.head_count_kv": [2, 0]}, "in layer 1"),
        ({"general.alignment": 1}, "power of two"),
        ({"tokenizer.ggml.model": None}, "no tokenizer"),
        ({"tokenizer.ggml.tokens": None}, "no vocabulary"),
        ({"tokenizer.ggml.tokens": ["a", "b"] * 130}, "258 repeated tokens"),
        ({"tokenizer.ggml.tokens": ["a", "a\0b"] + [f"{i}" for i in range(258)]}, "1 repeated tokens"),
        ({"tokenizer.ggml.tokens": [f"{i}" for i in range(260)]}, "byte 0x00"),
        ({"tokenizer.ggml.model": "bert"}, "byte tokens"),
        ({"tokenizer.ggml.model": "gemma4"}, "bos_token_id"),
        ({"tokenizer.ggml.scores": [0.0]}, "tokenizer.ggml.scores"),
        ({"tokenizer.chat_template": "x" * (1 << 19)}, "chat template"),
        ({"general.type": "adapter"}, "LoRA adapter"),
        ({"tensors": F16_NORM}, "must be F32"),
        ({"tensors": I32_KEY}, "type I32"),
    ],
    ids=short,
)
def test_a_value_that_ends_llama_cpp_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    assert says in refusal(write_model(tmp_path / "bad.gguf", **changes))


def test_other_kinds_of_files_are_named(tmp_path: Path) -> None:
    assert "mmproj" in refusal(write_model(tmp_path / "clip.gguf", arch="clip"))


@pytest.mark.parametrize("arch", ["dream", "llada", "llada-moe", "rnd1", "t5"])
def test_models_that_do_not_write_token_by_token_are_named(tmp_path: Path, arch: str) -> None:
    path = write_model(tmp_path / "other.gguf", arch=arch)
    assert re.search(r"is a (diffusion model|model of encoder and decoder) .*token by token", refusal(path))


@pytest.mark.parametrize(
    "changes",
    [
        {"arch": "falcon-h1", "falcon-h1.attention.head_count_kv": [0, 2]},
        {"arch": "openelm", "openelm.attention.head_count": [4, 8], "openelm.attention.head_count_kv": [1, 2],
         "tensors": {"blk.0.attn_k.weight": np.ones((8, 32), np.float32)}},
        {"arch": "gemma4", "gemma4.attention.head_count_kv": [1, 2], "gemma4.attention.key_length": 16,
         "gemma4.attention.key_length_swa": 8},
        {"arch": "hunyuan-dense", "hunyuan-dense.expert_count": 1},
        {"arch": "qwen3moe", "qwen3moe.expert_count": 4, "qwen3moe.expert_used_count": [0, 2]},
        {"arch": "deepseek2", "deepseek2.rope.dimension_count": 64, "deepseek2.attention.kv_lora_rank": 16},
        {"tensors": {"d2t": np.arange(4, dtype=np.int64)}},
        {"split.count": 1, "split.no": 0},
        {"tokenizer.ggml.tokens": ["", "", *(f"<0x{i:02X}>" for i in range(256)), "a", "b"]},
    ],
    ids=short,
)  # fmt: skip
def test_unusual_but_sound_models_pass(tmp_path: Path, changes: dict[str, Any]) -> None:
    read_header(write_model(tmp_path / "good.gguf", **changes))


@pytest.mark.parametrize("key", ["tokenizer.ggml.tokens", "anything"])
def test_texts_that_go_on_for_gigabytes_are_not_read_to_their_end(tmp_path: Path, key: str) -> None:
    path = tmp_path / "x.gguf"
    start = (
        struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, len(key)) + key.encode() + struct.pack("<IIQ", 9, 8, 1 << 20)
    )
    with path.open("wb") as file:
        file.write(start)
        for at in range(2000):  # with holes between them, which take no room on a disk
            file.seek(len(start) + at * (8 + 65_535))
            file.write(struct.pack("<Q", 65_535))
        file.truncate(file.tell() + 65_535)
    assert "67108864 bytes" in refusal(path)


def test_a_truncated_download_says_how_much_is_missing(model: Path) -> None:
    whole = model.read_bytes()
    model.write_bytes(whole[:-100])
    assert "100 of" in refusal(model)


def test_every_truncation_is_refused(model: Path, tmp_path: Path) -> None:
    """At every boundary of the header's parts, and beside it."""
    whole = model.read_bytes()
    fields = gguf.GGUFReader(model).fields.values()
    tensors = gguf.GGUFReader(model).tensors
    cuts = {4, 8, 16, 24} | {field.offset for field in fields} | {tensor.field.offset for tensor in tensors}
    cuts |= {int(tensor.data_offset) for tensor in tensors} | {len(whole)}
    for cut in sorted(
        {near for each in cuts for near in (each - 1, each, each + 1) if 0 < near < len(whole)}
    ):
        path = tmp_path / "cut.gguf"
        path.write_bytes(whole[:cut])
        assert "truncated" in refusal(path), cut


def test_changed_bytes_never_raise_another_error(model: Path, tmp_path: Path) -> None:
    whole, chance = model.read_bytes(), random.Random(7)
    header = whole.index(b"blk.1.attn_k.weight") + 60
    refusals = []
    for _ in range(500):
        mutant = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(chance.choice((400, header)))
            mutant[place] = chance.choice(
                (0, 1, 8, 9, 127, 128, 255, mutant[place] ^ 1 << chance.randrange(8))
            )
        path = tmp_path / "mutant.gguf"
        path.write_bytes(mutant)
        try:
            read_header(path)
        except ModelFileError as error:
            refusals.append(error.message)
    assert 0 < len(refusals) < 500
    assert not [text for text in refusals if "Error:" in text], "only the safety net refused it"
