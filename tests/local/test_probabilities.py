"""How likely the tokens of an answer were, and biases on them, on models whose logits are known."""

from __future__ import annotations

import ctypes
import math
from pathlib import Path

import pytest
from fabricate import BYTES, END, TOKENS, WIDTH
from hypothesis import given
from hypothesis import strategies as st

from genkit import Generator, Logprobs, Output, TextDelta, TokenLogprob
from genkit.errors import BadRequest
from genkit.local.arrays import log_probabilities
from genkit.local.bias import biases
from genkit.local.llama import Model
from genkit.local.prompt import Prompts
from genkit.local.told import logprob

SHARED = Path(__file__).resolve().parents[3] / "shared"

# In the alphabet the successor's logit is what RMS normalisation makes of a single 1, and all others are 0.
LOGIT = math.sqrt(1 / (1 / WIDTH + 1e-5))
LIKELY = LOGIT - math.log(math.exp(LOGIT) + len(TOKENS) - 1)
UNLIKELY = -math.log(math.exp(LOGIT) + len(TOKENS) - 1)


def told(generator: Generator, prompt: str, **options) -> list[tuple[str, float, dict[str, float]]]:
    reply = generator.generate(prompt, **options)
    return [(t.token, t.logprob, dict(t.top)) for t in reply.logprobs]


def close(value: float) -> float:
    return pytest.approx(value, abs=0.02)


# --- log probabilities


def test_each_token_comes_with_its_log_probability_and_the_likeliest(alphabet: Generator) -> None:
    first, second = told(alphabet, "a", logprobs=3, max_tokens=2, temperature=0)
    assert first == ("b", close(LIKELY), {"b": close(LIKELY), "!": close(UNLIKELY), '"': close(UNLIKELY)})
    assert second[0] == "c"
    assert list(second[2]) == ["c", "!", '"']


def test_without_alternatives_there_is_the_chosen_token_alone(alphabet: Generator) -> None:
    assert told(alphabet, "y", logprobs=0) == [("z", close(LIKELY), {})]
    assert told(alphabet, "y") == []


def test_they_are_the_models_own_whatever_decides(alphabet: Generator) -> None:
    held = {"output": Output(choices=["z"]), "temperature": 5, "logit_bias": {"b": -100}, "max_tokens": 1}
    ((token, logprob, top),) = told(alphabet, "a", logprobs=1, **held)
    assert (token, logprob, top) == ("z", close(UNLIKELY), {"b": close(LIKELY)})


def test_there_is_one_for_each_token_and_it_comes_before_its_text(alphabet: Generator) -> None:
    reply = alphabet.generate("0", logprobs=1, stop="56", temperature=0)
    assert reply.text == "1234"
    assert [each.token for each in reply.logprobs] == list("123456")
    assert reply.usage.output_tokens == 6
    with alphabet.stream("x", logprobs=0, temperature=0) as stream:
        kinds = [type(event) for event in stream if isinstance(event, (Logprobs, TextDelta))]
    assert kinds == [Logprobs, TextDelta] * 2


def test_a_stop_string_in_guessed_tokens_leaves_none_of_those_after_it(alphabet_file: Path) -> None:
    with Generator(alphabet_file) as generator:
        for _ in range(5):  # whether tokens are guessed depends on how long steps took
            reply = generator.generate("0123456789" * 3 + "0", logprobs=0, stop="56", temperature=0)
            assert len(reply.logprobs) == reply.usage.output_tokens == 6


def test_parts_of_characters_and_control_tokens_are_spelled_out(alphabet: Generator) -> None:
    tokens = told(alphabet, b"\xc3\xa9".decode(), logprobs=1, max_tokens=2, temperature=0)
    assert [token for token, *_ in tokens] == ["\\xc3", "\\xa9"]
    ((_, _, top),) = told(
        alphabet, "-", logprobs=1, max_tokens=1, temperature=0, logit_bias={"<|end|>": -100}
    )
    assert top == {"<|end|>": close(LIKELY)}


def test_calls_that_run_together_get_their_own(noise: Generator) -> None:
    alone = [told(noise, prompt, logprobs=2, max_tokens=5, temperature=0) for prompt in ("one", "two")]
    streams = [noise.stream(prompt, logprobs=2, max_tokens=5, temperature=0) for prompt in ("one", "two")]
    for stream, expected in zip(streams, alone, strict=True):
        with stream:
            list(stream)
        tokens = stream.response.logprobs
        assert [t.token for t in tokens] == [token for token, *_ in expected]
        assert [t.logprob for t in tokens] == [close(logprob) for _, logprob, _ in expected]


def test_each_token_is_drawn_anew(alphabet: Generator) -> None:
    even = {"temperature": 5, "top_k": 0, "top_p": 1, "min_p": 0, "logit_bias": {"<|end|>": -100}}
    drawn = told(alphabet, "a", seed=1, logprobs=0, max_tokens=20, **even)
    assert len({token for token, *_ in drawn}) > 10


def test_of_tokens_that_are_spelled_alike_the_likeliest_counts() -> None:
    told = logprob({"token": "a", "logprob": -1.0, "top": [["a", -1.0], ["b", -1.5], ["a", -2.0]]})
    assert told == TokenLogprob("a", -1.0, {"a": -1.0, "b": -1.5})


@given(st.lists(st.floats(-50, 50, width=32), min_size=1), st.integers(0, 60))
def test_log_probabilities_are_those_of_softmax(logits: list[float], count: int) -> None:
    total, top = log_probabilities(
        ctypes.cast((ctypes.c_float * len(logits))(*logits), ctypes.POINTER(ctypes.c_float)),
        len(logits),
        count,
    )
    assert sum(math.exp(logit - total) for logit in logits) == pytest.approx(1, abs=1e-5)
    expected = sorted(range(len(logits)), key=lambda id: (-logits[id], id))[:count]
    assert [id for id, _ in top] == expected
    assert all(logprob == pytest.approx(logits[id] - total) for id, logprob in top)


# --- biases


@pytest.mark.parametrize("temperature", [0, 0.01])
def test_a_bias_decides_by_id_or_by_text(alphabet: Generator, temperature: float) -> None:
    options = {"max_tokens": 3, "temperature": temperature}
    assert alphabet.generate("a", logit_bias={"x": 100}, **options).text == "xxx"
    assert alphabet.generate("a", logit_bias={BYTES.index(ord("x")): 100}, **options).text == "xxx"
    assert alphabet.generate("a", logit_bias={"b": -100, "q": 5}, **options).text == "qrs"


def test_a_model_can_be_kept_from_ending(alphabet: Generator) -> None:
    biased = {"<|end|>": -100, "0": 5}
    assert alphabet.generate("y", logit_bias=biased, temperature=0, max_tokens=5).text == "z0123"


def test_a_form_wins_over_a_bias(alphabet: Generator) -> None:
    held = Output(choices=["no", "never"])
    assert alphabet.generate("a", output=held, logit_bias={"b": 100, "e": 50}, temperature=0).text == "never"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hello": 1}, "the text of one token, and to this model 'hello' is 'h' + 'e' + 'l' + 'l' + 'o'"),
        ({"abcdefgh": 1}, "'g' + 'h'; many words"),
        ({"abcdefghi": 1}, "'g' + 'h' + …; many words"),
        ({"é": 1}, "'é' is '\ufffd' + '\ufffd'; many words"),
        ({"\ud800": 1}, "to this model '\\ud800' is"),
        ({len(TOKENS): 1}, f"token {len(TOKENS)}, and this model's ids go from 0 to {END}"),
        ({"!": 1, 0: 2}, "token 0 twice"),
    ],
)
def test_a_bias_on_what_is_no_token_is_refused(alphabet: Generator, given: dict, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        alphabet.generate("a", logit_bias=given)
    assert said in caught.value.message
    assert alphabet.generate("y").text == "z"


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared (vocabularies of models) is not here")
@pytest.mark.parametrize("name", ["llama-spm", "qwen2", "llama-bpe"])
def test_a_space_before_a_word_is_part_of_its_text(name: str) -> None:
    model = Model(str(SHARED / "vocab" / f"ggml-vocab-{name}.gguf"), vocabulary_only=True)
    prompts = Prompts(model, None)
    ((bare, _), (spaced, _)) = biases(model, prompts, [("the", 1), (" the", 2)])
    assert (model.spelling(bare), model.spelling(spaced)) == (b"the", b" the")
    model.close()
