"""Transports that are kept open from call to call, and how long."""

from __future__ import annotations

import time

import pytest

from genkit.runtime.drive import run
from genkit.runtime.pool import _MOST_IDLE, KEEP, Pool


class Transport:
    """Knows whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What both clocks tell."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def test_what_was_used_last_is_used_next_and_what_waits_for_too_long_is_closed(clock: list[float]) -> None:
    pool = Pool(Transport)
    first, second, third = (pool.take() for _ in range(3))
    for transport in (first, second):
        run(pool.give_back(transport))
    clock[0] += KEEP
    run(pool.give_back(third))
    assert not first.closed
    assert pool.take() is third
    clock[0] += 1
    run(pool.give_back(third))
    assert (first.closed, second.closed, third.closed) == (True, False, False)
    assert [pool.take() for _ in range(2)] == [third, second]


def test_no_more_than_so_many_wait(clock: list[float]) -> None:
    pool = Pool(Transport)
    transports = [pool.take() for _ in range(_MOST_IDLE + 2)]
    for transport in transports:
        run(pool.give_back(transport))
    assert [transport.closed for transport in transports] == [True] * 2 + [False] * _MOST_IDLE


def test_what_comes_back_after_the_pool_was_emptied_is_not_kept() -> None:
    pool = Pool(Transport)
    idle, busy = pool.take(), pool.take()
    run(pool.give_back(idle))
    assert pool.empty() == [idle, busy]
    run(pool.give_back(busy))
    assert pool.empty() == []
