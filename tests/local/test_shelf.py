"""Prompts on disk: what was written is read, whole or not at all; what anybody else wrote is nothing."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genkit.local.shelf import Saved, Shelf

SAVED = Saved([1, 2, 2**31 - 1], bytearray(b"state" * 100))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not yet" / "there"


def shelf(folder: Path, model: str = "model", build: str = "build", **options: int) -> Shelf:
    return Shelf(folder, model, build, **options)


def written(folder: Path) -> Path:
    """The file of a prompt that was written."""
    shelf(folder).write("name", SAVED)
    (path,) = folder.glob("*.kept")
    return path


def test_what_was_written_is_read_at_the_next_start(folder: Path) -> None:
    assert shelf(folder).read("name") is None
    shelf(folder).write("name", SAVED)
    assert shelf(folder).read("name") == SAVED
    shelf(folder).write("name", other := Saved([], bytearray()))
    assert shelf(folder).read("name") == other
    shelf(folder).remove("name")
    shelf(folder).remove("name")
    assert shelf(folder).read("name") is None


@pytest.mark.parametrize("name", ["../../etc", "a/b", "\0", "\ud800", "n" * 1000, "con"])
def test_any_name_is_a_name(folder: Path, name: str) -> None:
    shelf(folder).write(name, SAVED)
    assert shelf(folder).read(name) == SAVED
    assert shelf(folder).read("name") is None
    assert {path.suffix for path in folder.iterdir()} == {".kept", ""}


def test_another_model_or_build_has_none_of_it(folder: Path) -> None:
    path = written(folder)
    assert shelf(folder, model="other").read("name") is None
    assert shelf(folder, build="other").read("name") is None
    shelf(folder, model="other").write("name", SAVED)
    (theirs,) = set(folder.glob("*.kept")) - {path}
    os.replace(path, theirs)
    assert shelf(folder, model="other").read("name") is None


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 10_000), flip=st.integers(1, 255), end=st.none() | st.integers(0, 10_000))
def test_a_file_that_is_not_what_was_written_is_none(
    folder: Path, at: int, flip: int, end: int | None
) -> None:
    path = written(folder)
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= flip
    path.write_bytes(data[: end and end % len(data)])
    assert shelf(folder).read("name") is None


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 1000, b"genkit kept prompt 1\n", b"genkit kept prompt 1\n" * 50]
)
def test_a_file_of_anything_is_none(folder: Path, data: bytes) -> None:
    written(folder).write_bytes(data)
    assert shelf(folder).read("name") is None


def test_a_file_from_somebody_elses_directory_is_none(folder: Path, tmp_path: Path) -> None:
    theirs = written(tmp_path / "theirs")
    os.replace(theirs, written(folder))
    assert shelf(folder).read("name") is None


def test_more_behind_the_end_is_none(folder: Path) -> None:
    with open(written(folder), "ab") as file:
        file.write(b"x")
    assert shelf(folder).read("name") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_is_no_file_is_none(folder: Path) -> None:
    path = written(folder)
    path.unlink()
    os.mkfifo(path)  # to open it would be to wait for ever
    assert shelf(folder).read("name") is None
    path.unlink()
    path.mkdir()
    assert shelf(folder).read("name") is None


def test_a_key_that_is_lost_or_broken_is_made_anew_and_old_files_are_none(folder: Path) -> None:
    written(folder)
    for key in (b"", b"short"):
        (folder / "key").write_bytes(key)
        assert shelf(folder).read("name") is None
        shelf(folder).write("name", SAVED)
        assert shelf(folder).read("name") == SAVED


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps what is a user's to them")
def test_only_the_user_may_read_it(folder: Path) -> None:
    written(folder)
    for path in (folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps what is a user's to them")
@pytest.mark.parametrize("mode", [0o777, 0o730, 0o702])
def test_a_directory_that_others_may_write_to_is_not_believed_nor_written_to(folder: Path, mode: int) -> None:
    written(folder)
    folder.chmod(mode)
    assert shelf(folder).read("name") is None
    with pytest.raises(OSError, match="others may write"):
        shelf(folder).write("name", SAVED)
    folder.chmod(0o755)
    assert shelf(folder).read("name") == SAVED


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps what is a user's to them")
def test_another_users_directory_is_not_believed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(folder)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)  # as with sudo, and the home of who calls it
    assert shelf(folder).read("name") is None
    with pytest.raises(OSError, match="another user"):
        shelf(folder).write("name", SAVED)


def test_all_files_together_have_their_bound_and_the_least_recently_used_goes(folder: Path) -> None:
    small = shelf(folder, room=2000)
    for at, name in enumerate("abc"):
        small.write(name, SAVED)
        for path in set(folder.glob("*.kept")):
            os.utime(path, ns=(0, min(path.stat().st_mtime_ns, at)))
    assert small.read("a")  # used just now
    (folder / "crash.part").write_bytes(b"x" * 600)
    os.utime(folder / "crash.part", ns=(0, 0))
    small.write("d", SAVED)
    assert [name for name in "abcd" if small.read(name)] == ["a", "c", "d"]
    assert not list(folder.glob("*.part"))


def test_what_is_larger_than_all_may_be_is_not_written(folder: Path) -> None:
    with pytest.raises(OSError, match="MiB"):
        shelf(folder, room=100).write("name", SAVED)
    assert not folder.exists()


def test_a_write_that_fails_leaves_nothing_half_done(folder: Path) -> None:
    path = written(folder)
    path.unlink()
    path.mkdir()  # nothing can take its place
    with pytest.raises(OSError, match=path.name):
        shelf(folder).write("name", SAVED)
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize("room", [0, 1, 100, 500, None], ids=str)
def test_row_28_a_write_that_fails_leaves_what_was_written_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch, room: int | None
) -> None:
    def fail(*_: object) -> None:
        raise OSError("as ordered")

    written(folder)
    resource = pytest.importorskip("resource", reason="Windows does not bound files")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if room is None:  # all of it is written, and cannot take its place
        monkeypatch.setattr(os, "replace", fail)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(OSError, match="as ordered" if room is None else os.strerror(errno.EFBIG)):
            shelf(folder).write("name", Saved([4] * 50, bytearray(b"other" * 100)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert shelf(folder).read("name") == SAVED
    assert not list(folder.glob("*.part"))


def test_a_directory_that_cannot_be_made_is_an_error_to_write_and_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        shelf(tmp_path / "file" / "below").write("name", SAVED)
    assert shelf(tmp_path / "file" / "below").read("name") is None
