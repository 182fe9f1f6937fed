"""How long genkit makes one wait: for a first token, news of a death or a deadline, control, a free place.

    python benchmarks/reaction.py            # a minute; POSIX only
    python benchmarks/reaction.py --smoke

The first token is that of ``genkit run`` on the model in the box, from the start of the program. Ctrl-C is
on a model of random weights (see ``random_model.py``), the size of a 0.5B one; a death is on both, since
the system gives back the memory of the dead before it closes their pipes. A remote call is one to a server on
this machine that has said one word, and says no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

from random_model import model_file
from report import Report, options

import genkit
from genkit.errors import DeadlineExceeded, WorkerDied
from genkit.testing import Answer, LoopbackProvider

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


def silent() -> LoopbackProvider:
    """A server that says one word, and then nothing."""
    word = b'data: {"choices": [{"index": 0, "delta": {"content": "Hello"}}]}\n\n'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    return LoopbackProvider(Answer(raw=head + word, end="hang"))


def overdue(rounds: int, timeout: float = 0.2) -> list[float]:
    """Milliseconds from the deadline of a remote call until the caller has the error.

    Not of the first, which loads what calls need.
    """
    waits = []
    with silent() as server, genkit.Generator("chat:m", base_url=server.url, timeout=timeout) as generator:
        for _ in range(rounds + 1):
            start = time.perf_counter()
            with contextlib.suppress(DeadlineExceeded):
                generator.generate("Hello!")
            waits.append((time.perf_counter() - start - timeout) * 1e3)
    return waits[1:]


def left(rounds: int) -> list[float]:
    """Milliseconds from the end of a remote stream that is closed early until its server sees it go."""
    waits = []
    with silent() as server, genkit.Generator("chat:m", base_url=server.url) as generator:
        for _ in range(rounds):
            stream = generator.stream("Hello!")
            next(stream.text)
            start = time.perf_counter()
            stream.close()
            assert server.requests[-1].gone.wait(60)
            waits.append((time.perf_counter() - start) * 1e3)
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
    report.at_most("remote, past its deadline: typed error, worst", max(overdue(rounds)), 100, "ms")
    report.at_most("remote, closed early: server sees it, worst", max(left(rounds)), 50, "ms")
    with genkit.Generator() as generator:
        report.at_most(
            "kill -9, model in the box: typed error, worst", max(death(generator, rounds)), 50, "ms"
        )
    with model_file({"vocabulary": 512} if smoke else None) as path:
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
