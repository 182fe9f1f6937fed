"""What the local engine makes of llama.cpp: genkit against its peers on one model, in one run.

    python benchmarks/local.py                 # some minutes, on a quiet machine
    python benchmarks/local.py --smoke         # seconds, with a tiny model: to see that it runs
    python benchmarks/local.py --model FILE.gguf --bench PATH/llama-bench --server PATH/llama-server
    python benchmarks/local.py --only parallel --figure docs/throughput.svg --server PATH/llama-server

Peers: a bare decode loop over the same bindings, llama-cpp-python's ``Llama`` behind a lock, and, where
their paths are given, llama.cpp's own ``llama-bench`` and ``llama-server``. Figures that are to be compared
are taken in turns, and the best of the rounds counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import socket
import statistics
import string
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from figure import draw
from random_model import model_file
from report import Report

import genkit
from genkit.local.context import Context
from genkit.local.llama import Model
from genkit.local.machine import default_threads
from genkit.local.sampler import Sampler

STREAMS = 8
COUNTS = (1, 2, 4, STREAMS)
NAMES = {"llama behind lock": "Llama behind a lock", "llama server": "llama-server"}

AT_LEAST = {
    "one stream: to bare": 0.98,
    "prompt: to bare": 0.97,
    "llama-bench decode: genkit to it": 0.98,
    "llama-bench prompt: genkit to it": 0.97,
    "eight parallel: to llama behind lock": 2.3,
    "eight parallel: to llama server": 1.0,
    "lookup, repeated: to without": 1.5,
    "lookup, prose: to without": 0.97,
    "lookup, noise: to without": 0.97,
}
AT_MOST = {
    "shared prefix: to apart": 0.25,
    "tenth turn: to alone": 1.3,
    "long prompt: worst gap to median": 3,
}


class Bench:
    """A model, and how much of it to ask.

    Args:
        path: the model file.
        scale: 1 for real figures; less to see that it runs.
        only: the names of the measurements to make, or none for all.
    """

    def __init__(self, path: Path, scale: float, only: list[str]) -> None:
        self.path, self.threads, self.only = path, default_threads(), only  # what genkit takes by itself
        self.answer, self.prompt = max(int(64 * scale), 8), max(int(512 * scale), 40)
        self.long, self.shared, self.rounds = int(4000 * scale), int(1000 * scale), 3 if scale == 1 else 1
        self.report, self.figures = Report(smoke=scale < 1), dict[str, float]()

    def wanted(self, name: str) -> bool:
        """Whether this is to be measured."""
        return not self.only or name in self.only

    def generator(self, **options: Any) -> genkit.Generator:
        """A loaded Generator; without guessed tokens, since what random weights repeat would flatter it."""
        options = {"context": 8192, "parallel": STREAMS, "lookup": False, **options}
        generator = genkit.Generator(self.path, **options)
        generator.generate("warm", max_tokens=2)
        return generator

    def note(self, name: str, **figures: float) -> None:
        """Tell the figures of a measurement, and keep them."""
        for key, value in figures.items():
            title = f"{name}: {key.replace('_', ' ')}"
            self.figures[title] = value
            if title in AT_LEAST:
                self.report.at_least(title, value, AT_LEAST[title])
            elif title in AT_MOST:
                self.report.at_most(title, value, AT_MOST[title])
            else:
                self.report.figure(title, value)

    def best(self, *ways: Callable[[], float], times: int = 1) -> list[float]:
        """The best of the rounds of each way, taken in turns; so many times as many as of other figures."""
        rounds = [[way() for way in ways] for _ in range(times * self.rounds)]
        return [max(column) for column in zip(*rounds, strict=True)]


def text(length: int, seed: int) -> str:
    """A text of about so many tokens; every seed has its own, or a peer's cache would answer for it."""
    return "".join(random.Random(seed).choices(string.ascii_lowercase, k=length))


def one_stream(bench: Bench, program: str | None) -> None:
    """Tokens per second of one answer, and of one prompt, against a bare loop over the same bindings.

    And against llama.cpp's own benchmark, if its path is given.
    """
    model = Model(str(bench.path))
    context = Context(model, size=2048, sequences=1, batch=512, threads=bench.threads)

    def bare_prompt() -> float:
        context.forget(0)
        start = time.perf_counter()
        context.decode([(97, at, 0, at == bench.prompt - 1) for at in range(bench.prompt)])
        sampler = Sampler(model, [("greedy",)], [])
        sampler.sample(context, bench.prompt - 1)
        return bench.prompt / (time.perf_counter() - start)

    def bare() -> float:
        context.forget(0)
        sampler, token = Sampler(model, [("greedy",)], []), 97
        start = time.perf_counter()
        for at in range(bench.answer):
            context.decode([(token, at, 0, True)])
            token = sampler.sample(context, 0)
        return bench.answer / (time.perf_counter() - start)

    with bench.generator() as generator:
        seed = iter(range(1, 99))

        def ours() -> float:
            answer = generator.generate("a", max_tokens=bench.answer, temperature=0)
            assert answer.metrics
            return answer.metrics.decode_tokens_per_second

        def ours_prompt() -> float:
            answer = generator.generate(text(bench.prompt - 20, next(seed)), max_tokens=1, temperature=0)
            assert answer.metrics
            return answer.metrics.prompt_tokens_per_second

        answers, prompts = [ours, bare], [ours_prompt, bare_prompt]
        if program:
            answers.append(lambda: llama_bench(bench, program, "-p", "0", "-n", str(bench.answer)))
            prompts.append(lambda: llama_bench(bench, program, "-p", str(bench.prompt), "-n", "0"))
        # What differs by so little shows in many rounds only, where a machine's best vary by a tenth.
        decode, bare_decode, *its_decode = bench.best(*answers, times=4)
        prompt, bare_evaluate, *its_prompt = bench.best(*prompts, times=4)
    context.close()
    model.close()
    bench.note("one stream", genkit=decode, bare=bare_decode, to_bare=decode / bare_decode)
    bench.note("prompt", genkit=prompt, bare=bare_evaluate, to_bare=prompt / bare_evaluate)
    for name, rate, its in (("decode", decode, its_decode), ("prompt", prompt, its_prompt)):
        for theirs in its:
            bench.note(f"llama-bench {name}", rate=theirs, genkit_to_it=rate / theirs)


def llama_bench(bench: Bench, program: str, *sizes: str) -> float:
    """The token rate of llama.cpp's own benchmark, of a prompt (``-p 512 -n 0``) or an answer."""
    command = [program, "-m", bench.path, "-t", bench.threads, "-r", 1, "-o", "json", *sizes]
    output = subprocess.run(list(map(str, command)), capture_output=True, check=True).stdout
    return float(json.loads(output)[0]["avg_ts"])


def at_once(ask: Callable[[int], int], count: int = STREAMS) -> float:
    """Tokens per second of so many calls from so many threads."""
    start = time.perf_counter()
    with ThreadPoolExecutor(count) as threads:
        tokens = sum(threads.map(ask, range(count)))
    return tokens / (time.perf_counter() - start)


@contextlib.contextmanager
def peers(bench: Bench, program: str | None) -> Iterator[dict[str, Callable[[int], int]]]:
    """Ways to ask a short question: of genkit, Llama behind a lock, and llama-server if its path is given."""
    import llama_cpp  # noqa: PLC0415 - its import is slow, and other measurements need none of it

    llama = llama_cpp.Llama(str(bench.path), n_ctx=8192, n_threads=bench.threads, verbose=False)
    lock, seeds = threading.Lock(), iter(range(1000, 9999))

    def of_llama(call: int) -> int:
        with lock:
            prompt = [{"role": "user", "content": text(40, next(seeds))}]
            answer = llama.create_chat_completion(prompt, max_tokens=bench.answer, temperature=0)
        return int(answer["usage"]["completion_tokens"])

    with bench.generator() as generator, contextlib.ExitStack() as stack:

        def of_genkit(call: int) -> int:
            prompt = text(40, next(seeds))
            return generator.generate(prompt, max_tokens=bench.answer, temperature=0).usage.output_tokens

        ways = {"genkit": of_genkit, "llama behind lock": of_llama}
        if program:
            ways["llama server"] = stack.enter_context(llama_server(bench, program))
        yield ways


def bare_batch(bench: Bench) -> float:
    """Tokens per second of eight answers that begin and end together, in a bare loop: what the CPU allows."""
    model = Model(str(bench.path))
    context = Context(model, size=8192, sequences=STREAMS, batch=512, threads=bench.threads)
    length, calls = 59, range(STREAMS)  # as many tokens as the prompts of the others
    samplers = [Sampler(model, [("greedy",)], []) for _ in calls]
    last = length - 1
    start = time.perf_counter()
    context.decode([(97 + (at + call) % 26, at, call, at == last) for call in calls for at in range(length)])
    tokens = [samplers[call].sample(context, call * length + last) for call in calls]
    for at in range(length, length + bench.answer - 1):
        context.decode([(tokens[call], at, call, True) for call in calls])
        tokens = [samplers[call].sample(context, call) for call in calls]
    rate = STREAMS * bench.answer / (time.perf_counter() - start)
    context.close()
    model.close()
    return rate


def parallel(bench: Bench, program: str | None, figure: Path | None) -> None:
    """Calls with different prompts at once, up to eight: genkit and its peers; drawn, if there is a path."""
    rates: dict[str, list[float]] = {}
    with peers(bench, program) as ways:
        for count in COUNTS:
            best = bench.best(*(partial(at_once, ask, count) for ask in ways.values()))
            for name, rate in zip(ways, best, strict=True):
                rates.setdefault(name, []).append(rate)
            bench.note(f"parallel requests {count}", **dict(zip(ways, best, strict=True)))
    (bare,) = bench.best(partial(bare_batch, bench))
    ours = rates.pop("genkit")
    bench.note("eight parallel", bare_batch=bare, to_bare_batch=ours[-1] / bare)
    bench.note("eight parallel", **{f"to {name}": ours[-1] / theirs[-1] for name, theirs in rates.items()})
    if figure:
        lines = {"genkit": ours, **{NAMES[name]: theirs for name, theirs in rates.items()}}
        axes = ("parallel requests", "tokens per second, all together")
        draw(figure, "Requests that run at the same time", axes, COUNTS, lines)


@contextlib.contextmanager
def llama_server(bench: Bench, program: str) -> Iterator[Callable[[int], int]]:
    """A way to ask llama-server."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [
        program,
        "-m",
        bench.path,
        "-t",
        bench.threads,
        "-np",
        STREAMS,
        "-c",
        8192,
        "-kvu",
        "--port",
        port,
    ]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seeds = iter(range(10_000, 99_999))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300, trust_env=False) as client:

        def ask(call: int) -> int:
            prompt = [{"role": "user", "content": text(40, next(seeds))}]
            body = {"messages": prompt, "max_tokens": bench.answer, "temperature": 0}
            return int(client.post("/v1/chat/completions", json=body).json()["usage"]["completion_tokens"])

        try:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    if client.get("/health").status_code == 200:
                        break
                time.sleep(0.1)
            ask(0)
            yield ask
        finally:
            process.terminate()
            process.wait()


def first_tokens(generator: genkit.Generator, prompts: list[list[genkit.Message]]) -> float:
    """Seconds until the last of several calls made together has its first token."""
    start = time.perf_counter()

    def first(messages: list[genkit.Message]) -> float:
        generator.generate(messages, max_tokens=1)
        return time.perf_counter() - start

    with ThreadPoolExecutor(len(prompts)) as threads:
        return max(threads.map(first, prompts))


def shared_prefix(bench: Bench) -> None:
    """Eight calls with one system prompt, against eight with as many different ones."""

    def calls(systems: list[int]) -> list[list[genkit.Message]]:
        return [
            [genkit.Message.system(text(bench.shared, seed)), genkit.Message.user(text(20, 50 + call))]
            for call, seed in enumerate(systems)
        ]

    with bench.generator(context=16384) as generator:
        shared = first_tokens(generator, calls([100] * STREAMS))
        apart = first_tokens(generator, calls(list(range(101, 101 + STREAMS))))
    bench.note("shared prefix", shared=shared, apart=apart, to_apart=shared / apart)


def tenth_turn(bench: Bench) -> None:
    """The time to the first token of a chat's tenth turn, against that of its new tokens alone."""
    with bench.generator() as generator:
        chat: list[genkit.Message] = []
        for turn in range(10):
            chat.append(genkit.Message.user(text(60, turn)))
            tenth = generator.generate(chat, max_tokens=8, temperature=0)
            chat.append(tenth.message)
        new = tenth.usage.input_tokens - tenth.usage.cached_tokens
        around = generator.count([genkit.Message.user("a")]).tokens - 1
        alone = generator.generate(text(new - around, 77), max_tokens=1, temperature=0)
    assert tenth.metrics
    assert alone.metrics
    bench.note(
        "tenth turn",
        first_token=tenth.metrics.first_token,
        alone=alone.metrics.first_token,
        to_alone=tenth.metrics.first_token / alone.metrics.first_token,
        evaluated=new,
        of=tenth.usage.input_tokens,
    )


def conversations(bench: Bench) -> None:
    """Three chats that take turns, in a context window with room for one, against one after the other."""
    length = max(bench.prompt // 4, 20)

    def seconds(order: list[int]) -> float:
        """The time of all turns but the first of each chat."""
        chats: dict[int, list[genkit.Message]] = {}
        took = 0.0
        with bench.generator(context=max(12 * length, 512), parallel=1) as generator:
            for turn, chat in enumerate(order):
                talk = chats.setdefault(chat, [])
                talk.append(genkit.Message.user(text(length, turn if talk else 100 + chat)))
                start = time.perf_counter()
                talk.append(generator.generate(talk, max_tokens=length // 8, temperature=0).message)
                took += time.perf_counter() - start if len(talk) > 2 else 0
        return took

    in_turn, apart = seconds([0, 1, 2] * 4), seconds([0] * 4 + [1] * 4 + [2] * 4)
    bench.note("three chats", in_turn=in_turn, one_by_one=apart, to_one_by_one=in_turn / apart)


def long_prompt(bench: Bench) -> None:
    """A long prompt arrives while four answers run: the longest gap between tokens to the median before it.

    The answers grow meanwhile, and with them what a token takes without any prompt: the second figure is to
    that, which lies on a line between the medians before and after. The third is to the median of all gaps of
    an answer, most of which came beside the prompt.
    """
    gaps: list[list[float]] = [[] for _ in range(4)]
    over = threading.Event()

    def listen(generator: genkit.Generator, call: int) -> None:
        last = None
        # Random weights also say what is no text; of the log probabilities there is one for every token.
        with generator.stream(text(20, call), max_tokens=3000, temperature=0, logprobs=0) as stream:
            for event in stream:
                if not isinstance(event, genkit.Logprobs):
                    continue
                now = time.perf_counter()
                if last is not None:
                    gaps[call].append(now - last)
                last = now
                if over.is_set():
                    return

    def wait(more: int) -> list[int]:
        """Until every answer has so many tokens more; how many there were before."""
        before = [len(of_one) for of_one in gaps]
        while any(len(of_one) < start + more for of_one, start in zip(gaps, before, strict=True)):
            time.sleep(0.01)
        return before

    with bench.generator(context=16384) as generator:
        listeners = [threading.Thread(target=listen, args=(generator, call)) for call in range(4)]
        for listener in listeners:
            listener.start()
        wait(2)
        starts = wait(bench.answer // 2)
        before = [statistics.median(of_one[start:]) for of_one, start in zip(gaps, starts, strict=True)]
        arrived = [len(of_one) for of_one in gaps]
        start = time.perf_counter()
        generator.generate(text(bench.long, 9), max_tokens=1)
        took = time.perf_counter() - start
        ended = wait(bench.answer // 2)
        after = [statistics.median(of_one[start:]) for of_one, start in zip(gaps, ended, strict=True)]
        over.set()
        for listener in listeners:
            listener.join()
    worst = max(max(of_one) / median for of_one, median in zip(gaps, before, strict=True))
    beyond = 0.0
    for of_one, first, last, low, high in zip(gaps, arrived, ended, before, after, strict=True):
        for at, gap in enumerate(of_one[first:last]):
            beyond = max(beyond, gap / (low + (high - low) * at / (last - first)))
    of_all = max(max(of_one) / statistics.median(of_one) for of_one in gaps)
    bench.note(
        "long prompt",
        worst_gap_to_median=worst,
        to_what_it_had_grown_to=beyond,
        to_median_of_all=of_all,
        seconds=took,
    )


def beside(bench: Bench) -> None:
    """Answers beside another program, and of two models at once: with the cores to be had, and with all."""

    def rate(generator: genkit.Generator, count: int) -> float:
        def ask(call: int) -> int:
            prompt = text(20, time.perf_counter_ns())
            return generator.generate(prompt, max_tokens=bench.answer).usage.output_tokens

        return statistics.median(at_once(ask, count) for _ in range(bench.rounds))

    def rates(count: int, **options: Any) -> list[float]:
        with bench.generator(context=4096, **options) as one, bench.generator(context=4352, **options) as two:
            alone = rate(one, count)
            with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as program:
                try:
                    busy = rate(one, count)
                finally:
                    program.kill()
            with ThreadPoolExecutor(2) as threads:
                return [alone, busy, sum(threads.map(rate, (one, two), (count, count)))]

    for count in (1, STREAMS):
        figures = zip(rates(count), rates(count, threads=bench.threads), strict=True)
        for what, (sharing, fixed) in zip(("alone", "a busy program", "two models"), figures, strict=True):
            bench.note(
                f"beside, {count} at once, {what}", sharing=sharing, fixed=fixed, to_it=sharing / fixed
            )


def flash_attention(bench: Bench) -> None:
    """A late turn of a lone conversation, with attention as it suits that to always in the flash kernel."""
    seeds, before = iter(range(99)), text(bench.long // 2, 3)
    with (
        bench.generator(context=4096) as suits,
        bench.generator(context=4096, flash_attention=True) as always,
    ):

        def turn(generator: genkit.Generator) -> list[float]:
            answer = generator.generate(
                before + text(20, next(seeds)), max_tokens=bench.answer, temperature=0
            )
            assert answer.metrics
            return [answer.metrics.first_token, answer.metrics.decode_tokens_per_second]

        for generator in (suits, always):
            turn(generator)
        rounds = [[turn(generator) for generator in (suits, always)] for _ in range(3 * bench.rounds)]
    for at, what in enumerate(("first token", "answer")):
        ours, theirs = (statistics.median(each[way][at] for each in rounds) for way in (0, 1))
        bench.note(f"late turn, {what}", as_it_suits=ours, always_flash=theirs, ratio=ours / theirs)


def idle(bench: Bench) -> None:
    """What a prompt and answers take beside cells that others left, to without: why those are set aside.

    In one context of a bare loop, since two contexts, or a few minutes, may differ by more.
    """
    model = Model(str(bench.path))
    context = Context(model, size=8192, sequences=STREAMS + 1, batch=256, threads=bench.threads)
    left = bench.long // 2

    def evaluate(tokens: int, sequence: int) -> None:
        for start in range(0, tokens, 256):
            places = range(start, min(start + 256, tokens))
            context.decode([(97 + at % 26, at, sequence, at == tokens - 1) for at in places])

    def answers(count: int) -> float:
        """Seconds of a step of so many answers to short prompts."""
        for sequence in range(count):
            context.forget(sequence)
            evaluate(20, sequence)
        times = []
        for at in range(20, 20 + bench.answer // 4):
            start = time.perf_counter()
            context.decode([(97, at, sequence, True) for sequence in range(count)])
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    def prompt() -> float:
        context.forget(0)
        start = time.perf_counter()
        evaluate(bench.prompt, 0)
        return time.perf_counter() - start

    evaluate(left, STREAMS)
    state = context.save(STREAMS)
    took: dict[bool, list[list[float]]] = {False: [], True: []}
    for turn in range(3 * bench.rounds):
        for beside in (False, True) if turn % 2 else (True, False):
            context.clear()
            if beside:
                context.load(STREAMS, state, left)
            took[beside].append([prompt(), answers(1), answers(STREAMS)])
    without, with_it = ([statistics.median(column) for column in zip(*took[b], strict=True)] for b in took)
    for name, fast, slow in zip(("a prompt", "one answer", "eight answers"), without, with_it, strict=True):
        bench.note(f"{name}, beside {left} cells that others left", to_without=slow / fast)
    context.close()
    model.close()


def held(text: str) -> dict[str, Any]:
    """Options by which an answer is this text, and of which its form tells nothing: it may be another."""
    form = "".join(rf"[\x{ord(each):02x}~]" for each in text)
    return {"output": genkit.Output(regex=form), "logit_bias": {"~": -100}}


def lookup(bench: Bench) -> None:
    """The token rate with guessed tokens to that without: of an answer that repeats its prompt, and others.

    Random weights repeat nothing, so two of the answers are held to a text: what comes is fixed, and so how
    often guesses are right, while what the steps and the masks cost is real. It tells what guesses are worth
    on such a text, and not how often a model repeats its prompt. The prose is not that of its prompt. Nearly
    every letter is a token of its own here, and three letters have come before far more often than three
    words have: there are more guesses, and more wrong ones, than with a vocabulary of words.
    """
    size = bench.answer * 4
    letters = "".join(random.Random(1).choices(string.ascii_lowercase, k=size))
    page = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    prose = "".join(
        " ".join(page.split("## How a request flows")[1].split()).encode("ascii", "ignore").decode()
    )
    with bench.generator(lookup=True) as guessing, bench.generator() as plain:

        def rate(generator: genkit.Generator, prompt: str, **options: Any) -> float:
            answer = generator.generate(prompt, **options)
            assert answer.metrics
            return answer.metrics.decode_tokens_per_second

        for name, prompt, options in (
            (
                "repeated",
                f"Repeat: {letters}",
                {**held(letters), "temperature": 0},
            ),
            ("prose", prose[:size], held(prose[size : 2 * size])),
            ("noise", letters, {"max_tokens": size, "temperature": 1, "seed": 1}),
        ):
            ask = [partial(rate, generator, prompt, **options) for generator in (guessing, plain)]
            with_it, without = bench.best(*ask)
            bench.note(f"lookup, {name}", guessing=with_it, plain=without, to_without=with_it / without)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file; by default that of random_model.py")
    parser.add_argument("--bench", help="the path of llama-bench")
    parser.add_argument("--server", help="the path of llama-server")
    parser.add_argument("--figure", type=Path, help="where to draw parallel requests, as SVG")
    names = "prefix turn chats long one beside flash idle lookup parallel"
    parser.add_argument("--only", nargs="*", default=[], help=names)
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    scale = 0.02 if arguments.smoke else 1
    # Nearly all of its tokens are words: ``Llama`` does not end in half a character.
    small = {"layers": 1, "width": 128, "heads": 2, "vocabulary": 30_000} if arguments.smoke else None
    model = contextlib.nullcontext(arguments.model) if arguments.model else model_file(small)
    with model as path:
        measure(Bench(path, scale, arguments.only), arguments)


def measure(bench: Bench, arguments: argparse.Namespace) -> None:
    """All that is wanted of the measurements."""
    measurements = {
        "prefix": shared_prefix,
        "turn": tenth_turn,
        "chats": conversations,
        "long": long_prompt,
        "one": lambda bench: one_stream(bench, arguments.bench),
        "beside": beside,
        "flash": flash_attention,
        "idle": idle,
        "lookup": lookup,
        "parallel": lambda bench: parallel(bench, arguments.server, arguments.figure),
    }
    for name, measurement in measurements.items():
        if bench.wanted(name):
            measurement(bench)
    bench.report.end()


if __name__ == "__main__":
    main()
