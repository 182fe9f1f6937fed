"""How many threads compute beside other programs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from test_process import worker

from genkit import Generator
from genkit.local import machine
from genkit.local.context import Context
from genkit.local.cores import GAP, WINDOW, Cores, Part, shares
from genkit.local.llama import Model, lib

STEP = WINDOW / 4


class Machine:
    """A machine on which time passes when it is told so."""

    def __init__(self) -> None:
        self.now = self.had = 0.0

    def clock(self) -> float:
        return self.now

    def cores(self, most: int) -> Cores:
        return Cores(most, lambda: self.had, self.clock)

    def compute(self, cores: Cores, free: float, seconds: float = 5 * WINDOW) -> int:
        """Steps for so long, while so many cores are to be had; how many threads the next step has."""
        for _ in range(round(seconds / STEP)):
            cores.before()
            self.now += STEP
            self.had += STEP * free
            cores.after()
        return cores.before()

    def rest(self, seconds: float, free: float) -> None:
        self.now += seconds
        self.had += seconds * free


@pytest.mark.parametrize(
    ("most", "free", "threads"),
    [
        (2, 1.97, 2),
        (2, 1.33, 1),
        (2, 1.0, 1),
        (2, 0.66, 1),
        (8, 7.1, 7),
        (8, 4.0, 4),
        (8, 15.5, 8),
        (64, 63.1, 64),
        (1, 0.5, 1),
    ],
)
def test_as_many_threads_compute_as_cores_are_to_be_had(most: int, free: float, threads: int) -> None:
    here = Machine()
    assert here.compute(here.cores(most), free) == threads


def test_all_threads_compute_again_when_the_other_program_is_done() -> None:
    here = Machine()
    cores = here.cores(4)
    assert here.compute(cores, 2.2) == 2
    assert here.compute(cores, 4.0) == 4


def test_one_step_that_waited_is_not_yet_another_program() -> None:
    here = Machine()
    cores = here.cores(2)
    assert here.compute(cores, 1.0, seconds=STEP) == 2
    assert here.compute(cores, 2.0) == 2


def test_who_computed_before_a_call_does_not_count() -> None:
    here = Machine()
    cores = here.cores(2)
    for _ in range(20):
        here.rest(WINDOW, free=1)  # the program that calls works between its calls
        assert here.compute(cores, 2.0, seconds=2 * STEP) == 2


@pytest.mark.parametrize(("seconds", "gap"), [(0.35, 0.1), (0.06, 0.021)])
def test_short_answers_also_show_that_another_program_needs_a_core(seconds: float, gap: float) -> None:
    here = Machine()
    cores = here.cores(2)
    for _ in range(10):
        here.rest(gap, free=0)
        cores.before()
        here.now, here.had = here.now + seconds, here.had + seconds * 1.3
        cores.after()
    assert cores.before() == 1


def test_short_answers_also_show_that_the_cores_are_free_again() -> None:
    here = Machine()
    cores = here.cores(2)
    assert here.compute(cores, 1.0) == 1
    for _ in range(5):
        here.rest(2 * GAP, free=0)
        here.compute(cores, 2.0, seconds=STEP)
    assert cores.before() == 2


def test_where_idle_time_is_unknown_all_threads_compute() -> None:
    here = Machine()
    assert here.compute(Cores(4, lambda: None, here.clock), 1.0) == 4
    assert here.compute(Cores(4, clock=here.clock), 1.0) == 4


def test_a_context_computes_with_so_many_threads(alphabet_file: Path) -> None:
    here = Machine()
    cores = here.cores(2)
    context = Context(Model(str(alphabet_file)), size=256, sequences=1, batch=8, threads=cores)
    rows = [(token, at, 0, True) for at, token in enumerate((97, 98, 99))]
    context.decode(rows)
    assert lib.llama_n_threads(context.pointer) == lib.llama_n_threads_batch(context.pointer) == 2
    here.compute(cores, 1.0)
    context.clear()
    context.decode(rows)
    assert lib.llama_n_threads(context.pointer) == lib.llama_n_threads_batch(context.pointer) == 1
    context.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_idle_time_passes_no_faster_than_time_on_every_cpu() -> None:
    began, before = time.monotonic(), machine.idle_seconds()
    if before is None:
        pytest.skip("this system does not tell it")
    while time.monotonic() < began + 0.05:
        pass
    now = machine.idle_seconds()
    assert now is not None
    tick = 0.02 * len(machine.usable_cpus())
    assert before - tick <= now <= before + (time.monotonic() - began) * len(machine.usable_cpus()) + tick
    assert now <= (time.clock_gettime(time.CLOCK_BOOTTIME) + 60) * len(machine.usable_cpus())


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        ("cpu 9 9 9 9 9\ncpu0 1 0 1 100 50 0 0\ncpu1 1 0 1 200 50 0 0\ncpu2 1 0 1 7 7 7\nintr 5\n", 4.0),
        ("cpu 0 0 0 0 0\ncpu0 0 0 0 0 0\ncpu1 0 0 0 0 0\n", None),  # gVisor's
        ("cpu 9 9 9 9 9\ncpu0 1 0 1 100 50 0 0\n", None),  # numbered otherwise than the affinity is
        ("", None),
    ],
)
def test_idle_time_is_that_of_the_cpus_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch, text: str, idle: float | None
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_CLK_TCK": 100}[name], raising=False)
    monkeypatch.setattr(machine, "usable_cpus", lambda: {0, 1})
    monkeypatch.setattr(machine, "_read", lambda path: text)
    assert machine.idle_seconds() == idle


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that tells its idle time, and a process without a quota, whatever runs this."""
    monkeypatch.setattr("genkit.local.cores.idle_seconds", lambda: 1.0)
    monkeypatch.setattr("genkit.local.child.stolen", lambda: 0.0)
    monkeypatch.setattr(machine, "_quota", lambda: None)


@pytest.mark.usefixtures("idle")
def test_a_quota_is_not_seen_in_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shares({"threads": None})
    monkeypatch.setattr(machine, "_quota", lambda: 2)
    assert not shares({"threads": None})


def test_idle_time_of_other_systems_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert machine.idle_seconds() is None
    assert machine.stolen() == 0


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("cpu 30 20 10 999 99 5 5 30 7 7\ncpu0 0 0 0 0 0 0 0 9\n", 0.3),  # guests' time is in user's
        ("cpu 0 0 0 0 0 0 0 0 0 0\n", 0),  # gVisor's
        ("cpu 30 20 10 999 99 5 5\n", 0),  # before Linux 2.6.11
        ("", 0),
    ],
)
def test_what_a_host_gave_to_others_is_a_part_of_what_was_wanted(
    monkeypatch: pytest.MonkeyPatch, text: str, part: float
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(machine, "_read", lambda path: text)
    assert machine.stolen() == pytest.approx(part)


@pytest.mark.usefixtures("idle")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("settings", "spins"), [({}, "20000"), ({"threads": 2}, "1000"), ({"deterministic": True}, "1000")]
)
def test_threads_wait_long_only_where_they_make_room_for_others(
    alphabet_file: Path, settings: dict[str, Any], spins: str
) -> None:
    with Generator(alphabet_file, context=256, **settings) as generator:
        assert f"GOMP_SPINCOUNT={spins}" in environment_of(generator)


@pytest.mark.usefixtures("idle")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("part", "spins"), [(0.0009, "20000"), (0.0011, "300000")])
def test_threads_wait_longer_where_others_take_the_cpus_of_those_that_sleep(
    monkeypatch: pytest.MonkeyPatch, alphabet_file: Path, part: float, spins: str
) -> None:
    monkeypatch.setattr("genkit.local.child.stolen", lambda: part)
    with Generator(alphabet_file, context=256) as generator:
        assert f"GOMP_SPINCOUNT={spins}" in environment_of(generator)


def environment_of(generator: Generator) -> list[str]:
    """Of the worker process."""
    return os.fsdecode(Path(f"/proc/{worker(generator)}/environ").read_bytes()).split("\0")


@pytest.mark.parametrize(("most", "half"), [(1, 1), (2, 1), (5, 2), (16, 8)])
def test_what_is_computed_beside_has_half_of_the_threads_or_all(most: int, half: int) -> None:
    alone = False
    whole = Cores(most)
    part = Part(whole, lambda: alone)
    assert (part.before(), whole.before()) == (half, max(most - half, 1))
    alone = True
    assert (part.before(), whole.before()) == (most, 1)
    whole.lent = 0
    assert whole.before() == most
