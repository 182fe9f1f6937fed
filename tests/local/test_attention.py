"""How attention is computed changes with who runs, and nothing else does."""

from __future__ import annotations

import struct
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fabricate
import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genkit import Generator
from genkit.local import limits
from genkit.local.attention import LATE, MANY, MOST, PATIENCE, Attention
from genkit.local.context import FEW, Context
from genkit.local.engine import Engine
from genkit.local.llama import Model
from genkit.local.plan import Forget, Share, Work
from genkit.local.sequence import Sequence
from genkit.local.service import Service
from genkit.local.turning import turn

PROMPT = [*range(100)]
FREE = 1 << 30


@pytest.fixture
def model(noise_file: Path) -> Iterator[Model]:
    made = Model(str(noise_file))
    yield made
    made.close()


@pytest.fixture
def context(model: Model) -> Iterator[Context]:
    made = Context(model, size=512, sequences=3, batch=256, threads=1)
    yield made
    made.close()


@contextmanager
def serving(path: Path, **given: Any) -> Iterator[Engine]:
    """The engine of a service with these settings."""
    settings = {
        "path": str(path), "context": 512, "parallel": 2, "threads": 1, "gpu_layers": 0, "template": None,
        "flash_attention": None,
        **given,
    }  # fmt: skip
    service = Service(settings, lambda _: None, print)
    assert service.engine
    threading.Thread(target=service.engine.run).start()
    yield service.engine
    service.close()


def evaluate(context: Context, tokens: list[int], slot: int = 0, start: int = 0) -> list[float]:
    """The logits after these tokens."""
    last = len(tokens) - 1
    assert context.decode([(token, start + at, slot, at == last) for at, token in enumerate(tokens)])
    return list(context.logits(last)[:200])


def test_what_sequences_hold_stays(context: Context) -> None:
    evaluate(context, PROMPT)
    context.make(Share(0, 1, 50))
    expected = evaluate(context, [7], 1, 50)
    context.forget(1, 50)
    before = context.save(0)
    for flash in (False, True):
        assert context.attend(flash=flash)
        assert context.flash is flash
        assert context.save(0) == before
        assert evaluate(context, [7], 1, 50) == pytest.approx(expected, abs=0.05)
        context.forget(1, 50)
    context.make(Forget(0))
    assert evaluate(context, [7], 1, 50) == pytest.approx(expected, abs=0.05)


def test_what_was_saved_either_way_is_loaded_either_way(context: Context) -> None:
    evaluate(context, PROMPT)
    saved = context.save(0)
    expected = evaluate(context, [7], 0, 100)
    assert context.attend(flash=False)
    assert context.load(1, bytearray(saved), 100)
    assert evaluate(context, [7], 1, 100) == pytest.approx(expected, abs=0.05)
    context.forget(1, 100)
    saved = context.save(1)
    assert context.attend(flash=True)
    assert context.load(2, saved, 100)
    assert evaluate(context, [7], 2, 100) == pytest.approx(expected, abs=0.05)


def test_a_context_that_holds_nothing_changes_too(context: Context) -> None:
    expected = evaluate(context, PROMPT)
    context.clear()
    assert context.attend(flash=False)
    assert evaluate(context, PROMPT) == pytest.approx(expected, abs=0.05)


def test_a_computation_can_still_be_aborted(context: Context) -> None:
    assert context.attend(flash=False)
    context.abort()
    assert not context.decode([(1, 0, 0, True)])


def test_adapters_are_still_added(model: Model, tmp_path: Path) -> None:
    ones = np.full((4, 64), 0.3, np.float32), np.full((64, 4), 0.3, np.float32)
    path = fabricate.adapter(tmp_path / "lora.gguf", {"blk.0.attn_v.weight": ones}, alpha=4)
    model.adapt(str(path), 1.0)
    context = Context(model, size=512, sequences=1, batch=256, threads=1)
    logits = {}
    for scale in (0.0, 0.5):
        context.decode([(token, at, 0, at == 99) for at, token in enumerate(PROMPT)], (scale,))
        logits[scale] = list(context.logits(99)[:200])
        context.clear()
    assert logits[0.0] != pytest.approx(logits[0.5], abs=0.05)
    assert context.attend(flash=False)
    assert evaluate(context, PROMPT) == pytest.approx(logits[0.5], abs=0.05)
    context.close()


def state(cells: int = 2, *, streams: int = 1, by_number: int = 0, kind: int = 1) -> bytearray:
    """A state of one layer, whose keys have two bytes and whose values have three numbers."""
    meta = b"".join(struct.pack("=iIii", at, 2, 0, 1) for at in range(cells))
    keys = struct.pack("=iQ", 1, 2) + b"kk" * cells
    head = struct.pack("=iII", kind, 2, 3) if by_number else struct.pack("=iQ", kind, 6)
    values = [*range(0, 3 * cells, 3), *range(1, 3 * cells, 3), *range(2, 3 * cells, 3)]
    values = values if by_number else [*range(3 * cells)]
    return bytearray(
        struct.pack("=IiII", 7, 0, streams, cells)
        + meta
        + struct.pack("=II", by_number, 1)
        + keys
        + head
        + struct.pack(f"={3 * cells}H", *values)
    )


def test_values_are_laid_out_the_other_way() -> None:
    one, other = state(), state(by_number=1)
    assert turn(one, by_number=True)
    assert one == other
    assert turn(one, by_number=False)
    assert one == state()


@pytest.mark.parametrize(
    "unfit",
    [state(by_number=1), state(by_number=2), state(0), state(streams=2), state(kind=8), state() + b"x"],
)
def test_what_has_another_form_is_left_alone(unfit: bytearray) -> None:
    before = bytes(unfit)
    assert not turn(unfit, by_number=True)
    assert unfit == before


@given(st.integers(0, len(state(5)) - 1))
def test_a_part_of_a_state_is_left_alone(length: int) -> None:
    part = state(5)[:length]
    before = bytes(part)
    assert not turn(part, by_number=True)
    assert part == before


def step(evaluated: int, size: int = 1) -> list[Work]:
    """A step of a sequence of which so many tokens are evaluated."""
    sequence = Sequence(1, [1] * (evaluated + size), [], 9)
    sequence.evaluated = evaluated
    return [Work(sequence, size, True)]


def changed(context: Context, *, takes: int | None = 1, free: int | None = FREE) -> Attention:
    """That of a context in which one late answer runs."""
    attention = Attention(context, takes=takes, free=lambda: free)
    evaluate(context, PROMPT)
    for _ in range(PATIENCE):
        attention.suit(step(LATE), calls=1)
    return attention


def test_a_late_answer_alone_does_without_the_flash_kernel(context: Context) -> None:
    attention = Attention(context, takes=1, free=lambda: FREE)
    for work, calls in ((step(LATE - 1), 1), (step(LATE, FEW + 1), 1), (step(LATE), 2), ([], 0)):
        for _ in range(PATIENCE):
            attention.suit(work, calls)
    for _ in range(PATIENCE - 1):
        attention.suit(step(LATE), 1)
    assert context.flash
    attention.suit(step(LATE), 1)
    assert not context.flash


def test_several_have_it_at_once_and_a_late_answer_not_at_once_again(context: Context) -> None:
    attention = changed(context)
    attention.suit(step(LATE, FEW + 1), 1)
    assert not context.flash
    attention.suit(step(LATE), 2)
    assert context.flash
    for _ in range(PATIENCE):
        attention.suit(step(LATE), 1)
    assert context.flash


def test_a_large_chunk_of_a_prompt_has_it(context: Context) -> None:
    attention = changed(context)
    attention.suit(step(LATE, MANY), 1)
    assert context.flash


def test_who_begins_alone_begins_as_the_first_call_did(context: Context) -> None:
    attention = changed(context)
    attention.suit(step(0, 9), 1)
    assert context.flash


@pytest.mark.parametrize(
    "short",
    [{"takes": None}, {"takes": FREE // 4 + 1}, {"takes": MOST + 1, "free": 9 * MOST}, {"free": None}],
)
def test_nothing_changes_where_it_must_not_or_memory_is_short(
    context: Context, short: dict[str, int | None]
) -> None:
    changed(context, **short)
    assert context.flash


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_without_memory_nothing_changes_and_all_goes_on(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(model, size=65536, sequences=1, batch=256, threads=1)
    monkeypatch.setattr(limits, "MEMORY", 4 << 20)
    with limits.limited():
        changed(context)
    assert context.flash
    evaluate(context, [7], 0, 100)
    assert context.attend(flash=False)
    context.close()


def test_a_model_whose_state_has_another_form_is_tried_once(tmp_path: Path) -> None:
    model = Model(str(fabricate.recurrent(tmp_path / "mamba.gguf")))
    context = Context(model, size=512, sequences=1, batch=256, threads=1)
    changed(context)
    assert context.flash
    context.close()
    model.close()


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        ({}, True),
        ({"flash_attention": True}, False),
        ({"flash_attention": False}, False),
        ({"deterministic": True, "parallel": 1}, False),
        ({"context_shift": True}, False),
        ({"limits": False}, False),  # isolation="thread", where nobody tried it
    ],
)
def test_attention_changes_where_nothing_else_was_said(
    noise_file: Path, given: dict[str, Any], changes: bool
) -> None:
    with serving(noise_file, **given) as engine:
        assert engine._attention._able is changes


def test_no_prompt_is_evaluated_apart_where_the_size_of_a_context_changes_how_keys_are_turned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = fabricate._finish

    def stretched(writer: gguf.GGUFWriter, path: Path) -> Path:
        writer.add_rope_scaling_orig_ctx_len(1024)
        return finish(writer, path)

    monkeypatch.setattr(fabricate, "_finish", stretched)
    path = fabricate.noise(tmp_path / "model.gguf")
    for context, apart in ((1024, True), (1025, False)):
        with serving(path, context=context) as engine:
            assert (engine._ahead._takes is not None) is apart


def test_calls_hear_nothing_of_it(alphabet_file: Path) -> None:
    def said(**options: bool) -> list[tuple[str, int]]:
        with Generator(alphabet_file, context=4096, lookup=False, **options) as generator:

            def ask(prompt: str) -> tuple[str, int]:
                answer = generator.generate(prompt, temperature=0, max_tokens=30)
                return answer.text, answer.usage.cached_tokens

            told = []
            for turn in range(3):
                told += [ask("a" * (1100 + turn)), ask("a" * (1100 + turn) + "b" * 20)]
                with ThreadPoolExecutor(3) as threads:
                    told += threads.map(ask, [f"{turn}{call}" * 20 for call in "xyz"])
        return told

    assert said() == said(flash_attention=True)
