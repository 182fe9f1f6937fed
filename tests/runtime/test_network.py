"""Connections that are closed while another thread uses them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator

import httpcore
import pytest

from genkit.errors import DeadlineExceeded
from genkit.runtime.base import Limits, Timeouts
from genkit.runtime.network import AwaitingNetwork, BlockingNetwork

FAR_TOO_MUCH = b"a" * 30_000_000  # for what sockets hold


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_closed_connection_reads_and_writes_as_a_broken_one(port: int) -> None:
    network, limits = BlockingNetwork(), Limits(Timeouts())
    stream = network.connect_tcp("127.0.0.1", port, limits)
    network.close()
    with pytest.raises(httpcore.ReadError):
        stream.read(1, limits)
    with pytest.raises(httpcore.WriteError):
        stream.write(b"more", limits)


def test_a_connection_that_was_being_opened_when_its_network_closed_is_closed(port: int) -> None:
    network, limits = BlockingNetwork(), Limits(Timeouts())
    network.close()
    with pytest.raises(httpcore.ReadError):
        network.connect_tcp("127.0.0.1", port, limits).read(1, limits)


@pytest.fixture
def silent_first(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The first address of ``a.example`` takes connections of nobody: its queue is full."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.2", port))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.2", port))
        both = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")
        ]
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *a, **b: both if host == "a.example" else real(host, *a, **b)
        )
        yield


@pytest.mark.usefixtures("silent_first")
def test_an_address_that_is_silent_leaves_time_for_the_others(port: int) -> None:
    stream = BlockingNetwork().connect_tcp("a.example", port, Limits(Timeouts(connect=1)))
    assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
    stream.close()


@pytest.mark.usefixtures("silent_first")
def test_in_an_event_loop_an_address_that_is_silent_leaves_time_for_the_others(port: int) -> None:
    async def connect() -> None:
        stream = await AwaitingNetwork(None, None).connect_tcp(
            "a.example", port, Limits(Timeouts(connect=10))
        )
        assert stream.get_extra_info("peername")[0] == "127.0.0.1"
        await stream.aclose()

    asyncio.run(connect())


@pytest.mark.usefixtures("silent_first")
def test_a_task_that_is_cancelled_while_it_connects_is_cancelled(port: int) -> None:
    async def cancel() -> None:
        network = AwaitingNetwork(None, None)
        connecting = asyncio.create_task(network.connect_tcp("127.0.0.2", port, Limits(Timeouts())))
        for _ in range(9):
            await asyncio.sleep(0)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting

    asyncio.run(cancel())


def test_a_connection_of_an_event_loop_that_was_closed_takes_nothing_more(port: int) -> None:
    async def main() -> None:
        network, limits = AwaitingNetwork(None, None), Limits(Timeouts())
        stream = await network.connect_tcp("127.0.0.1", port, limits)
        network.close()
        assert await stream.read(1, limits) == b""
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"more", limits)

    asyncio.run(main())


def test_a_server_that_does_not_read_is_left_when_time_is_up(port: int) -> None:
    async def write() -> None:
        stream = await AwaitingNetwork(None, None).connect_tcp("127.0.0.1", port, Limits(Timeouts()))
        with pytest.raises(DeadlineExceeded, match="longer than its timeout"):
            await stream.write(FAR_TOO_MUCH, Limits(Timeouts(total=0.1)))
        await stream.aclose()

    asyncio.run(write())
    stream = BlockingNetwork().connect_tcp("127.0.0.1", port, Limits(Timeouts()))
    with pytest.raises(DeadlineExceeded, match="longer than its timeout"):
        stream.write(FAR_TOO_MUCH, Limits(Timeouts(total=0.1)))
    stream.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_does_not_end_its_parents_connection(port: int) -> None:
    network, limits = BlockingNetwork(), Limits(Timeouts())
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = network.connect_tcp("127.0.0.1", server.getsockname()[1], limits)
        peer, _ = server.accept()
        if (child := os.fork()) == 0:
            stream.close()
            os._exit(0)
        os.waitpid(child, 0)
        peer.sendall(b"still here")
        assert stream.read(100, limits) == b"still here"
        peer.close()
    stream.close()
