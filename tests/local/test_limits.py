"""A chat template is a program by a stranger: it gets a bounded share of time and memory."""

from __future__ import annotations

import faulthandler
import sys
from pathlib import Path

import pytest

import genkit
from genkit.errors import BadRequest, WorkerDied
from genkit.local.limits import MEMORY, is_for_want_of_memory, limited

# So deep in calls that the stack fills more than the last words that are shown.
DEEP = (
    "{% macro deep(left) %}{% if left %}{{ deep(left - 1) }}{% else %}"
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{% endif %}{% endmacro %}"
)
LOOPS = "{{ deep(30) }}"


def test_a_template_that_does_not_end_is_ended_with_its_worker(alphabet_file: Path) -> None:
    source = DEEP + "{% if messages[0].content == 'loop' %}" + LOOPS + "{% endif %}{{ messages[0].content }}"
    with genkit.Generator(alphabet_file, template=source) as generator:
        with pytest.raises(WorkerDied, match="chat template ran for more than 10 s") as caught:
            generator.generate("loop")
        assert not caught.value.retryable
        assert generator.generate("x").text == "yz"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a process")
@pytest.mark.parametrize(
    "expression",
    [
        "messages[0].content.center(2000000000)",
        "'%1000000000d' % messages | length",
        "messages[0].content * 2000000000",
        "(messages[0].content * 20000000) | replace('m', 'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm')",
    ],
)
def test_a_template_that_wants_all_memory_is_refused(alphabet_file: Path, expression: str) -> None:
    source = (
        "{% if messages[0].content == 'mmm' %}{{ " + expression + " }}{% endif %}{{ messages[0].content }}"
    )
    with genkit.Generator(alphabet_file, template=source) as generator:
        with pytest.raises(BadRequest, match="too much memory"):
            generator.generate("mmm")
        assert generator.generate("x").text == "yz"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a process")
def test_what_a_process_may_take_is_bounded_in_a_block_and_not_after_it() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError), limited():
        bytearray(2 * MEMORY)
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_the_program_that_a_model_runs_in_is_not_ended_for_its_template(
    alphabet_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limits: list[float] = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda seconds, **_: limits.append(seconds))
    with genkit.Generator(alphabet_file, isolation="thread") as generator:
        assert generator.generate("x").text == "yz"
    assert limits == []


@pytest.mark.parametrize(
    "words",
    [
        "Fatal Python error: _PyErr_NoMemory: Out of memory and PyExc_MemoryError is not initialized yet",
        "Fatal Python error: _PyRuntimeState_Init: memory allocation failed\nPython runtime state: unknown",
    ],
)
def test_what_python_says_that_starts_without_memory_is_known_for_it(words: str) -> None:
    """As CPython 3.10 to 3.13 do, by the version and how much is missing."""
    assert is_for_want_of_memory(words)
