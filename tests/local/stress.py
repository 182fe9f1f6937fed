"""Many threads on one Generator, and a worker that is killed again and again: right answers, host unharmed.

    python tests/local/stress.py --threads 32 --calls 1000 --kills 500

The tests run a small sample of it (``test_stress.py``). Killing needs POSIX signals.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import random
import signal
import string
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fabricate

from genkit import Generator
from genkit.errors import WorkerDied

LETTERS = string.ascii_lowercase


def ask(generator: Generator, moments: random.Random) -> str:
    """Make a call of any kind; what was wrong with its answer, or ``right``."""
    letter = moments.choice(LETTERS[:-1])
    expected = LETTERS[LETTERS.index(letter) + 1 :]
    match moments.randrange(4):
        case 0:  # left in the middle
            with generator.stream("0") as stream:
                return "right" if next(stream.text) == "1" else "wrong in a stream that was left"
        case 1:
            with generator.stream(letter) as stream:
                text = "".join(stream.text)
        case 2:
            text, expected = str(generator.count(letter).tokens), "1"
        case _:
            text = generator.generate(letter).text
    return "right" if text == expected else f"{text!r} after {letter!r}"


def calls(generator: Generator, threads: int, each: int) -> collections.Counter[str]:
    """How often which outcome came of this many calls in each of so many threads."""

    def work(seed: int) -> collections.Counter[str]:
        moments = random.Random(seed)
        return collections.Counter(ask(generator, moments) for _ in range(each))

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads)), collections.Counter())


def kills(generator: Generator, threads: int, wanted: int, longest: float = 1.0) -> collections.Counter[str]:
    """The outcomes of calls in so many threads until their worker was killed this often.

    Args:
        generator: on the alphabet.
        threads: how many call.
        wanted: how many kills.
        longest: the most seconds from a worker's start to its death.
    """
    is_over = threading.Event()

    def work(seed: int) -> collections.Counter[str]:
        moments, outcomes = random.Random(seed), collections.Counter[str]()
        while not is_over.is_set():
            try:
                outcomes[ask(generator, moments)] += 1
            except WorkerDied as error:
                outcomes[f"died of {error.signal}"] += 1
            except Exception as error:  # noqa: BLE001 - what should not be is an outcome too
                outcomes[repr(error)] += 1
        return outcomes

    def kill() -> None:
        moments, last = random.Random(0), None
        for _ in range(wanted):
            while (pid := generator._backend.worker.pid) in (None, last):
                time.sleep(0.001)
            time.sleep(moments.uniform(0, longest))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            last = pid

    with ThreadPoolExecutor(threads) as pool:
        working = [pool.submit(work, seed) for seed in range(threads)]
        try:
            kill()
        finally:
            is_over.set()
        return sum((each.result() for each in working), collections.Counter())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--calls", type=int, default=1000, help="in each thread")
    parser.add_argument("--kills", type=int, default=500)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Generator(fabricate.alphabet(Path(folder) / "alphabet.gguf")) as generator,
    ):
        start = time.perf_counter()
        outcomes = calls(generator, options.threads, options.calls)
        print(f"calls: {dict(outcomes)} in {time.perf_counter() - start:.0f} s", flush=True)
        after = kills(generator, options.threads, options.kills) if options.kills else collections.Counter()
        print(f"{options.kills} kills: {dict(after)} in {time.perf_counter() - start:.0f} s")
        last = calls(generator, 1, 10)
    good = {"right", f"died of {int(signal.SIGKILL)}"}
    raise SystemExit(not (set(outcomes) == set(last) == {"right"} and set(after) <= good))


if __name__ == "__main__":
    main()
