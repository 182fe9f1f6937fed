"""A small sample of stress.py, which is to be run with large numbers by hand."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
import stress

from genkit import Generator


def test_answers_are_right_in_many_threads(alphabet: Generator) -> None:
    assert stress.calls(alphabet, threads=32, each=4) == {"right": 128}


@pytest.mark.skipif(os.name != "posix", reason="this needs POSIX signals")
def test_a_worker_killed_at_random_moments_leaves_its_host_unharmed(alphabet_file: Path) -> None:
    before = threading.active_count()
    with Generator(alphabet_file, context=1024) as generator:
        outcomes = stress.kills(generator, threads=4, wanted=5, longest=0.3)
        assert set(outcomes) <= {"right", f"died of {int(signal.SIGKILL)}"}
        assert stress.calls(generator, threads=4, each=2) == {"right": 8}
    assert threading.active_count() <= before
