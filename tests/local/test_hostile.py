"""Files made to do harm: a typed error or an answer, and a host that lives."""

from __future__ import annotations

import tarfile
from collections import Counter
from pathlib import Path

import mutate
import pytest

from genkit import Generator
from genkit.errors import ModelFileError

HOSTILE = Path(__file__).resolve().parents[3] / "shared" / "hostile_gguf.tar.xz"


@pytest.mark.skipif(not HOSTILE.is_file(), reason="../shared/hostile_gguf.tar.xz is not here")
def test_files_that_end_llama_cpp_are_typed_errors(tmp_path: Path) -> None:
    with tarfile.open(HOSTILE) as archive:
        archive.extractall(tmp_path, filter="data")
    hostile = sorted(tmp_path.rglob("*.gguf"))
    assert len(hostile) == 27
    for path in hostile:
        with Generator(path) as generator, pytest.raises(ModelFileError, match=path.name):
            generator.generate("hello", max_tokens=4)


def test_the_models_that_mutants_are_made_of_are_sound(tmp_path: Path) -> None:
    for number, parts in enumerate(mutate.Mutator(tmp_path, 0).sound):
        path = tmp_path / f"{number}.gguf"
        path.write_bytes(mutate.put_together(parts))
        assert mutate.outcome(path) == "ran"


def test_the_check_of_a_mutant_never_raises_another_error(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    path = tmp_path / "mutant.gguf"
    for mutant in mutate.Mutator(tmp_path, 3).mutants(300):
        path.write_bytes(mutant)
        outcomes[mutate.outcome(path, run=False)] += 1
    assert set(outcomes) == {"passed", "refused"}


def test_a_mutant_that_passes_the_check_is_a_typed_error_or_an_answer(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    path = tmp_path / "mutant.gguf"
    for mutant in mutate.Mutator(tmp_path, 4).mutants(24):
        path.write_bytes(mutant)
        outcomes[mutate.outcome(path).split(":")[0]] += 1  # it raises what is not typed
    assert outcomes["ran"]
    assert outcomes["refused"]
