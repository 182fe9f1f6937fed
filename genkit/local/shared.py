"""Generators on one file with the same settings share one worker."""

from __future__ import annotations

import itertools
import json
import os
import threading
import weakref
from typing import Any

from ..errors import BadRequest, Closed
from ..runtime.base import Channel
from . import files, pipe
from .connection import Answer, Call, Connection, closed
from .process import Supervisor

_workers: weakref.WeakValueDictionary[str, Supervisor] = weakref.WeakValueDictionary()
# The garbage collector may close a Generator in the middle of any line: its holder may take this again.
_lock = threading.RLock()
_numbers = itertools.count(1)


class Asked:
    """A question: it is sent, and then it is done, or it is cancelled."""

    __slots__ = ("_connection", "_number", "_question", "_tenant")

    def __init__(self, tenant: Tenant, question: dict[str, Any]) -> None:
        self._tenant, self._question = tenant, question
        self._number = next(tenant.worker.numbers)
        self._connection: Connection | None = None

    def send(self, channel: Channel[Answer]) -> None:
        """Send it, starting a worker if none is running; its answers go to the channel.

        Raises:
            BackendError, WorkerDied: what Supervisor.connect raises.
            BadRequest: the question is too large, or nested too deep.
            Closed: the Generator was closed.
        """
        tenant = self._tenant
        if tenant.closed:
            raise Closed("the Generator was closed; make another")
        frame = pipe.pack({"call": self._number, **self._question})
        if len(frame) > pipe.LARGEST:
            raise BadRequest(f"the prompt is too large: {len(frame)} bytes of at most {pipe.LARGEST}")
        if pipe.is_too_deep(self._question, frame):
            raise BadRequest(
                "a schema, or a tool call's arguments, are nested deeper than "
                f"{pipe.DEEPEST}; make them flatter"
            )
        tenant.calls.add(self)
        call = Call(self._question, channel)
        while True:  # what cancel() needs is set before anything is sent, since Ctrl-C may come at any line
            self._connection = tenant.connect(self._question)
            if self._connection.ask(self._number, frame, call):
                break
        if tenant.closed:  # by another thread, meanwhile
            self.cancel(closed())

    def done(self) -> None:
        """Its last answer has been read."""
        self._tenant.calls.discard(self)
        if self._connection:
            self._tenant.worker.done(self._connection, self._number, self._question)

    def cancel(self, reason: Closed | None = None) -> None:
        """No more answers are wanted; nothing if it is done. Whoever waits for one gets the reason."""
        self._tenant.calls.discard(self)
        if self._connection:
            self._connection.cancel(self._number, reason)


class Tenant:
    """One Generator's part of a worker.

    Args:
        settings: what the worker is to run, ``path`` among it.
        isolation: see :class:`genkit.local.process.Supervisor`.
        idle: see there.
    """

    def __init__(self, settings: dict[str, Any], *, isolation: str, idle: float | None) -> None:
        self.number = next(_numbers)
        """What no other Generator has had."""
        self.calls: set[Asked] = set()
        self._connection: Connection | None = None
        self.closed = False
        key = json.dumps([settings, isolation, idle, [_identity(path) for path in files.of(settings)]])
        with _lock:
            self.worker = _workers.get(key) or Supervisor(settings, isolation=isolation, idle=idle)
            self.worker.tenants.add(self.number)
            if self.worker.closed or self.worker.is_lost:  # by the garbage collector just now; by a fork
                self.worker = Supervisor(settings, isolation=isolation, idle=idle)
                self.worker.tenants.add(self.number)
            _workers[key] = self.worker

    @property
    def pid(self) -> int | None:
        """The process that answered this Generator last, if it still runs."""
        return self._connection.pid if self._connection else None

    def ask(self, question: dict[str, Any]) -> Asked:
        """A question that is still to be sent."""
        return Asked(self, question)

    def connect(self, question: dict[str, Any]) -> Connection:
        """What the question may be asked of; raises what Supervisor.connect does."""
        self._connection = self.worker.connect(question)
        return self._connection

    def drop(self, name: str) -> None:
        """Let the worker keep the prompt of this name no longer, or all of this Generator's if it is ''."""
        self.worker.tell({"do": "drop", "name": [self.number, name]})

    def close(self) -> None:
        """End this Generator's calls, and the worker if no other Generator has it."""
        self.closed = True
        with _lock:
            self.worker.tenants.discard(self.number)
            is_last = not self.worker.tenants
            if is_last:
                self.worker.closed = True  # nobody is to join it from here on
        if is_last:
            self.worker.close()
        for asked in list(self.calls):
            asked.cancel(closed())
        self.drop("")


def _identity(path: str) -> list[object]:
    """What changes when the file is another."""
    status = os.stat(path)
    return [os.path.realpath(path), status.st_size, status.st_mtime_ns, status.st_ino]


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - a thread that is not in this process may hold it
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
