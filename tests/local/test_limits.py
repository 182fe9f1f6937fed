"""A chat template is a program by a stranger: it gets a bounded share of time and memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import genkit
from genkit.errors import BadRequest, WorkerDied
from genkit.local.limits import is_for_want_of_memory

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
