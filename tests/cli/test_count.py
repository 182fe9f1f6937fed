from __future__ import annotations

import json

import genkit

from .conftest import Run

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
    assert counted == {"tokens": int(run("count", TEXT).stdout), "exact": True, "source": ""}


def test_no_text_has_no_tokens(run: Run) -> None:
    assert run("count", "").stdout == "0\n"
