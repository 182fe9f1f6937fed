"""The host's side of a worker: its death, cancelling, Ctrl-C, and an end in good order."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from logging.handlers import QueueHandler
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import pytest
from test_leaks import children

import genkit
from genkit import Generator
from genkit.errors import BackendError, BadRequest, Closed, DeadlineExceeded, MissingDependency, WorkerDied
from genkit.local import child

posix = pytest.mark.skipif(os.name != "posix", reason="this needs POSIX signals or scripts")
linux = pytest.mark.skipif(sys.platform != "linux", reason="this looks into /proc")
# More than a minute of work for the noise, if nobody stops it.
LONG_PROMPT = "x" * 100_000


@pytest.fixture(scope="module")
def shared(noise_file: Path) -> Iterator[Generator]:
    """A Generator whose worker may be killed; the next call starts another. Calls wait for each other.

    It has as many threads as ``noise``, to say the same.
    """
    with Generator(noise_file, context=131072, parallel=1, threads=2) as generator:
        yield generator


def worker(generator: Generator) -> int:
    """The process id of a Generator's worker."""
    generator.warm()
    pid: int = generator._backend.worker.pid  # type: ignore[attr-defined]
    return pid


def kill(generator: Generator, number: int = 9) -> None:
    os.kill(worker(generator), number)


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again; the watchdog ends what never comes."""
    while not condition():
        os.sched_yield()


def seconds_of_work(pid: int) -> float:
    """The CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until_busy(pid: int) -> None:
    before = seconds_of_work(pid)
    wait_until(lambda: seconds_of_work(pid) > before + 0.05)


@contextlib.contextmanager
def at(event: str, name: str, do: Callable[[], object]) -> Iterator[None]:
    """Do something, as a signal handler would, where this thread first comes to or from a function."""

    def look(frame: FrameType, what: str, argument: Any) -> None:
        if what == event and name == (argument.__name__ if "c_" in what else frame.f_code.co_name):
            sys.setprofile(None)
            do()

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


def interrupt() -> None:
    raise KeyboardInterrupt


# --- death


@posix
@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_row_25_a_death_is_told_with_its_signal_and_what_had_arrived(
    shared: Generator, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    logging.getLogger("genkit").addHandler(handler := QueueHandler(heard))
    caplog.set_level("INFO", "genkit")
    text, number = "", getattr(signal, name)
    with shared.stream(f"{name}!", seed=1) as stream, pytest.raises(WorkerDied, match=name) as caught:
        for at, piece in enumerate(stream.text):
            text += piece
            if at == 5:
                kill(shared, number)
    assert (caught.value.signal, caught.value.retryable) == (number, True)
    assert caught.value.partial is not None
    assert caught.value.partial.text == text
    assert caught.value.partial.finish_reason == "incomplete"
    assert heard.get(timeout=60).getMessage() == caught.value.message
    logging.getLogger("genkit").removeHandler(handler)
    assert shared.generate("hello", max_tokens=3).usage.output_tokens == 3


@posix
def test_row_25_every_call_hears_of_the_death(shared: Generator) -> None:
    async def three() -> list[object]:
        calls = [asyncio.create_task(shared.agenerate("hello")) for _ in range(3)]
        await asyncio.sleep(0)  # all are asked now
        kill(shared)
        return await asyncio.gather(*calls, return_exceptions=True)

    errors = asyncio.run(three())
    assert [type(error) for error in errors] == [WorkerDied] * 3
    assert len({id(error) for error in errors}) == 3  # each call raises its own


@posix
def test_row_25_who_finds_the_dead_meanwhile_does_not_change_what_the_others_are_told(
    noise_file: Path,
) -> None:
    with Generator(noise_file, lookup=False) as generator:
        streams = [generator.stream("hello", max_tokens=100_000) for _ in range(3)]
        for stream in streams:
            next(stream)
        connection = generator._backend.worker._connection  # type: ignore[attr-defined]

        def found(put: Callable[[Any], None]) -> Callable[[Any], None]:
            def first(item: Any) -> None:
                if isinstance(item, WorkerDied):
                    connection.close()
                put(item)

            return first

        for call in connection._calls.values():
            call.channel.put = found(call.channel.put)
        kill(generator)
        for stream in streams:
            with pytest.raises(WorkerDied):
                list(stream)


def test_a_question_that_comes_as_its_worker_retires_is_asked_of_the_next(alphabet_file: Path) -> None:
    class Calls(dict[int, Any]):
        def __setitem__(self, number: int, call: Any) -> None:
            if not supervisor.closed and connection.alive:
                assert connection.retire()  # just before the call is written down
                assert not connection.alive
                supervisor._connection = None
                super().__setitem__(number, call)
                connection.close()  # just after
            else:
                super().__setitem__(number, call)

    with Generator(alphabet_file) as generator:
        generator.warm()
        supervisor = generator._backend.worker.worker  # type: ignore[attr-defined]
        connection = supervisor._connection
        connection._calls = Calls()
        assert generator.generate("x").text == "yz"


def test_a_question_that_comes_as_its_worker_dies_is_told_so_and_asked_of_no_other(
    alphabet_file: Path,
) -> None:
    class Calls(dict[int, Any]):
        def __setitem__(self, number: int, call: Any) -> None:
            super().__setitem__(number, call)
            if connection.alive:
                os.kill(connection.pid, signal.SIGTERM)
                wait_until(lambda: not connection.alive and not self)

    with Generator(alphabet_file, context=300) as generator:  # with a worker of its own
        generator.warm()
        supervisor = generator._backend.worker.worker  # type: ignore[attr-defined]
        connection = supervisor._connection
        connection._calls = Calls()
        with pytest.raises(WorkerDied):
            generator.generate("y")
        assert supervisor._connection is connection  # no other was started
        assert generator.generate("y").text == "z"


@posix
def test_row_25_a_death_before_the_answer_began(shared: Generator) -> None:
    async def ask_and_kill() -> None:
        os.kill(pid, signal.SIGSTOP)
        call = asyncio.create_task(shared.agenerate("hello"))
        await asyncio.sleep(0)  # it is asked now
        os.kill(pid, signal.SIGKILL)
        await call

    pid = worker(shared)
    with pytest.raises(WorkerDied) as caught:
        asyncio.run(ask_and_kill())
    assert caught.value.partial is None
    assert shared.generate("hello", max_tokens=3).usage.output_tokens == 3


@posix
def test_row_25_a_death_while_the_model_loads(noise_file: Path) -> None:
    async def ask_and_kill() -> None:
        call = asyncio.create_task(generator.agenerate("hello"))
        await asyncio.sleep(0)  # the worker starts now
        os.kill(generator._backend.worker.pid, signal.SIGKILL)  # type: ignore[attr-defined]
        await call

    with Generator(noise_file) as generator:
        with pytest.raises(WorkerDied):
            asyncio.run(ask_and_kill())
        assert generator.generate("hello", max_tokens=3).usage.output_tokens == 3


@posix
def test_row_25_a_death_between_calls_costs_at_most_one_typed_error(shared: Generator) -> None:
    kill(shared)
    with contextlib.suppress(WorkerDied):
        shared.count("x")
    assert shared.count("x").tokens == 1


@posix
def test_row_25_twenty_deaths_at_any_moment(shared: Generator) -> None:
    whole = shared.generate("hello", seed=1, max_tokens=60).text
    moments = random.Random(0)
    for _ in range(20):
        alive = moments.randrange(50)
        with shared.stream("hello", seed=1) as stream, pytest.raises(WorkerDied) as caught:
            for number, _ in enumerate(stream):  # the first event is Start
                if number == alive:
                    kill(shared)
        partial = caught.value.partial.text if caught.value.partial else ""
        assert partial.startswith(whole) or whole.startswith(partial)
        assert partial or alive < 2
    assert shared.generate("hello", seed=1, max_tokens=60).text == whole


@linux
@pytest.mark.parametrize(("said", "meant"), [(None, "glibc.malloc.hugetlb=1"), ("glibc.malloc.check=0",) * 2])
def test_the_worker_s_memory_is_in_huge_pages_unless_the_user_tunes_it(
    alphabet_file: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, meant: str
) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if said:
        monkeypatch.setenv("GLIBC_TUNABLES", said)
    with Generator(alphabet_file, context=310) as generator:  # with a worker of its own
        environment = Path(f"/proc/{worker(generator)}/environ").read_bytes().split(b"\0")
    assert f"GLIBC_TUNABLES={meant}".encode() in environment


@posix
def test_a_program_that_closes_all_files_loses_a_worker_and_no_more(alphabet_file: Path) -> None:
    code = (
        "import os, sys, genkit\n"
        "with genkit.Generator('llama:' + sys.argv[1]) as generator:\n"
        "    generator.warm()\n"
        "    os.closerange(3, 256)\n"
        "    try: generator.generate('a', max_tokens=1)\n"
        "    except genkit.errors.WorkerDied: pass\n"
        "    print(generator.generate('a', max_tokens=1).usage.output_tokens)"
    )
    run = [sys.executable, "-c", code, alphabet_file]
    done = subprocess.run(run, capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (b"1\n", b"")


def test_a_worker_that_cannot_be_started_is_a_backend_error(
    alphabet_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room() -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Generator(alphabet_file, context=300) as generator:  # with a worker of its own
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "/nowhere/python")
            with pytest.raises(BackendError, match="start"):
                generator.generate("y")
        with monkeypatch.context() as patch:
            patch.setattr(child.tempfile, "TemporaryFile", no_room)  # for its last words
            with pytest.raises(BackendError, match=r"cannot be started: .*No space left"):
                generator.generate("y")
        assert generator.generate("y").text == "z"


@posix
def test_a_worker_that_never_begins_is_given_up(
    alphabet_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (hanging := tmp_path / "python").write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    hanging.chmod(0o755)
    with Generator(alphabet_file, context=300) as generator, monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(hanging))
        patched.setattr(child, "LONGEST_START", 0.1)
        with pytest.raises(WorkerDied, match=r"had not begun after 0\.1 s") as caught:
            generator.generate("w")
        assert caught.value.retryable
        patched.undo()
        assert generator.generate("w").text == "xyz"


def test_a_worker_that_has_begun_may_run_for_longer_than_it_may_take_to_begin(alphabet_file: Path) -> None:
    with Generator(alphabet_file, context=300) as generator:  # with a worker of its own
        before = threading.enumerate()
        generator.warm()
        begun = [thread for thread in threading.enumerate() if thread not in before]
        assert all(timer.finished.is_set() for timer in begun if isinstance(timer, threading.Timer))


def test_a_missing_package_names_the_extra_that_brings_it(alphabet_file: Path, tmp_path: Path) -> None:
    shutil.copytree(Path(genkit.__file__).parent, tmp_path / "genkit", symlinks=True)
    program = (
        "import genkit, sys\n"
        "try: genkit.Generator('llama:' + sys.argv[1]).generate('y')\n"
        "except genkit.errors.MissingDependency as error: print(error.extra, error)"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-c", program, str(alphabet_file)],  # -S: nothing is installed
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.startswith("local ")
    assert 'pip install "genkit-sdk[local]"' in run.stdout
    assert issubclass(MissingDependency, genkit.errors.ConfigError)


@posix
@pytest.mark.parametrize("options", [(), ("-E",)])
def test_what_a_host_s_interpreter_is_made_of_does_not_come_between(
    alphabet_file: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.stdout.write('hello'); sys.stdout.flush()")
    root = str(Path(genkit.__file__).parents[1])
    program = (
        "import sys, pathlib\n"
        f"sys.path[:0] = [{root!r}, 3, None, pathlib.Path('/')]\n"
        "import genkit\n"
        "print(genkit.Generator('llama:' + sys.argv[1]).generate('y').text)\n"
    )
    trouble = {"PYTHONHOME": str(tmp_path)} if options else {"PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, *options, "-c", program, str(alphabet_file)],
        env={**os.environ, **trouble}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.removeprefix("hello").split() == ["z"]


def test_a_program_that_takes_unnamed_encodings_for_errors_has_a_worker(alphabet_file: Path) -> None:
    program = "import sys, genkit\nprint(genkit.Generator('llama:' + sys.argv[1]).generate('y').text)\n"
    strict = {"PYTHONWARNDEFAULTENCODING": "1", "PYTHONWARNINGS": "error::EncodingWarning"}
    run = subprocess.run(
        [sys.executable, "-c", program, str(alphabet_file)],
        env={**os.environ, **strict}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.split() == ["z"]


@pytest.mark.skipif(not shutil.which("localedef"), reason="nothing here makes a locale")
def test_a_path_names_the_same_file_where_the_system_s_encoding_is_not_utf_8(
    alphabet_file: Path, tmp_path: Path
) -> None:
    latin = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(tmp_path / "en_US.ISO-8859-1")]
    subprocess.run(latin, capture_output=True, check=False)
    program = (
        "import sys, genkit\n"
        "print(sys.getfilesystemencoding())\n"
        "print(genkit.Generator('llama:' + sys.argv[1]).generate('y').text)\n"
    )
    there = {"LOCPATH": str(tmp_path), "LC_ALL": "en_US.ISO-8859-1"}
    run = subprocess.run(
        [sys.executable, "-c", program, shutil.copy(alphabet_file, tmp_path / "é ÿ.gguf")],
        env={**os.environ, **there}, capture_output=True, encoding="latin-1", check=True,
    )  # fmt: skip
    encoding, text = run.stdout.split()
    if encoding == "utf-8":
        pytest.skip("this system has no other encoding")
    assert text == "z"


# --- cancelling


def test_row_27_closing_a_stream_frees_the_model_at_once(shared: Generator, noise: Generator) -> None:
    with shared.stream("hello") as stream:
        next(stream.text)
    assert stream.response.finish_reason == "incomplete"
    expected = noise.generate("hello", seed=1, max_tokens=20).text
    assert shared.generate("hello", seed=1, max_tokens=20).text == expected


@linux
def test_row_27_a_prompt_cancelled_half_way_leaves_no_trace(shared: Generator, noise: Generator) -> None:
    pid = worker(shared)
    with shared.stream(LONG_PROMPT) as stream:
        next(iter(stream))
        wait_until_busy(pid)
    expected = noise.generate("hello" * 99, seed=1, max_tokens=50).text
    assert shared.generate("hello" * 99, seed=1, max_tokens=50).text == expected
    assert worker(shared) == pid


@linux
def test_row_27_cancelling_a_task_stops_the_work(shared: Generator) -> None:
    async def cancel() -> None:
        call = asyncio.create_task(shared.agenerate(LONG_PROMPT))
        await asyncio.sleep(0)  # it is asked now
        await asyncio.to_thread(wait_until_busy, pid)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await shared.agenerate("hello", max_tokens=3)).usage.output_tokens == 3

    pid = worker(shared)
    asyncio.run(cancel())
    assert worker(shared) == pid


def test_row_27_a_call_cancelled_in_the_queue_is_never_run(shared: Generator, noise: Generator) -> None:
    with shared.stream("hello") as running:
        next(running.text)
        for _ in range(3):
            with shared.stream("waiting") as waiting:
                next(iter(waiting))  # it is tokenised, and waits
    expected = noise.generate("hello", seed=1, max_tokens=20).text
    assert shared.generate("hello", seed=1, max_tokens=20).text == expected


def test_a_dropped_stream_may_be_collected_in_the_middle_of_any_line(alphabet: Generator) -> None:
    thresholds = gc.get_threshold()
    gc.freeze()
    try:
        for moment in range(1, 150):  # so many allocations later the garbage collector runs
            gc.collect()
            stream = alphabet.stream("0")
            next(iter(stream))
            cycle: list[object] = [stream]
            cycle.append(cycle)
            del stream, cycle
            gc.set_threshold(moment)
            assert alphabet.generate("y").text == "z"
            gc.set_threshold(*thresholds)
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@posix
def test_a_question_that_no_worker_reads_waits_no_longer_than_its_timeout(
    shared: Generator, noise_file: Path
) -> None:
    async def ask() -> None:
        call = asyncio.create_task(shared.agenerate("x" * 1_000_000))  # far more than a pipe holds
        await asyncio.sleep(0)  # it is asked now, and the event loop goes on
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    pid = worker(shared)
    with Generator(noise_file, context=131072, parallel=1, threads=2, timeout=0.01) as hurried:
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(DeadlineExceeded):
            hurried.generate("x" * 1_000_000)
        assert hurried._backend.worker.pid == pid  # type: ignore[attr-defined]
        asyncio.run(ask())
        os.kill(pid, signal.SIGCONT)
    assert worker(shared) == pid


def test_a_question_that_is_too_large_starts_no_worker(alphabet_file: Path) -> None:
    with Generator(alphabet_file, context=360) as generator:  # with a worker of its own
        with pytest.raises(BadRequest, match="too large"):
            generator.count("x" * (64 << 20))
        assert generator._backend.worker.worker._connection is None  # type: ignore[attr-defined]


@posix
def test_a_stream_whose_event_loop_was_closed_is_cancelled(noise_file: Path) -> None:
    async def begin() -> object:
        stream = generator.astream("hello")
        async for _ in stream:
            break
        return stream

    with Generator(noise_file, context=131072, idle=0.01) as generator:
        loop = asyncio.new_event_loop()
        stream = loop.run_until_complete(begin())
        loop.close()  # and its asynchronous generators are not
        wait_until(lambda: generator._backend.worker.pid is None)  # type: ignore[attr-defined]
        del stream


# --- Ctrl-C


@linux
def test_ctrl_c_gives_control_back_in_the_middle_of_a_prompt(noise_file: Path) -> None:
    program = (
        "import genkit, sys\n"
        "generator = genkit.Generator('llama:' + sys.argv[1], context=131072)\n"
        "generator.warm()\n"
        "print(generator._backend.worker.pid, flush=True)\n"
        "try: generator.generate('x' * 100_000)\n"
        "except KeyboardInterrupt: print('interrupted', flush=True)\n"
        "print(generator.generate('hello', max_tokens=3).usage.output_tokens)\n"
        "print(generator._backend.worker.pid)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(noise_file)], stdout=subprocess.PIPE, text=True
    ) as host:
        assert host.stdout
        pid = host.stdout.readline().strip()
        wait_until_busy(int(pid))
        host.send_signal(signal.SIGINT)
        assert host.stdout.read().split() == ["interrupted", "3", pid]  # by the same worker
    assert host.returncode == 0


@posix
def test_ctrl_c_in_a_terminal_is_not_for_the_worker(shared: Generator) -> None:
    assert os.getsid(worker(shared)) == worker(shared)


@linux
def test_ctrl_c_while_a_worker_does_not_read_costs_nothing(shared: Generator) -> None:
    def waits() -> bool:
        is_there = sys._current_frames()[main].f_code.co_name == "get"
        stat = Path(f"/proc/self/task/{threading.main_thread().native_id}/stat").read_text()
        return is_there and stat.rsplit(")", 1)[1].split()[0] == "S"

    def interrupt() -> None:
        wait_until(waits)  # Python does not notice a signal that comes just before it waits for the answer
        signal.pthread_kill(main, signal.SIGINT)

    main, pid = threading.get_ident(), worker(shared)
    os.kill(pid, signal.SIGSTOP)
    helper = threading.Thread(target=interrupt)
    helper.start()
    with pytest.raises(KeyboardInterrupt):
        shared.generate("x" * 1_000_000)  # far more than a pipe holds
    helper.join()
    os.kill(pid, signal.SIGCONT)
    assert shared.generate("hello", max_tokens=3).usage.output_tokens == 3
    assert worker(shared) == pid


@posix  # elsewhere a thread writes questions, which no Ctrl-C interrupts
def test_ctrl_c_in_the_middle_of_a_question_costs_a_worker_and_no_other_call(shared: Generator) -> None:
    pid = worker(shared)
    with pytest.raises(KeyboardInterrupt), at("c_return", "write", interrupt):
        shared.generate("hello")
    assert shared.generate("hello", max_tokens=3).usage.output_tokens == 3
    assert worker(shared) != pid


@pytest.mark.parametrize("place", ["connect", "_send", "ask", "send"])
def test_ctrl_c_as_a_question_is_sent_leaves_no_call_behind(shared: Generator, place: str) -> None:
    shared.warm()
    with pytest.raises(KeyboardInterrupt), at("return", place, interrupt):
        shared.generate("hello")
    assert not shared._backend.worker._connection._calls  # type: ignore[attr-defined]
    assert shared.generate("hello", max_tokens=3).usage.output_tokens == 3


@pytest.mark.filterwarnings("error")
def test_ctrl_c_before_the_first_step_of_a_call_leaves_no_coroutine_behind(shared: Generator) -> None:
    with pytest.raises(KeyboardInterrupt), at("c_call", "get_asyncgen_hooks", interrupt):
        shared.warm()
    gc.collect()  # of what was never awaited Python warns here, which pytest turns into an error


@linux
@pytest.mark.parametrize(
    "place", ["c_return set_blocking", "return renew_after_fork", "return start", "return _send"]
)
def test_ctrl_c_as_a_worker_starts_leaves_none_behind(alphabet_file: Path, place: str) -> None:
    before = children()
    with Generator(alphabet_file, context=320) as generator:  # with a worker of its own
        with pytest.raises(KeyboardInterrupt), at(*place.split(), interrupt):
            generator.generate("y")
        assert children() == before
        assert generator.generate("y").text == "z"
    assert children() == before


@linux
@pytest.mark.parametrize("place", ["call _die", "call kill", "return kill", "call join"])
def test_close_can_be_called_again_after_ctrl_c(alphabet_file: Path, place: str) -> None:
    before = children()
    generator = Generator(alphabet_file, context=330)  # with a worker of its own
    generator.warm()
    with pytest.raises(KeyboardInterrupt), at(*place.split(), interrupt):
        generator.close()
    generator.close()
    assert children() == before


# --- signal handlers


@linux
@pytest.mark.parametrize(
    "place", ["c_return fork_exec", "return _start", "call start", "return _send", "return connect"]
)
def test_a_signal_handler_may_close_the_generator_while_its_worker_starts(
    alphabet_file: Path, place: str
) -> None:
    before = children()
    generator = Generator(alphabet_file, context=340)  # with a worker of its own
    with pytest.raises(Closed), at(*place.split(), generator.close):
        generator.generate("y")
    assert children() == before


@linux
def test_a_signal_handler_may_ask_something_while_a_worker_starts(alphabet_file: Path) -> None:
    before = children()
    with Generator(alphabet_file, context=350) as generator:  # with a worker of its own
        with at("return", "_start", lambda: generator.generate("a", max_tokens=1)):
            assert generator.generate("y").text == "z"
        assert len(children() - before) == 1
    assert children() == before


@linux
def test_a_signal_handler_may_ask_something_while_a_dead_worker_is_cleared_away(alphabet_file: Path) -> None:
    before = children()
    with Generator(alphabet_file, context=350) as generator:  # with a worker of its own
        kill(generator)
        wait_until(lambda: generator._backend.worker.pid is None)  # type: ignore[attr-defined]
        with at("return", "_finish", lambda: generator.generate("a", max_tokens=1)):
            assert generator.generate("y").text == "z"
        assert len(children() - before) == 1
    assert children() == before


def test_a_signal_handler_may_close_a_generator_whose_worker_others_have_too(noise_file: Path) -> None:
    with Generator(noise_file, context=2048) as other:
        other.warm()
        for place in ("return pack", "return connect", "return ask"):
            generator = Generator(noise_file, context=2048)
            with pytest.raises(Closed), at(*place.split(), generator.close):
                generator.generate("y")  # whose answer has not come meanwhile, however busy the machine is
            assert other.generate("y", max_tokens=3).usage.output_tokens == 3


# --- the end


def test_closing_the_generator_ends_a_stream_with_closed(noise_file: Path) -> None:
    generator = Generator(noise_file, context=131072)
    with generator.stream("hello") as stream, pytest.raises(Closed):
        for piece in stream.text:
            assert piece
            closer = threading.Thread(target=generator.close)
            closer.start()
            closer.join()


def test_closing_the_generator_ends_a_call_that_waits(noise_file: Path) -> None:
    async def close() -> None:
        call = asyncio.create_task(generator.agenerate("hello"))
        await asyncio.sleep(0)  # it is asked now
        generator.close()
        await call

    generator = Generator(noise_file, context=131072)
    with pytest.raises(Closed):
        asyncio.run(close())


def test_a_log_hears_nothing_of_a_worker_that_is_closed(
    alphabet_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "genkit")
    with Generator(alphabet_file, context=360) as generator:  # with a worker of its own
        assert generator.generate("y").text == "z"
    assert caplog.records == []


@pytest.mark.parametrize("used", [True, False])
def test_after_close_every_call_says_closed(alphabet_file: Path, used: bool) -> None:
    with Generator(alphabet_file) as generator:
        if used:
            generator.warm()
        generator.close()
        generator.close()
        calls: list[Callable[[], object]] = [
            lambda: generator.generate("a"),
            lambda: list(generator.stream("a")),
            lambda: generator.count("a"),
            generator.warm,
            lambda: asyncio.run(generator.agenerate("a")),
        ]
        for call in calls:
            with pytest.raises(Closed):
                call()


def test_a_llama_cpp_that_cannot_be_loaded_is_told_as_such(alphabet_file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "llama_cpp"
    broken.mkdir()
    (broken / "__init__.py").touch()
    (broken / "llama_cpp.py").write_text("raise RuntimeError('Failed to load shared library')")
    program = (
        "import genkit, sys\n"
        "try: genkit.Generator('llama:' + sys.argv[1]).generate('y')\n"
        "except genkit.errors.MissingDependency as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(alphabet_file)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout.startswith("llama.cpp cannot be loaded: Failed to load shared library; install")
