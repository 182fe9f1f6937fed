"""Waiting: coroutines run by hand, channels that any thread fills; and that no test uses the network."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genkit.runtime.awaiting import AwaitingChannel, AwaitingRuntime
from genkit.runtime.blocking import BlockingChannel, BlockingRuntime
from genkit.runtime.drive import drive, run

SENTENCE = "a synchronous call awaited an event loop; wait through the runtime instead"


class Numbers:
    """An async generator of numbers, and whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def count(self, last: int = 3) -> AsyncGenerator[int, None]:
        try:
            for number in range(last):
                yield number
        finally:
            self.closed = True


async def value(item: object) -> object:
    return item


async def failing() -> None:
    raise LookupError("mine")


@pytest.fixture
def adopted():
    """The async generators that this thread's hooks hear of, as an event loop does."""
    seen: list[object] = []
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(seen.append, seen.append)
    yield seen
    sys.set_asyncgen_hooks(*before)


def test_run_gives_the_value_and_raises_the_error() -> None:
    assert run(value(3)) == 3
    with pytest.raises(LookupError, match="mine"):
        run(failing())


def test_run_says_what_is_wrong_when_a_loop_is_awaited() -> None:
    cleaned = []

    async def wrong() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            cleaned.append(True)

    with pytest.raises(RuntimeError) as caught:
        run(wrong())
    assert str(caught.value) == SENTENCE
    assert cleaned == [True]


def test_drive_says_what_is_wrong_when_a_loop_is_awaited() -> None:
    async def wrong() -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.sleep(0)

    items = drive(wrong())
    assert next(items) == 1
    with pytest.raises(RuntimeError) as caught:
        next(items)
    assert str(caught.value) == SENTENCE


def test_both_work_inside_a_running_loop_and_leave_it_as_it_was() -> None:
    async def main() -> None:
        before = sys.get_asyncgen_hooks()
        assert run(value(3)) == 3
        items = drive(Numbers().count())
        assert next(items) == 0
        assert sys.get_asyncgen_hooks() == before
        assert list(items) == [1, 2]
        with pytest.raises(LookupError):
            run(failing())
        assert sys.get_asyncgen_hooks() == before

    asyncio.run(main())


def test_a_loop_does_not_adopt_what_run_starts(adopted: list[object]) -> None:
    async def first() -> int:
        return await Numbers().count().__anext__()

    assert run(first()) == 0
    assert adopted == []


def test_a_loop_does_not_adopt_what_drive_starts(adopted: list[object]) -> None:
    items = drive(Numbers().count())
    next(items)
    items.close()
    drive(Numbers().count()).close()
    assert adopted == []


def test_drive_hands_out_everything_and_closes() -> None:
    numbers = Numbers()
    assert list(drive(numbers.count())) == [0, 1, 2]
    assert numbers.closed


def _break(numbers: Numbers) -> None:
    for _ in drive(numbers.count()):
        break


def _raise(numbers: Numbers) -> None:
    def read() -> None:
        for _ in drive(numbers.count()):
            raise KeyError

    with pytest.raises(KeyError):
        read()


def _drop(numbers: Numbers) -> None:
    next(drive(numbers.count()))


def _close(numbers: Numbers) -> None:
    items = drive(numbers.count())
    next(items)
    items.close()


@pytest.mark.parametrize("leave", [_break, _raise, _drop, _close])
def test_drive_closes_what_is_left_early(leave: Callable[[Numbers], None]) -> None:
    numbers = Numbers()
    leave(numbers)
    gc.collect()
    assert numbers.closed


def test_drive_passes_an_error_on() -> None:
    async def broken() -> AsyncGenerator[int, None]:
        yield 1
        raise LookupError("mine")

    items = drive(broken())
    assert next(items) == 1
    with pytest.raises(LookupError, match="mine"):
        next(items)


loads = st.lists(st.integers(0, 20), min_size=1, max_size=5)


@pytest.mark.parametrize("runtime", [BlockingRuntime, AwaitingRuntime])
def test_a_channel_is_waited_for_as_long_as_that_is_wanted(runtime: type) -> None:
    async def wait() -> None:
        channel = runtime().channel()
        channel.put(1)
        assert await channel.get(time.monotonic() - 1) == 1
        for ago in (1, -0.01):
            with pytest.raises(TimeoutError):
                await channel.get(time.monotonic() - ago)
        channel.put(2)
        assert await channel.get(time.monotonic() + 60) == 2
        channel.put(3)
        assert await channel.get() == 3

    asyncio.run(wait()) if runtime is AwaitingRuntime else run(wait())


def test_a_cancellation_is_not_lost_as_an_item_arrives() -> None:
    async def read(channel: AwaitingChannel[int]) -> None:
        while True:
            await channel.get(time.monotonic() + 60)

    async def main() -> None:
        channel: AwaitingChannel[int] = AwaitingRuntime().channel()
        reader = asyncio.create_task(read(channel))
        await asyncio.sleep(0)
        channel.put(1)  # which completes the wait in the turn that the cancellation comes in
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reader.cancel()
        await asyncio.wait([reader], timeout=5)
        assert reader.cancelled()

    asyncio.run(main())


def test_a_channel_may_be_waited_for_for_ever() -> None:
    channel: BlockingChannel[int] = BlockingRuntime().channel()
    threading.Timer(0.05, channel.put, [1]).start()
    assert run(channel.get(float("inf"))) == 1


def filling(channel, sizes: list[int]) -> list[threading.Thread]:
    """Threads that put (thread, number) for as many numbers as each has."""

    def fill(thread: int, size: int) -> None:
        for number in range(size):
            channel.put((thread, number))

    threads = [threading.Thread(target=fill, args=entry) for entry in enumerate(sizes)]
    for thread in threads:
        thread.start()
    return threads


def check(got: list[tuple[int, int]], sizes: list[int]) -> None:
    for thread, size in enumerate(sizes):
        assert [number for owner, number in got if owner == thread] == list(range(size))
    assert len(got) == sum(sizes)


@settings(max_examples=40)
@given(loads)
def test_a_blocking_channel_delivers_all_in_each_threads_order(sizes: list[int]) -> None:
    channel: BlockingChannel[tuple[int, int]] = BlockingRuntime().channel()
    threads = filling(channel, sizes)
    got = [run(channel.get()) for _ in range(sum(sizes))]
    check(got, sizes)
    for thread in threads:
        thread.join()


@settings(max_examples=40)
@given(loads)
def test_an_awaiting_channel_delivers_all_in_each_threads_order(sizes: list[int]) -> None:
    async def main() -> list[tuple[int, int]]:
        channel: AwaitingChannel[tuple[int, int]] = AwaitingRuntime().channel()
        threads = filling(channel, sizes)
        got = [await channel.get() for _ in range(sum(sizes))]
        for thread in threads:
            thread.join()
        return got

    check(asyncio.run(main()), sizes)


def test_a_channel_waits_for_what_comes_later() -> None:
    blocking: BlockingChannel[str] = BlockingRuntime().channel()
    timer = threading.Timer(0.01, blocking.put, ["late"])
    timer.start()
    assert run(blocking.get()) == "late"

    async def main() -> str:
        channel: AwaitingChannel[str] = AwaitingRuntime().channel()
        waiting = asyncio.ensure_future(channel.get())
        await asyncio.sleep(0)
        assert not waiting.done()
        channel.put("late")
        return await waiting

    assert asyncio.run(main()) == "late"
    timer.join()


class CountingLoop(asyncio.SelectorEventLoop):
    """A real loop that counts how often it was woken from outside."""

    woken = 0

    def call_soon_threadsafe(self, *args, **kwargs):
        self.woken += 1
        return super().call_soon_threadsafe(*args, **kwargs)


def test_a_burst_wakes_the_loop_once() -> None:
    loop = CountingLoop()

    async def main() -> None:
        channel: AwaitingChannel[int] = AwaitingRuntime().channel()
        for burst in range(1, 4):
            waiting = asyncio.ensure_future(channel.get())
            await asyncio.sleep(0)  # now it waits
            for number in range(100):
                channel.put(number)
            assert loop.woken == burst
            assert [await waiting, *[await channel.get() for _ in range(99)]] == list(range(100))

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


@pytest.mark.parametrize("woken", [True, False])
def test_a_channel_outlives_its_loop_in_silence(woken: bool) -> None:
    async def main() -> AwaitingChannel[int]:
        channel: AwaitingChannel[int] = AwaitingRuntime().channel()
        if woken:
            assert channel.put(0) is not False
        return channel

    channel = asyncio.run(main())
    assert channel.put(1) is False
    assert channel.put(2) is False


def test_a_new_loop_each_time_is_no_matter() -> None:
    async def main() -> object:
        channel: AwaitingChannel[object] = AwaitingRuntime().channel()
        threading.Thread(target=channel.put, args=["item"]).start()
        return await channel.get()

    assert [asyncio.run(main()) for _ in range(3)] == ["item"] * 3


def test_cancelling_a_wait_loses_nothing() -> None:
    async def main() -> str:
        channel: AwaitingChannel[str] = AwaitingRuntime().channel()
        waiting = asyncio.ensure_future(channel.get())
        await asyncio.sleep(0)
        waiting.cancel()
        channel.put("item")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await channel.get()

    assert asyncio.run(main()) == "item"


@pytest.mark.parametrize(
    "use",
    [
        lambda s: s.connect(("192.0.2.1", 80)),
        lambda s: s.connect_ex(("192.0.2.1", 80)),
        lambda s: s.sendto(b"x", ("192.0.2.1", 53)),
        lambda s: socket.getaddrinfo("192.0.2.1", 80),
        lambda s: socket.gethostbyname("192.0.2.1"),
        lambda s: socket.getaddrinfo("name.invalid", 80),
        lambda s: socket.create_connection(("name.invalid", 80)),
        lambda s: socket.create_connection(("2001:db8::1", 80)),
        lambda s: asyncio.run(asyncio.open_connection("192.0.2.1", 80)),
        lambda s: asyncio.run(asyncio.open_connection("name.invalid", 80)),
    ],
)
def test_a_test_that_uses_the_network_fails(use: Callable[[socket.socket], object]) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        pytest.raises(
            pytest.fail.Exception, match=r"used the network: .*(192\.0\.2\.1|2001:db8::1|name\.invalid)"
        ),
    ):
        use(one)


def test_a_test_may_talk_to_its_own_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(("localhost", server.getsockname()[1])) as client,
    ):
        accepted, address = server.accept()
        accepted.close()
        assert address == client.getsockname()
