"""What a token costs above the engine: frame, pipe, channel, text, events, in microseconds.

A worker process that computes nothing sends tokens, and a Generator's stream reads them as it reads
those of a model::

    python benchmarks/overhead.py            # half a minute
    python benchmarks/overhead.py --smoke

"at once" is the time for a token when the worker sends as fast as it can: whichever side is slower.
"one by one" is CPU time of both sides, threads that wake each other included, when there is a pause
after every token, as when a model computes the next.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from report import Report, options

import genkit
from genkit.events import TextDelta
from genkit.local import child, pipe

# Sends tokens between what a real worker sent before and after its own. The pause is not part of the cost.
_BOOT = """
import json, os, sys, time
sys.path[:] = sys.argv[1:]
from genkit.local import pipe
commands, answers = pipe.frames(sys.stdin.buffer), sys.stdout.buffer
answers.write(pipe.BEGIN)
before, after = json.loads(os.environ["GENKIT_ANSWERS"])
next(commands)  # the settings
for command in commands:
    if command["do"] != "generate":
        continue
    call, pause = command["call"], command["sampling"]["temperature"]
    for frame in before:
        answers.write(pipe.pack({**frame, "call": call}))
    cpu = 0.0
    for number in range(command["sampling"]["max_tokens"]):
        if pause:
            time.sleep(pause)
        start = time.thread_time()
        answers.write(pipe.pack_tokens([pipe.Token(call, number, b" word")]))
        answers.flush()
        cpu += time.thread_time() - start
    for frame in after:
        answers.write(pipe.pack({**frame, "call": call}))
    answers.flush()
    sys.stderr.write(f"{cpu}\\n")
    sys.stderr.flush()
"""
PAUSE = 0.0005  # seconds


def record() -> str:
    """What a worker sends before and after its tokens, as JSON."""
    seen: list[Any] = []
    frames = pipe.frames

    def overheard(stream: IO[bytes]) -> Iterator[Any]:
        for frame in frames(stream):
            seen.append(frame)
            yield frame

    pipe.frames = overheard
    try:
        with genkit.Generator() as generator:
            generator.generate("Hello!", max_tokens=1)
    finally:
        pipe.frames = frames
    seen = [frame for frame in seen if isinstance(frame, list) or frame["call"]]
    at = next(number for number, frame in enumerate(seen) if isinstance(frame, list))
    return json.dumps([seen[:at], seen[at + 1 :]])


def read(generator: genkit.Generator, tokens: int, pause: float) -> None:
    with generator.stream("x", max_tokens=tokens, temperature=pause) as stream:
        assert sum(isinstance(event, TextDelta) for event in stream) == tokens


def read_async(generator: genkit.Generator, tokens: int, pause: float) -> None:
    async def main() -> None:
        async with generator.astream("x", max_tokens=tokens, temperature=pause) as stream:
            assert len([event async for event in stream if isinstance(event, TextDelta)]) == tokens

    asyncio.run(main())


Reader = Callable[[genkit.Generator, int, float], None]


def at_once(generator: genkit.Generator, read: Reader, tokens: int, rounds: int) -> float:
    """Microseconds a token; the least of some rounds."""

    def once() -> float:
        start = time.perf_counter()
        read(generator, tokens, 0)
        return time.perf_counter() - start

    return min(once() for _ in range(rounds)) / tokens * 1e6


def one_by_one(generator: genkit.Generator, read: Reader, tokens: int, rounds: int) -> float:
    """Microseconds of CPU a token, in both processes; the least of some rounds."""

    def once() -> float:
        start = time.process_time()
        read(generator, tokens, PAUSE)
        return time.process_time() - start + _workers_cpu(generator)

    return min(once() for _ in range(rounds)) / tokens * 1e6


def _workers_cpu(generator: genkit.Generator) -> float:
    """What the worker said last."""
    said = generator._backend.worker._connection._peer._said
    while True:
        said.seek(0)
        if lines := said.read().split():
            return float(lines[-1])


def main() -> None:
    smoke = options(__doc__).smoke
    tokens, rounds = (100, 1) if smoke else (20_000, 5)
    few, report = max(tokens // 10, 10), Report(smoke=smoke)
    os.environ["GENKIT_ANSWERS"] = record()
    child._BOOT = _BOOT
    with genkit.Generator() as generator:
        for name, reader in (("sync", read), ("async", read_async)):
            report.at_most(f"{name}, at once", at_once(generator, reader, tokens, rounds), 15, "us")
            report.figure(f"{name}, one by one, CPU", one_by_one(generator, reader, few, rounds), "us")
    report.end()


if __name__ == "__main__":
    main()
