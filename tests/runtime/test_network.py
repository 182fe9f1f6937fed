"""Connections that are closed while another thread uses them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpcore
import pytest

from genkit.runtime.base import Limits, Timeouts
from genkit.runtime.network import BlockingNetwork


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
