"""Who shares a worker, what ends it, and what comes after: fork, crashes, idleness, threads of the host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, NoReturn

import pytest
from test_leaks import children

from genkit import Generator
from genkit.errors import (
    BackendError,
    Closed,
    ConfigError,
    GenkitError,
    ModelFileError,
    OutOfMemory,
    WorkerDied,
)
from genkit.local import files, idle, pipe, tried
from genkit.local.context import Context
from genkit.local.idle import Idle
from genkit.local.process import Supervisor
from genkit.local.prompt import Prompts
from genkit.local.suspects import SECONDS, Suspects
from genkit.local.tried import Trial

posix = pytest.mark.skipif(os.name != "posix", reason="this needs POSIX signals or rights")
linux = pytest.mark.skipif(sys.platform != "linux", reason="this looks into /proc")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def worker(generator: Generator) -> int:
    """The process id of a Generator's worker."""
    generator.warm()
    pid: int = generator._backend.worker.pid  # type: ignore[attr-defined]
    return pid


def is_running(generator: Generator) -> bool:
    return generator._backend.worker.pid is not None  # type: ignore[attr-defined]


@linux
def test_a_worker_that_crashes_writes_down_neither_prompts_nor_keys(noise_file: Path) -> None:
    with Generator(noise_file, context=512) as generator:
        limits = Path(f"/proc/{worker(generator)}/limits").read_text(encoding="utf-8")
    (core,) = [line.split()[4] for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core == "0"


# --- sharing


def test_generators_with_the_same_settings_share_a_worker_until_the_last_is_closed(noise_file: Path) -> None:
    one, other = Generator(noise_file, context=512), Generator(f"llama:{noise_file}", context=512)
    with other, Generator(noise_file, context=768) as different:
        with one:
            assert worker(one) == worker(other) != worker(different)
            with one.stream("hello") as mine:
                next(mine.text)
                one.close()
                with pytest.raises(Closed):
                    list(mine)
        assert other.generate("hello", max_tokens=2).usage.output_tokens == 2
        with pytest.raises(Closed):
            one.generate("hello")
    with Generator(noise_file, context=512) as another:
        assert another.generate("hello", max_tokens=2).usage.output_tokens == 2


def test_a_generator_made_while_the_last_one_closes_has_a_worker_of_its_own(noise_file: Path) -> None:
    last = Generator(noise_file, context=640)
    closing, shared = threading.Thread(target=last.close), last._backend.worker.worker  # type: ignore[attr-defined]
    with shared._lock:  # as if it were starting a process: its end has to wait
        closing.start()
        while not shared.closed:
            pass
        another = Generator(noise_file, context=640)
    closing.join()
    with another:
        assert another.generate("hello", max_tokens=2).usage.output_tokens == 2


def test_a_generator_made_just_before_the_worker_of_the_last_one_closes_has_another(noise_file: Path) -> None:
    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is Supervisor.close.__code__:
            sys.setprofile(None)
            made.append(Generator(noise_file, context=640))  # as a thread might, or a signal handler

    made, last = list[Generator](), Generator(noise_file, context=640)
    sys.setprofile(look)
    last.close()
    sys.setprofile(None)
    with made[0] as another:
        assert another.generate("hello", max_tokens=2).usage.output_tokens == 2


def test_a_file_that_was_replaced_is_another_model(
    tmp_path: Path, noise_file: Path, alphabet_file: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(noise_file.read_bytes())
    with Generator(path) as before:
        assert before.generate("y", max_tokens=2).model == "noise"
        path.unlink()
        path.write_bytes(alphabet_file.read_bytes())
        with Generator(path) as after:
            assert after.generate("y").text == "z"


# --- crashes


def test_a_request_that_a_worker_crashed_at_twice_is_not_run_for_a_while() -> None:
    now = [0.0]
    suspects = Suspects(clock=lambda: now[0])
    question = {"do": "generate", "messages": ["x"], "sampling": {"seed": 1}}
    again = {"do": "generate", "messages": ["x"], "sampling": {"seed": 2}}
    other = {"do": "generate", "messages": ["y"], "sampling": {"seed": 1}}
    assert suspects.seconds_left(question) == 0
    suspects.add(question)
    assert suspects.seconds_left(question) == 0
    now[0] = 10
    suspects.add(again)
    now[0] = 20
    assert suspects.seconds_left(question) == suspects.seconds_left(again) == SECONDS - 10
    assert suspects.seconds_left(other) == 0
    now[0] = 10 + SECONDS
    assert suspects.seconds_left(question) == 0
    now[0] += 1
    assert suspects.seconds_left(question) == 0
    suspects.add(other)
    suspects.clear(other)
    suspects.add(other)
    assert suspects.seconds_left(other) == 0  # it was answered in between
    now[0] += SECONDS
    suspects.add(other)  # the first one was too long ago
    assert suspects.seconds_left(other) == 0
    odd = {"do": "generate", "tools": [{1: "keys of", "two": "types"}]}
    suspects.add(odd)
    suspects.add(odd)
    assert suspects.seconds_left(odd) == SECONDS
    now[0] += 1
    suspects.add(odd)  # it ran beside itself
    assert suspects.seconds_left(odd) == SECONDS


@posix
def test_the_third_time_a_crash_is_refused_and_other_requests_are_not(noise_file: Path) -> None:
    with Generator(noise_file, context=1024) as generator:
        for _ in range(2):
            with generator.stream("bad") as stream, pytest.raises(WorkerDied, match="SIGSEGV"):
                next(stream.text)
                os.kill(worker(generator), signal.SIGSEGV)
                list(stream)
        with pytest.raises(WorkerDied, match="crashed twice") as caught:
            generator.generate("bad")
        assert caught.value.retry_after
        assert not caught.value.retryable
        assert generator.generate("good", max_tokens=2).usage.output_tokens == 2


@posix
def test_a_crash_counts_though_its_worker_would_be_unloaded_by_now(
    noise_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with Generator(noise_file, context=1280, idle=10) as generator:
        for _ in range(2):
            generator.warm()  # after which it is at rest
            with generator.stream("bad") as stream, pytest.raises(WorkerDied, match="SIGSEGV"):
                next(stream.text)
                os.kill(worker(generator), signal.SIGSEGV)
                list(stream)
            clock.comes_to(clock.now + 20)
        with pytest.raises(WorkerDied, match="crashed twice"):
            generator.generate("bad")


@posix
def test_a_death_that_somebody_else_is_told_of_is_no_crash(noise_file: Path) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system itself waits for all children
    try:
        with Generator(noise_file, context=1152) as generator:
            for _ in range(3):  # a request that crashes is refused the third time
                with generator.stream("x") as stream, pytest.raises(WorkerDied, match="told to another part"):
                    next(stream.text)
                    os.kill(worker(generator), signal.SIGKILL)
                    list(stream)
    finally:
        signal.signal(signal.SIGCHLD, before)


# --- idleness


class Clock:
    """The time, and timers, as a test has them come.

    Args:
        monkeypatch: puts it where idleness is reckoned.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []
        monkeypatch.setattr(idle, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(idle, "threading", SimpleNamespace(Timer=partial(Timer, self)))

    def comes_to(self, now: float) -> None:
        self.now = now
        self.timers.pop(0).then()


class Timer:
    def __init__(self, clock: Clock, seconds: float, then: Callable[[], None]) -> None:
        self._clock, self.seconds, self.then = clock, seconds, then
        self.daemon = False

    def start(self) -> None:
        assert self.daemon  # no program waits for it as it ends
        self._clock.timers.append(self)

    def cancel(self) -> None:
        self._clock.timers.remove(self)


def test_one_is_idle_when_one_last_came_to_rest_long_enough_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, over = Clock(monkeypatch), list[float]()
    one = Idle(10, lambda: over.append(clock.now))
    one.rest()
    clock.now = 104
    one.rest()
    assert [timer.seconds for timer in clock.timers] == [10]
    clock.comes_to(113.5)
    assert [timer.seconds for timer in clock.timers] == [0.5]
    assert not over
    clock.comes_to(114)
    assert (clock.timers, over) == ([], [114])
    one.rest()
    assert [timer.seconds for timer in clock.timers] == [10]
    one.after_fork()
    one.rest()
    assert len(clock.timers) == 2


def test_who_comes_to_rest_while_it_is_done_is_idle_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def again() -> None:
        one.rest()

    clock, one = Clock(monkeypatch), Idle(10, again)
    one.rest()
    clock.comes_to(110)
    assert [timer.seconds for timer in clock.timers] == [10]


def test_who_is_closed_is_never_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    def closing(timer: Timer) -> None:
        start(timer)
        one.close()  # as by another thread

    clock, over, start = Clock(monkeypatch), list[float](), Timer.start
    one = Idle(10, lambda: over.append(clock.now))
    one.rest()
    one.close()
    one.rest()
    assert not clock.timers
    one = Idle(10, lambda: over.append(clock.now))
    with monkeypatch.context() as patch:
        patch.setattr(Timer, "start", closing)
        patch.setattr(Timer, "cancel", lambda timer: timer in clock.timers and clock.timers.remove(timer))
        one.rest()
    assert (clock.timers, over) == ([], [])


def test_a_generator_that_is_closed_leaves_no_thread_that_waits_for_its_idleness(noise_file: Path) -> None:
    before = set(threading.enumerate())
    with Generator(noise_file, idle=3600) as generator:
        generator.warm()
        assert any(isinstance(each, threading.Timer) for each in set(threading.enumerate()) - before)
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_ctrl_c_as_one_comes_to_rest_is_heard_and_the_next_rest_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(timer: Timer, *setting: Any) -> None:
        if setting in ((), ("daemon", True)):
            raise KeyboardInterrupt
        object.__setattr__(timer, *setting)

    clock = Clock(monkeypatch)
    for number, place in enumerate(("start", "__setattr__"), 1):  # the latter: as it is made a daemon
        one = Idle(10, lambda: None)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Timer, place, interrupted)
            one.rest()
        one.rest()
        assert len(clock.timers) == number


def test_a_model_that_answers_is_not_idle(noise_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with Generator(noise_file, context=768, idle=10, lookup=False) as generator:
        generator.warm()
        with generator.stream("hello", max_tokens=300) as stream:
            next(stream.text)
            clock.comes_to(200)
            list(stream)
        assert stream.response.usage.output_tokens == 300
        assert is_running(generator)
        clock.comes_to(300)
        assert not is_running(generator)


def test_an_idle_model_is_unloaded_and_the_next_call_loads_it_again(noise_file: Path) -> None:
    with Generator(noise_file, idle=0.01) as generator:
        first = worker(generator)
        assert first
        while is_running(generator):
            threading.Event().wait(0.001)
        with generator.stream("hello", max_tokens=300) as stream:
            list(stream)  # however long it takes
        assert stream.response.usage.output_tokens == 300
        assert worker(generator) != first


@pytest.mark.parametrize("settings", [{"idle": 0}, {"idle": "1"}, {"isolation": "none"}], ids=str)
def test_a_wrong_setting_is_a_config_error(noise_file: Path, settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        Generator(noise_file, **settings)  # type: ignore[arg-type]


@linux
@pytest.mark.parametrize("name", ["genkit worker pipe", "genkit worker", "Thread-"])
def test_without_room_for_a_thread_nothing_is_lost(
    name: str, cache: Path, noise_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        if thread.name.startswith(name):
            raise RuntimeError("can't start new thread")
        real(thread)

    real, before = threading.Thread.start, children()
    isolation = "thread" if name == "genkit worker" else "process"
    with Generator(noise_file, idle=0.01, isolation=isolation) as generator:  # type: ignore[arg-type]
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            if name == "Thread-":  # that of the clock, which only starts when there is an answer
                assert generator.generate("x", max_tokens=2).usage.output_tokens == 2
            else:
                with pytest.raises(BackendError, match="start new thread"):
                    generator.generate("x")
                assert children() == before
        assert generator.generate("x", max_tokens=2).usage.output_tokens == 2
        while is_running(generator) or not children() <= before:  # and nothing is left of what was unloaded
            threading.Event().wait(0.001)


# --- fork


def printed(program: str, model: Path, **environment: str) -> str:
    """What a program prints in a process of its own, which is given a model's file."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(model)],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return run.stdout


@forks
@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_a_fork_is_survived_by_both(isolation: str, noise_file: Path, tmp_path: Path) -> None:
    program = f"""
import genkit, os, sys
generator = genkit.Generator("llama:" + sys.argv[1], context=131072, isolation={isolation!r})
whole = generator.generate("hello", seed=1, max_tokens=9).text
stream = generator.stream("hello", seed=1)
text = stream.text
next(text)
child = os.fork()
name = "child" if child == 0 else "parent"
if child:
    os.waitpid(child, 0)
try:
    for _ in text if name == "child" else zip(range(9), text): pass
    print(name, "went on", flush=True)
except genkit.errors.WorkerDied: print(name, "heard", flush=True)
stream.close()
try: print(name, generator.generate("hello", seed=1, max_tokens=9).text == whole, flush=True)
except genkit.errors.BackendError as error: print(name, type(error).__name__, flush=True)
"""
    said = printed(program, noise_file, XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path))
    of_child = "child True" if isolation == "process" else "child BackendError"
    assert said.splitlines() == ["child heard", of_child, "parent went on", "parent True"]


@forks
def test_in_threads_a_generator_made_after_a_fork_answers_whatever_was_made_before(
    noise_file: Path, tmp_path: Path
) -> None:
    program = """
import genkit, os, sys
def made(): return genkit.Generator("llama:" + sys.argv[1], context=512, isolation="thread")
before = made()
whole = before.generate("hello", seed=1, max_tokens=9).text
child = os.fork()
if child == 0: print(made().generate("hello", seed=1, max_tokens=9).text == whole, flush=True)
else: os.waitpid(child, 0)
"""
    assert printed(program, noise_file, XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path)) == "True\n"


@forks
def test_after_a_fork_an_idle_model_is_unloaded_in_the_child_too(noise_file: Path) -> None:
    program = """
import genkit, os, signal, sys, threading
generator = genkit.Generator("llama:" + sys.argv[1], idle=0.05)
generator.warm()
child = os.fork()
if child == 0:
    signal.alarm(60)
    generator.warm()
    print("loaded", flush=True)
    while generator._backend.worker.pid: threading.Event().wait(0.001)
    print("unloaded", flush=True)
else: os.waitpid(child, 0)
"""
    assert printed(program, noise_file) == "loaded\nunloaded\n"


@linux
@pytest.mark.parametrize(
    "place", ["c_return fork_exec", "call _close_pipe_fds", "return _start", "call _send"]
)
def test_a_process_forked_while_a_worker_starts_holds_none_of_its_pipes(place: str, noise_file: Path) -> None:
    program = f"""
import genkit, glob, os, sys, threading
def pipes():
    links = {{os.readlink(each) for each in glob.glob("/proc/self/fd/*") if os.path.exists(each)}}
    return {{link for link in links if link.startswith("pipe:")}}
def fork():
    ready.set()
    child = os.fork()
    if child == 0:
        os.write(1, repr(pipes() - before).encode())
        os._exit(0)
    os.waitpid(child, 0)
    forked.set()
def look(frame, event, argument):
    name = argument.__name__ if "c_" in event else frame.f_code.co_name
    if [event, name] == {place.split()}:
        sys.setprofile(None)
        threading.Thread(target=fork).start()
        ready.wait()
        forked.wait(0.2)  # it may have to wait until the worker was started
before = pipes()
ready, forked = threading.Event(), threading.Event()
generator = genkit.Generator("llama:" + sys.argv[1])
sys.setprofile(look)
generator.warm()
forked.wait()
"""
    assert printed(program, noise_file) == "set()"


@forks
def test_a_process_forked_while_other_threads_make_a_generator_and_start_its_worker_waits_for_neither(
    noise_file: Path,
) -> None:
    program = """
import genkit, os, sys, threading
from genkit.local import shared
def made(): return genkit.Generator("llama:" + sys.argv[1])
def fork():
    child = os.fork()
    if child == 0:
        print(made().generate("hello", max_tokens=3).usage.output_tokens, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
def look(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "_send":
        sys.setprofile(None)
        with shared._lock:
            thread = threading.Thread(target=fork)
            thread.start()
            thread.join()
generator = made()
sys.setprofile(look)
generator.warm()
"""
    assert printed(program, noise_file) == "3\n"


# --- threads of the host


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache directory of the test's own."""
    for name in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    directory = files.cache_directory()
    assert directory.is_relative_to(tmp_path)
    return directory


def test_in_threads_of_the_host_the_answers_are_the_same(
    cache: Path, noise_file: Path, noise: Generator
) -> None:
    expected, before = noise.generate("hello", seed=1, max_tokens=20).text, threading.enumerate()
    for _ in range(2):
        with Generator(noise_file, isolation="thread") as generator:
            assert worker(generator) == os.getpid()
            assert generator.generate("hello", seed=1, max_tokens=20).text == expected
            with generator.stream("hello") as stream:
                next(stream.text)  # and is closed in the middle
    new = set(threading.enumerate()).difference(before)
    assert not [thread for thread in new if "genkit engine" in thread.name]
    assert len(list((cache / "tried").iterdir())) == 1


@pytest.mark.parametrize("broken", [(Context, "decode"), (Prompts, "piece"), (Prompts, "__init__")], ids=str)
def test_in_threads_what_nobody_foresaw_fails_the_calls_that_wait(
    cache: Path, noise_file: Path, monkeypatch: pytest.MonkeyPatch, broken: tuple[type, str]
) -> None:
    with Generator(noise_file, isolation="thread") as generator:
        with monkeypatch.context() as patch:
            patch.setattr(*broken, lambda *_, **__: 1 / 0)
            with pytest.raises(WorkerDied, match="ZeroDivisionError"):
                generator.generate("hello")
        assert generator.generate("hello", max_tokens=2).usage.output_tokens == 2


def test_a_worker_that_makes_no_sense_is_ended(
    cache: Path, noise_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Generator(noise_file, isolation="thread") as generator:
        with monkeypatch.context() as patch, pytest.raises(WorkerDied, match="not an answer"):
            patch.setattr(pipe, "pack_tokens", lambda tokens: b"\xff" * 99)
            generator.generate("hello")
        assert generator.generate("hello", max_tokens=2).usage.output_tokens == 2


def test_a_worker_that_dies_again_and_again_as_it_loads_is_started_later_and_later(
    cache: Path, noise_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(seconds: float) -> None:
        waits.append(seconds)

    def die(prompt: str, place: tuple[type, str], error: GenkitError | None = None) -> None:
        def fail(*_: object, **__: object) -> NoReturn:
            raise error or ZeroDivisionError

        with monkeypatch.context() as patch, pytest.raises(type(error) if error else WorkerDied):
            patch.setattr(*place, fail)
            generator.generate(prompt)

    waits: list[float] = []
    with Generator(noise_file, isolation="thread") as generator:
        generator.warm()
        monkeypatch.setattr(time, "sleep", sleep)  # of the worker, before it loads
        die("decoding", (Context, "decode"))
        for number in range(8):
            die(f"loading {number}", (Prompts, "__init__"))
        generator.warm()
        assert waits == [0, 0, 0.25, 0.5, 1, 2, 4, 8, 8]
        waits.clear()
        die("decoding again", (Context, "decode"))
        for _ in range(3):  # which is no death: there is nothing to wait for
            die("the same file", (Prompts, "__init__"), ModelFileError("odd"))
        for _ in range(3):
            die("the same file", (Prompts, "__init__"), OutOfMemory("full"))
        assert waits == [0, 0, 0, 0, 0, 0.25]
        generator._backend.worker.worker._deaths = 2000  # type: ignore[attr-defined]  # after a night of it
        generator.warm()
        assert waits[-1] == 8


def test_a_request_that_was_answered_after_a_crash_is_no_suspect(
    cache: Path, noise_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Generator(noise_file, isolation="thread") as generator:
        for _ in range(2):
            with monkeypatch.context() as patch, pytest.raises(WorkerDied, match="ZeroDivisionError"):
                patch.setattr(Context, "decode", lambda *_, **__: 1 / 0)
                generator.generate("hello", max_tokens=2)
            assert generator.generate("hello", max_tokens=2).usage.output_tokens == 2


def test_in_threads_a_file_that_cannot_be_used_is_the_same_error(cache: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    with Generator(broken, isolation="thread") as generator:
        for _ in range(2):
            with pytest.raises(ModelFileError, match="truncated"):
                generator.warm()
    assert not cache.exists()


@posix
@pytest.mark.parametrize("why", ["regular file", "does not exist"])
def test_in_threads_a_file_that_cannot_be_looked_at_is_the_same_error(
    cache: Path, tmp_path: Path, why: str
) -> None:
    os.mkfifo(path := tmp_path / "model.gguf")  # to open it would be to wait for ever
    with Generator(path, isolation="thread") as generator:
        if why == "does not exist":
            path.unlink()
        with pytest.raises(ModelFileError, match=why):
            generator.warm()
    assert not cache.exists()


@posix
def test_that_a_file_went_well_is_not_believed_where_others_may_write(cache: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    settings = {"path": str(broken), "context": None, "threads": 1, "parallel": 1, "gpu_layers": 0}
    settings["template"] = None
    mark = cache / "tried" / tried._name(settings)
    mark.parent.mkdir(parents=True)
    mark.touch()
    mark.parent.chmod(0o700)
    Trial(settings).require()
    mark.parent.chmod(0o777)
    with pytest.raises(ModelFileError):
        Trial(settings).require()


def test_a_file_that_went_well_with_flash_attention_is_tried_again_without(
    cache: Path, noise_file: Path
) -> None:
    for flash_attention in (True, False, False):
        with Generator(noise_file, isolation="thread", flash_attention=flash_attention) as generator:
            generator.warm()
    assert len(list((cache / "tried").iterdir())) == 2


def test_row_28_a_full_disk_costs_a_repetition_and_no_error(
    cache: Path, noise_file: Path, tmp_path: Path
) -> None:
    settings = {"path": str(noise_file), "context": None, "threads": 1, "parallel": 1, "gpu_layers": 0}
    settings["template"] = None
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text("not a directory")  # every write below it fails
    Trial(settings).require()
    cache.unlink()
    Trial(settings).require()
    assert len(list((cache / "tried").iterdir())) == 1


@posix
def test_a_trial_that_never_ends_does_when_its_generator_is_closed(
    cache: Path, noise_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warm() -> None:
        with pytest.raises(Closed):
            generator.warm()

    os.mkfifo(began := tmp_path / "began")
    (hanging := tmp_path / "python").write_text(f'#!/bin/sh\necho > "{began}"\nexec tail -f /dev/null\n')
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    generator = Generator(noise_file, isolation="thread")
    (warming := threading.Thread(target=warm, daemon=True)).start()
    (beginning := threading.Thread(target=began.read_text, daemon=True)).start()
    beginning.join(60)
    assert not beginning.is_alive()
    (closing := threading.Thread(target=generator.close, daemon=True)).start()
    for thread in (closing, warming):
        thread.join(60)
        assert not thread.is_alive()


def test_in_a_thread_of_its_own_a_closed_model_is_not_waited_for(noise_file: Path) -> None:
    before = set(threading.enumerate())
    generator = Generator(noise_file, isolation="thread")
    generator.warm()
    closing = threading.Thread(target=generator.close, name="genkit engine")  # as the collector might
    closing.start()
    closing.join()
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive()


def test_a_model_that_is_closed_in_the_very_thread_that_computes_ends(
    cache: Path, noise_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(context: Context, *arguments: Any, **options: Any) -> Any:
        if not generator._backend.worker.closed:  # type: ignore[attr-defined]  # as the garbage collector might
            generator.close()
        return compute(context, *arguments, **options)

    before, compute = set(threading.enumerate()), Context.decode
    generator = Generator(noise_file, isolation="thread")
    generator.warm()
    monkeypatch.setattr(Context, "decode", decode)
    with pytest.raises(Closed):
        generator.generate("hello")
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_a_program_without_an_interpreter_can_have_the_model_in_a_thread(
    noise_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    for prefix in ("prefix", "base_exec_prefix"):
        monkeypatch.setattr(sys, prefix, str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Generator(noise_file, isolation="thread", context=512) as generator:
        assert generator.generate("x", max_tokens=1).usage.output_tokens == 1
