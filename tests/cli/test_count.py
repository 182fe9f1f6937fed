from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import genkit

from .conftest import COMMAND, Run

TEXT = "Why is the sky blue?"


def test_it_prints_the_number_of_tokens(run: Run) -> None:
    with genkit.Generator() as generator:
        assert run("count", TEXT).stdout == f"{generator.count(TEXT).tokens}\n"


def test_a_dash_counts_stdin_without_the_newline_at_its_end(run: Run) -> None:
    assert run("count", "-", stdin=f"{TEXT}\n").stdout == run("count", TEXT).stdout


def test_as_a_chat_message_it_is_what_an_answer_s_input_will_be(run: Run) -> None:
    answer = json.loads(run("run", TEXT, "--json", "--max-tokens", "1").stdout)
    assert int(run("count", "--chat", TEXT).stdout) == answer["usage"]["input_tokens"]


def test_json_says_whether_the_count_is_exact(run: Run) -> None:
    counted = json.loads(run("count", "--json", TEXT).stdout)
    assert counted == {"tokens": int(run("count", TEXT).stdout), "exact": True, "source": "", "limit": 1024}


def test_an_estimate_is_told_as_one(run: Run) -> None:
    model = ("-m", "chat:any", "--base-url", "http://127.0.0.1:9")
    counted = json.loads(run("count", "--json", TEXT, *model).stdout)
    assert not counted["exact"]
    assert run("count", TEXT, *model).stdout == f"about {counted['tokens']}\n"


def test_no_text_has_no_tokens(run: Run) -> None:
    assert run("count", "").stdout == "0\n"


def test_a_byte_order_mark_is_no_part_of_the_text(run: Run) -> None:
    assert run("count", "-", stdin=f"\ufeff{TEXT}").stdout == run("count", TEXT).stdout


def test_what_is_not_utf_8_is_an_error_and_not_guessed() -> None:
    ended = subprocess.run(
        [*COMMAND, "count", "-"], input=b"caf\xe9", capture_output=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.startswith(b"genkit: error: stdin is not UTF-8")


_WINDOWS_TO_CLICK = """
import os, types, click.core
click.core.os = types.SimpleNamespace(**{**vars(os), "name": "nt"})
from genkit.cli.app import cli
cli()
"""


@pytest.mark.parametrize("text", ["*", "What does $SECRET hold?"])
def test_a_text_is_taken_as_it_is_on_windows_too(demo: genkit.Generator, text: str) -> None:
    there = subprocess.run(
        [sys.executable, "-c", _WINDOWS_TO_CLICK, "count", text],
        env={**os.environ, "SECRET": "sk-0123456789"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (there.stdout, there.stderr) == (f"{demo.count(text).tokens}\n", "")


@pytest.mark.skipif(os.name == "nt", reason="a shell there closes no streams")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_is_an_empty_one(closed: str) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'"$0" -m genkit count {"-" if closed[0] == "<" else "a"} {closed}', sys.executable],
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, b"")
