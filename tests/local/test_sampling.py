"""From options to llama.cpp's sampler chain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genkit.local.sampling import LARGEST_SEED, steps

# The order of llama.cpp's own chain (common_params_sampling.samplers), for the steps that genkit has.
ORDER = ("penalties", "top_k", "top_p", "min_p", "temp", "dist")
RANDOM_SEED = 0xFFFFFFFF  # LLAMA_DEFAULT_SEED in llama.h: "random"

options = st.fixed_dictionaries(
    {"seed": st.integers(0, LARGEST_SEED)},
    optional={
        "temperature": st.floats(0, 100),
        "top_k": st.integers(0, 2**31 - 1),
        "top_p": st.floats(0, 1),
        "min_p": st.floats(0, 1),
        "repeat_penalty": st.floats(0, 100),
        "frequency_penalty": st.floats(-100, 100),
        "presence_penalty": st.floats(-100, 100),
        "max_tokens": st.integers(1, 100),
    },
)


def names(**given) -> list[str]:
    return [step[0] for step in steps({"seed": 1, **given})]


@given(options)
def test_the_chain_is_in_order_and_ends_by_choosing(given) -> None:
    chain = [step[0] for step in steps(given)]
    if given.get("temperature") == 0:
        assert chain in (["greedy"], ["penalties", "greedy"])
    else:
        assert chain == [name for name in ORDER if name in chain]
        assert chain[-2:] == ["temp", "dist"]


@given(options)
def test_each_value_that_was_given_gets_to_its_step(given) -> None:
    chain = {name: values for name, *values in steps(given)}
    if "dist" in chain:
        assert chain["dist"] == [given["seed"]]
        assert chain["temp"] == [given.get("temperature", 0.8)]
        for name in ("top_k", "top_p", "min_p"):
            if name in given and name in chain:
                assert chain[name] == [given[name]]
    if "penalties" in chain:
        asked = (
            given.get("repeat_penalty", 1),
            given.get("frequency_penalty", 0),
            given.get("presence_penalty", 0),
        )
        assert tuple(chain["penalties"][1:]) == asked


def test_the_defaults_are_llama_cpps_own() -> None:
    assert steps({"seed": 5}) == [("top_k", 40), ("top_p", 0.95), ("min_p", 0.05), ("temp", 0.8), ("dist", 5)]


def test_a_step_that_would_change_nothing_is_left_out() -> None:
    assert names(top_k=0, top_p=1, min_p=0) == ["temp", "dist"]
    assert names(repeat_penalty=1, frequency_penalty=0, presence_penalty=0) == names()


def test_one_penalty_brings_the_others_at_rest() -> None:
    window = 64  # as Sampling documents it
    assert steps({"seed": 1, "repeat_penalty": 1.1})[0] == ("penalties", window, 1.1, 0, 0)
    assert steps({"seed": 1, "frequency_penalty": 0.5})[0] == ("penalties", window, 1, 0.5, 0)
    assert steps({"seed": 1, "presence_penalty": -1})[0] == ("penalties", window, 1, 0, -1)


def test_biases_come_first_for_the_likeliest_token_too() -> None:
    given = [(5, 1.0), (6, -100)]
    assert steps({"seed": 1, "logit_bias": given, "presence_penalty": 1})[0] == ("logit_bias", given)
    assert names(logit_bias=given, temperature=0) == ["logit_bias", "greedy"]
    assert names(logit_bias=[]) == names()


def test_no_seed_means_random_to_llama_cpp() -> None:
    assert LARGEST_SEED < RANDOM_SEED
