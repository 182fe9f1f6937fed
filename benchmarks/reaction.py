"""How long genkit makes one wait: for a first token, the news of a death, control after Ctrl-C, a free place.

    python benchmarks/reaction.py            # a minute; POSIX only
    python benchmarks/reaction.py --smoke

The first token is that of ``genkit run`` on the model in the box, from the start of the program. Ctrl-C is
on a model of random weights (see ``random_model.py``), the size of a 0.5B one; a death is on both, since
the system gives back the memory of the dead before it closes their pipes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from random_model import fabricate
from report import Report, options

import genkit
from genkit.errors import WorkerDied

LONG_PROMPT = "x" * 6000  # as many tokens: a minute of work


def first_token(rounds: int) -> list[float]:
    """Seconds until ``genkit run`` shows the first of its text."""

    def once() -> float:
        start = time.perf_counter()
        command = [sys.executable, "-m", "genkit", "run", "Tell me a story about a fox"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.read(1)
            took = time.perf_counter() - start
            process.stdout.read()
        assert process.returncode == 0
        return took

    return [once() for _ in range(rounds)]


def death(generator: genkit.Generator, rounds: int) -> list[float]:
    """Milliseconds from ``kill -9`` of the worker in a stream until the caller has the error."""

    def once() -> float:
        with generator.stream("Hello!", temperature=0) as stream:
            next(stream.text)
            start = time.perf_counter()
            os.kill(generator._backend.worker.pid, signal.SIGKILL)
            with contextlib.suppress(WorkerDied):
                for _ in stream:
                    pass
            return (time.perf_counter() - start) * 1e3

    return [once() for _ in range(rounds)]


def interruption(generator: genkit.Generator, rounds: int, pause: float) -> list[float]:
    """Milliseconds from Ctrl-C in the middle of a long prompt until the caller has control."""
    pressed = 0.0

    def press() -> None:
        nonlocal pressed
        time.sleep(pause)
        pressed = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)

    def once() -> float:
        finger = threading.Thread(target=press)
        finger.start()
        try:
            generator.generate(LONG_PROMPT, max_tokens=1)
        except KeyboardInterrupt:
            took = time.perf_counter() - pressed
        finger.join()
        return took * 1e3

    generator.warm()
    return [once() for _ in range(rounds)]


async def cancelled(generator: genkit.Generator, prompt: str, rounds: int) -> list[float]:
    """Milliseconds from the cancellation of a call, in the only place there is, until the next one has it.

    That is all the time the next call takes, but for what it computed itself.
    """
    waits = []
    for each in range(rounds):
        task = asyncio.create_task(generator.agenerate(prompt, max_tokens=4000, temperature=0))
        await asyncio.sleep(0.1 + 0.003 * each)  # at another moment of a step each time
        start = time.perf_counter()
        task.cancel()
        answer = await generator.agenerate("Hello!", max_tokens=1)
        took = time.perf_counter() - start
        assert task.cancelled()
        assert answer.metrics
        waits.append((took - (answer.metrics.first_token - answer.metrics.queued)) * 1e3)
    return waits


def served(generator: genkit.Generator) -> float:
    """Seconds that the next call takes."""
    start = time.perf_counter()
    generator.generate("Hello!", max_tokens=1)
    return time.perf_counter() - start


def main() -> None:
    smoke = options(__doc__).smoke
    report, rounds = Report(smoke=smoke), 1 if smoke else 7
    report.at_most("genkit run: first token, median", statistics.median(first_token(rounds)), 1.5, "s")
    with genkit.Generator() as generator:
        report.at_most(
            "kill -9, model in the box: typed error, worst", max(death(generator, rounds)), 50, "ms"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(os.environ.get("GENKIT_BENCHMARK_MODEL") or Path(folder) / "random.gguf")
        if smoke:
            path = Path(folder) / "small.gguf"
        fabricate(path, layers=24, vocabulary=512 if smoke else 151936)
        with genkit.Generator(path, context=8192) as generator:
            report.at_most("kill -9, 0.5B: typed error, worst", max(death(generator, rounds)), 50, "ms")
            report.figure("  the call after it, with a new worker", served(generator), "s")
            worst = max(interruption(generator, rounds, 0.2 if smoke else 1))
            report.at_most("Ctrl-C in a prompt: control, worst", worst, 200, "ms")
            report.figure("  the call after it", served(generator), "s")
        with genkit.Generator(path, context=8192, parallel=1, lookup=False) as generator:
            generator.warm()
            for where, prompt in (("a prompt", LONG_PROMPT), ("an answer", "Hello!")):
                waits = sorted(asyncio.run(cancelled(generator, prompt, 2 if smoke else 100)))
                report.at_most(
                    f"cancelled in {where}: next begins, p99", waits[int(0.99 * len(waits))], 50, "ms"
                )
    report.end()


if __name__ == "__main__":
    main()
