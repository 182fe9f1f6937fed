"""A machine without memory: wherever the worker meets it, the call fails with what it is, and alone."""

from __future__ import annotations

import sys
from pathlib import Path

import fabricate
import pytest

from genkit import Generator
from genkit.errors import OutOfMemory

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a process")


@linux
@pytest.mark.parametrize("megabytes", [8, 25, 50, 58, 80, 96, 112, 4096])
def test_row_29_a_worker_that_gets_no_more_memory(
    megabytes: int, alphabet: Generator, alphabet_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = tmp_path / "python"
    limited.write_text(f'#!/bin/sh\nulimit -v {megabytes << 10}\nexec "{sys.executable}" "$@"\n')
    limited.chmod(0o755)
    with Generator(alphabet_file, context=2048) as generator:
        monkeypatch.setattr(sys, "executable", str(limited))
        try:
            assert generator.generate("w").text == "xyz"
        except OutOfMemory:
            assert megabytes < 4096
        else:
            assert megabytes > 25  # as much as Python takes for itself
        monkeypatch.undo()
    assert alphabet.generate("w").text == "xyz"


@linux
def test_row_29_a_worker_that_gets_no_more_memory_once_it_is_warm(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = fabricate.noise(tmp_path / "m.gguf", pooling="MEAN")
    with Generator(path, context=8192) as embedder:
        vectors = embedder.embed(["short"])
        pid = embedder._backend.worker.pid  # type: ignore[attr-defined]
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)
        with pytest.raises(OutOfMemory):
            embedder.embed(["long " * 1600])
        assert embedder.embed(["short"]) == vectors
