"""Reranking with local models: scores by the model's own head, the best document first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fabricate
import gguf
import numpy as np
import pytest
from fabricate import BYTES, END, WORDS
from reference import token_vectors

from genkit import Generator, Ranked
from genkit.errors import BadRequest, ContextOverflow, DeadlineExceeded, ModelFileError

DOCUMENTS = ["green blue", "cold", "warm warm red", "blue", "red green blue cold warm"]
TEMPLATE = "<|end|>judge<|end|>{query}<|end|>{document}<|end|>"


@pytest.fixture(scope="module")
def cross_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder, which reads a query and a document together."""
    return fabricate.encoder(tmp_path_factory.mktemp("models") / "cross.gguf", pooling="RANK")


@pytest.fixture(scope="module")
def cross(cross_file: Path) -> Iterator[Generator]:
    with Generator(cross_file) as generator:
        yield generator


@pytest.fixture(scope="module")
def judge_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A causal model that judges after a template of its own, like Qwen3-Reranker."""
    path = tmp_path_factory.mktemp("models") / "judge.gguf"
    return fabricate.noise(path, pooling="RANK", architecture="qwen3", rerank=TEMPLATE)


def weights(path: Path) -> dict[str, Any]:
    return {tensor.name: np.array(tensor.data) for tensor in gguf.GGUFReader(path).tensors}


def words(text: str) -> list[int]:
    return [WORDS.index(f"\u2581{word}") for word in text.split()]


def cross_score(path: Path, query: str, document: str) -> float:
    """BertForSequenceClassification on ``[CLS] query [SEP] document [SEP]``, as a probability."""
    first = token_vectors(path, [2, *words(query), 3, *words(document), 3])[0]
    head = weights(path)
    hidden = np.tanh(head["cls.weight"] @ first + head["cls.bias"])
    (logit,) = head["cls.output.weight"] @ hidden + head["cls.output.bias"]
    return float(1 / (1 + np.exp(-logit)))


def test_a_cross_encoder_scores_as_its_head_does(cross: Generator, cross_file: Path) -> None:
    ranked = cross.rerank("red cold", DOCUMENTS)
    wanted = [cross_score(cross_file, "red cold", document) for document in DOCUMENTS]
    assert sorted(each.index for each in ranked) == list(range(len(DOCUMENTS)))
    scores = [each.score for each in ranked]
    np.testing.assert_allclose(scores, [wanted[each.index] for each in ranked], atol=2e-3)
    assert scores == sorted(scores, reverse=True)
    assert max(wanted) - min(wanted) > 0.05  # else any order would do


def test_a_judge_reads_its_own_template(judge_file: Path) -> None:
    def ids(text: str) -> list[int]:
        return [BYTES.index(byte) for byte in text.encode()]

    query, documents = "who?", ["he", "what <|end|> forges", "her"]
    with Generator(judge_file) as generator:
        ranked = generator.rerank(query, documents)
    for each in ranked:
        tokens = [END, *ids("judge"), END, *ids(query), END, *ids(documents[each.index]), END]
        logits = weights(judge_file)["cls.output.weight"] @ token_vectors(judge_file, tokens)[-1]
        odds = np.exp(logits - logits.max())
        assert each.score == pytest.approx(odds[0] / odds.sum(), abs=2e-3)


def test_the_best_are_told_of_alone_if_asked(cross: Generator) -> None:
    assert cross.rerank("red", DOCUMENTS, top=2) == cross.rerank("red", DOCUMENTS)[:2]
    assert asyncio.run(cross.arerank("red", DOCUMENTS, top=2)) == cross.rerank("red", DOCUMENTS, top=2)
    assert cross.rerank("red", []) == []


def test_a_call_has_the_time_that_it_is_given(cross: Generator, cross_file: Path) -> None:
    with Generator(cross_file, timeout=1e-9) as hurried:
        with pytest.raises(DeadlineExceeded, match="or fewer texts"):
            hurried.rerank("red", DOCUMENTS)
        assert len(hurried.rerank("red", DOCUMENTS, timeout=60)) == len(DOCUMENTS)
    with pytest.raises(DeadlineExceeded):
        cross.rerank("red", DOCUMENTS, timeout=1e-9)
    with pytest.raises(DeadlineExceeded):
        asyncio.run(cross.arerank("red", DOCUMENTS, timeout=1e-9))
    assert len(asyncio.run(cross.arerank("red", DOCUMENTS, timeout=60))) == len(DOCUMENTS)


def test_a_pair_that_does_not_fit_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = fabricate.encoder(tmp_path / "short.gguf", pooling="RANK", context=16)
    with Generator(path) as generator:
        with pytest.raises(ContextOverflow, match=r"the query with document 1 has 17 tokens.* window is 16"):
            generator.rerank("red", ["red", "red " * 13])
        assert len(generator.rerank("red", ["red", "red " * 12])) == 2


def test_a_model_of_another_kind_does_not_rerank(noise: Generator, tmp_path: Path) -> None:
    embeds = fabricate.encoder(tmp_path / "embeds.gguf", pooling="CLS")
    with Generator(embeds) as generator, pytest.raises(ModelFileError, match="no pooling for ranks"):
        generator.rerank("red", ["red"])
    with pytest.raises(ModelFileError, match="not made for reranking"):
        noise.rerank("red", ["red"])
    headless = fabricate.noise(tmp_path / "headless.gguf", pooling="RANK")
    with Generator(headless) as generator, pytest.raises(ModelFileError, match="holds no head"):
        generator.rerank("red", ["red"])


def test_a_template_without_places_is_the_files_fault(tmp_path: Path) -> None:
    path = fabricate.noise(tmp_path / "m.gguf", pooling="RANK", architecture="qwen3", rerank="{query}?")
    with Generator(path) as generator, pytest.raises(ModelFileError, match=r"no \{query\} and \{document\}"):
        generator.rerank("a", ["b"])


@pytest.mark.parametrize(
    ("query", "documents", "top"),
    [(1, ["a"], None), ("a", "b", None), ("a", [1], None), ("a", ["b"], 0), ("a", ["b"], True)],
)
def test_what_is_no_search_is_a_bad_request(cross: Generator, query: Any, documents: Any, top: Any) -> None:
    with pytest.raises(BadRequest, match=r"rerank|top"):
        cross.rerank(query, documents, top=top)


def test_a_rank_is_an_index_and_a_score() -> None:
    assert (Ranked(3, 0.5).index, Ranked(3, 0.5).score) == (3, 0.5)
