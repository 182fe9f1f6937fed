"""``generate`` is the fold of ``stream``, whatever is asked."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

import genkit
from genkit.response import Collector

LETTERS = st.sampled_from("abcmxyz0é")
PROMPTS = st.text(LETTERS, min_size=1, max_size=20)
OPTIONS = st.fixed_dictionaries(
    {"temperature": st.sampled_from([0, 0.5])},
    optional={
        "max_tokens": st.integers(1, 30),
        "stop": st.lists(st.text(LETTERS, min_size=1, max_size=3), max_size=3),
        "seed": st.integers(0, 3),
    },
).map(lambda options: {"max_tokens": 40, "seed": 0, **options})


@settings(max_examples=60)
@given(prompt=PROMPTS, options=OPTIONS)
def test_generate_is_the_fold_of_stream(
    alphabet: genkit.Generator, prompt: str, options: dict[str, object]
) -> None:
    answer = alphabet.generate(prompt, **options)
    folded = Collector()
    with alphabet.stream(prompt, **options) as stream:
        for event in stream:
            folded.add(event)
    with alphabet.stream(prompt, **options) as pieces:
        assert "".join(pieces.text) == answer.text
    assert words(folded.response()) == words(stream.response) == words(pieces.response) == words(answer)
    assert words(asyncio.run(alphabet.agenerate(prompt, **options))) == words(answer)


def words(response: genkit.Response) -> tuple[object, ...]:
    """What must be the same; how much of a prompt was there already need not be."""
    usage = response.usage
    reasons = response.finish_reason, response.raw_finish_reason
    return response.message, reasons, response.model, usage.input_tokens, usage.output_tokens
