"""Calls with LoRA adapters: four at once with one set of them, and with two sets that take turns.

    python benchmarks/adapters.py

On a 0.5B-shaped Q4_0 model of random weights; an adapter of rank 16 on the queries and values of each layer.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gguf
import numpy as np
from random_model import model_file
from report import Report, options

import genkit

RANK, WIDTH, KV_WIDTH = 16, 896, 128


def adapter(path: Path, layers: int, seed: int) -> Path:
    """Write an adapter that changes next to nothing: what it costs is the same."""
    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", RANK)
    for layer in range(layers):
        for name, rows in (("attn_q", WIDTH), ("attn_v", KV_WIDTH)):
            for part, shape in (("a", (RANK, WIDTH)), ("b", (rows, RANK))):
                values = random.normal(0, 1e-4, shape).astype(np.float32)
                writer.add_tensor(f"blk.{layer}.{name}.weight.lora_{part}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def rate(generator: genkit.Generator, sets: list[list[Path]], tokens: int, seed: int) -> float:
    """Tokens per second of calls at once, each with its set of adapters."""

    def ask(number: int) -> int:
        prompt = f"Call {number} of round {seed}, which has a prompt of its own."
        lora = sets[number % len(sets)]
        return generator.generate(prompt, max_tokens=tokens, seed=seed, lora=lora).usage.output_tokens

    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        made = sum(pool.map(ask, range(4)))
    return made / (time.perf_counter() - began)


def main() -> None:
    smoke = options(__doc__).smoke
    report, layers, rounds, tokens = Report(smoke=smoke), *((1, 1, 4) if smoke else (24, 3, 48))
    small = {"layers": layers, "vocabulary": 512} if smoke else None
    with tempfile.TemporaryDirectory() as name, model_file(small) as path:
        folder = Path(name)
        one, other = (adapter(folder / f"{number}.gguf", layers, number) for number in range(2))
        cases: dict[str, list[list[Path]]] = {
            "no adapter": [[]],
            "one set": [[one]],
            "two sets": [[one], [other]],
        }
        rates: dict[str, list[float]] = {case: [] for case in cases}
        with genkit.Generator(path, context=4096, lookup=False, lora=[one, other]) as generator:
            generator.warm()
            for each in range(rounds):
                for case, sets in cases.items():
                    rates[case].append(rate(generator, sets, tokens, each))
    for case, found in rates.items():
        report.figure(f"four calls, {case}", max(found), "t/s")
    report.figure(
        "one set: to none", statistics.median(rates["one set"]) / statistics.median(rates["no adapter"])
    )
    report.figure(
        "two sets: to one", statistics.median(rates["two sets"]) / statistics.median(rates["one set"])
    )
    report.end()


if __name__ == "__main__":
    main()
