"""Embeddings of local models: the file's own pooling, of any number of texts, beside what else runs."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import fabricate
import numpy as np
import pytest
from fabricate import BYTES, WORDS
from reference import token_vectors

from genkit import Generator, Usage
from genkit.batches import batches
from genkit.errors import (
    BadRequest,
    ContextOverflow,
    DeadlineExceeded,
    ModelFileError,
    OutOfMemory,
    UnsupportedOption,
)
from genkit.local.gguf import read_header
from genkit.local.llama import Model
from genkit.local.pooler import SMALLEST, TOGETHER, Text, step_size, take
from genkit.local.pooling import Pooling
from genkit.local.prompt import Prompts

POOL = {
    "MEAN": lambda vectors: vectors.mean(axis=0),
    "CLS": lambda vectors: vectors[0],
    "LAST": lambda vectors: vectors[-1],
}
TEXTS = ["hello", "x", "a longer text, with more to say than the others", *(f"text {n}" for n in range(40))]


def ids(text: str) -> list[int]:
    return [BYTES.index(byte) for byte in text.encode()]


def words(text: str) -> list[int]:
    """The ids of an encoder's words, between those that begin and end a text."""
    return [2, *(WORDS.index(f"\u2581{word}") for word in text.split()), 3]


def expected(path: Path, tokens: list[int], pooling: str) -> np.ndarray:
    vector = POOL[pooling](token_vectors(path, tokens))
    return vector / np.linalg.norm(vector)


def close(found: list[list[float]], wanted: list[np.ndarray]) -> None:
    np.testing.assert_allclose(found, wanted, atol=2e-3)


@pytest.fixture(scope="module")
def mean_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fabricate.noise(tmp_path_factory.mktemp("models") / "mean.gguf", pooling="MEAN")


@pytest.fixture(scope="module")
def mean(mean_file: Path) -> Iterator[Generator]:
    with Generator(mean_file) as generator:
        yield generator


@pytest.mark.parametrize("pooling", POOL)
def test_a_causal_model_pools_as_its_file_says(tmp_path: Path, pooling: str) -> None:
    path = fabricate.noise(tmp_path / "m.gguf", pooling=pooling)
    with Generator(path) as generator:
        close(generator.embed(TEXTS[:5]), [expected(path, ids(text), pooling) for text in TEXTS[:5]])


@pytest.mark.parametrize("pooling", POOL)
def test_an_encoder_pools_as_its_file_says(tmp_path: Path, pooling: str) -> None:
    path, texts = fabricate.encoder(tmp_path / "m.gguf", pooling=pooling), ["red green", "blue", "cold " * 9]
    with Generator(path) as generator:
        close(generator.embed(texts), [expected(path, words(text), pooling) for text in texts])
        assert generator.embed(iter(texts)) == generator.embed(texts)
        for wrong in ("text", None, {"a": 1}, [1]):
            with pytest.raises(BadRequest, match="takes a list of texts"):
                generator.embed(wrong)  # type: ignore[arg-type]
        with pytest.raises(ModelFileError, match="an encoder: it embeds or reranks, and cannot generate"):
            generator.generate("red")


def test_more_texts_than_fit_into_a_step_keep_their_order(mean: Generator, mean_file: Path) -> None:
    assert len(TEXTS) > TOGETHER
    close(mean.embed(TEXTS), [expected(mean_file, ids(text), "MEAN") for text in TEXTS])


def test_texts_are_sent_in_batches(mean_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genkit.local.backend.BATCH", (3, 30))
    assert [len(batch) for batch in batches(TEXTS[:7], 3, 30)] == [2, 1, 3, 1]
    with Generator(mean_file) as generator:
        close(generator.embed(TEXTS[:7]), [expected(mean_file, ids(text), "MEAN") for text in TEXTS[:7]])
        assert generator.embed(TEXTS[:7]).usage == Usage(sum(len(ids(text)) for text in TEXTS[:7]))
        with pytest.raises(BadRequest, match="text 4 is empty"):
            generator.embed(["a", "b", "c", "d", ""])


def test_a_text_longer_than_a_step_is_made_room_for(mean: Generator, mean_file: Path) -> None:
    texts = ["short", "long " * SMALLEST, "short again"]
    with Generator(mean_file, context=2048) as generator:
        short, long, again = generator.embed(texts)
        assert generator.embed([texts[1]]) == [long]
    close([short, again], [expected(mean_file, ids(texts[n]), "MEAN") for n in (0, 2)])
    assert np.linalg.norm(long) == pytest.approx(1)


def test_what_a_text_says_is_no_control_token(mean: Generator, mean_file: Path) -> None:
    close(mean.embed(["<|end|>"]), [expected(mean_file, ids("<|end|>"), "MEAN")])


def test_a_text_that_does_not_fit_is_an_error_that_names_it(mean_file: Path) -> None:
    with Generator(mean_file, context=256) as generator:
        with pytest.raises(
            ContextOverflow, match=r"text 1 has 257 tokens, and the context window is 256"
        ) as caught:
            generator.embed(["a", "b" * 257])
        assert (caught.value.tokens, caught.value.limit) == (257, 256)
        assert len(generator.embed(["b" * 256])[0]) == 64


def test_an_empty_text_is_an_error_and_no_text_is_none(mean: Generator) -> None:
    assert mean.embed([]) == []
    with pytest.raises(BadRequest, match="text 1 is empty"):
        mean.embed(["a", ""])


def test_a_model_without_pooling_does_not_embed(noise: Generator, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"not made for embeddings: its file names no pooling"):
        noise.embed(["hello"])
    ranks = fabricate.encoder(tmp_path / "ranks.gguf", pooling="RANK")
    with Generator(ranks) as generator, pytest.raises(ModelFileError, match="it reranks"):
        generator.embed(["red"])


@pytest.mark.parametrize("option", [{"dimensions": 8}, {"purpose": "query"}], ids=str)
def test_what_a_file_does_not_tell_of_is_no_option(mean: Generator, option: dict) -> None:
    with pytest.raises(UnsupportedOption, match=next(iter(option))):
        mean.embed(["hello"], **option)


def test_memory_is_reckoned_before_any_of_it_is_taken(mean_file: Path) -> None:
    model, header = Model(str(mean_file)), read_header(mean_file)
    pooling = Pooling(
        header, model, Prompts(model, None), window=512, threads=1, free=lambda: 10, tell=print, fail=print
    )
    with pytest.raises(OutOfMemory, match=r"a text of 3 tokens takes .* and 0 MiB are free") as caught:
        pooling.texts({"do": "embed", "call": 1, "texts": ["a", "abc"]})
    assert caught.value.needed > caught.value.free == 10
    model.close()


def test_threads_tasks_and_a_running_answer_do_not_mix(mean: Generator) -> None:
    alone = {text: mean.embed([text])[0] for text in TEXTS}
    said = mean.generate("hello", max_tokens=50, temperature=0).text
    wrong: list[str] = []

    def call(text: str) -> None:
        if not np.allclose(mean.embed([text, text]), [alone[text]] * 2, atol=2e-3):
            wrong.append(text)

    async def both() -> None:
        found = await asyncio.gather(*(mean.aembed([text]) for text in TEXTS[:9]))
        np.testing.assert_allclose([one for (one,) in found], [alone[t] for t in TEXTS[:9]], atol=2e-3)

    with mean.stream("hello", max_tokens=50, temperature=0) as stream:
        next(stream.text)
        threads = [threading.Thread(target=call, args=[text]) for text in TEXTS]
        for thread in threads:
            thread.start()
        asyncio.run(both())
        for thread in threads:
            thread.join()
        for _ in stream.text:
            pass
    assert not wrong
    assert stream.response.text == said


def test_a_cancelled_call_makes_way_for_the_next(mean: Generator) -> None:
    async def main() -> None:
        task = asyncio.create_task(mean.aembed(["many " * 40] * 500))
        beside = asyncio.create_task(mean.aembed(["one"]))
        await beside
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        close(await mean.aembed(["one"]), [np.array(vector) for vector in beside.result()])

    asyncio.run(main())


def test_a_call_has_the_time_that_it_is_given(mean: Generator, mean_file: Path) -> None:
    with Generator(mean_file, timeout=1e-9) as hurried:
        with pytest.raises(DeadlineExceeded, match="or fewer texts"):
            hurried.embed(TEXTS)
        assert len(hurried.embed(TEXTS, timeout=60)) == len(TEXTS)
        assert len(asyncio.run(hurried.aembed(TEXTS, timeout=float("inf")))) == len(TEXTS)
    with Generator(mean_file, threads=1) as unloaded:  # with a worker of its own
        with pytest.raises(DeadlineExceeded):
            unloaded.embed(TEXTS, timeout=1e-9)
        close(unloaded.embed(TEXTS[:1]), [np.array(vector) for vector in mean.embed(TEXTS[:1])])


@pytest.mark.skipif(os.name != "posix", reason="this needs POSIX signals")
@pytest.mark.parametrize("call", ["embed", "aembed"])
def test_a_call_whose_time_is_over_leaves_the_worker_as_it_was(mean: Generator, call: str) -> None:
    alone = mean.embed(TEXTS[:1])
    pid: int = mean._backend.worker.pid  # type: ignore[attr-defined]
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(DeadlineExceeded):
            if call == "embed":
                mean.embed(["many " * 40] * 5000, timeout=0.1)
            else:
                asyncio.run(mean.aembed(["many " * 40] * 5000, timeout=0.1))
    finally:
        os.kill(pid, signal.SIGCONT)
    close(mean.embed(TEXTS[:1], timeout=60), [np.array(vector) for vector in alone])
    assert mean._backend.worker.pid == pid  # type: ignore[attr-defined]


def queued(*sizes: list[int]) -> deque[deque[Text]]:
    return deque(
        deque(Text(call, index, [0] * size) for index, size in enumerate(call_sizes))
        for call, call_sizes in enumerate(sizes)
    )


def taken(calls: deque[deque[Text]], room: int, most: int = 99) -> list[tuple[int, int]]:
    return [(text.call, text.place) for text in take(calls, room, most)]


def test_calls_take_turns() -> None:
    calls = queued([1, 1, 1, 1], [1], [1, 1])
    assert taken(calls, room=5) == [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1)]
    assert taken(calls, room=5) == [(0, 2), (0, 3)]
    assert not calls


def test_a_step_has_so_many_tokens_and_texts_at_most() -> None:
    calls = queued([3, 3, 3])
    assert taken(calls, room=8) == [(0, 0), (0, 1)]
    assert taken(queued([1] * 9), room=99, most=4) == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert taken(calls, room=2) == []


def test_steps_grow_with_the_longest_text_up_to_the_window() -> None:
    assert [step_size(tokens, 1000) for tokens in (0, 1, 256, 257, 512, 513, 1000)] == [
        *(256, 256, 256, 512, 512, 1024, 1024)
    ]
    assert step_size(1300, 1300) == 1536
