"""The benchmarks run; what they measure is theirs to tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
PROGRAMS = sorted(path for path in FOLDER.glob("*.py") if "\n    main()" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_a_benchmark_runs(program: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(program), "--smoke"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_the_page_names_it(program: Path) -> None:
    assert f"`{program.name}`" in (FOLDER / "README.md").read_text(encoding="utf-8")
