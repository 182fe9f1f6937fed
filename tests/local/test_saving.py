"""``keep_on_disk``: kept prompts that the next start finds again."""

from __future__ import annotations

import gc
import os
import queue
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fabricate
import pytest

from genkit import Generator
from genkit.errors import BackendError
from genkit.local import files
from genkit.local.context import Context
from genkit.local.llama import Model, build_of_llama
from genkit.local.saving import Saving
from genkit.local.shelf import Saved, Shelf

RULES = "these are the rules " * 20  # 400 tokens
GREEDY = {"temperature": 0, "max_tokens": 5}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache directory of the test's own."""
    for name in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return files.cache_directory() / "kept"


@contextmanager
def started(path: Path, **options: object) -> Iterator[Generator]:
    with Generator(path, **{"context": 1024, "keep_on_disk": True, **options}) as generator:  # type: ignore[arg-type]
        yield generator


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_a_kept_prompt_is_there_at_the_next_start(cache: Path, noise_file: Path, isolation: str) -> None:
    with started(noise_file, isolation=isolation) as generator:
        first = generator.generate(RULES, keep="rules", **GREEDY)
        other = generator.generate(RULES[:300] + "other", **GREEDY)
    assert first.usage.cached_tokens == 0
    assert not first.warnings
    with started(noise_file, isolation=isolation) as generator:
        again = generator.generate(RULES, keep="rules", **GREEDY)
        assert (again.usage.cached_tokens, again.text) == (399, first.text)
        assert generator.generate(RULES[:300] + "other", **GREEDY).text == other.text
    with started(noise_file, isolation=isolation) as generator:
        part = generator.generate(RULES[:300] + "other", keep="rules", **GREEDY)
        assert (part.usage.cached_tokens, part.text) == (300, other.text)


def test_a_prompt_beyond_a_sliding_window_is_not_saved_which_is_told_once(
    cache: Path, tmp_path: Path
) -> None:
    path = fabricate.noise(tmp_path / "slides.gguf", architecture="gemma3", window=32)
    for _ in range(2):
        with started(path) as generator:
            (warning,) = generator.generate(RULES, keep="rules", **GREEDY).warnings
            assert "400 tokens, and 32, a sliding window" in warning
            assert not generator.generate(RULES, keep="rules", **GREEDY).warnings
            assert not generator.generate("a" * 30, keep="short", **GREEDY).warnings
    with started(path) as generator:
        assert generator.generate("a" * 30 + "b", keep="short", **GREEDY).usage.cached_tokens == 30


def test_without_the_option_nothing_is_written_or_read(cache: Path, noise_file: Path) -> None:
    with started(noise_file, keep_on_disk=False) as generator:
        generator.generate(RULES, keep="rules", **GREEDY)
    assert not cache.exists()
    with started(noise_file) as generator:
        generator.generate(RULES, keep="rules", **GREEDY)
    with started(noise_file, keep_on_disk=False) as generator:
        assert generator.generate(RULES, keep="rules", **GREEDY).usage.cached_tokens == 0


def cut(path: Path, model: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def fill(path: Path, model: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def remove(path: Path, model: Path) -> None:
    path.unlink()


def forge(path: Path, model: Path) -> None:
    """A file as genkit would have written it, of a state that llama.cpp does not take."""
    build = f"{build_of_llama()} context 1024 gpu_layers 0"
    shelf = Shelf(path.parent, files.fingerprint(str(model)), build)
    saved = shelf.read("rules")
    assert saved
    shelf.write("rules", Saved(saved.tokens, bytearray(len(saved.state))))


@pytest.mark.parametrize("harm", [cut, fill, remove, forge])
def test_a_file_that_came_to_harm_is_passed_over_and_written_again(
    cache: Path, noise_file: Path, harm: Callable[[Path, Path], None]
) -> None:
    with started(noise_file) as generator:
        first = generator.generate(RULES, keep="rules", **GREEDY)
    harm(next(cache.glob("*.kept")), noise_file)
    with started(noise_file) as generator:
        again = generator.generate(RULES, keep="rules", **GREEDY)
        assert (again.usage.cached_tokens, again.text) == (0, first.text)
    with started(noise_file) as generator:
        assert generator.generate(RULES, keep="rules", **GREEDY).usage.cached_tokens == 399


@pytest.mark.parametrize("other", [{"context": 2048}, {"flash_attention": False}], ids=str)
def test_other_settings_of_the_context_have_none_of_it(
    cache: Path, noise_file: Path, other: dict[str, object]
) -> None:
    with started(noise_file) as generator:
        generator.generate(RULES, keep="rules", **GREEDY)
    with started(noise_file, **other) as generator:
        assert generator.generate(RULES, keep="rules", **GREEDY).usage.cached_tokens == 0


def test_what_is_dropped_is_gone_from_disk_too(cache: Path, noise_file: Path) -> None:
    with started(noise_file) as generator:
        generator.generate(RULES, keep="rules", **GREEDY)
        generator.drop("other")
    assert len(list(cache.glob("*.kept"))) == 1
    with started(noise_file) as generator:
        generator.drop("rules")  # while no worker is running
    assert not list(cache.glob("*.kept"))


def test_what_cannot_be_saved_is_told_and_the_call_goes_on(cache: Path, noise_file: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.touch()  # where a directory should be
    with started(noise_file) as generator:
        answer = generator.generate(RULES, keep="rules", **GREEDY)
        assert answer.usage.output_tokens == 5
        (warning,) = answer.warnings
        assert "the prompt kept as 'rules' could not be saved" in warning
        assert generator.generate(RULES, **GREEDY).usage.cached_tokens == 399
        assert generator.generate(RULES, keep="rules", **GREEDY).warnings == answer.warnings
        cache.unlink()
        assert not generator.generate(RULES, keep="rules", **GREEDY).warnings
    assert len(list(cache.glob("*.kept"))) == 1


def no_state() -> bytearray:
    raise BackendError("llama.cpp gave none")


def no_memory() -> bytearray:
    raise MemoryError


@pytest.mark.parametrize(
    ("state", "problem"),
    [(no_state, "llama.cpp gave none"), (no_memory, "there is no memory"), (bytearray, "file'")],
)
def test_what_could_not_be_saved_is_tried_and_told_again(
    tmp_path: Path, state: Callable[[], bytearray], problem: str
) -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    (folder := tmp_path / "file").touch()  # where a directory should be
    saving = Saving(Shelf(folder, "model"), broken=lambda error: told.put(repr(error)))
    for _ in range(2):
        saving.then(saving.offer("name", [1] * 30, state), told.put)
        assert problem in told.get(timeout=60)
    folder.unlink()
    saving.then(saving.offer("name", [1] * 30, lambda: bytearray(b"state")), told.put)
    assert told.get(timeout=60) == ""
    saving.close()
    assert Shelf(folder, "model").read("name") == Saved([1] * 30, bytearray(b"state"))


def test_nothing_stays_of_a_call_whose_end_is_never_told(tmp_path: Path) -> None:
    saving = Saving(Shelf(tmp_path, "model"), broken=lambda error: pytest.fail(repr(error)))
    attempts = [weakref.ref(saving.offer(name, [1], no_state)) for name in "abc"]  # type: ignore[arg-type]
    gc.collect()
    assert [attempt() for attempt in attempts] == [None] * 3
    saving.close()


def test_a_prompt_is_loaded_with_the_adapters_it_was_evaluated_with(tmp_path: Path) -> None:
    told: list[str] = []
    shelf = Shelf(tmp_path, "model")
    for scales, found in [((1.0,), None), ((1.0,), [1] * 30), ((2.0,), None), ((1.0,), [1] * 30)]:
        saving = Saving(shelf, broken=lambda error: told.append(repr(error)))
        saved = saving.find("name", [1] * 30, scales)
        assert (saved and saved.tokens) == found
        saving.offer("name", [1] * 30, lambda: bytearray(b"state"), scales)
        saving.close()
    saving = Saving(shelf, broken=lambda error: told.append(repr(error)))
    for scales in ((1.0,), (2.0,)) * 2:  # each is there already, or about to be
        saving.find("name", [1] * 30, scales)
        saving.offer("name", [1] * 30, lambda: pytest.fail("saved again"), scales)
    saving.remove("name")
    saving.close()
    assert [shelf.read("name", scales) for scales in ((), (1.0,), (2.0,))] == [None] * 3
    assert not told


def test_a_name_is_written_again_when_less_than_half_of_its_prompt_is_on_disk(tmp_path: Path) -> None:
    told: list[str] = []
    saving = Saving(Shelf(tmp_path, "model"), broken=lambda error: told.append(repr(error)))
    for prompt in ([1] * 100, [1] * 199, [1] * 201, [2] * 10):
        saving.then(saving.offer("name", prompt, lambda: bytearray(b"state")), told.append)
    saving.offer("other", [1] * 30, lambda: bytearray(b"state"))
    saving.remove("other")
    saving.close()
    assert told == [""] * 4
    assert Shelf(tmp_path, "model").read("name") == Saved([2] * 10, bytearray(b"state"))
    assert Shelf(tmp_path, "model").read("other") is None


def test_a_state_is_loaded_only_as_what_it_was(noise_file: Path) -> None:
    model = Model(str(noise_file))
    context = Context(model, size=512, sequences=3, batch=64, threads=1)
    assert context.decode([(token, token, 0, False) for token in range(40)])
    state = context.save(0)
    assert not context.load(1, state, 39)
    assert not context.load(1, state[:-1], 40)
    assert context.load(1, state, 40)
    logits = []
    for slot in (0, 1):
        assert context.decode([(50, 40, slot, True)])
        logits.append(context.logits(0)[:30])
    assert logits[0] == pytest.approx(logits[1])
    context.close()
    model.close()
