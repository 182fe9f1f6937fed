"""A worker process: how it is started, and what it died of."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Any

from ..errors import (
    BackendError,
    ConfigError,
    GenkitError,
    MissingDependency,
    ModelFileError,
    OutOfMemory,
    WorkerDied,
)
from ..runtime.lock import renew_after_fork
from . import pipe
from .connection import KILL
from .limits import CANNOT_LOAD, SECONDS, TIMED_OUT, is_for_want_of_memory
from .machine import stolen
from .nowhere import disconnect
from .outbox import Outbox

# The child gets this process's own sys.path, so that it finds the same genkit and the same llama_cpp:
# neither the current directory nor a different environment can come between.
_BOOT = """
import os, sys
sys.path[:] = sys.argv[1:]
from genkit.errors import MissingDependency
try:
    from genkit.local.pipe import BEGIN
    from genkit.local.worker import main
except (ImportError, MissingDependency) as error:
    print(error, file=sys.stderr)
    sys.exit(78)
os.write(1, BEGIN)
main()
"""
_NOT_INSTALLED = 78
LONGEST_START = 60
"""Seconds: with next to no memory, Python may try for ever to begin."""
_PYTHON = re.compile(  # python3.13t, python3.13td, Python, pythonw.exe, python_d.exe, pypy3
    r"(\w*python|pypy|graalpy|mayapy|hython)w?[\d.]*t?[a-z]?(_d)?(-\w+)?(\.exe)?", re.IGNORECASE
)

_ENVIRONMENT = {"GGML_NO_BACKTRACE": "1"}  # else an abort starts a debugger for more than a second
# Threads that wait would spin for milliseconds, and starve whoever has work. Not at all is no better: a step
# has hundreds of short waits. About 0.01 ms, or 0.2 where they are no more than there are cores for.
_PATIENT = {"GOMP_SPINCOUNT": "20000"}
# A virtual CPU that sleeps is given to other machines, and comes back late: about 3 ms, OpenMP's own default.
_VIRTUAL = {"GOMP_SPINCOUNT": "300000"}
_STOLEN = 0.001
"""So much of the CPU time is seen to be taken by other machines."""
_IMPATIENT = {"GOMP_SPINCOUNT": "1000"} if sys.platform == "linux" else {"OMP_WAIT_POLICY": "PASSIVE"}
# Linux gives back the memory of the dead before it closes their pipes: five times sooner if it is huge pages.
_UNLESS_SAID = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}

# How Windows tells of what are signals elsewhere: NTSTATUS codes as exit codes.
_WINDOWS_SIGNALS = {
    KILL: KILL,  # os.kill() ends a process with the number as its exit code
    0xC0000005: signal.SIGSEGV,
    0xC0000006: signal.SIGSEGV,  # a page of a file that could not be read
    0xC000001D: signal.SIGILL,
    0xC0000094: signal.SIGFPE,
    0xC0000374: signal.SIGABRT,  # a broken heap
    0xC0000409: signal.SIGABRT,
    0xC00000FD: signal.SIGSEGV,  # no room on the stack
    0xE06D7363: signal.SIGABRT,  # a C++ exception that nobody caught
}
# What a process does to itself; other signals come from outside, and say nothing about a file or a request.
_CRASHES = {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS"}
_UNTOLD = "ended, how was told to another part of this program, which waits for all its children"
# A process that another thread forked while this one starts a worker would hold the worker's pipes open.
# It may be taken again, since a signal handler may fork anywhere.
_starting = threading.RLock()


class Child:
    """A worker process and its two pipes.

    Args:
        shares: whether fewer threads compute while others need the cores: see :mod:`genkit.local.cores`.

    Raises:
        BackendError: it cannot be started.
    """

    is_here = False
    """See :class:`genkit.local.connection.Peer`."""

    def __init__(self, *, shares: bool = False) -> None:
        self._is_late = False
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        process: subprocess.Popen[bytes] | None = None
        try:
            with _starting:
                process = _start(self._said, _waiting(shares=shares))
                assert process.stdin
                assert process.stdout
                self.commands, self._answers = Outbox(process.stdin), process.stdout
                self._process, self.pid = process, process.pid
                renew_after_fork(self)
        except BaseException:
            self._said.close()
            if process:
                with process:  # whose pipes are closed, and which is waited for
                    process.kill()
            raise

    def answers(self) -> Iterator[dict[str, Any] | list[pipe.Token]]:
        """See :class:`genkit.local.connection.Peer`."""
        limit = threading.Timer(LONGEST_START, self._give_up)
        limit.daemon = True
        with contextlib.suppress(RuntimeError):  # no room for a thread
            limit.start()
        while (line := self._answers.readline()) and not line.endswith(pipe.BEGIN):
            pass
        limit.cancel()
        return pipe.frames(self._answers)

    def _give_up(self) -> None:
        self._is_late = True
        self.kill()

    def kill(self) -> None:
        """End it now: it has nothing to save."""
        self._process.kill()

    def cause_of_death(self, *, loaded: bool) -> GenkitError:
        """What killed it, in words, once it has ended.

        Args:
            loaded: whether it had loaded its model; else a crash is the file's fault.
        """
        code = self._process.wait()
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, self._said.tell() - (1 << 16)))  # the stacks of all threads
        said = self._said.read().decode("utf-8", "replace").strip()
        if TIMED_OUT in said:
            return WorkerDied(
                f"the model's chat template ran for more than {SECONDS} s, or the form of an answer took as "
                "long to prepare, so their process was ended; give another template= or output=",
                retryable=False,
            )
        if self._is_late:
            return WorkerDied(
                f"the process that runs the model had not begun after {LONGEST_START} s, and was ended, as "
                "happens with next to no memory; the next call starts another",
                signal=KILL,
            )
        killer = -code if code < 0 else _WINDOWS_SIGNALS.get(code)
        how = f"was killed by {_signal_name(killer)}" if killer else f"ended with exit code {code}"
        if code == 0:  # a worker does not end so: it is what Popen says when it cannot know
            how = _UNTOLD
        words = f"; its last words: {said.splitlines()[-1]}" if said else ""
        if is_for_want_of_memory(said):
            return OutOfMemory(f"the process that ran the model {how} for want of memory{words}")
        if code == _NOT_INSTALLED:
            return not_installed(said)
        if killer and _signal_name(killer) in _CRASHES and not loaded:
            return ModelFileError(
                f"llama.cpp cannot load this model file: it {how}{words}; download or convert it again"
            )
        if killer == KILL:
            how += " (from outside, or by the system for want of memory)"
        return WorkerDied(
            f"the process that ran the model {how}; the next call starts another{words}", signal=killer
        )

    def close(self) -> None:
        """Wait until nothing of it is left."""
        self._process.wait()
        for stream in (self.commands, self._answers, self._said):
            with contextlib.suppress(OSError):  # another part of the program closed it
                stream.close()

    def after_fork(self) -> None:
        """In the new process: the child is the other's, and would outlive it if its pipes were open here."""
        self._process.returncode = 0
        self.commands.after_fork()
        disconnect(self._answers)


def is_crash(error: GenkitError) -> bool:
    """Whether a worker ended itself, which the call that it worked on may have led to."""
    if not isinstance(error, WorkerDied) or _UNTOLD in error.message:
        return False
    return error.signal is None or _signal_name(error.signal) in _CRASHES


def not_installed(reason: object) -> MissingDependency:
    """The error for packages that are not installed, or of no use here."""
    if CANNOT_LOAD in str(reason):
        return MissingDependency(str(reason), extra="local")
    return MissingDependency(
        f'models on this machine need more packages: pip install "genkit-sdk[local]" ({reason})',
        extra="local",
    )


def interpreter() -> str:
    """The program to run Python with.

    In a frozen program, or one that Python is embedded in, ``sys.executable`` is that program, which would
    be started a second time.

    Raises:
        ConfigError: there is none.
    """
    if _PYTHON.fullmatch(os.path.basename(sys.executable or "")) and not getattr(sys, "frozen", False):
        return sys.executable
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    name = "python.exe" if sys.platform == "win32" else f"bin/{version}"
    for prefix in (sys.prefix, sys.base_exec_prefix):
        if os.path.isfile(found := os.path.join(prefix, name)):
            return found
    raise ConfigError(
        f"there is no Python interpreter to run a model with (sys.executable is {sys.executable!r}); "
        'isolation="thread" needs none'
    )


def _waiting(*, shares: bool) -> dict[str, str]:
    """How long threads wait for each other before they sleep."""
    if not shares:
        return _IMPATIENT
    return _VIRTUAL if stolen() >= _STOLEN else _PATIENT


def _start(said: IO[bytes], waiting: dict[str, str]) -> subprocess.Popen[bytes]:
    python = interpreter()
    # Where genkit is: an entry of the path may be relative to what was the current directory.
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = [*(entry for entry in sys.path if isinstance(entry, str)), package]  # as Python reads it
    flags = ["-I"] if sys.flags.isolated else ["-E"] if sys.flags.ignore_environment else []
    if sys.platform == "win32" or sys.getfilesystemencoding() == "utf-8":  # else a path would be another
        flags += ["-X", "utf8"]
    options: dict[str, Any] = {}
    if sys.platform == "win32":  # no console window, and no Ctrl-C meant for the host
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options["start_new_session"] = True
    try:
        return subprocess.Popen(
            [python, *flags, "-c", _BOOT, *path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**_UNLESS_SAID, **os.environ, **_ENVIRONMENT, **waiting},
            **options,
        )
    except OSError as error:
        raise BackendError(f"cannot start the process that runs the model: {error}") from error


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_starting.release
    )
