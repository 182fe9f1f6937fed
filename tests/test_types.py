"""What programs write passes mypy --strict, and what cannot work does not; nor does what a system lacks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import genkit

PROGRAM = """\
import genkit
from genkit import Document, Image, Message, Text

generator = genkit.Generator()
genkit.Generator("openai:m", api_key="k", headers={"OpenAI-Project": "p"})
genkit.Generator("openai:m", api_key="k", headers={"OpenAI-Project": 1})  # wrong
image: Image = Image.read("cat.png")
document: Document = Document.read("a.pdf")
genkit.ToolResult(id="1", content=[Text("x"), image])
genkit.ToolResult(id="1", content=(Text("x"), document))
genkit.Sampling(stop=["a"], logit_bias={5: 1})
genkit.Sampling(stop="a")
generator.generate(["a", Message.user("x")], stop=("a",))
generator.embed(text for text in ["a"])
generator.rerank("q", (text for text in ["a"]))
generator.infill("a", "b", max_tokens=5, seed=None)
generator.infill("a", "b", temprature=1)  # wrong
generator.infill("a", "b", system="x")  # wrong
generator.generate("a", temprature=1)  # wrong
generator.infill("a", None)  # wrong
event: genkit.Event = next(generator.stream("a"))
genkit.ToolResult(id="1", content=[genkit.Audio(url="u")])  # wrong
"""

ASKS = re.compile(r"^ *import os\b|sys\.platform", re.MULTILINE)


def test_a_type_checker_takes_what_works_and_nothing_else(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file=", str(program)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    found = {int(line) for line in re.findall(r"program\.py:(\d+): error", told.stdout)}
    wrong = {at for at, line in enumerate(PROGRAM.splitlines(), 1) if line.endswith("# wrong")}
    assert found == wrong, told.stdout + told.stderr


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_what_a_system_lacks_is_not_asked_for_there(platform: str) -> None:
    package = Path(genkit.__file__).parent
    files = [path for path in package.rglob("*.py") if ASKS.search(path.read_text("utf-8"))]
    # One by one: what comes of not following imports is told as misc.
    options = ["--follow-imports=skip", "--disable-error-code=misc", f"--cache-dir={os.devnull}"]
    command = [sys.executable, "-m", "mypy", "--config-file=", "--no-error-summary", "--platform", platform]
    told = subprocess.run(
        [*command, *options, *map(str, files)], capture_output=True, text=True, timeout=300, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
