"""Calls to a worker over its pipes: what is asked, who hears the answers, and that all hear of its end."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias

from ..errors import BackendError, Closed, GenkitError, WorkerDied
from ..log import tell
from ..runtime.base import Channel
from . import pipe
from .outbox import Outbox

KILL = 9
"""The signal that Windows does not know."""

Answer: TypeAlias = pipe.Token | dict[str, Any] | GenkitError


class Peer(Protocol):
    """Who is at the other end: a process, or threads of this one."""

    commands: Outbox

    @property
    def pid(self) -> int:
        """The process it is in."""

    @property
    def is_here(self) -> bool:
        """Whether the current thread may be one of its own, in which nobody can wait for its end."""

    def answers(self) -> Iterator[dict[str, Any] | list[pipe.Token]]:
        """What it tells, until its end; raises what :func:`genkit.local.pipe.frames` does."""

    def kill(self) -> None:
        """End it now."""

    def cause_of_death(self, *, loaded: bool) -> GenkitError:
        """Why it ended; waits until it has."""

    def close(self) -> None:
        """Wait until nothing of it is left."""


def closed() -> Closed:
    """What the calls that run are told when their Generator is closed."""
    return Closed("the Generator was closed while this call was running")


class Call(NamedTuple):
    """A question that was asked, and where its answers go."""

    question: dict[str, Any]
    channel: Channel[Answer]


class Connection:
    """One worker, from its start to its end.

    The garbage collector may close a dropped stream, and so call :meth:`cancel`, in the middle of any line,
    and a signal handler may call anything: so there is no lock, but an order in which things are done.

    Args:
        settings: what it is told first.
        at_rest: called when no call is left, in any thread and at any line.
    """

    def __init__(self, settings: dict[str, Any], at_rest: Callable[[], None]) -> None:
        self.loaded = False
        """Whether the worker has loaded its model."""
        self.victims: list[dict[str, Any]] = []
        """The questions that it was working on when it died."""
        self.reason: GenkitError | None = None
        """Why it died."""
        self._settings, self._at_rest = settings, at_rest
        self._peer: Peer | None = None
        self._calls: dict[int, Call] = {}
        self._takes_calls = self._is_retired = False
        self._reader = threading.Thread(target=self._read, name="genkit worker pipe", daemon=True)

    def start(self, peer: Callable[[], Peer]) -> None:
        """Start the worker.

        Args:
            peer: starts its process, or its threads.

        Raises:
            BackendError, OSError, RuntimeError: it cannot be started; nothing of it is left.
        """
        try:
            self._peer = peer()
            self._reader.start()
            self._send(pipe.pack(self._settings))
            self._takes_calls = True
            if self.reason:  # a signal handler closed it meanwhile, and may have found less of it
                self.close()
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether it takes calls."""
        return self._takes_calls and self.reason is None

    @property
    def pid(self) -> int | None:
        """The worker's process id, if it is alive."""
        return self._peer.pid if self._peer and self.alive else None

    def ask(self, number: int, frame: bytes, call: Call) -> bool:
        """Send a question, as a frame; False if the worker is dead already."""
        self._calls[number] = call
        if self.alive:
            self._send(frame)
            return True
        return self._calls.pop(number, None) is None and not self._is_retired  # None: it has been told why

    def tell(self, message: dict[str, Any]) -> None:
        """Send what needs no answer; it is nothing to the dead."""
        if self.alive or (self._calls and not self.reason):  # retire() may just be looking
            self._send(pipe.pack({"call": 0, **message}))

    def cancel(self, number: int, reason: GenkitError | None = None) -> None:
        """No more answers to this call are wanted; whoever waits for one gets the reason."""
        wanted = self._calls.pop(number, None)
        if not wanted:
            return
        if reason:
            wanted.channel.put(reason)
        self._send(pipe.pack({"call": number, "do": "cancel"}))
        self._rest()

    def done(self, number: int) -> None:
        """The last answer to this call has been read."""
        self._calls.pop(number, None)
        self._rest()

    def retire(self) -> bool:
        """Take no more calls, if there are none; False if there are."""
        self._takes_calls = False
        self._is_retired = not self._calls
        self._takes_calls = not self._is_retired
        return self._is_retired

    def close(self) -> None:
        """End the worker now, and wait until nothing of it is left.

        The garbage collector may call this in any thread; one of the worker's own does not wait for itself.
        """
        self._die(closed())
        if not self._peer:
            return
        self._peer.kill()
        if self._peer.is_here:
            with contextlib.suppress(RuntimeError):  # no thread begins while the interpreter ends
                threading.Thread(target=self._finish, args=[self._peer], daemon=True).start()
        else:
            self._finish(self._peer)

    def _finish(self, peer: Peer) -> None:
        if self._reader.is_alive() and self._reader is not threading.current_thread():
            self._reader.join()
        peer.close()

    def disown(self) -> None:
        """After a fork, in the new process: the worker is the other's, and so are its answers."""
        self._die(WorkerDied("this process was forked while the call was running; make the call again"))

    def _rest(self) -> None:
        if not self._calls:
            self._at_rest()

    def _send(self, frame: bytes) -> None:
        if not self._peer:
            return
        try:
            self._peer.commands.send(frame)
        except BaseException:  # Ctrl-C, perhaps in the middle of a frame
            self._die(
                WorkerDied(
                    "the process that ran the model was ended, since this program was interrupted while it "
                    "sent a question; the next call starts another",
                    signal=KILL,
                )
            )
            self._peer.kill()
            raise

    def _read(self) -> None:
        peer = self._peer
        assert peer
        try:
            reason = self._hear(peer) or peer.cause_of_death(loaded=self.loaded)
        except Exception as error:  # noqa: BLE001 - whatever it sent, every call must hear of it
            reason = WorkerDied(
                f"the worker process sent something that is not an answer ({error}); it was ended"
            )
            peer.kill()
        unforeseen = not self.reason and isinstance(reason, BackendError)
        self._die(reason)
        if unforeseen:
            tell(reason.message)

    def _hear(self, peer: Peer) -> GenkitError | None:
        """All that it tells; why it ends, if that is among it."""
        reason = None
        for frame in peer.answers():
            if isinstance(frame, list):
                for token in frame:
                    self._deliver(token.call, token)
            elif frame["call"]:
                self._deliver(frame["call"], frame)
            elif "error" in frame:
                reason = pipe.error_from(frame)
            else:
                self.loaded = True
        return reason

    def _deliver(self, number: int, answer: Answer) -> None:
        if (call := self._calls.get(number)) and call.channel.put(answer) is False:  # nobody is left to read
            self.cancel(number)

    def _die(self, reason: GenkitError) -> None:
        reason = self.reason = self.reason or reason
        while self._calls:
            with contextlib.suppress(KeyError):  # another thread took the last
                _, call = self._calls.popitem()
                if self._is_retired:  # it comes too late, was not sent, and is asked of the next
                    continue
                self.victims.append(call.question)
                call.channel.put(copy.copy(reason))  # each raises its own
