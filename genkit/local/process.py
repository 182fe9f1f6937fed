"""The host's side of a worker: start it, ask it, hear of its death.

The parent never imports llama_cpp: whatever a model file does to native code, it does to a child.
"""

from __future__ import annotations

import contextlib
import copy
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from typing import IO, Any, TypeAlias

from .. import errors
from ..errors import BackendError, BadRequest, Closed, ConfigError, GenkitError, MissingDependency, WorkerDied
from ..runtime.base import Channel
from . import pipe
from .limits import SECONDS, TIMED_OUT

Answer: TypeAlias = pipe.Token | dict[str, Any] | GenkitError

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

_ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # else threads that wait spin, and starve whoever has work
    "GGML_NO_BACKTRACE": "1",  # else an abort starts a debugger for more than a second
}


# How Windows tells of what are signals elsewhere: NTSTATUS codes as exit codes.
_WINDOWS_SIGNALS = {
    0xC0000005: signal.SIGSEGV,
    0xC000001D: signal.SIGILL,
    0xC0000094: signal.SIGFPE,
    0xC0000409: signal.SIGABRT,
}


class Connection:
    """One worker process, from its start to its end."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.alive = True
        self._calls: dict[int, Channel[Answer]] = {}
        self._outbox: deque[bytes] = deque()
        # The garbage collector may close a dropped stream, and so call cancel(), in the middle of any line
        # of this class: hence a lock that its holder may take again, and one that nobody waits for.
        self._state, self._writing = threading.RLock(), threading.Lock()
        self._last_words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        try:
            self._process, self._commands, self._answers = _start(self._last_words)
        except BaseException:
            self._last_words.close()
            raise
        self._reader = threading.Thread(target=self._read, name="genkit worker pipe", daemon=True)
        try:
            self._send(pipe.pack(settings))
            self._reader.start()
        except BaseException:
            self._process.kill()
            raise

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def ask(self, call: int, question: dict[str, Any], channel: Channel[Answer]) -> bool:
        """Send a question whose answers go to the channel; False if the worker is dead already.

        Raises:
            BadRequest: it is too large.
        """
        frame = pipe.pack({"call": call, **question})
        if len(frame) > pipe.LARGEST:
            raise BadRequest(f"the prompt is too large: {len(frame)} bytes of at most {pipe.LARGEST}")
        with self._state:
            if not self.alive:
                return False
            self._calls[call] = channel
        self._send(frame)
        return True

    def cancel(self, call: int) -> None:
        """No more answers to this call are wanted."""
        with self._state:
            wanted = self._calls.pop(call, None)
        if wanted and self.alive:
            self._send(pipe.pack({"call": call, "do": "cancel"}))

    def done(self, call: int) -> None:
        """The last answer to this call has been read."""
        with self._state:
            self._calls.pop(call, None)

    def close(self) -> None:
        """End the worker now, and wait until nothing of it is left."""
        self._die(Closed("the Generator was closed while this call was running"))
        self._process.kill()  # it has nothing to save
        self._process.wait()
        if self._reader is not threading.current_thread():
            self._reader.join()
        for stream in (self._commands, self._answers, self._last_words):
            with contextlib.suppress(OSError):  # what was still to be written to the dead
                stream.close()

    def _send(self, frame: bytes) -> None:
        self._outbox.append(frame)
        try:
            while self._outbox and self._writing.acquire(blocking=False):  # else its holder sends it
                try:
                    while self._outbox:
                        self._commands.write(self._outbox.popleft())
                        self._commands.flush()
                finally:
                    self._writing.release()
        except (OSError, ValueError):
            pass  # it is dead or closed, which its reader tells every call
        except BaseException:  # Ctrl-C, perhaps in the middle of a frame
            self._process.kill()
            raise

    def _read(self) -> None:
        reason: GenkitError | None = None
        try:
            for frame in pipe.frames(self._answers):
                if isinstance(frame, list):
                    for token in frame:
                        self._deliver(token.call, token)
                elif frame["call"]:
                    self._deliver(frame["call"], frame)
                else:
                    reason = error_from(frame)
        except Exception as error:  # noqa: BLE001 - whatever it sent, every call must hear of it
            reason = WorkerDied(
                f"the worker process sent something that is not an answer ({error}); it was ended"
            )
            self._process.kill()
        self._die(reason or self._obituary())

    def _deliver(self, call: int, answer: Answer) -> None:
        if channel := self._calls.get(call):
            channel.put(answer)

    def _die(self, reason: GenkitError) -> None:
        with self._state:
            self.alive = False
            channels = list(self._calls.values())
            self._calls.clear()
        for channel in channels:
            channel.put(copy.copy(reason))  # each raises its own

    def _obituary(self) -> GenkitError:
        """What killed the worker, in words."""
        code = self._process.wait()
        self._last_words.seek(0, os.SEEK_END)
        self._last_words.seek(max(0, self._last_words.tell() - 2000))
        said = self._last_words.read().decode("utf-8", "replace").strip()
        if code == _NOT_INSTALLED:
            return MissingDependency(
                f"models on this machine need more packages: pip install 'genkit-sdk[local]' ({said})",
                extra="local",
            )
        if TIMED_OUT in said:
            return WorkerDied(
                f"the model's chat template ran for more than {SECONDS} s, or the form of an answer took as "
                "long to prepare, so their process was ended; give another template= or output=",
                retryable=False,
            )
        killer = -code if code < 0 else _WINDOWS_SIGNALS.get(code)
        how = f"was killed by {_signal_name(killer)}" if killer else f"ended with exit code {code}"
        words = f"; its last words: {said.splitlines()[-1]}" if said else ""
        return WorkerDied(
            f"the process that ran the model {how}; the next call starts another{words}", signal=killer
        )


class Worker:
    """A worker that is started when it is first needed, and again after it died."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._owner = os.getpid()
        self._last_call = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process id of the running worker, or None."""
        return self._connection.pid if self._connection and self._connection.alive else None

    def ask(self, question: dict[str, Any], channel: Channel[Answer]) -> tuple[Connection, int]:
        """Send a question, starting a worker if none is running.

        Returns:
            The connection that answers it, and the call's number there.

        Raises:
            BackendError: no worker can be started.
            BadRequest: the question is too large.
            Closed: the worker was closed for good.
        """
        while True:
            with self._lock:
                connection = self._living()
                self._last_call += 1
                call = self._last_call
            if connection.ask(call, question, channel):
                return connection, call

    def _living(self) -> Connection:
        if self._closed:
            raise Closed("this Generator was closed; make another")
        if self._owner != os.getpid():  # after a fork, the worker and its pipes are the parent's
            self._owner, self._connection = os.getpid(), None
        if self._connection and not self._connection.alive:
            self._connection.close()
            self._connection = None
        if self._connection is None:
            try:
                self._connection = Connection(self._settings)
            except OSError as error:
                raise BackendError(f"the process that runs the model cannot be started: {error}") from error
        return self._connection

    def close(self) -> None:
        """End the worker for good."""
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
        if connection and self._owner == os.getpid():
            connection.close()


def error_from(answer: dict[str, Any]) -> GenkitError:
    """The exception that a worker told of."""
    kind = getattr(errors, str(answer["error"]), None)
    if not (isinstance(kind, type) and issubclass(kind, GenkitError)):
        kind = errors.BackendError
    error = kind(str(answer["message"]))
    vars(error).update(answer.get("facts") or {})
    return error


def _start(last_words: IO[bytes]) -> tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]:
    """A worker process, and its two pipes."""
    if not sys.executable or getattr(sys, "frozen", False):  # a frozen program would start itself again
        raise ConfigError(
            f"there is no Python interpreter to run a model with (sys.executable is {sys.executable!r})"
        )
    options: dict[str, Any] = {}
    if sys.platform == "win32":  # no console window, and no Ctrl-C meant for the host
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options["start_new_session"] = True
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=last_words,
            env={**os.environ, **_ENVIRONMENT},
            **options,
        )
    except OSError as error:
        raise BackendError(f"cannot start the process that runs the model: {error}") from error
    if process.stdin is None or process.stdout is None:
        raise BackendError("the process that runs the model was started without pipes")
    return process, process.stdin, process.stdout


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
