"""The child process that holds a model: what it is asked on stdin, what it answers on stdout.

Three threads: one reads the pipe, so that a cancellation is heard at once; one loads the model and then
computes; one renders templates and tokenises. What computes is the process's main thread, since OpenMP
counts it among its own in any case, and lets threads sleep at once when they are more than the cores.
The worker ends when its pipe does, that is, with its host at the latest.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any

from ..errors import GenkitError, WorkerDied
from . import pipe
from .limits import leave_no_core, native_fault, no_memory
from .service import Service

STACK = 255 << 20
"""llama.cpp finds the words of some vocabularies by ``std::regex``: 500 bytes for each letter of one.

No memory is taken before it is used. Python on Windows takes less than 256 MiB only.
"""
_SEM_FAILCRITICALERRORS, _SEM_NOGPFAULTERRORBOX = 1, 2  # errhandlingapi.h


class Worker:
    """Reads commands, and sees to it that they are answered.

    Args:
        commands: where frames come from: first the settings, then questions and cancellations.
        answers: where frames go.
        end: called with an exit code when there is no going on.
    """

    def __init__(
        self, commands: IO[bytes], answers: IO[bytes], *, end: Callable[[int], object] = os._exit
    ) -> None:
        self._commands, self._answers, self._end = pipe.frames(commands), answers, end
        self._sending = threading.Lock()
        self._questions: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._service: Service | None = None
        self._is_ready = threading.Event()
        self._answering: threading.Thread | None = None

    def read(self) -> None:
        """Take commands until they end."""
        for command in self._commands:
            if not isinstance(command, dict):
                continue
            if command.get("do") == "cancel":
                self._cancelled.add(command["call"])
                self._cancel(command["call"])
            self._questions.put(command)
        self._questions.put(None)

    def serve(self) -> None:
        """Load the model and compute, in this thread, while another answers; until :meth:`close`."""
        engine = None
        try:
            if service := self._load():
                self._answering = _start(self._answer)
                engine = service.engine
        except Exception as error:  # noqa: BLE001 - the host would wait for ever
            self.broken(error)
        finally:
            self._is_ready.set()
        if engine:
            engine.run()

    def close(self) -> None:
        """Free everything, for a process that goes on after :meth:`read`."""
        self._is_ready.wait()
        if self._answering:
            self._answering.join()
        if self._service:
            self._service.close()

    def broken(self, error: Exception) -> None:
        """A thread met what nobody foresaw, and ended: so does the worker."""
        if status := native_fault(error):
            os.write(2, str(error).encode())  # its last words
            self._end(status - 2**32)  # as C has it
            return
        reason = no_memory(error) or WorkerDied(f"the worker failed: {error!r}; the next call starts another")
        try:
            with contextlib.suppress(OSError, ValueError):  # the host is gone, or has closed the pipe
                self._send(pipe.pack({"call": 0, **pipe.error_facts(reason)}))
        finally:
            self._end(1)

    def _load(self) -> Service | None:
        settings = self._questions.get() or {}
        time.sleep(settings.get("wait", 0))
        try:
            self._service = Service(settings, self._send, self.broken)
        except GenkitError as error:
            self._send(pipe.pack({"call": 0, **pipe.error_facts(error)}))
            self._end(1)
            return None
        self._send(pipe.pack({"call": 0, "loaded": True}))
        return self._service

    def _answer(self) -> None:
        assert self._service
        try:
            while question := self._questions.get():
                call = question["call"]
                if question["do"] == "cancel":  # again: it may have come between its question and the engine
                    self._cancel(call)
                    self._cancelled.discard(call)
                elif call not in self._cancelled:
                    self._service.answer(question)
        except Exception as error:  # noqa: BLE001 - the host would wait for ever
            self.broken(error)

    def _cancel(self, call: int) -> None:
        if self._service and self._service.engine:
            self._service.engine.cancel(call)

    def _send(self, frame: bytes) -> None:
        with self._sending:
            self._answers.write(frame)
            self._answers.flush()


def _start(target: Callable[[], None]) -> threading.Thread:
    """A thread for this, with a stack of ``STACK``, or with an ordinary one where that cannot be had."""
    before = threading.stack_size()
    try:
        with contextlib.suppress(RuntimeError, ValueError):
            threading.stack_size(STACK)
            return _start_as_usual(target)
    finally:
        threading.stack_size(before)
    return _start_as_usual(target)


def _start_as_usual(target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, name="genkit service", daemon=True)  # none is started twice
    thread.start()
    return thread


def main() -> None:
    """Be a worker: keep the pipes, and point stdin and stdout away from them."""
    if sys.platform == "win32":  # a crash shows no window that waits for somebody to close it
        ctypes.WinDLL("kernel32").SetErrorMode(_SEM_FAILCRITICALERRORS | _SEM_NOGPFAULTERRORBOX)
    leave_no_core()
    commands = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what native code prints goes where its last words are looked for
    worker = Worker(commands, answers)
    threading.Thread(target=_read, args=[worker], name="genkit pipe", daemon=True).start()
    worker.serve()
    threading.Event().wait()  # for the end of the commands


def _read(worker: Worker) -> None:
    try:
        worker.read()
    except Exception as error:  # noqa: BLE001 - the host hears of it
        worker.broken(error)
    finally:
        os._exit(0)  # at once: threads are computing, and there is nothing to save
