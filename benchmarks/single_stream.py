"""The speed of one answer: a Generator against llama-cpp-python's own ``Llama``, in turn, in one run.

On a model of random weights in the shape of a 0.5B one, Q4_0 (see ``random_model.py``), which is
written to a temporary directory, or to the path given in GENKIT_BENCHMARK_MODEL::

    python benchmarks/single_stream.py            # a minute or two
    python benchmarks/single_stream.py --smoke

Both take the likeliest token, with as many threads and the same prompt, and genkit guesses none
(``lookup``): what random weights repeat would flatter it. (Words are most of the vocabulary: ``Llama`` goes
past max_tokens while a character is not whole.)

The threads of ``Llama`` spin for milliseconds while they wait for each other, which is fast on a machine with
nothing else to do, as this one has to be, and many times slower than genkit beside another program.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from random_model import model_file
from report import Report, options

import genkit
from genkit.local.machine import default_threads

CONTEXT = 1024


def peer(path: str, tokens: int) -> None:
    """An answer to each line of stdin by ``Llama``: prints its number of tokens and seconds."""
    from llama_cpp import Llama  # noqa: PLC0415 - only in the process of the peer

    threads = default_threads()
    llama = Llama(path, n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)
    for line in sys.stdin:
        chat = f"<|im_start|>user\n{line.strip()}<|im_end|>\n<|im_start|>assistant\n"
        prompt = llama.tokenize(chat.encode(), add_bos=False, special=True)
        start = time.perf_counter()
        answer = llama.create_completion(prompt, max_tokens=tokens, temperature=0)
        took = time.perf_counter() - start
        print(answer["usage"]["completion_tokens"], took, file=sys.__stdout__, flush=True)


def by_genkit(generator: genkit.Generator, prompt: str, tokens: int) -> tuple[int, float]:
    start = time.perf_counter()
    reply = generator.generate(prompt, max_tokens=tokens, temperature=0)
    return reply.usage.output_tokens, time.perf_counter() - start


def by_peer(process: subprocess.Popen[str], prompt: str) -> tuple[int, float]:
    assert process.stdin
    assert process.stdout
    print(prompt, file=process.stdin, flush=True)
    count, took = process.stdout.readline().split()
    return int(count), float(took)


def compare(path: Path, tokens: int, rounds: int, waiting: dict[str, str]) -> tuple[list[float], list[float]]:
    """Tokens a second in each round, after one to warm up: genkit's, and the peer's with these variables."""
    command = [sys.executable, __file__, "--peer", str(path), str(tokens)]
    ours, theirs = [], []
    with (
        genkit.Generator(path, context=CONTEXT, lookup=False) as generator,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **waiting}
        ) as process,
    ):
        for number in range(rounds + 1):
            prompt = f"{number}. Who are you?"  # none begins like another: nothing of it is remembered
            count, took = by_genkit(generator, prompt, tokens)
            their_count, their_took = by_peer(process, prompt)
            assert count == their_count, f"genkit made {count} tokens, Llama {their_count}"
            if number:
                ours.append(count / took)
                theirs.append(count / their_took)
    return ours, theirs


def main() -> None:
    smoke = options(__doc__).smoke
    report = Report(smoke=smoke)
    size = (4, 1) if smoke else (96, 7)
    # On a busy machine, threads that spin would take minutes.
    waiting = {"OMP_WAIT_POLICY": "PASSIVE"} if smoke else {}
    with model_file({"layers": 1, "vocabulary": 8192} if smoke else None) as path:
        ours, theirs = compare(path, *size, waiting)
    report.figure("genkit", statistics.median(ours), "t/s")
    report.figure("Llama", statistics.median(theirs), "t/s")
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    report.at_least("genkit to Llama, median of rounds", ratio, 0.97)
    report.end()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        peer(sys.argv[2], int(sys.argv[3]))
    else:
        main()
