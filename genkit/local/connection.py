"""Calls to a worker over its pipes: what is asked, who hears the answers, and that all hear of its end."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections import deque
from collections.abc import Callable
from typing import IO, Any, NamedTuple, Protocol, TypeAlias

from ..errors import BadRequest, Closed, GenkitError, WorkerDied
from ..runtime.base import Channel
from . import pipe

Answer: TypeAlias = pipe.Token | dict[str, Any] | GenkitError


class Peer(Protocol):
    """Who is at the other end: a process, or threads of this one."""

    commands: IO[bytes]
    answers: IO[bytes]

    @property
    def pid(self) -> int:
        """The process it is in."""

    @property
    def is_here(self) -> bool:
        """Whether the current thread may be one of its own, in which nobody can wait for its end."""

    def kill(self) -> None:
        """End it now."""

    def cause_of_death(self, *, loaded: bool) -> GenkitError:
        """Why it ended; waits until it has."""

    def close(self) -> None:
        """Wait until nothing of it is left."""

    def disown(self) -> None:
        """After a fork, in the new process: let go of it, and leave it unharmed."""


class Call(NamedTuple):
    """A question that was asked, and where its answers go."""

    question: dict[str, Any]
    channel: Channel[Answer]


class Connection:
    """One worker, from its start to its end.

    Args:
        peer: the worker.
        settings: what it is told first.
        at_rest: called when no call is left, in any thread and at any line.
    """

    def __init__(self, peer: Peer, settings: dict[str, Any], at_rest: Callable[[], None]) -> None:
        self.alive = True
        self.loaded = False
        """Whether the worker has loaded its model."""
        self.victims: list[dict[str, Any]] = []
        """The questions that it was working on when it died."""
        self.reason: GenkitError | None = None
        """Why it died."""
        self._peer, self._at_rest = peer, at_rest
        self._calls: dict[int, Call] = {}
        self._outbox: deque[bytes] = deque()
        self._make_locks()
        self._reader = threading.Thread(target=self._read, name="genkit worker pipe", daemon=True)
        try:
            self._send(pipe.pack(settings))
            self._reader.start()
        except BaseException:
            peer.kill()
            raise

    def _make_locks(self) -> None:
        # The garbage collector may close a dropped stream, and so call cancel(), in the middle of any line
        # of this class: hence a lock that its holder may take again, and one that nobody waits for.
        self._state, self._writing = threading.RLock(), threading.Lock()

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._peer.pid

    def ask(self, number: int, question: dict[str, Any], channel: Channel[Answer]) -> bool:
        """Send a question whose answers go to the channel; False if the worker is dead already.

        Raises:
            BadRequest: it is too large.
        """
        frame = pipe.pack({"call": number, **question})
        if len(frame) > pipe.LARGEST:
            raise BadRequest(f"the prompt is too large: {len(frame)} bytes of at most {pipe.LARGEST}")
        with self._state:
            if not self.alive:
                return False
            self._calls[number] = Call(question, channel)
        self._send(frame)
        return True

    def tell(self, message: dict[str, Any]) -> None:
        """Send what needs no answer; it is nothing to the dead."""
        if self.alive:
            self._send(pipe.pack({"call": 0, **message}))

    def cancel(self, number: int, reason: GenkitError | None = None) -> None:
        """No more answers to this call are wanted; whoever waits for one gets the reason."""
        with self._state:
            wanted = self._calls.pop(number, None)
        if not wanted:
            return
        if reason:
            wanted.channel.put(reason)
        if self.alive:
            self._send(pipe.pack({"call": number, "do": "cancel"}))
            self._rest()

    def done(self, number: int) -> None:
        """The last answer to this call has been read."""
        with self._state:
            self._calls.pop(number, None)
        self._rest()

    def retire(self) -> bool:
        """Take no more calls, if there are none; False if there are."""
        with self._state:
            if self._calls:
                return False
            self.alive = False
            return True

    def close(self) -> None:
        """End the worker now, and wait until nothing of it is left.

        The garbage collector may call this in any thread; one of the worker's own does not wait for itself.
        """
        self._die(Closed("the Generator was closed while this call was running"))
        self._peer.kill()
        if self._peer.is_here:
            with contextlib.suppress(RuntimeError):  # no thread begins while the interpreter ends
                threading.Thread(target=self._finish, daemon=True).start()
        else:
            self._finish()

    def _finish(self) -> None:
        if self._reader is not threading.current_thread():
            self._reader.join()
        self._peer.close()

    def disown(self) -> None:
        """After a fork, in the new process: the worker is the other's, and so are its answers."""
        self._make_locks()
        self._peer.disown()
        self._die(WorkerDied("this process was forked while the call was running; make the call again"))

    def _rest(self) -> None:
        if not self._calls:
            self._at_rest()

    def _send(self, frame: bytes) -> None:
        self._outbox.append(frame)
        try:
            while self._outbox and self._writing.acquire(blocking=False):  # else its holder sends it
                try:
                    while self._outbox:
                        self._peer.commands.write(self._outbox.popleft())
                        self._peer.commands.flush()
                finally:
                    self._writing.release()
        except (OSError, ValueError):
            pass  # it is dead or closed, which its reader tells every call
        except BaseException:  # Ctrl-C, perhaps in the middle of a frame
            self._peer.kill()
            raise

    def _read(self) -> None:
        reason: GenkitError | None = None
        try:
            for frame in pipe.frames(self._peer.answers):
                if isinstance(frame, list):
                    for token in frame:
                        self._deliver(token.call, token)
                elif frame["call"]:
                    self._deliver(frame["call"], frame)
                elif "error" in frame:
                    reason = pipe.error_from(frame)
                else:
                    self.loaded = True
        except Exception as error:  # noqa: BLE001 - whatever it sent, every call must hear of it
            reason = WorkerDied(
                f"the worker process sent something that is not an answer ({error}); it was ended"
            )
            self._peer.kill()
        self._die(reason or self._peer.cause_of_death(loaded=self.loaded))

    def _deliver(self, number: int, answer: Answer) -> None:
        if call := self._calls.get(number):
            call.channel.put(answer)

    def _die(self, reason: GenkitError) -> None:
        with self._state:
            self.alive = False
            self.reason = self.reason or reason
            calls = list(self._calls.values())
            self._calls.clear()
        self.victims += [call.question for call in calls]
        for call in calls:
            call.channel.put(copy.copy(reason))  # each raises its own
