"""Rows 21 and 24 of the fault table: callers that leave, fork, come from many threads and loops, or close."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from serving import GOOD, both, closing
from words_dialect import ask, backend, call, fold, sse

import genkit
from genkit import errors
from genkit.runtime.awaiting import AwaitingRuntime
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import drive
from genkit.testing import Answer, LoopbackProvider

HELLO = b'data: {"choices": [{"index": 0, "delta": {"content": "Hello"}}]}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
ENDLESS = Answer(raw=HEAD + HELLO, end="hang")
"""One word, and then nothing, with no end."""


def gone(server: LoopbackProvider, count: int = 1) -> bool:
    """Whether so many clients have left, or do so soon."""
    return len(server.requests) == count and all(asked.gone.wait(60) for asked in server.requests)


@both
def test_row_21_a_stream_that_is_left_is_closed_at_once(mode: str) -> None:
    async def leave() -> bool:
        events = remote.stream(ask(), AwaitingRuntime())
        async for event in events:
            if getattr(event, "text", ""):
                break
        await events.aclose()
        return await asyncio.to_thread(gone, server)

    answer = Answer(raw=HEAD + sse("a", end=""), end="hang")
    with LoopbackProvider(answer) as server, closing(server) as remote:
        if mode == "async":
            assert asyncio.run(leave())
        else:
            events = drive(remote.stream(ask(), BlockingRuntime()))
            next(event for event in events if getattr(event, "text", ""))
            events.close()
            assert gone(server)


@both
def test_a_server_whose_head_is_too_large_is_left_at_once(mode: str) -> None:
    head = HEAD[:-2] + b"".join(b"x-%d: %s\r\n" % (number, b"a" * 999) for number in range(80)) + b"\r\n"
    with LoopbackProvider(Answer(raw=head + HELLO, end="hang")) as server, closing(server) as remote:
        with pytest.raises(errors.TooLarge) as caught:  # which is kept, with what its traceback keeps
            call(remote, mode)
        assert gone(server), caught


def test_row_21_a_cancelled_task_closes_its_connection() -> None:
    async def cancel() -> bool:
        task = asyncio.create_task(fold(remote, AwaitingRuntime()))
        while not server.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.to_thread(gone, server)

    with LoopbackProvider(Answer(raw=b"", end="hang")) as server, closing(server) as remote:
        assert asyncio.run(cancel())


@both
def test_row_21_connections_are_used_again(mode: str) -> None:
    async def several() -> None:
        for _ in range(5):
            await fold(remote, AwaitingRuntime())

    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        if mode == "async":
            asyncio.run(several())
        else:
            for _ in range(5):
                call(remote, mode)
        assert (len(server.requests), server.connections) == (5, 1)


@both
def test_row_21_a_connection_that_the_server_closed_is_not_used_again(mode: str) -> None:
    async def several(runtime: Any) -> list[str]:
        return [(await fold(remote, runtime)).text for _ in range(3)]

    answer = Answer(body={"words": ["a"], "end": "stop"}, end="close")
    with LoopbackProvider(answer) as server, closing(server) as remote:
        if mode == "async":
            assert asyncio.run(several(AwaitingRuntime())) == ["a"] * 3
        else:
            assert [call(remote, mode).text for _ in range(3)] == ["a"] * 3


@both
def test_row_21_a_call_that_fails_or_is_cancelled_leaves_no_connection_in_use(mode: str) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(fold(remote, AwaitingRuntime()))
        while len(server.requests) < 2:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not in_use()

    def in_use() -> list[Any]:
        return [each for pool in remote._connections._pools.values() for each in pool._busy]

    answers = [Answer(raw=b"", end="close"), Answer(raw=b"", end="hang")]
    with LoopbackProvider(answers) as server, closing(server) as remote:
        with pytest.raises(errors.ConnectFailed):
            call(remote, mode)
        assert not in_use()
        if mode == "async":
            asyncio.run(cancel())


def open_files() -> int:
    """How many files and sockets this process has open; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def generator_for(server: LoopbackProvider) -> genkit.Generator:
    return genkit.Generator("chat:m", base_url=server.url, api_key="k", attempts=1)


@pytest.fixture
def generator() -> Iterator[tuple[genkit.Generator, LoopbackProvider]]:
    with LoopbackProvider(ENDLESS) as server, generator_for(server) as made:
        yield made, server


def test_row_21_a_hundred_streams_left_in_a_thread_leave_nothing(generator: Any) -> None:
    made, server = generator
    threads = set(threading.enumerate())
    for number in range(100):
        stream = made.stream("hi")
        assert next(stream.text) == "Hello"
        if number % 2:
            stream.close()
        del stream  # as a loop does that is left with break
    gc.collect()
    assert gone(server, 100)
    made.close()
    assert {thread.name for thread in set(threading.enumerate()) - threads} <= {"genkit-loopback"}


def test_row_21_a_hundred_streams_left_in_a_loop_leave_nothing(generator: Any) -> None:
    made, server = generator

    async def leave() -> set[Any]:
        for number in range(100):
            stream = made.astream("hi")
            async for _ in stream.text:
                break
            if number % 2:
                await stream.aclose()
            del stream
        gc.collect()
        assert await asyncio.to_thread(gone, server, 100)
        ending = asyncio.all_tasks() - {asyncio.current_task()}
        return (await asyncio.wait(ending, timeout=5))[1] if ending else set()

    assert asyncio.run(leave()) == set()


@both
def test_row_21_no_socket_stays_open(mode: str) -> None:
    def work() -> None:
        with LoopbackProvider(ENDLESS) as server, generator_for(server) as made:
            if mode == "async":
                asyncio.run(leave(made))
            else:
                assert [next(made.stream("hi").text) for _ in range(3)] == ["Hello"] * 3

    async def leave(made: genkit.Generator) -> None:
        for _ in range(3):
            async for _ in made.astream("hi").text:
                break

    work()  # opens what stays open, as the certificates
    before = open_files()
    for _ in range(3):
        work()
    gc.collect()
    assert open_files() <= before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@both
def test_row_24_a_forked_child_opens_connections_of_its_own(mode: str) -> None:
    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        assert call(remote, "sync").text == "ab"
        child = os.fork()
        if not child:
            try:
                os._exit(0 if call(remote, mode).text == "ab" else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert call(remote, "sync").text == "ab"
        assert server.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_row_24_a_lock_that_was_held_at_a_fork_is_free_in_the_child() -> None:
    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        with remote._connections._lock:  # as by another thread, which opens the first connection
            child = os.fork()
            if not child:
                signal.alarm(60)
                try:
                    os._exit(0 if call(remote, "sync").text == "ab" else 1)
                finally:
                    os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def at_line(number: int, do: Callable[[], object], work: Callable[[], object]) -> str:
    """Do something where a call comes to this line of those that hold what all calls share; how it ended."""
    ended, left = ["hangs"], number

    def look(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(SHARED):
            return None
        left -= event == "line"
        if event == "line" and not left:
            sys.settrace(None)
            do()
        return look

    def run() -> None:
        sys.settrace(look)
        try:
            work()
            ended.append("answered")
        except errors.Closed:
            ended.append("closed")
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    return ended[-1] if left <= 0 else "over"


SHARED = tuple(os.path.join(*name) for name in [
    ("runtime", "pool.py"), ("runtime", "http.py"), ("middleware", "breaker.py"), ("middleware", "retry.py"),
])  # fmt: skip
SHORT = Answer(raw=HEAD + HELLO + b"data: [DONE]\n\n", end="close")


def test_row_24_a_dropped_stream_may_be_collected_at_any_line_of_another_call() -> None:
    def answer(asked: Any) -> Answer:
        return ENDLESS if b"endless" in asked.body else SHORT

    gc.disable()
    try:
        with LoopbackProvider(answer) as server, generator_for(server) as made:
            made.generate("short")
            for number in count(1):
                stream = made.stream("endless")
                next(stream.text)
                cycle: list[object] = [stream]
                cycle.append(cycle)
                del stream, cycle
                ended = at_line(number, gc.collect, lambda: made.generate("short"))
                if ended == "over":
                    break
                assert ended == "answered", number
    finally:
        gc.enable()
    assert number > 50


def test_row_24_a_signal_handler_may_close_the_generator_at_any_line_of_a_call() -> None:
    with LoopbackProvider(SHORT) as server:
        for number in count(1):
            made = generator_for(server)
            made.generate("short")
            ended = at_line(number, made.close, lambda made=made: made.generate("short"))
            assert ended in ("answered", "closed", "over"), number
            made.close()
            if ended == "over":
                break
    assert number > 50


def test_row_24_many_threads_and_loops_at_once() -> None:
    texts: list[str] = []

    def work(mode: str) -> None:
        texts.extend(call(remote, mode).text for _ in range(5))

    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        threads = [threading.Thread(target=work, args=(mode,)) for mode in ["sync", "async"] * 6]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts == ["ab"] * 60


def test_row_24_one_loop_after_the_other() -> None:
    async def several() -> list[str]:
        return [response.text for response in await asyncio.gather(*(one() for _ in range(4)))]

    async def one() -> Any:
        return await fold(remote, AwaitingRuntime())

    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        for _ in range(3):
            assert asyncio.run(several()) == ["ab"] * 4
        assert call(remote, "sync").text == "ab"
        assert list(remote._connections._pools) == [None]  # of loops that are closed nothing is kept


def test_row_24_a_blocking_call_within_a_running_loop() -> None:
    async def mixed() -> tuple[str, str]:
        inner = call(remote, "sync").text
        return inner, (await fold(remote, AwaitingRuntime())).text

    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        assert asyncio.run(mixed()) == ("ab", "ab")


def test_row_24_a_generator_cannot_be_sent_to_a_spawned_child() -> None:
    with (
        LoopbackProvider(GOOD) as server,
        generator_for(server) as made,
        pytest.raises(TypeError, match="cannot pickle"),
    ):
        pickle.dumps(made)


def test_closing_in_another_thread_ends_calls_of_an_event_loop() -> None:
    async def close() -> None:
        task = asyncio.create_task(fold(remote, AwaitingRuntime()))
        while not server.requests:
            await asyncio.sleep(0)
        await asyncio.to_thread(remote.close)
        await asyncio.wait([task], timeout=20)
        assert task.done()
        with pytest.raises(errors.Closed):
            await task

    with LoopbackProvider(Answer(raw=b"", end="hang")) as server:
        remote = backend(server.url)
        asyncio.run(close())


def test_closing_ends_a_stream_that_is_read_with_closed() -> None:
    with LoopbackProvider(ENDLESS) as server:
        made = generator_for(server)
        stream = made.stream("hi")
        assert next(stream.text) == "Hello"
        made.close()
        with pytest.raises(errors.Closed):
            next(stream)


def test_closing_ends_calls_that_run_and_refuses_new_ones() -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            call(remote, "sync")
        except errors.GenkitError as error:
            failed.append(error)

    with LoopbackProvider(Answer(raw=b"", end="hang")) as server:
        remote = backend(server.url)
        thread = threading.Thread(target=work)
        thread.start()
        while not server.requests:
            pass
        remote.close()
        thread.join()
        assert [type(error) for error in failed] == [errors.Closed]
        with pytest.raises(errors.Closed):
            call(remote, "sync")


class Ending(asyncio.SelectorEventLoop):
    """An event loop that another thread closes at the last moment."""

    ends = False

    def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> asyncio.Handle:
        if self.ends:
            self.close()
        return super().call_soon_threadsafe(*args, **kwargs)


def test_closing_as_an_event_loop_is_closed_closes_what_is_left() -> None:
    with LoopbackProvider(GOOD) as server:
        remote, loop = backend(server.url), Ending()
        loop.run_until_complete(fold(remote, AwaitingRuntime()))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.ends = True
        remote.close()
        assert loop.is_closed()
