"""The real program, run as its users run it, on the model in the box."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import genkit

Run = Callable[..., "subprocess.CompletedProcess[str]"]
COMMAND = (sys.executable, "-m", "genkit")


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs ``genkit`` with arguments, text for stdin and additions to the environment."""

    def call(*args: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *args],
            input=stdin,
            env={**os.environ, **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The file of the model in the box."""
    return Path(genkit.__file__).parent / "models" / "demo.gguf"


@pytest.fixture(scope="session")
def endless_model(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model in the box, but another token ends a turn: answers go on until the context is full."""
    data = bytearray(model_path.read_bytes().replace(b"<|im_end|>", b"<|im_and|>"))
    end, padding = (_value_at(data, f"tokenizer.ggml.{which}_token_id") for which in ("eos", "padding"))
    data[end] = data[padding]
    path = tmp_path_factory.mktemp("models") / "endless.gguf"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def roomy_model(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model in the box, but its context window has 8192 tokens."""
    data = bytearray(model_path.read_bytes())
    data[_value_at(data, ".context_length")] = (8192).to_bytes(4, "little")
    path = tmp_path_factory.mktemp("models") / "roomy.gguf"
    path.write_bytes(data)
    return path


def _value_at(gguf: bytearray, key: str) -> slice:
    """Where the uint32 with this key is."""
    start = gguf.index(key.encode()) + len(key) + 4  # after the number of its type
    return slice(start, start + 4)


def problems(text: str) -> list[str]:
    """The lines of stderr that tell of an error."""
    return re.findall("^genkit: error: .*$", text, re.MULTILINE)
