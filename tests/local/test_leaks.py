"""Many streams and many models leave nothing behind: no file descriptor, thread, process or memory."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import genkit
from genkit import Generator

linux = pytest.mark.skipif(sys.platform != "linux", reason="this looks into /proc")
MEGABYTE = 1 << 20


def open_files(pid: int | str = "self") -> list[str]:
    """What the file descriptors of a process lead to."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(entry).partition(":")[0])  # without the number of a pipe or socket
        except FileNotFoundError:  # that of iterdir() itself
            continue
    return sorted(found)


def status(pid: int | str, key: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{key}:")).split()[1])


def memory(pid: int | str = "self") -> int:
    """The bytes that are a process's own: mapped files do not count."""
    return status(pid, "RssAnon") * 1024


def children() -> set[str]:
    """The processes that this one started; the dead that nobody asked after count too."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == os.getpid():
            found.add(process.name)
    return found


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def leave_within_text(generator: Generator) -> None:
    with generator.stream("hello") as stream:
        next(stream.text)


def leave_before_text(generator: Generator) -> None:
    with generator.stream("hello" * 50) as stream:
        next(iter(stream))


def leave_unread(generator: Generator) -> None:
    generator.stream("hello")


def drop(generator: Generator) -> None:
    next(generator.stream("hello").text)


def drop_in_a_cycle(generator: Generator) -> None:
    stream = generator.stream("hello")
    next(stream.text)
    cycle: list[object] = [stream]
    cycle.append(cycle)


def leave_async(generator: Generator) -> None:
    async def main() -> None:
        async with generator.astream("hello") as stream:
            async for _ in stream.text:
                break

    asyncio.run(main())


def drop_async(generator: Generator) -> None:
    async def main() -> None:
        async for _ in generator.astream("hello"):
            break

    asyncio.run(main())


def cancel(generator: Generator) -> None:
    async def main() -> None:
        call = asyncio.create_task(generator.agenerate("hello"))
        await asyncio.sleep(0)  # it is asked now
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(main())


WAYS: list[Callable[[Generator], None]] = [
    leave_within_text,
    leave_before_text,
    leave_unread,
    drop,
    drop_in_a_cycle,
    leave_async,
    drop_async,
    cancel,
]


@linux
def test_abandoned_streams_leave_nothing_behind(noise_file: Path) -> None:
    def abandon(rounds: int) -> tuple[object, ...]:
        for _ in range(rounds):
            for way in WAYS:
                way(generator)
        gc.collect()
        assert generator.generate("hello", seed=1, max_tokens=20) == expected  # all before it has ended
        return open_files(), open_files(worker), threads(), children(), status(worker, "Threads")

    with Generator(noise_file) as generator:
        expected = generator.generate("hello", seed=1, max_tokens=20)
        worker = generator._backend.worker.pid  # type: ignore[attr-defined]
        before = abandon(3)
        ours, its = memory(), memory(worker)
        assert abandon(13) == before  # 104 streams
        assert not generator._backend.worker._connection._calls  # type: ignore[attr-defined]
        assert not generator._backend.worker.calls  # type: ignore[attr-defined]
        assert memory() - ours < 8 * MEGABYTE
        assert memory(worker) - its < 8 * MEGABYTE


def load(model: Path, number: int) -> None:
    """Use a model once; every other time without closing the Generator."""
    generator = Generator(model)
    assert generator.generate("y").text == "z"
    if number % 2:
        generator.close()


@linux
def test_models_loaded_from_several_threads_leave_nothing_behind_and_say_nothing(
    alphabet_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def load_all(count: int) -> tuple[object, ...]:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(load, [alphabet_file] * count, range(count)))
        gc.collect()
        return open_files(), threads(), children()

    before = load_all(8)
    held = memory()
    assert load_all(100) == before
    assert memory() - held < 8 * MEGABYTE
    assert capfd.readouterr() == ("", "")  # of the file descriptors


def test_a_model_that_fails_to_load_leaves_nothing_behind_and_says_nothing(
    tmp_path: Path, alphabet_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(count: int) -> tuple[object, ...]:
        for _ in range(count):
            with Generator(broken) as generator, pytest.raises(genkit.errors.ModelFileError):
                generator.generate("y")
        return (open_files(), threads(), children()) if sys.platform == "linux" else (threads(),)

    broken = tmp_path / "broken.gguf"
    broken.write_bytes(alphabet_file.read_bytes()[:-4096])
    before = fail(1)
    assert fail(5) == before
    assert capfd.readouterr() == ("", "")
