"""A provider on 127.0.0.1: real sockets, scripted or recorded answers, and faults on demand.

::

    with LoopbackProvider(Answer(body={"choices": [...]})) as server:
        generator = genkit.Generator("chat:any", base_url=server.url, api_key="test")
        generator.generate("Hello")
    assert server.requests[0].json["messages"] == [{"role": "user", "content": "Hello"}]
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import TracebackType
from typing import Any, TypeAlias

from ..errors import ConfigError, shown
from .answer import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that the server got; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    gone: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set when the client closed the connection before the answer was complete."""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Script: TypeAlias = "Answer | Sequence[Answer] | Callable[[Asked], Answer]"


class LoopbackProvider:
    """A server for one test; use it in a ``with`` block.

    Args:
        script: the answer to every request; or one for each, in order, the last for all that follow; or a
            function from the request to its answer.

    Attributes:
        url: where it listens, ``http://127.0.0.1:PORT``.
        requests: what it was asked, in order.
        connections: how many connections it accepted.

    Raises:
        ConfigError: the script is none, or has no answer.
        Exception: at the end of the ``with`` block, what the script raised first: the client saw only that
            the connection was closed.
    """

    def __init__(self, script: Script) -> None:
        self._script: Any = [script] if isinstance(script, Answer) else script
        if not callable(script):
            answers = self._script if isinstance(self._script, Sequence) else ()
            if not answers or not all(isinstance(answer, Answer) for answer in answers):
                listed = "a list with an answer at least, or a function that returns one"
                raise ConfigError(f"a script is an Answer, {listed}, not {shown(script)}")
        self._spent: list[Any] = []
        self._failed: BaseException | None = None
        self._listener = socket.socket()  # who comes before the block is refused, and does not wait for it
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests: list[Asked] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._gates = [socket.socketpair()]
        self._closed = False

    def release(self) -> None:
        """Let the answers to the requests that have come until now hang no longer."""
        with self._lock:
            self._gates.append(socket.socketpair())
            self._gates[-2][0].sendall(b"!")

    def __enter__(self) -> LoopbackProvider:
        self._listener.listen(256)
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self._failed and (error is None or isinstance(error, Exception)):
            raise self._failed

    def close(self) -> None:
        """Close all connections and stop; safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            sockets = list(self._open)
        self.release()
        if self._threads:
            socket.create_connection(("127.0.0.1", self.port)).close()  # wakes accept()
        for sock in sockets:
            _shut(sock)
        for thread in self._threads:
            thread.join()
        for sock in (self._listener, *chain.from_iterable(self._gates)):
            sock.close()

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="genkit-loopback")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            with self._lock:
                if self._closed:
                    sock.close()
                    return
                self._open.add(sock)
                self.connections += 1
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with sock, sock.makefile("rb") as reader:
                while (asked := _read(reader)) and self._reply(sock, asked):
                    pass
        except OSError:
            pass
        except BaseException as error:  # noqa: BLE001 - of the script: the test's own thread raises it
            self._failed = self._failed or error
        finally:
            with self._lock:
                self._open.discard(sock)

    def _reply(self, sock: socket.socket, asked: Asked) -> bool:
        """Answer one request; whether the connection stays open."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(asked)
            gate = self._gates[-1][1]
        answer = self._answer(asked, number)
        if any(answer.body is body for body in self._spent):
            raise ConfigError(
                "the body of this answer is an iterator, and was sent before: give bytes, or let a "
                "function make each answer"
            )
        try:
            for piece in answer.pieces():
                sock.sendall(piece)
        except OSError:
            asked.gone.set()
            return False
        if isinstance(answer.body, Iterator):
            self._spent.append(answer.body)
        if answer.end == "hang":
            select.select([sock, gate], [], [])
            if select.select([sock], [], [], 0)[0]:
                asked.gone.set()
        elif answer.end == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Closed at once, under the reader that still holds it open.
            socket.socket(fileno=sock.detach()).close()
        return answer.end == "keep" and answer.cut is None and answer.framing != "close"

    def _answer(self, asked: Asked, number: int) -> Answer:
        script = self._script
        answer = script(asked) if callable(script) else script[min(number, len(script) - 1)]
        if not isinstance(answer, Answer):
            raise ConfigError(f"a script answers with an Answer, not {shown(answer)}")
        return answer


def gzip_bomb(size: int) -> Iterator[bytes]:
    """A gzip stream of ``size`` zero bytes; to be sent with ``content-encoding: gzip``."""
    zipper = zlib.compressobj(9, wbits=31)
    block = bytes(1 << 20)
    for at in range(0, size, len(block)):
        if piece := zipper.compress(block[: size - at]):
            yield piece
    yield zipper.flush()


def _read(reader: Any) -> Asked | None:
    """The next request on a connection, or None at its end."""
    line = reader.readline().decode("latin-1").split()
    if len(line) < 2:
        return None
    headers: dict[str, str] = {}
    while text := reader.readline().decode("latin-1").strip():
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))
    return Asked(method=line[0], path=line[1], headers=headers, body=body)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
