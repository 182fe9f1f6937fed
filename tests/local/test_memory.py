"""What a model takes is known before it is taken."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import fabricate
import mutate
import pytest

from genkit import Generator
from genkit.errors import ConfigError, ModelFileError, OutOfMemory
from genkit.local import llama, machine, memory
from genkit.local.context import FEW, Context
from genkit.local.gguf import Header, read_header
from genkit.local.llama import Model, lib

GIB = 1 << 30


def header(**values: object) -> Header:
    """Of a model in the shape of Llama 3.2 1B, in 8 bits."""
    shape = {
        "block_count": 16,
        "embedding_length": 2048,
        "feed_forward_length": 8192,
        "attention.head_count": 32,
        "attention.head_count_kv": 8,
    } | values
    metadata = {f"llama.{key}": value for key, value in shape.items()}
    return Header("m.gguf", "llama", "m", metadata, 147, 128256, 131072, 1_321_082_880)


def encoder() -> Header:
    """Of a model in the shape of BERT base, in 8 bits."""
    shape = {"block_count": 12, "embedding_length": 768, "feed_forward_length": 3072}
    metadata = {f"bert.{key}": value for key, value in (shape | {"attention.head_count": 12}).items()}
    return Header("b.gguf", "bert", "b", metadata, 197, 30522, 512, 110 << 20)


def test_keys_and_values_are_those_of_the_shape() -> None:
    assert memory.needs(header(), 512).token == 16 * 8 * (64 + 64) * 2
    assert memory.needs(header(**{"attention.head_count_kv": (8,) * 8 + (0,) * 8}), 512).token == 16384
    wide = header(**{"attention.key_length": 128, "attention.value_length": 128})
    assert memory.needs(wide, 512).token == 65536
    odd = header(**{"attention.head_count_kv": ()})  # says nothing, so there are as many as of queries
    assert memory.needs(odd, 512).token == 4 * memory.needs(header(), 512).token
    assert memory.needs(encoder(), 512).token == 0
    latent = {"attention.key_length": 576, "attention.value_length": 512, "attention.head_count_kv": 1}
    assert memory.needs(header(**latent), 512).token == 16 * (576 + 512) * 2
    assert memory.needs(header(**latent, **{"attention.key_length_mla": 192}), 512).token == 16 * 576 * 2


def test_a_step_takes_as_much_as_its_widest_part() -> None:
    def compute(words: int, feed_forward: int) -> int:
        return memory.needs(replace(header(feed_forward_length=feed_forward), n_vocab=words), 512).compute

    assert compute(100, 4096) < compute(100, 8192) == compute(200, 8192) < compute(128256, 8192)


def test_without_flash_attention_the_scores_of_all_heads_are_kept() -> None:
    def total(context: int, flash_attention: bool) -> int:
        return memory.needs(header(), 512, flash_attention=flash_attention).total(context)

    assert total(1024, True) == total(1024, False)  # the logits, in whose place they are, take more
    scores = 512 * 65536 * 32 * 4
    assert scores < total(65536, False) - total(65536, True) + GIB // 4 < 1.2 * scores
    with pytest.raises(OutOfMemory):
        memory.choose_context(header(), 65536, batch=512, free=6 * GIB, flash_attention=False)


def taken(model: Model, context: int, sequences: int, *, changes: bool = False) -> list[float]:
    """The MiB of each buffer that a context has, as llama.cpp tells them; or takes besides as it changes."""
    said: list[str] = []
    hear = lib.llama_log_callback(lambda _level, text, _data: said.append(text.decode()))
    lib.llama_log_set(hear, None)
    try:
        made = Context(model, size=context, sequences=sequences, batch=256, threads=1)
        if changes:
            said.clear()
            assert made.attend(flash=False)
        made.close()
    finally:
        lib.llama_log_set(llama._log, None)
        model.close()
    return [
        float(size) for size in re.findall(r"(?:KV|RS|compute) buffer size = +([\d.]+) MiB", "".join(said))
    ]


@pytest.mark.parametrize("context", [512, 8192])
def test_a_change_of_attention_takes_no_more_than_reckoned(noise_file: Path, context: int) -> None:
    buffers = taken(Model(str(noise_file)), context, 9, changes=True)
    assert len(buffers) == 2
    header = read_header(noise_file)
    state = memory.needs(header, 256).token * context
    assert sum(buffers) * memory.MIB + state <= memory.changing(header, context, 256, FEW)


def test_with_flash_attention_no_more_is_taken_than_reckoned(noise_file: Path) -> None:
    buffers = taken(Model(str(noise_file)), 4096, 9)
    assert len(buffers) == 2
    need = memory.needs(read_header(noise_file), 256)
    assert sum(buffers) * memory.MIB <= need.total(4096) - need.weights - memory._PROCESS


@pytest.mark.parametrize("context", [256, 1024, 8192])
def test_without_flash_attention_no_more_is_taken_than_reckoned(noise_file: Path, context: int) -> None:
    model = Model(str(noise_file))
    model.flash_attention = False
    buffers = taken(model, context, 9)
    assert len(buffers) == 2
    need = memory.needs(read_header(noise_file), 256, flash_attention=False)
    assert sum(buffers) * memory.MIB <= need.total(context) - need.weights - memory._PROCESS


def test_a_recurrent_state_is_taken_for_every_call(tmp_path: Path) -> None:
    path = fabricate.recurrent(tmp_path / "mamba.gguf")
    state, _ = taken(Model(str(path)), 256, 128)
    need = memory.needs(read_header(path), 256, sequences=128)
    assert state == round(need.states / memory.MIB, 2) > 5
    assert need.total(256) - memory.needs(read_header(path), 256).total(256) > need.states // 2


# The shapes of released models, but for the number of layers; what llama.cpp takes of them for 8 sequences.
SHAPES = {
    "mamba": ({"ssm": (4, 5120, 16, 0)}, 0, 11.88),  # Mamba 2.8B
    "mamba2": ({"ssm": (4, 5120, 128, 1)}, 0, 81.97),  # Mamba 2 2.7B
    "rwkv7": ({"wkv.head_size": 64}, 0, 20.62),  # RWKV 7 2.9B
    "falcon-h1": ({"embedding_length": 3072, "attention.head_count_kv": 2, "attention.key_length": 128,
                   "attention.value_length": 128, "ssm": (4, 3072, 256, 1)}, 16, 97.31),  # 7B
    "granitehybrid": ({"embedding_length": 4096, "attention.head_count": 32, "ssm": (4, 8192, 128, 1),
                       "attention.head_count_kv": (0, 8, 0, 0)}, 16, 98.32),  # Granite 4 H Small
    "lfm2": ({"embedding_length": 2048, "attention.head_count": 32, "attention.head_count_kv": (0, 8, 0, 8),
              "shortconv.l_cache": 3}, 16, 0.25),  # 1.2B
    "qwen3next": ({"embedding_length": 2048, "attention.head_count_kv": 2, "attention.key_length": 256,
                   "attention.value_length": 256, "ssm": (4, 4096, 128, 16)}, 8, 50.25),  # 80B
}  # fmt: skip


@pytest.mark.parametrize("architecture", SHAPES)
def test_keys_and_values_and_states_of_hybrid_models(architecture: str) -> None:
    values, keys, states = SHAPES[architecture]
    shape: dict[str, Any] = {"block_count": 4, "embedding_length": 2560, "attention.head_count": 0} | values
    keys_of_states = ("ssm.conv_kernel", "ssm.inner_size", "ssm.state_size", "ssm.group_count")
    shape |= dict(zip(keys_of_states, shape.pop("ssm", (0,) * 4), strict=True))
    metadata = {f"{architecture}.{key}": value for key, value in shape.items()}
    need = memory.needs(Header("h.gguf", architecture, "h", metadata, 9, 9, 8192, 0), 256, sequences=8)
    assert need.token * 4096 / memory.MIB == keys
    assert round(need.states / memory.MIB, 2) == pytest.approx(states, abs=0.01)


def test_layers_without_attention_are_told_apart_from_states() -> None:
    values = {"attention.recurrent_layers": (True, False) * 8, "ssm.conv_kernel": 4, "ssm.inner_size": 4096}
    metadata = {key.replace("llama", "qwen35"): value for key, value in header(**values).metadata.items()}
    half = replace(header(), architecture="qwen35", metadata=metadata)
    assert memory.needs(half, 512).token * 2 == memory.needs(header(), 512).token
    assert memory.needs(half, 512).states == 8 * 3 * 4096 * 4
    mixed = {"feed_forward_length": (0, 512, 0, 512), "attention.head_count_kv": (0, 0, 8, 8), **values}
    metadata = {key.replace("llama", "nemotron_h"): each for key, each in header(**mixed).metadata.items()}
    nemotron = replace(header(), architecture="nemotron_h", metadata=metadata)
    assert memory.needs(nemotron, 512).states == 3 * 4096 * 4  # of the layer with neither


def test_states_that_leave_no_room_are_named() -> None:
    state = header(**{"attention.head_count_kv": 0, "ssm.inner_size": 8192, "ssm.state_size": 128})
    state = replace(state, architecture="mamba2", metadata={
        key.replace("llama", "mamba2"): value for key, value in state.metadata.items()
    })  # fmt: skip
    assert memory.choose_context(state, None, batch=256, free=2 * GIB, sequences=8) == 4096
    with pytest.raises(OutOfMemory, match=r"8192 of them for the states.*parallel=") as caught:
        memory.choose_context(state, None, batch=256, free=4 * GIB, sequences=128)
    assert caught.value.context == 0
    with pytest.raises(OutOfMemory, match=r"states of all calls.*fits: take a smaller model"):
        memory.choose_context(state, None, batch=256, free=GIB // 2, sequences=1)  # and no fewer can run


def test_what_fits_is_the_largest_that_does() -> None:
    plain = memory.needs(header(), 512, flash_attention=False)
    for need in (memory.needs(header(), 512), plain, memory.needs(encoder(), 512)):
        for free in (need.total(0), need.total(256), 2 * GIB, 3 * GIB, 9 * GIB, 100 * GIB):
            fitting = need.fitting(free)
            assert fitting % 256 == 0
            assert need.total(fitting) <= free < need.total(fitting + 256)
        assert need.fitting(need.total(0) - 1) == 0


def test_a_model_that_does_not_fit_is_refused_with_the_numbers_and_what_would() -> None:
    with pytest.raises(
        OutOfMemory, match=r"1259 of weights.*2048 MiB are free; context=\d+ would fit"
    ) as caught:
        memory.choose_context(header(), 131072, batch=512, free=2 * GIB)
    error = caught.value
    assert (error.free, error.needed > 2 * GIB, error.retryable) == (2 * GIB, True, False)
    assert memory.choose_context(header(), error.context, batch=512, free=2 * GIB) == error.context
    with pytest.raises(OutOfMemory, match="no context window fits") as caught:
        memory.choose_context(header(), None, batch=512, free=GIB)
    assert caught.value.context == 0
    little = memory.needs(encoder(), 512).total(0) - 1  # a smaller context window would take no less
    with pytest.raises(OutOfMemory, match="no context window fits"):
        memory.choose_context(encoder(), None, batch=512, free=little)


def test_a_context_window_for_what_there_is() -> None:
    def auto(free: int | None) -> int:
        return memory.choose_context(header(), "auto", batch=512, free=free)

    assert auto(100 * GIB) == 131072
    assert 4096 < auto(4 * GIB) < auto(6 * GIB) < 131072
    assert memory.needs(header(), 512).total(auto(4 * GIB)) < 3 * GIB
    assert auto(None) == 4096
    assert auto(memory.needs(header(), 512).total(256)) == 256
    assert memory.choose_context(encoder(), "auto", batch=512, free=None) == 512
    with pytest.raises(OutOfMemory):
        auto(GIB)


def test_without_a_wish_it_is_4096_or_what_the_model_was_made_for() -> None:
    assert memory.choose_context(header(), None, batch=512, free=None) == 4096
    assert memory.choose_context(encoder(), None, batch=512, free=None) == 512
    with pytest.raises(ConfigError, match="at most 131072"):
        memory.choose_context(header(), 131073, batch=512, free=None)


def test_a_window_larger_than_the_memory_is_an_error_and_auto_finds_one(tmp_path: Path) -> None:
    vast = fabricate.noise(tmp_path / "vast.gguf", context=1 << 27)  # 128 GiB of keys and values
    with (
        Generator(vast, context=1 << 27) as generator,
        pytest.raises(OutOfMemory, match="would fit") as caught,
    ):
        generator.warm()
    assert caught.value.context > 0
    with Generator(vast, context=256) as generator:
        assert generator.generate("hello", max_tokens=2).usage.output_tokens == 2


def test_auto_is_the_whole_window_where_it_fits(noise_file: Path) -> None:
    with Generator(noise_file, context="auto") as generator:
        assert generator.generate("hello" * 1000, max_tokens=2).usage.output_tokens == 2


@pytest.mark.parametrize("context", ["huge", 0, 1.5, True])
def test_another_context_is_a_config_error(noise_file: Path, context: object) -> None:
    with pytest.raises(ConfigError, match="context takes"):
        Generator(noise_file, context=context)  # type: ignore[arg-type]


# --- models in several files


def split(model: Path, folder: Path) -> list[Path]:
    """A model in three files, as gguf-split makes them: all metadata in the first, tensors dealt out."""
    whole = mutate.take_apart(model)
    third = -(-len(whole.tensors) // 3)
    paths = []
    for number in range(3):
        place = [mutate.Pair("split.no", 2, number), mutate.Pair("split.count", 2, 3)]
        place.append(mutate.Pair("split.tensors.count", 5, len(whole.tensors)))
        pairs = place if number else [*whole.pairs, *place]
        part = mutate.Parts(pairs, whole.tensors[number * third : (number + 1) * third])
        part.lay_out()
        paths.append(folder / f"model-0000{number + 1}-of-00003.gguf")
        paths[-1].write_bytes(mutate.put_together(part))
    return paths


def test_a_model_in_several_files_is_one(tmp_path: Path, noise_file: Path) -> None:
    parts = split(noise_file, tmp_path)
    whole = read_header(noise_file)
    found = read_header(parts[0])
    assert found.tensor_bytes == whole.tensor_bytes
    # Guesses are made when the clock says they pay, and may settle a near-tie otherwise.
    settings: Any = {"lookup": False, "context": 1024}
    with Generator(parts[0], **settings) as generator, Generator(noise_file, **settings) as other:
        assert (
            generator.generate("hello", seed=1, max_tokens=9).text
            == other.generate("hello", seed=1, max_tokens=9).text
        )


def test_a_part_that_is_missing_damaged_or_given_first_is_named(tmp_path: Path, noise_file: Path) -> None:
    first, second, third = split(noise_file, tmp_path)
    with pytest.raises(ModelFileError, match="first part"):
        read_header(second)
    bytes_of_third = third.read_bytes()
    third.write_bytes(bytes_of_third[:-100])
    with pytest.raises(ModelFileError, match=r"00003-of-00003.gguf', which is truncated"):
        read_header(first)
    third.write_bytes(second.read_bytes())
    with pytest.raises(ModelFileError, match="another model's"):
        read_header(first)
    third.unlink()
    with pytest.raises(ModelFileError, match="part 3 of 3"):
        read_header(first)
    renamed = first.rename(tmp_path / "model.gguf")
    with pytest.raises(ModelFileError, match=r"-00001-of-00003\.gguf"):
        read_header(renamed)


# --- the machine


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose control groups are files of the test's own."""
    if not Path("/proc/self/cgroup").is_file():
        pytest.skip("no control groups on this system")
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    return tmp_path


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_a_containers_memory_limit_counts_but_for_what_only_caches_files(cgroups: Path) -> None:
    write(cgroups, memory__max=8 << 20, memory__current=6 << 20)
    (cgroups / "memory.stat").write_text(f"anon 1\nactive_file {1 << 20}\ninactive_file {2 << 20}\n")
    assert machine._room(cgroups) == 5 << 20
    write(cgroups / "one", memory__limit_in_bytes=9 << 20, memory__usage_in_bytes=2 << 20)
    assert machine._room(cgroups / "one") == 7 << 20
    write(cgroups, memory__max="max")
    assert machine._room(cgroups) is None


def test_the_smallest_quota_of_cpus_on_the_way_to_the_root_counts(
    cgroups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = cgroups / "inner"
    write(cgroups, cpu__max="150000 100000")
    write(inner, cpu__max="max 100000")
    monkeypatch.setattr(machine, "_cgroups", lambda _: iter((inner, cgroups)))
    assert machine._quota() == 2
    write(inner, cpu__max="50000 100000")
    assert machine._quota() == 1
    (inner / "cpu.max").unlink()
    write(inner, cpu__cfs_quota_us=-1, cpu__cfs_period_us=100000)
    assert machine._quota() == 2


def test_there_is_some_free_memory() -> None:
    free = machine.free_memory()
    assert free is None or free > 1 << 20


def test_states_are_reckoned_for_as_many_calls_as_may_run(
    cgroups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_cgroups", lambda _: iter((cgroups,)))
    path = fabricate.plamo(cgroups / "plamo.gguf")  # of which one call runs at a time
    room = memory.needs(read_header(path), 256).total(256)
    write(cgroups, memory__max=room + (4 << 20), memory__current=0)
    with Generator(path, context=256, parallel=128, isolation="thread") as generator:
        assert generator.generate("hello", max_tokens=1).usage.input_tokens == 5
