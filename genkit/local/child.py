"""A worker process: how it is started, and what it died of."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
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
from .limits import CANNOT_LOAD, SECONDS, TIMED_OUT, is_for_want_of_memory

# The child gets this process's own sys.path, so that it finds the same genkit and the same llama_cpp:
# neither the current directory nor a different environment can come between.
_BOOT = """
import sys
sys.path[:] = sys.argv[1:]
from genkit.errors import MissingDependency
try:
    from genkit.local.worker import main
except (ImportError, MissingDependency) as error:
    print(error, file=sys.stderr)
    sys.exit(78)
main()
"""
_NOT_INSTALLED = 78
_PYTHON = re.compile(  # python3.13t, Python, pythonw.exe, pypy3
    r"(\w*python|pypy|graalpy|mayapy|hython)w?[\d.]*[a-z]?(-\w+)?(\.exe)?", re.IGNORECASE
)

_ENVIRONMENT = {
    # Else threads that wait spin for milliseconds, and starve whoever has work. Not at all is no better: a
    # step has hundreds of short waits. About 0.01 ms, where it can be said.
    **({"GOMP_SPINCOUNT": "1000"} if sys.platform == "linux" else {"OMP_WAIT_POLICY": "PASSIVE"}),
    "GGML_NO_BACKTRACE": "1",  # else an abort starts a debugger for more than a second
}
# Linux gives back the memory of the dead before it closes their pipes: five times sooner if it is huge pages.
_UNLESS_SAID = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}

# How Windows tells of what are signals elsewhere: NTSTATUS codes as exit codes.
_WINDOWS_SIGNALS = {
    0xC0000005: signal.SIGSEGV,
    0xC000001D: signal.SIGILL,
    0xC0000094: signal.SIGFPE,
    0xC0000374: signal.SIGABRT,  # a broken heap
    0xC0000409: signal.SIGABRT,
    0xC00000FD: signal.SIGSEGV,  # no room on the stack
}
# What a process does to itself; other signals come from outside, and say nothing about a file or a request.
_CRASHES = {"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"}
_KILL = 9  # which Windows does not know


class Child:
    """A worker process and its two pipes.

    Raises:
        BackendError: it cannot be started.
    """

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        try:
            self._process = _start(self._said)
        except BaseException:
            self._said.close()
            raise
        if self._process.stdin is None or self._process.stdout is None:
            raise BackendError("the process that runs the model was started without pipes")
        self.commands, self.answers = self._process.stdin, self._process.stdout

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_here(self) -> bool:
        """See :class:`genkit.local.connection.Peer`."""
        return False

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
        killer = -code if code < 0 else _WINDOWS_SIGNALS.get(code)
        how = f"was killed by {_signal_name(killer)}" if killer else f"ended with exit code {code}"
        words = f"; its last words: {said.splitlines()[-1]}" if said else ""
        if is_for_want_of_memory(said):
            return OutOfMemory(f"the process that ran the model {how} for want of memory{words}")
        if code == _NOT_INSTALLED:
            return not_installed(said)
        if killer and _signal_name(killer) in _CRASHES and not loaded:
            return ModelFileError(
                f"llama.cpp cannot load this model file: it {how}{words}; download or convert it again"
            )
        if killer == _KILL:
            how += " (from outside, or by the system for want of memory)"
        return WorkerDied(
            f"the process that ran the model {how}; the next call starts another{words}", signal=killer
        )

    def close(self) -> None:
        """Wait until nothing of it is left."""
        if self._owner == os.getpid():
            self._process.wait()
        for stream in (self.commands, self.answers, self._said):
            with contextlib.suppress(OSError):  # what was still to be written to the dead
                stream.close()

    def disown(self) -> None:
        """After a fork, in the new process: the child and its pipes are the other's.

        The pipes must not be held open here, or the worker would outlive its host; and nothing that is
        still in a buffer may be written to them twice.
        """
        self._process.returncode = 0
        disconnect(self.commands, self.answers)


def disconnect(*streams: IO[bytes]) -> None:
    """Point streams to nowhere; their locks are not touched, since a thread may hold them for ever."""
    _disconnected.extend(streams)  # else the garbage collector would close them, and wait for the locks
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in streams:
        with contextlib.suppress(ValueError):  # it is closed
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


_disconnected: list[IO[bytes]] = []


def is_crash(error: GenkitError) -> bool:
    """Whether a worker ended itself, which the call that it worked on may have led to."""
    return isinstance(error, WorkerDied) and (error.signal is None or _signal_name(error.signal) in _CRASHES)


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


def _start(said: IO[bytes]) -> subprocess.Popen[bytes]:
    python = interpreter()
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    options: dict[str, Any] = {}
    if sys.platform == "win32":  # no console window, and no Ctrl-C meant for the host
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options["start_new_session"] = True
    try:
        return subprocess.Popen(
            # Where genkit is: an entry of the path may be relative to what was the current directory.
            [python, "-c", _BOOT, *sys.path, package],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**_UNLESS_SAID, **os.environ, **_ENVIRONMENT},
            **options,
        )
    except OSError as error:
        raise BackendError(f"cannot start the process that runs the model: {error}") from error


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
