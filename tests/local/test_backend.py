"""What a local model promises: answers, counts, limits and errors, on models whose answers are known."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fabricate
import pytest

import genkit
from genkit import Generator, Image, Message, Metrics, Usage
from genkit.errors import BadRequest, ConfigError, ContextOverflow, DeadlineExceeded, ModelFileError
from genkit.local import backend, told
from genkit.local.llama import lib
from genkit.local.told import Told, metrics
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import run

A_TO_Z = "abcdefghijklmnopqrstuvwxyz"
CHATML = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def started(generator: Generator) -> bool:
    """Whether a worker process was started."""
    return generator._backend.worker.pid is not None  # type: ignore[attr-defined]


# --- answers


def test_the_answer_goes_on_where_the_prompt_ends(alphabet: Generator) -> None:
    reply = alphabet.generate("xyza")
    assert reply.text == A_TO_Z[1:]
    assert (reply.finish_reason, reply.raw_finish_reason) == ("stop", "eog")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (4, 25)
    assert reply.model == "alphabet"


def test_characters_of_several_tokens_come_whole(alphabet: Generator) -> None:
    with alphabet.stream("é", max_tokens=6) as stream:
        assert list(stream.text) == ["é", "é", "é"]


def test_bytes_that_never_became_a_character_are_replaced(alphabet: Generator) -> None:
    assert alphabet.generate("é", max_tokens=3).text == "é\ufffd"


def test_the_asynchronous_twins_give_the_same(noise: Generator) -> None:
    async def both() -> tuple[genkit.Response, str]:
        async with noise.astream("hello", seed=5, max_tokens=40) as stream:
            text = "".join([piece async for piece in stream.text])
        return await noise.agenerate("hello", seed=5, max_tokens=40), text

    whole = noise.generate("hello", seed=5, max_tokens=40)
    assert asyncio.run(both()) == (whole, whole.text)


def test_a_seed_repeats_and_another_differs(noise: Generator) -> None:
    one, again, other = (noise.generate("hello", seed=s, max_tokens=30).text for s in (1, 1, 2))
    assert one == again != other


def test_without_a_seed_each_call_differs(noise: Generator) -> None:
    assert noise.generate("hello", max_tokens=40).text != noise.generate("hello", max_tokens=40).text


def test_a_generators_seed_is_the_default(noise: Generator, noise_file: Path) -> None:
    with Generator(noise_file, seed=1) as seeded:
        assert (
            seeded.generate("hello", max_tokens=30).text
            == noise.generate("hello", seed=1, max_tokens=30).text
        )
        assert (
            seeded.generate("hello", seed=2, max_tokens=30).text
            == noise.generate("hello", seed=2, max_tokens=30).text
        )


def test_an_answer_says_what_was_cached_and_how_long_it_took(noise_file: Path) -> None:
    with genkit.Generator(noise_file, parallel=2) as generator:
        first = generator.generate("x" * 100, max_tokens=5, temperature=0)
        again = generator.generate("x" * 100, max_tokens=5, temperature=0)
        stopped = generator.generate("x" * 100, stop=[again.text[0]], temperature=0)
    assert again.text == first.text
    assert [r.usage.cached_tokens for r in (first, again, stopped)] == [0, 99, 99]
    for answer in (first, again, stopped):
        metrics = answer.metrics
        assert metrics is not None
        assert metrics.first_token >= metrics.queued >= 0
        assert metrics.prompt_tokens_per_second > 0
        assert 100 <= metrics.kv_used <= 3 * 105
        assert metrics.kv_room == 4096
    assert first.metrics
    assert first.metrics.decode_tokens_per_second > 0
    assert stopped.raw_finish_reason == "stop_string"
    totals, answers = generator.metrics(), [first, again, stopped]
    measured = [answer.metrics for answer in answers if answer.metrics]
    assert (totals.calls, totals.prefix_hits, totals.cached_tokens) == (3, 2, 198)
    assert totals.output_tokens == sum(answer.usage.output_tokens for answer in answers)
    assert totals.first_token == sum(metrics.first_token for metrics in measured)
    assert totals.kv_used == measured[-1].kv_used


def test_a_clock_that_goes_in_steps_as_on_windows_measures_nothing(
    alphabet_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = time.monotonic
    with Generator(alphabet_file, isolation="thread") as generator:
        monkeypatch.setattr(time, "monotonic", lambda: exact() // 0.0156 * 0.0156)
        answers = [generator.generate("a", max_tokens=2) for _ in range(10)]
    measured = [answer.metrics for answer in answers if answer.metrics]
    assert len(measured) == 10
    assert all(each.prompt_tokens_per_second > 0 and each.decode_tokens_per_second > 0 for each in measured)


def test_the_model_in_the_box_answers(demo: Generator) -> None:
    reply = demo.generate("Hello", temperature=0, max_tokens=20)
    assert reply.text
    assert demo.generate("Hello", temperature=0, max_tokens=20) == reply


def test_calls_that_llama_cpp_would_mix_up_take_turns(tmp_path: Path) -> None:
    def answer(generator: Generator, letter: str) -> str:
        never = {fabricate.END: -100.0}
        return generator.generate(letter * 9, temperature=0, max_tokens=8, logit_bias=never).text

    with Generator(fabricate.plamo(tmp_path / "plamo.gguf")) as generator:
        alone = [answer(generator, letter) for letter in "abcd"]
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(lambda letter: answer(generator, letter), "abcd")) == alone


# --- options


@pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 0}, {"min_p": 1}], ids=str)
def test_these_options_leave_only_the_likeliest_token(noise: Generator, options: dict[str, Any]) -> None:
    greedy = noise.generate("hello", temperature=0, max_tokens=30).text
    assert noise.generate("hello", seed=9, max_tokens=30, **options).text == greedy


@pytest.mark.parametrize("option", ["frequency_penalty", "presence_penalty"])
def test_a_penalty_avoids_what_came_up_in_the_prompt_too(alphabet: Generator, option: str) -> None:
    reply = alphabet.generate("0", temperature=0, max_tokens=10, **{option: 100})  # type: ignore[misc]
    assert reply.text[:9] == "123456789"
    assert reply.text[9:] != "0"


def test_a_repeat_penalty_changes_the_outcome(noise: Generator) -> None:
    plain = noise.generate("hello", temperature=0, max_tokens=30).text
    assert noise.generate("hello", temperature=0, repeat_penalty=2, max_tokens=30).text != plain


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"top_p": 1.1},
        {"top_k": -1},
        {"top_k": 1.5},
        {"max_tokens": 0},
        {"repeat_penalty": 0},
        {"stop": ""},
        {"seed": -1},
        {"seed": 2**32 - 1},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused_before_any_cost(
    alphabet_file: Path, options: dict[str, Any]
) -> None:
    with Generator(alphabet_file) as generator:
        with pytest.raises(BadRequest, match=next(iter(options))):
            generator.generate("a", **options)
        assert not started(generator)


def test_an_image_is_refused_before_any_cost(alphabet_file: Path) -> None:
    with Generator(alphabet_file) as generator:
        with pytest.raises(BadRequest, match="Image"):
            generator.generate(Message.user("What is this?", Image(data=b"png")))
        assert not started(generator)


def test_the_largest_seed_is_taken(alphabet: Generator) -> None:
    assert alphabet.generate("y", seed=2**32 - 2).text == "z"


# --- where answers end


@pytest.mark.parametrize("limit", [1, 2, 9])
def test_max_tokens_is_exact(alphabet: Generator, limit: int) -> None:
    reply = alphabet.generate("0", max_tokens=limit)
    assert reply.text == "123456789"[:limit]
    assert (reply.finish_reason, reply.raw_finish_reason) == ("length", "max_tokens")
    assert reply.usage.output_tokens == limit


@pytest.mark.parametrize("context", [40, 256, 300])
def test_the_context_window_is_exact(alphabet_file: Path, context: int) -> None:
    with Generator(alphabet_file, context=context) as generator:
        reply = generator.generate("0" * 30)
        assert len(reply.text) == reply.usage.output_tokens == context - 30
        assert (reply.finish_reason, reply.raw_finish_reason) == ("length", "context_full")
        assert len(generator.generate("0" * (context - 1)).text) == 1
        with pytest.raises(ContextOverflow) as caught:
            generator.generate("0" * context)
        assert (caught.value.tokens, caught.value.limit) == (context, context)
        assert generator.generate("y").text == "z"


@pytest.mark.parametrize(
    ("stop", "text", "tokens"),
    [
        ("e", "bcd", 4),
        ("efg", "bcd", 6),
        (("xyz", "def"), "bc", 5),
        ("b", "", 1),
        (("fg", "efgh"), "bcde", 6),
    ],
)
def test_a_stop_string_ends_the_text_before_it(
    alphabet: Generator, stop: str | tuple[str, ...], text: str, tokens: int
) -> None:
    with alphabet.stream("a", stop=stop) as stream:
        assert "".join(stream.text) == text
    reply = stream.response
    assert (reply.finish_reason, reply.raw_finish_reason) == ("stop", "stop_string")
    assert reply.usage.output_tokens == tokens


def test_what_might_become_a_stop_string_is_held_back_and_no_longer(alphabet: Generator) -> None:
    with alphabet.stream("a", stop="defX") as stream:
        pieces = list(stream.text)
    assert pieces[:3] == ["b", "c", "defg"]
    assert "".join(pieces) == A_TO_Z[1:]
    assert stream.response.raw_finish_reason == "eog"


def test_text_held_back_is_shown_when_the_answer_ends(alphabet: Generator) -> None:
    assert alphabet.generate("w", stop="yz!").text == "xyz"


def test_a_stop_string_ends_the_work_behind_it(alphabet_file: Path) -> None:
    with Generator(alphabet_file, context=131072, parallel=1) as generator:  # minutes to fill
        assert generator.generate("0", stop="5").text == "1234"
        assert generator.generate("y").text == "z"


def test_a_stream_that_waits_for_its_turn_ends_when_another_thread_closes_it(alphabet_file: Path) -> None:
    with (
        Generator(alphabet_file, context=131072, parallel=1) as generator,  # minutes to fill
        generator.stream("0") as first,
    ):
        assert next(first.text) == "1"
        waiting = generator.stream("w")
        assert isinstance(next(waiting), genkit.Start)
        reader = threading.Thread(target=lambda: list(waiting))
        reader.start()
        while not waiting._events.gi_running:
            pass
        waiting.close()
        reader.join(60)
        assert not reader.is_alive()
        assert next(first.text) == "2"


# --- counting


@pytest.mark.parametrize(
    "text",
    ["", "a", "Hello, world!", " \n\t  ", "naïve café", "日本語", "👩‍👩‍👧", "a\0b", "<|end|>", "\ufeffa"],
)
def test_a_text_is_counted_as_it_is(alphabet: Generator, text: str) -> None:
    assert alphabet.count(text) == genkit.TokenCount(len(text.encode()), exact=True)  # a token is a byte


def test_a_lone_surrogate_counts_as_a_replacement_character(alphabet: Generator) -> None:
    assert alphabet.count("a\ud800b").tokens == len("a\ufffdb".encode())


def test_messages_count_what_their_answer_says_it_used(alphabet_file: Path) -> None:
    conversation = [
        Message.system("Be naïve."),
        Message.user("日本"),
        Message.assistant("?"),
        Message.user("x"),
    ]
    rendered = "<|system|>Be naïve.\n<|user|>日本\n<|assistant|>?\n<|user|>x\n<|assistant|>"
    with Generator(alphabet_file, template=CHATML) as generator:
        assert generator.count(conversation).tokens == len(rendered.encode())
        assert generator.generate(conversation, max_tokens=1).usage.input_tokens == len(rendered.encode())
        assert generator.generate("x", system="Be naïve.", max_tokens=1).usage.input_tokens == len(
            "<|system|>Be naïve.\n<|user|>x\n<|assistant|>".encode()
        )


# --- odd prompts


@pytest.mark.parametrize("prompt", ["", [], [""], Message.user("")], ids=repr)
def test_row_26_an_empty_prompt_is_refused(alphabet: Generator, prompt: Any) -> None:
    with pytest.raises(BadRequest, match="empty"):
        alphabet.generate(prompt)
    assert alphabet.generate("y").text == "z"


@pytest.mark.parametrize(("prompt", "tokens"), [("\0y", 2), ("\ud800y", 4), ("\x1b\x7fy", 3)], ids=repr)
def test_row_26_odd_characters_are_text_like_any(alphabet: Generator, prompt: str, tokens: int) -> None:
    reply = alphabet.generate(prompt)
    assert (reply.text, reply.usage.input_tokens) == ("z", tokens)


def test_row_26_a_prompt_far_too_long_is_refused_with_the_numbers(alphabet: Generator) -> None:
    with pytest.raises(ContextOverflow, match="2000000 tokens") as caught:
        alphabet.generate("0" * 2_000_000)
    assert (caught.value.tokens, caught.value.limit) == (2_000_000, 4096)
    assert alphabet.generate("y").text == "z"


def test_row_26_a_prompt_too_large_to_send_is_refused(alphabet: Generator) -> None:
    with pytest.raises(BadRequest, match="too large"):
        alphabet.generate("0" * (65 << 20))
    assert alphabet.generate("y").text == "z"


def test_what_is_thought_is_counted(noise_file: Path) -> None:
    thinking = "{% set end = '</think>' %}{{ messages[0].content }}<think>"
    with Generator(noise_file, template=thinking) as generator:
        answer = generator.generate("hello", max_tokens=5)
    assert (answer.usage.output_tokens, answer.usage.reasoning_tokens, answer.text) == (5, 5, "")


# --- templates


def test_a_model_without_a_chat_template_says_what_to_do(tmp_path: Path) -> None:
    bare = fabricate.alphabet(tmp_path / "bare.gguf", template=None)
    with Generator(bare) as generator:
        with pytest.raises(ModelFileError, match="template="):
            generator.generate("a")
        assert generator.count("abc").tokens == 3
    with Generator(bare, template="{{ messages[0].content }}w") as generator:
        assert generator.generate("a").text == "xyz"


def test_an_architecture_that_llama_cpp_does_not_know_may_be_newer(tmp_path: Path) -> None:
    newer = fabricate.alphabet(tmp_path / "newer.gguf", architecture="llama99")
    with Generator(newer) as generator, pytest.raises(ModelFileError, match=r"'llama99'.*: update genkit"):
        generator.generate("x")


@pytest.mark.parametrize(
    "template", ["{% if %}", "{{", "{% nonsense %}", "{{ " + "(" * 9999], ids=lambda t: t[:12]
)
def test_a_broken_template_is_the_files_fault(alphabet_file: Path, template: str) -> None:
    with Generator(alphabet_file, template=template) as generator:
        for _ in range(2):
            with pytest.raises(ModelFileError, match="chat template is broken"):
                generator.generate("a")


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('only users speak') }}",
        "{{ 1 / 0 }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ nobody.name }}",
    ],
)
def test_a_template_that_refuses_the_messages_is_a_bad_request(alphabet_file: Path, template: str) -> None:
    picky = "{% if messages[0].content == 'y' %}y{% else %}" + template + "{% endif %}"
    with Generator(alphabet_file, template=picky) as generator:
        with pytest.raises(BadRequest, match="chat template"):
            generator.generate("a")
        assert generator.generate("y").text == "z"


# --- files and settings


def test_a_missing_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"nowhere\.gguf") as caught:
        Generator(tmp_path / "nowhere.gguf")
    assert caught.value.path == str(tmp_path / "nowhere.gguf")


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: good[: len(good) // 2],
        lambda good: b"",
        lambda good: b"GGUF" + b"\xff" * 99,
        lambda good: b"{}",
    ],
    ids=["truncated", "empty", "hostile", "something else"],
)
def test_a_broken_file_is_told_each_time_until_it_is_repaired(
    alphabet_file: Path, tmp_path: Path, damage: Any
) -> None:
    good, path = alphabet_file.read_bytes(), tmp_path / "model.gguf"
    path.write_bytes(damage(good))
    with Generator(path) as generator:
        for _ in range(2):
            with pytest.raises(ModelFileError) as caught:
                generator.generate("y")
            assert caught.value.path == str(path)
        path.write_bytes(good)
        assert generator.generate("y").text == "z"


def test_what_llama_cpp_refuses_is_told_in_its_words(alphabet_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(alphabet_file.read_bytes().replace(b"output_norm", b"output_nor_"))
    with Generator(path) as generator, pytest.raises(ModelFileError, match="output_norm"):
        generator.generate("y")


def test_a_file_that_went_away_is_a_model_file_error(alphabet_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(alphabet_file.read_bytes())
    with Generator(path) as generator:
        path.unlink()
        with pytest.raises(ModelFileError, match="does not exist"):
            generator.warm()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs here")
def test_a_fifo_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.gguf")
    with Generator(tmp_path / "model.gguf", keep_on_disk=True) as generator:
        for call in (generator.warm, lambda: generator.drop("name")):
            with pytest.raises(ModelFileError, match="regular file"):
                call()


def test_a_context_larger_than_the_models_is_refused(alphabet_file: Path) -> None:
    with Generator(alphabet_file, context=131073) as generator:
        for _ in range(2):
            with pytest.raises(ConfigError, match="at most 131072"):
                generator.generate("y")


@pytest.mark.parametrize(
    "setting",
    [
        {"context": 0},
        {"context": 1.5},
        {"threads": True},
        {"parallel": 0},
        {"parallel": 129},
        {"gpu_layers": -1},
        {"template": ""},
        {"template": "chatml"},
        {"template": "templates/chatml.jinja"},
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_refused(alphabet_file: Path, setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        Generator(alphabet_file, **setting)


def test_layers_for_a_gpu_are_refused_where_llama_cpp_was_built_for_none(noise_file: Path) -> None:
    if lib.llama_supports_gpu_offload():
        pytest.skip("this llama-cpp-python was built for a GPU")
    with Generator(noise_file, gpu_layers=99) as generator, pytest.raises(ConfigError, match="for no GPU"):
        generator.warm()


# --- timeout=


ENDLESS: Any = {"max_tokens": 90_000, "seed": 1}


def test_a_call_ends_with_its_time(noise_file: Path) -> None:
    with Generator(noise_file, context=100_000, lookup=False, timeout=0.4) as hasty:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"within 0\.4 s"):
            hasty.generate("hello", **ENDLESS)
        assert time.monotonic() - began >= 0.4


def test_what_was_said_in_time_comes_along_and_the_next_call_is_answered(
    noise_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_hour_later = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600)

    async def wait() -> None:
        async with generator.astream("hello", **ENDLESS) as stream:
            await anext(aiter(stream.text))
            with monkeypatch.context() as patch, pytest.raises(DeadlineExceeded):
                patch.setattr(told, "time", an_hour_later)
                [event async for event in stream]
        assert (await generator.agenerate("hello", max_tokens=2)).usage.output_tokens == 2

    with Generator(noise_file, context=100_000, lookup=False, timeout=3600) as generator:
        with generator.stream("hello", **ENDLESS) as stream:
            start = next(stream.text) + next(stream.text)
            with monkeypatch.context() as patch, pytest.raises(DeadlineExceeded) as caught:
                patch.setattr(told, "time", an_hour_later)
                list(stream)
        assert caught.value.partial is not None
        assert caught.value.partial.text.startswith(start)
        assert caught.value.partial.usage.output_tokens > 1
        asyncio.run(wait())
        assert generator.generate("hello", max_tokens=2).usage.output_tokens == 2


def test_a_call_that_is_read_slowly_ends_with_its_time_too() -> None:
    for timeout in (None, 3600):  # of the Generator, when the call has a deadline of its own
        told = Told(BlockingRuntime(), timeout, deadline=time.monotonic() - 1)
        told.channel.put({"finish": "eog"})
        with pytest.raises(DeadlineExceeded, match="its deadline"):
            run(told.next())


def test_what_was_not_evaluated_takes_no_part_in_the_rates() -> None:
    begun = {"queued": 1.0, "evaluating": 0.5, "kv_used": 14, "kv_room": 99}
    told = metrics(Usage(input_tokens=10, cached_tokens=4, output_tokens=5), begun, 2.0)
    assert told == Metrics(
        queued=1.0,
        first_token=1.5,
        decoding=2.0,
        prompt_tokens_per_second=12.0,
        decode_tokens_per_second=2.0,
        kv_used=14,
        kv_room=99,
    )


def test_texts_in_several_batches_have_one_time_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fabricate.noise(tmp_path / "m.gguf", pooling="MEAN")
    monkeypatch.setattr(backend, "BATCH", (1, 1))
    with Generator(path) as patient, Generator(path, timeout=0.4) as hasty:
        patient.warm()
        with pytest.raises(DeadlineExceeded, match=r"within 0\.4 s"):
            hasty.embed(["a text of some length " * 20] * 100_000)
        assert len(hasty.embed(["a"])) == 1
