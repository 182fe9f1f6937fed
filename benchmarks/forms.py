"""What it costs to hold an answer to a form, and gains: masks against a decode step, JSON against free text.

On a model of random weights in the shape of a 0.5B one, with the 151,936 tokens of its vocabulary (see
``random_model.py``), which is written to a temporary directory, or to GENKIT_BENCHMARK_MODEL::

    python benchmarks/forms.py            # two minutes
    python benchmarks/forms.py --smoke
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from random_model import model_file
from report import Report, options

import genkit
from genkit.local.constrain import Constraints
from genkit.local.context import Context
from genkit.local.llama import Model
from genkit.local.machine import default_threads
from genkit.local.sampler import Sampler

SCHEMA = {
    "type": "array",
    "minItems": 100,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 5, "maxLength": 40},
            "age": {"type": "integer", "minimum": 0, "maximum": 120},
            "city": {"type": "string", "minLength": 5, "maxLength": 40},
        },
        "required": ["name", "age", "city"],
        "additionalProperties": False,
    },
}


def masks(path: Path, tokens: int) -> tuple[float, float]:
    """Milliseconds of a decode step, and of its mask: made, applied, and told what was chosen (medians)."""
    model = Model(str(path))
    context = Context(model, size=1024, sequences=1, batch=64, threads=default_threads())
    mask, sampler = Constraints(model).make({"schema": SCHEMA}), Sampler(model, [("dist", 1)], [])
    token, steps, own = 0, list[float](), list[float]()
    for at in range(tokens):
        start = time.perf_counter()
        context.decode([(token, at, 0, True)])
        decoded = time.perf_counter()
        mask.apply(context, 0)
        applied = time.perf_counter()
        token = sampler.sample(context, 0)
        chosen = time.perf_counter()
        mask.accept(token)
        own.append(applied - decoded + time.perf_counter() - chosen)
        steps.append(decoded - start)
    sampler.close()
    context.close()
    model.close()
    return statistics.median(steps) * 1e3, statistics.median(own) * 1e3


def rates(path: Path, tokens: int, rounds: int) -> tuple[list[float], list[float]]:
    """Tokens per second of free text and of JSON, in turn."""
    free, held = list[float](), list[float]()
    with genkit.Generator(path, context=2048, lookup=False) as generator:
        for each in range(rounds + 1):
            for found, form in ((free, None), (held, SCHEMA)):
                answer = generator.generate("Some people.", max_tokens=tokens, seed=each, output=form)
                assert answer.metrics
                if each:  # the first of JSON builds its table
                    found.append(answer.metrics.decode_tokens_per_second)
    return free, held


KEYS = (
    *("name", "street", "city", "country", "phone", "email", "employer", "position", "birthday", "language"),
    *("hobby", "school", "degree", "vehicle", "pet", "website"),
)
RECORD = {
    "type": "object",
    "properties": {key: {"type": "string", "minLength": 5, "maxLength": 20} for key in KEYS},
    "required": KEYS,
    "additionalProperties": False,
}


def guesses(path: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Tokens per second of JSON without guesses of what its form leads to expect, and with them, in turn.

    No two keys are alike, so that none is guessed since it came before. The model would put blanks anywhere,
    which others do not, and each letter of a key is a token to it: more is guessed than elsewhere.
    """
    rates: tuple[list[float], list[float]] = [], []
    no_blanks = dict.fromkeys(" \n\t\r", -100.0)
    with (
        genkit.Generator(path, context=2048, lookup=False) as plain,
        genkit.Generator(path, context=2048) as guessing,
    ):
        for each in range(rounds + 1):
            for found, generator in zip(rates, (plain, guessing), strict=True):
                answer = generator.generate("A person.", seed=each, output=RECORD, logit_bias=no_blanks)
                assert answer.metrics
                if each:  # by then it is known what steps take
                    found.append(answer.metrics.decode_tokens_per_second)
    return rates


def main() -> None:
    smoke = options(__doc__).smoke
    report, tokens = Report(smoke=smoke), 8 if smoke else 128
    with model_file({"layers": 1, "vocabulary": 512} if smoke else None) as path:
        step, own = masks(path, tokens)
        report.figure("a decode step, median", step, "ms")
        report.figure("a mask of it, median", own, "ms")
        report.at_most("masks: to a decode step", own / step, 0.05)
        free, held = rates(path, tokens, 1 if smoke else 5)
        report.figure("free text, median", statistics.median(free), "t/s")
        report.figure("JSON, median", statistics.median(held), "t/s")
        slower = statistics.median(one / other for one, other in zip(free, held, strict=True))
        report.at_most("JSON: time of a token to that of free text", slower, 1.05)
        plain, guessing = guesses(path, 1 if smoke else 5)
        report.figure(
            "JSON of other keys, guesses to none", statistics.median(guessing) / statistics.median(plain)
        )
    report.end()


if __name__ == "__main__":
    main()
