"""LoRA adapters: what they add, by numpy; and what is refused before native code sees it."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fabricate
import numpy as np
import pytest
from fabricate import TOKENS

from genkit import Generator
from genkit.errors import BadRequest, ConfigError, ModelFileError, UnsupportedOption
from genkit.local import adapter_file, tried
from genkit.local.adapter import Adapters

WEIGHTS = {"blk.0.attn_v.weight": (64, 64), "blk.1.ffn_down.weight": (64, 64)}  # outputs, inputs
RANK, ALPHA = 4, 8.0
TEXTS = ["hello", "another text"]


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(5)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (random.standard_normal((rows, columns)) * 0.3).astype(np.float32)

    return {
        name: (matrix(RANK, inputs), matrix(outputs, RANK)) for name, (outputs, inputs) in WEIGHTS.items()
    }


def merged(path: Path, scale: float) -> Path:
    """The model into whose weights the adapter was added for good."""
    added = {name: scale * ALPHA / RANK * (b @ a) for name, (a, b) in pairs().items()}
    return fabricate.noise(path, pooling="MEAN", added=added)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fabricate.noise(tmp_path_factory.mktemp("models") / "base.gguf", pooling="MEAN")


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fabricate.adapter(tmp_path_factory.mktemp("models") / "lora.gguf", pairs(), alpha=ALPHA)


def answers(path: Path, **settings: Any) -> tuple[list[list[float]], dict[str, float]]:
    """The embeddings of texts, and how likely the model finds what comes after a prompt."""
    with Generator(path, **settings) as generator:
        (first,) = generator.generate("hello", max_tokens=1, temperature=0, logprobs=20).logprobs
        return generator.embed(TEXTS), dict(first.top)


@pytest.mark.parametrize("scale", [1.0, 0.5, -1.0])
def test_an_adapter_is_as_if_it_were_in_the_weights(
    base: Path, lora: Path, tmp_path: Path, scale: float
) -> None:
    vectors, likely = answers(base, lora=lora if scale == 1 else [(lora, scale)])
    wanted, expected = answers(merged(tmp_path / "merged.gguf", scale))
    np.testing.assert_allclose(vectors, wanted, atol=3e-3)
    assert not np.allclose(vectors, answers(base)[0], atol=3e-2)
    both = likely.keys() & expected.keys()
    assert len(both) >= 15  # the last few may be others, as good as equally likely
    assert [likely[token] for token in both] == pytest.approx([expected[token] for token in both], abs=0.05)


def test_adapters_add_up_and_one_scaled_by_nothing_adds_nothing(
    base: Path, lora: Path, tmp_path: Path
) -> None:
    twice, _ = answers(base, lora=[lora, (lora, 1)])
    np.testing.assert_allclose(twice, answers(merged(tmp_path / "m.gguf", 2))[0], atol=5e-3)
    np.testing.assert_allclose(answers(base, lora=[(lora, 0)])[0], answers(base)[0], atol=1e-3)


PROMPTS = [f"a prompt of some length, the {at}th" for at in range(3)]


def told(generator: Generator, prompt: str, lora: Any) -> list[float]:
    """The log probabilities of an answer: all of its tokens are the likeliest, or else it is not greedy."""
    answer = generator.generate(prompt, max_tokens=6, temperature=0, logprobs=0, lora=lora)
    return [token.logprob for token in answer.logprobs]


def test_each_call_has_the_adapters_that_it_names(base: Path, lora: Path, tmp_path: Path) -> None:
    scales = {1.0: lora, 0.5: [(lora, 0.5)], 0.0: []}
    expected = {}
    for scale in scales:
        with Generator(merged(tmp_path / f"{scale}.gguf", scale)) as generator:
            expected[scale] = [told(generator, prompt, None) for prompt in PROMPTS]
    with Generator(base, lora=[(lora, 0.5)], parallel=4) as generator, ThreadPoolExecutor(9) as pool:
        assert told(generator, PROMPTS[0], None) == pytest.approx(expected[0.5][0], abs=0.05)
        jobs = {
            (scale, at): pool.submit(told, generator, prompt, given)
            for at, prompt in enumerate(PROMPTS)
            for scale, given in scales.items()
        }
        for (scale, at), job in jobs.items():
            assert job.result() == pytest.approx(expected[scale][at], abs=0.05)
    apart = [expected[scale][0][0] for scale in scales]
    assert min(abs(one - other) for one, other in itertools.combinations(apart, 2)) > 0.1


def test_a_long_prompt_beside_an_answer_is_evaluated_with_its_own_adapters(base: Path, lora: Path) -> None:
    prompt, choices = "a prompt that is evaluated apart " * 12, (lora, [])
    with Generator(base, lora=[(lora, 0)]) as generator:
        alone = [told(generator, prompt, choice) for choice in choices]
    assert alone[0] != pytest.approx(alone[1], abs=0.1)
    with (
        Generator(base, lora=[(lora, 0)], parallel=3, threads=2) as generator,
        ThreadPoolExecutor(2) as pool,
        generator.stream("hello", max_tokens=3000, lora=[(lora, 2)]) as beside,
    ):
        next(beside.text)
        jobs = [pool.submit(told, generator, prompt, choice) for choice in choices]
        for job, expected in zip(jobs, alone, strict=True):
            assert job.result() == pytest.approx(expected, abs=0.05)


def test_a_prompt_goes_on_from_what_was_evaluated_with_the_same_adapters(base: Path, lora: Path) -> None:
    def cached(given: Any, **options: Any) -> int:
        return generator.generate(PROMPTS[0], max_tokens=1, lora=given, **options).usage.cached_tokens

    with Generator(base, lora=[(lora, 0)]) as generator:
        length = generator.count(PROMPTS[0]).tokens
        assert [cached(None), cached(lora), cached([(lora, 1)]), cached([])] == [0, 0, length - 1, length - 1]
        assert [cached([(lora, 2)], keep="it"), cached([(lora, 2)]), cached([(lora, 3)])] == [
            0,
            length - 1,
            0,
        ]


def test_a_call_names_adapters_of_its_generator(base: Path, lora: Path, tmp_path: Path) -> None:
    other = fabricate.adapter(tmp_path / "other.gguf", pairs(), alpha=1)
    with Generator(base, lora=lora) as generator:
        with pytest.raises(BadRequest, match=r"other.gguf is none .*lora.gguf.*scale 0"):
            generator.generate("a", lora=other)
        with pytest.raises(BadRequest, match="lora takes"):
            generator.generate("a", lora=3)  # type: ignore[arg-type]
        with pytest.raises(BadRequest, match="no-such"):
            generator.generate("a", lora="no-such.gguf")
    with Generator(base) as generator, pytest.raises(BadRequest, match="it has none"):
        generator.generate("a", lora=[(lora, 0.5)])
    with Generator("openai:m", api_key="k") as generator, pytest.raises(UnsupportedOption, match="lora"):
        generator.generate("a", lora=lora)


def test_an_adapter_is_named_as_the_generator_did_or_by_another_path(
    base: Path, lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lora.parent)
    adapters = Adapters([(lora.name, 0.5)])
    monkeypatch.chdir(tmp_path)
    others = (lora.name, str(lora), f"{lora.parent}/x/../{lora.name}")
    assert [adapters.scales(((path, 2.0),)) for path in others] == [[2.0]] * 3
    assert adapters.scales(None) == [0.5]
    assert adapters.scales(()) == [0.0]
    assert adapters.scales(((str(lora), 1.0), (lora.name, 2.0))) == [3.0]
    for path in ("a\0b", "a\ud800b"):
        with pytest.raises(BadRequest, match="none of the Generator's"):
            adapters.scales(((path, 1.0),))
    with pytest.raises(BadRequest, match="200 in all"):
        adapters.scales(((str(lora), 100.0), (lora.name, 100.0)))


def test_an_adapter_that_no_call_names_yet_is_tried_too(base: Path, lora: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    unequal = [random.standard_normal(shape).astype(np.float32) for shape in ((64, 4), (len(TOKENS), 8))]
    bad = fabricate.adapter(tmp_path / "bad.gguf", {"token_embd.weight": (unequal[0], unequal[1])}, alpha=1)
    with Generator(base, lora=[(bad, 0)]) as generator, pytest.raises(ModelFileError):
        generator.generate("a")


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_adapter_with_what_is_no_number_is_refused(tmp_path: Path, kind: type, value: float) -> None:
    wrong = pairs()
    for a, b in wrong.values():
        a[1, 2], b[:] = value, 1
    path = fabricate.adapter(
        tmp_path / "a.gguf",
        {name: (a.astype(kind), b.astype(kind)) for name, (a, b) in wrong.items()},
        alpha=1,
    )
    with pytest.raises(ModelFileError, match="lora_a' with infinite values, or such that are no numbers"):
        adapter_file.size(str(path), "llama")


def test_a_prompt_that_was_saved_is_loaded_for_calls_with_its_adapters(
    base: Path, lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    found = []
    for _ in range(2):
        with Generator(base, lora=[(lora, 0)], keep_on_disk=True) as generator:
            for given in ([], lora):
                options: Any = {"max_tokens": 3, "temperature": 0, "logprobs": 0}
                answer = generator.generate(PROMPTS[0], keep="it", lora=given, **options)
                found.append((answer.usage.cached_tokens, [token.logprob for token in answer.logprobs]))
            length = generator.count(PROMPTS[0]).tokens
    assert [cached for cached, _ in found] == [0, 0, length - 1, length - 1]
    for (_, before), (_, after) in zip(found[:2], found[2:], strict=True):
        assert after == pytest.approx(before, abs=0.05)


def test_generators_with_and_without_an_adapter_share_no_worker(base: Path, lora: Path) -> None:
    settings: list[dict[str, Any]] = [{}, {"lora": lora}, {"lora": [(lora, 1)]}, {"lora": [(lora, 2)]}]
    generators = [Generator(base, **each) for each in settings]
    plain, one, same, double = [generator._backend.worker.worker for generator in generators]
    assert one is same
    assert len({plain, one, double}) == 3
    for generator in generators:
        generator.close()


def test_another_adapter_is_tried_again(base: Path, lora: Path) -> None:
    names = {tried._name({"path": str(base), "lora": given}) for given in ([], [(str(lora), 1.0)])}
    assert len(names) == 2


def test_an_adapter_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    other = fabricate.adapter(tmp_path / "other.gguf", pairs(), alpha=1, architecture="qwen3")
    with Generator(base, lora=other) as generator, pytest.raises(ModelFileError, match=r"'qwen3'.*'llama'"):
        generator.warm()
    wide = {"blk.0.attn_v.weight": (np.ones((4, 32), np.float32), np.ones((64, 4), np.float32))}
    misfit = fabricate.adapter(tmp_path / "misfit.gguf", wide, alpha=1)
    with Generator(base, lora=misfit) as generator, pytest.raises(ModelFileError, match="incorrect shape"):
        generator.warm()


def test_what_is_no_adapter_is_refused_by_its_header(base: Path, alphabet_file: Path, tmp_path: Path) -> None:
    def refused(path: Path, why: str) -> None:
        with pytest.raises(ModelFileError, match=why) as caught:
            adapter_file.size(str(path), "llama")
        assert caught.value.path == str(path)

    path = tmp_path / "a.gguf"
    refused(alphabet_file, "is no LoRA adapter")
    refused(fabricate.adapter(path, {}, alpha=1), "no tensors")
    refused(fabricate.adapter(path, pairs(), alpha=1, adapter_type="control"), "is no LoRA adapter")
    half = {"x": (np.ones((4, 4), np.float32), np.ones(4, np.float32))}
    refused(fabricate.adapter(path, half, alpha=1), "which is no matrix")
    path.write_bytes(path.read_bytes()[:90])
    refused(path, "truncated")
    with (
        Generator(base, lora=alphabet_file) as generator,
        pytest.raises(ModelFileError, match="no LoRA adapter"),
    ):
        generator.generate("a")


@pytest.mark.parametrize("given", [1, [1], [("a",)], [(1, 1)], {"a": 1}], ids=str)
def test_what_names_no_adapters_is_a_config_error(base: Path, given: Any) -> None:
    with pytest.raises(ConfigError, match="lora"):
        Generator(base, lora=given)


def test_a_scale_is_a_number_and_a_file_is_there(base: Path, lora: Path) -> None:
    for scale in ("1", None, float("nan"), True, 10**400, 10**5000, 1e5):
        with pytest.raises(ConfigError, match="scale of a LoRA adapter"):
            Generator(base, lora=[(lora, scale)])
    with pytest.raises(ModelFileError, match="no-such"):
        Generator(base, lora="no-such.gguf")
