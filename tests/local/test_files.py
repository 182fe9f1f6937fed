"""Finding model files: what is there is found, and what is not is said with its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from genkit.errors import ModelFileError
from genkit.local import files


def missing(path: str | os.PathLike[str]) -> ModelFileError:
    with pytest.raises(ModelFileError) as caught:
        files.find(path)
    return caught.value


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "a.gguf"
    path.touch()
    return path


def test_a_file_is_found_by_every_way_to_write_it(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    monkeypatch.setenv("HOME", str(model.parent))
    monkeypatch.setenv("USERPROFILE", str(model.parent))
    for path in (model, str(model), "a.gguf", Path("./a.gguf"), "~/a.gguf"):
        assert files.find(path) == model


def test_a_missing_file_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = missing("no.gguf")
    assert error.path == str(tmp_path / "no.gguf")
    assert error.path in error.message


def test_a_directory_is_answered_with_its_models(model: Path) -> None:
    error = missing(model.parent)
    assert error.path == str(model.parent)
    assert "a.gguf" in error.message


def test_an_empty_directory_says_so(tmp_path: Path) -> None:
    assert "no GGUF file" in missing(tmp_path).message


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "~no-such-user/a.gguf"], ids=["long", "nul", "user"])
def test_a_path_that_cannot_be_is_a_missing_file(path: str) -> None:
    assert missing(path).path


def test_the_demo_model_has_its_place_in_the_package() -> None:
    assert files.DEMO.parts[-3:] == ("genkit", "models", "demo.gguf")
