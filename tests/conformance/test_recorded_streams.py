"""A sample of what ``streams.py`` tries: recorded streams that are cut anywhere, or damaged at random."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from corpus import FOLDER
from streams import Stream, cut_at, mutants, nonsense_before_the_end, streams

STREAMS = streams() if FOLDER.exists() else []
needs_corpus = pytest.mark.skipif(not STREAMS, reason=f"there is no corpus at {FOLDER.name}")


@needs_corpus
@pytest.mark.parametrize("stream", STREAMS, ids=str)
def test_a_cut_is_no_end_and_changes_nothing(stream: Stream) -> None:
    size = len(stream.data)
    places = {*random.Random(stream.id).sample(range(size), min(size, 12)), *range(max(size - 4, 0), size)}
    assert list(cut_at(stream, sorted(places))) == []


@needs_corpus
def test_mutants_end_in_a_typed_error_or_an_answer() -> None:
    kinds: Counter[str] = Counter()
    assert list(mutants(STREAMS, 1500, 1, kinds)) == []
    assert kinds["Response"] > 100


def test_the_judge_of_mutants_sees_what_is_passed_over() -> None:

    end = re.compile(b"END")
    assert nonsense_before_the_end(b'data: {"a": 1}\n\ndata: {\n\ndata: END\n\n', end)
    assert not nonsense_before_the_end(b'data: {"a": 1}\n\n: ping\n\ndata: END\n\ndata: {\n\n', end)
