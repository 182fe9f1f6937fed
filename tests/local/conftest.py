"""Models for the tests of the local backend, and an end to tests that hang."""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import fabricate
import pytest

import genkit

PATIENCE = 120  # seconds


@pytest.fixture(scope="session")
def real_stderr(pytestconfig: pytest.Config) -> int:
    """A file descriptor that pytest does not capture."""
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        return os.dup(2)


@pytest.fixture(autouse=True)
def _watchdog(request: pytest.FixtureRequest, real_stderr: int) -> Iterator[None]:
    """What these tests are most afraid of is to wait for ever: then say which one did, and where, and end."""

    def bark() -> None:
        os.write(real_stderr, f"\n{request.node.nodeid} has not ended within {PATIENCE} s:\n".encode())
        faulthandler.dump_traceback(real_stderr)
        os._exit(1)

    dog = threading.Timer(PATIENCE, bark)
    dog.daemon = True
    dog.start()
    faulthandler.dump_traceback_later(PATIENCE + 10, exit=True, file=real_stderr)  # if no thread can run
    yield
    faulthandler.cancel_dump_traceback_later()
    dog.cancel()
    dog.join()


@pytest.fixture(scope="session")
def alphabet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See fabricate.alphabet: after ``a`` it says ``bcdefghijklmnopqrstuvwxyz``."""
    return fabricate.alphabet(tmp_path_factory.mktemp("models") / "alphabet.gguf")


@pytest.fixture(scope="session")
def noise_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See fabricate.noise: what it says hangs on all that came before, and never ends."""
    return fabricate.noise(tmp_path_factory.mktemp("models") / "noise.gguf")


@pytest.fixture(scope="session")
def alphabet(alphabet_file: Path) -> Iterator[genkit.Generator]:
    """A Generator on the alphabet; shared by the tests that only ask it something."""
    with genkit.Generator(alphabet_file) as generator:
        yield generator


@pytest.fixture(scope="session")
def noise(noise_file: Path) -> Iterator[genkit.Generator]:
    """A Generator on the noise; shared by the tests that only ask it something.

    It guesses no tokens: that is done when the clock says it pays, and may settle a near-tie otherwise. So
    may a thread less, where another program wants the core.
    """
    with genkit.Generator(noise_file, lookup=False, threads=2) as generator:
        yield generator
