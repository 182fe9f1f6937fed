"""The bindings of llama.cpp: every id, pointer and length is checked. Real llama.cpp, in this process."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import fabricate
import pytest
from fabricate import BYTES, END, TOKENS

from genkit.errors import BackendError, ModelFileError
from genkit.local.context import Context
from genkit.local.llama import Model
from genkit.local.sampler import Sampler

LONG = "q" * 200


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    path = fabricate.noise(tmp_path_factory.mktemp("llama") / "m.gguf", extra=[LONG], name="n" * 300)
    model = Model(str(path))
    yield model
    model.close()


@pytest.fixture
def context(model: Model) -> Iterator[Context]:
    context = Context(model, size=300, sequences=2, batch=64, threads=1)
    yield context
    context.close()


def greedy(model: Model) -> Sampler:
    return Sampler(model, [("greedy",)], [])


def rows(tokens: list[int], *, start: int = 0, slot: int = 0) -> list[tuple[int, int, int, bool]]:
    """Rows for decode; the logits of the last are wanted."""
    last = len(tokens) - 1
    return [(token, start + i, slot, i == last) for i, token in enumerate(tokens)]


def ids(text: str) -> list[int]:
    return [BYTES.index(byte) for byte in text.encode()]


def test_attention_without_the_flash_kernel_says_the_same_and_lays_out_its_cache_otherwise(
    context: Context, model: Model
) -> None:
    model.flash_attention = False
    other = Context(model, size=300, sequences=2, batch=64, threads=1)
    model.flash_attention = True
    logits = []
    for each in (context, other):
        assert each.decode(rows(ids("hello there")))
        logits.append(each.logits(10)[: model.vocabulary_size])
    assert logits[0] == pytest.approx(logits[1], abs=0.01)
    assert not other.load(1, context.save(0), 11)
    other.close()


def test_a_model_tells_of_itself(model: Model) -> None:
    assert model.vocabulary_size == len(TOKENS) + 1
    assert model.chat_template == fabricate.BARE
    assert model.bos == model.eos == "<|end|>"


def test_metadata_of_any_length_is_read_whole(model: Model) -> None:
    assert model.metadata("general.name") == "n" * 300
    assert model.metadata("general.architecture") == "llama"
    assert model.metadata("no.such.key") is None


@pytest.mark.parametrize("text", ["", "a", "naïve 日本 👩‍👩‍👧", "\0", " \n", "<|end|>"])
def test_text_becomes_tokens_and_text_again(model: Model, text: str) -> None:
    tokens = model.tokenize(text, add_special=False, parse_special=False)
    assert tokens == ids(text)
    assert b"".join(map(model.piece, tokens)).decode() == text


def test_a_lone_surrogate_becomes_a_replacement_character(model: Model) -> None:
    assert model.tokenize("a\ud800", add_special=False, parse_special=False) == ids("a\ufffd")
    assert model.tokenize("\ud83d\ude00", add_special=False, parse_special=False) == ids("😀")


def test_a_control_token_is_read_only_where_that_is_wanted(model: Model) -> None:
    assert model.tokenize("a<|end|>", add_special=False, parse_special=True) == [*ids("a"), END]
    assert model.piece(END) == b""


def test_a_piece_of_any_length_is_read_whole(model: Model) -> None:
    assert model.piece(END + 1) == LONG.encode()


@pytest.mark.parametrize("token", [-1, len(TOKENS) + 1, 10**6])
def test_row_26_an_id_out_of_the_vocabulary_is_an_error(model: Model, token: int) -> None:
    with pytest.raises(BackendError, match=str(token)):
        model.piece(token)


def test_only_the_end_token_ends_generation(model: Model) -> None:
    assert [token for token in range(model.vocabulary_size) if model.ends_generation(token)] == [END]


def test_a_file_that_does_not_load_is_told_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"GGUF")
    with pytest.raises(ModelFileError, match=r"bad\.gguf") as caught:
        Model(str(path))
    assert caught.value.path == str(path)


def test_an_abort_ends_decoding_until_it_is_taken_back(model: Model, context: Context) -> None:
    expected = fresh_choice(model, ids("hello"))
    context.abort()
    assert not context.decode(rows(ids("hello")))
    context.abort(False)
    assert context.forget(0) == 0
    assert context.decode(rows(ids("hello")))
    assert greedy(model).sample(context, 4) == expected


def fresh_choice(model: Model, tokens: list[int]) -> int:
    """The likeliest token after these, in a context that has seen nothing else."""
    context = Context(model, size=300, sequences=1, batch=64, threads=1)
    assert context.decode(rows(tokens))
    choice = greedy(model).sample(context, len(tokens) - 1)
    context.close()
    return choice


def test_a_sequence_can_be_forgotten_from_any_position(model: Model, context: Context) -> None:
    assert context.decode(rows(ids("hello")))
    assert context.forget(0, 2) == 2
    assert context.decode(rows(ids("y!"), start=2))
    assert greedy(model).sample(context, 1) == fresh_choice(model, ids("hey!"))


def test_sequences_do_not_see_each_other(model: Model, context: Context) -> None:
    assert context.decode(rows(ids("one")) + rows(ids("other"), slot=1))
    assert greedy(model).sample(context, 2) == fresh_choice(model, ids("one"))
    assert greedy(model).sample(context, 7) == fresh_choice(model, ids("other"))


def test_a_position_that_leaves_a_gap_is_an_error(context: Context) -> None:
    assert context.decode(rows(ids("a")))
    with pytest.raises(BackendError, match="evaluate 1 tokens"):
        context.decode(rows(ids("b"), start=7))


def test_a_penalty_counts_the_last_tokens_of_the_history(model: Model, context: Context) -> None:
    assert context.decode(rows(ids("hello")))
    best = greedy(model).sample(context, 4)
    penalty = [("penalties", 64, 1.0, 1000.0, 0.0), ("greedy",)]
    assert Sampler(model, penalty, [best]).sample(context, 4) != best
    assert Sampler(model, penalty, [best] + [END] * 63).sample(context, 4) != best
    assert Sampler(model, penalty, [best] + [END] * 64).sample(context, 4) == best


def test_the_likeliest_of_many_tokens_is_the_one_that_a_chain_takes(
    model: Model, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert context.decode(rows(ids("hello")))
    chain = greedy(model)
    monkeypatch.setattr("genkit.local.sampler.MANY", 1)
    quick, logits, random = greedy(model), context.logits(4), Random(1)
    for _ in range(50):
        for token in range(model.vocabulary_size):
            logits[token] = random.choice([-math.inf, -1.0, 2.0, 2.5])  # several are the likeliest
        assert quick.sample(context, 4) == chain.sample(context, 4)
    best = quick.sample(context, 4)
    penalty = [("penalties", 64, 1.0, 1000.0, 0.0), ("greedy",)]  # by which another is the likeliest
    assert Sampler(model, penalty, [best]).sample(context, 4) != best


def test_importing_the_bindings_leaves_the_real_package_whole() -> None:
    program = (
        "import sys, genkit.local.llama; assert 'llama_cpp' not in sys.modules; "
        "import llama_cpp; print(llama_cpp.Llama.__name__)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "Llama\n"
