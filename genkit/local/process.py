"""A worker that is started when it is needed, again after it died, and not for a request that kills it."""

from __future__ import annotations

import itertools
import threading
from typing import Any

from ..errors import BackendError, Closed, OutOfMemory, WorkerDied
from ..runtime.lock import renew_after_fork
from .child import Child, is_crash
from .connection import Connection
from .cores import shares
from .idle import Idle
from .inside import Inside
from .suspects import Suspects

WAITS = (0, 0, 0.25, 0.5, 1, 2, 4, 8)
"""How many seconds a worker waits before it loads the model, by how many died in a row before they had."""


class Supervisor:
    """Runs one model with one group of settings.

    Args:
        settings: what :class:`genkit.local.service.Service` takes.
        isolation: ``"process"``, or ``"thread"`` for threads of this process.
        idle: after how many seconds without a call it ends; None is never.
    """

    def __init__(self, settings: dict[str, Any], *, isolation: str, idle: float | None) -> None:
        self.closed = False
        self.numbers = itertools.count(1)
        """A number for each call."""
        self.tenants: set[int] = set()
        """The numbers of the Generators that have it."""
        self._settings, self._isolation = settings, isolation
        # The garbage collector and signal handlers may call anything in the middle of any line.
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._deaths = 0
        """How many workers in a row died before they had loaded the model."""
        self._suspects = Suspects()
        self._idle = Idle(idle, self._retire) if idle is not None else None
        self.is_lost = False
        """Whether it ran in threads that a fork left behind; it runs nothing more."""
        renew_after_fork(self)

    def connect(self, question: dict[str, Any]) -> Connection:
        """What a question may be asked of, starting a worker if none is running.

        Raises:
            BackendError: no worker can be started.
            Closed: the worker was closed for good.
            WorkerDied: two workers have died of this question.
        """
        with self._lock:
            connection = self._living()
            if seconds := self._suspects.seconds_left(question):
                raise WorkerDied(
                    "the process that runs the model crashed twice while it worked on this request; it "
                    f"is not run again for {seconds:.0f} s, other requests are",
                    retryable=False,
                    retry_after=seconds,
                )
            return connection

    def tell(self, message: dict[str, Any]) -> None:
        """Send what needs no answer, if a worker is running; never waits."""
        if connection := self._connection:
            connection.tell(message)

    def done(self, connection: Connection, number: int, question: dict[str, Any]) -> None:
        """The last answer to a call has been read."""
        connection.done(number)
        self._suspects.clear(question)

    def close(self) -> None:
        """End the worker for good."""
        self.closed = True
        if self._idle:
            self._idle.close()
        with self._lock:
            connection = self._connection
        if connection:  # it is not forgotten, so that this can be called again after Ctrl-C
            connection.close()

    def _living(self) -> Connection:
        if self.closed:
            raise Closed("the Generator was closed; make another")
        if self.is_lost:
            raise BackendError(
                "a model that runs in threads does not go on in a forked process; make the Generator after "
                'the fork, or with isolation="process"'
            )
        while self._connection and not self._connection.alive:
            self._bury(self._connection)
        return self._connection or self._start()

    def _start(self) -> Connection:
        # After the first death at once, then later and later. The worker waits, so no event loop has to.
        wait = WAITS[min(self._deaths, len(WAITS) - 1)]
        apart = self._isolation == "process"
        shared = apart and shares(self._settings)
        settings = {**self._settings, "wait": wait, "limits": apart, "shares": shared}
        connection = self._connection = Connection(settings, self._at_rest)
        try:
            connection.start(lambda: Child(shares=shared) if apart else Inside(self._settings))
        except (OSError, RuntimeError) as error:
            raise BackendError(f"the process that runs the model cannot be started: {error}") from error
        return connection

    def _bury(self, connection: Connection) -> None:
        connection.close()
        if self._connection is not connection:  # a signal handler came here first
            return
        self._connection = None
        self._learn(connection)

    def _learn(self, connection: Connection) -> None:
        """From what a worker died of, when and how to start others."""
        reason = connection.reason
        if not isinstance(reason, (WorkerDied, OutOfMemory)):
            return
        self._deaths = 0 if connection.loaded else self._deaths + 1
        if is_crash(reason):
            for question in connection.victims:
                self._suspects.add(question)

    def _at_rest(self) -> None:
        if self._idle:
            self._idle.rest()

    def _retire(self) -> None:
        """Nobody has asked anything for long."""
        with self._lock:
            connection = self._connection
            if connection is None or not connection.retire():
                return
            self._connection = None
        connection.close()  # without the lock, which the threads that are waited for may want
        with self._lock:
            self._learn(connection)  # it may have been dead

    def after_fork(self) -> None:
        """In the new process: what runs belongs to the other, and its locks may be held for ever."""
        self._lock = threading.RLock()
        connection, self._connection = self._connection, None
        self.is_lost = connection is not None and self._isolation == "thread"
        if self._idle:
            self._idle.after_fork()
        if connection:
            connection.disown()
