"""``isolation="thread"``: the worker as threads of this process, behind the same two pipes.

For programs that may not start processes. What ends llama.cpp's process then ends the program, so that a file
is first tried in a process that is thrown away.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from collections.abc import Iterator
from typing import IO, Any

from ..errors import GenkitError, WorkerDied
from ..runtime.lock import renew_after_fork
from . import pipe
from .child import not_installed
from .nowhere import disconnect
from .outbox import Outbox
from .tried import Trial


class Inside:
    """A worker in threads of this process.

    Args:
        settings: what the worker will be told.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.pid = os.getpid()
        self._trial = Trial(settings)
        commands, ours = _pipe()
        self.commands = Outbox(ours)
        self._answers, answers = _pipe()
        self._ends: tuple[IO[bytes], IO[bytes]] = commands, answers
        renew_after_fork(self)
        self._thread = threading.Thread(target=self._run, name="genkit worker", daemon=True)
        try:
            self._thread.start()
        except BaseException:
            self.kill()
            for stream in (self._answers, *self._ends):
                stream.close()
            raise

    def answers(self) -> Iterator[dict[str, Any] | list[pipe.Token]]:
        """See :class:`genkit.local.connection.Peer`."""
        return pipe.frames(self._answers)

    def kill(self) -> None:
        """Have it end: it does when its commands do, and when a trial has ended."""
        self.commands.close()
        self._trial.kill()

    def cause_of_death(self, *, loaded: bool) -> GenkitError:
        """See :class:`genkit.local.connection.Peer`."""
        return WorkerDied("the threads that ran the model ended; the next call starts others")

    def close(self) -> None:
        """Wait until the model is freed."""
        self.kill()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._answers.close()

    @property
    def is_here(self) -> bool:
        """See :class:`genkit.local.connection.Peer`: each of its threads has such a name."""
        return threading.current_thread().name.startswith("genkit ")

    def after_fork(self) -> None:
        """In the new process, where no thread but the forking one is."""
        self.commands.after_fork()
        disconnect(self._answers, *self._ends)

    def _run(self) -> None:
        commands, answers = self._ends
        try:
            self._trial.require()
            worker = importlib.import_module("genkit.local.worker").Worker(commands, answers, end=self._end)
            computing = threading.Thread(target=worker.serve, name="genkit engine", daemon=True)
            computing.start()
            worker.read()
            worker.close()
            computing.join()
        except GenkitError as error:
            self._tell(error)
        except ImportError as error:
            self._tell(not_installed(error))
        except Exception as error:  # noqa: BLE001 - the calls would wait for ever
            self._tell(WorkerDied(f"the worker failed: {error!r}; the next call starts another"))
        finally:
            for stream in self._ends:
                with contextlib.suppress(OSError):
                    stream.close()

    def _tell(self, error: GenkitError) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._ends[1].write(pipe.pack({"call": 0, **pipe.error_facts(error)}))

    def _end(self, _code: int) -> None:
        """The worker cannot go on, of which it has told."""
        with contextlib.suppress(OSError):
            self._ends[1].close()


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    read, write = os.pipe()
    return os.fdopen(read, "rb"), os.fdopen(write, "wb")
