"""Finding model files: what is there is found, and what is not is said with its place."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from genkit.errors import ConfigError, ModelFileError
from genkit.local import child, files


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


@pytest.mark.skipif(sys.platform == "win32", reason="a directory in use cannot be deleted there")
def test_a_relative_path_means_nothing_where_the_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert missing("a.gguf").path == "a.gguf"
    os.chdir(tmp_path)  # else the next chdir could not come back


def test_without_a_home_directory_the_cache_is_not_in_the_current_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, "relative")
    place = files.cache_directory()
    assert place.is_absolute()
    assert place == files.cache_directory()  # the same for all of this process
    assert place.parent.is_dir()


@pytest.mark.parametrize(
    ("name", "right"),
    [("python3.11", True), ("python.exe", True), ("pythonw.exe", True), ("pypy3", True), ("mayapy", True),
     ("python3.13t", True), ("python3.14td", True), ("python_d.exe", True), ("python3.14t_d.exe", True),
     ("ipython", True), ("pythonservice.exe", False),
     ("happy", False), ("uwsgi", False), ("qgis-ltr-bin.exe", False), ("blender", False), ("", False)],
)  # fmt: skip
def test_a_program_that_has_python_in_it_is_not_started_again(
    name: str, right: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = str(tmp_path / name) if name else ""
    monkeypatch.setattr(sys, "executable", given)
    for prefix in ("prefix", "base_exec_prefix"):
        monkeypatch.setattr(sys, prefix, str(tmp_path / "nothing"))
    if right:
        assert child.interpreter() == given
    else:
        with pytest.raises(ConfigError, match='isolation="thread" needs none'):
            child.interpreter()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(ConfigError, match="no Python interpreter"):
        child.interpreter()


def test_beside_such_a_program_there_may_be_an_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    beside = tmp_path / ("python.exe" if sys.platform == "win32" else f"bin/{version}")
    beside.parent.mkdir(exist_ok=True)
    beside.touch()
    monkeypatch.setattr(sys, "executable", "/opt/uwsgi")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert child.interpreter() == str(beside)
