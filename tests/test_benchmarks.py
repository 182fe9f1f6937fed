"""The benchmarks run; what they measure is theirs to tell."""

from __future__ import annotations

import runpy
import subprocess
import sys
import xml.etree.ElementTree as ET
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


def test_a_figure_has_a_line_for_each_series_from_left_to_right_and_upwards(tmp_path: Path) -> None:
    draw, path = runpy.run_path(str(FOLDER / "figure.py"))["draw"], tmp_path / "figure.svg"
    draw(path, "Fast & good", ("calls", "rate"), (1, 2, 4), {"one": [10, 20, 47], "<two>": [10, 10, 0]})
    svg, space = ET.fromstring(path.read_text(encoding="utf-8")), "{http://www.w3.org/2000/svg}"
    lines = [
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        for line in svg.iter(f"{space}polyline")
    ]
    assert [len(line) for line in lines] == [3, 3]
    for line in lines:
        assert [across for across, _ in line] == sorted({across for across, _ in line})
    (one, two), texts = lines, [text.text for text in svg.iter(f"{space}text")]
    assert one[0][1] > one[1][1] > one[2][1]  # up is less, in SVG
    assert one[0] == two[0]
    assert {"Fast & good", "one", "<two>", "4", "50"} <= set(texts)
