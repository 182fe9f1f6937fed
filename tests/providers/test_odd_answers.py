"""Answers that are odd, but say what they say: the same comes out of them, in every dialect."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import collect, corpus, damaged, needs_corpus, payloads, target

from genkit.errors import GenkitError
from genkit.providers.base import DONE, Dialect
from genkit.router import _DIALECTS

pytestmark = needs_corpus
DIALECTS: dict[str, Dialect] = {
    name: getattr(importlib.import_module(f"genkit.providers.{module}"), kind)()
    for name, (module, kind) in _DIALECTS.items()
}
HERE = target(no_terminal_mark=True)  # servers without one end a stream with their usage


def pieces(exchange: Any) -> list[Any]:
    if "decoded_events" in exchange.response:
        return [{event["event"]: event["payload"]} for event in exchange.response["decoded_events"]]
    return payloads(exchange)


def recorded() -> list[Any]:
    found = corpus.exchanges(*DIALECTS)
    good = [exchange for exchange in found if exchange.response["status"] < 400]
    return [exchange for exchange in good if exchange.body_kind != "sse_malformed"]


RECORDED = recorded()


def said(dialect: str, items: list[Any]) -> Any:
    """What an answer says, or that it is an error."""
    try:
        response = collect(DIALECTS[dialect], items, HERE)
    except GenkitError as error:
        return type(error)
    calls = [(call.name, call.arguments) for call in response.tool_calls]
    return response.text, response.reasoning, response.refusal, calls, response.finish_reason


def everywhere(change: Callable[[dict[str, Any]], dict[str, Any]], value: Any) -> Any:
    """The value with each object in it changed, but for what is a tool's or a user's own."""
    if isinstance(value, list):
        return [everywhere(change, item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        name: inner if name in ("args", "input", "arguments") else everywhere(change, inner)
        for name, inner in value.items()
    }
    return change(kept)


# The content is itself the JSON that was asked for.
OBJECTS = {"cloudflare/structured/chatlas__test_cloudflare_data_extraction__1"}


def is_count(name: str, value: Any) -> bool:
    return type(value) is int and "token" in name.lower()


CHANGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "more fields": lambda found: {**found, "x_of_tomorrow": {"a": [None]}},
    "null for what is empty": lambda found: {k: None if v in ([], {}, "") else v for k, v in found.items()},
    "nothing for what is null": lambda found: {k: v for k, v in found.items() if v is not None},
    "counts as text": lambda found: {k: str(v) if is_count(k, v) else v for k, v in found.items()},
    "counts as floats": lambda found: {k: float(v) if is_count(k, v) else v for k, v in found.items()},
    "null for counts": lambda found: {k: None if is_count(k, v) else v for k, v in found.items()},
    "no usage": lambda found: {
        k: None if k in ("usage", "usageMetadata") else v for k, v in found.items()
    },
    "indices as text": lambda found: {
        k: str(v) if k == "index" and type(v) is int else v for k, v in found.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_said_does_not_hang_on_it(dialect: str, change: str) -> None:
    wrong = []
    for exchange in [exchange for exchange in RECORDED if exchange.dialect == dialect]:
        items = pieces(exchange)
        # Bedrock's events are objects with one field.
        if change == "more fields" and dialect == "bedrock.converse" and len(items) > 1:
            continue
        odd = [item if item is DONE else everywhere(CHANGES[change], item) for item in items]
        if said(dialect, odd) != said(dialect, items) and exchange.id not in OBJECTS:
            wrong.append(exchange.id)
    assert not wrong


NEW_EVENTS: dict[str, Any] = {
    "anthropic.messages": {"type": "of_tomorrow", "delta": {}},
    "bedrock.converse": {"ofTomorrow": {"p": "x"}},
    "cohere.chat": {"type": "of-tomorrow"},
    "gemini.generate": {"modelVersion": "m", "ofTomorrow": 1},
    "openai.chat": {"id": "x", "object": "chat.completion.chunk", "choices": []},
    "openai.responses": {"type": "response.of_tomorrow", "item": None},
}


@pytest.mark.parametrize("dialect", NEW_EVENTS)
def test_events_of_a_kind_that_is_not_known_are_passed_over(dialect: str) -> None:
    for exchange in [exchange for exchange in RECORDED if exchange.dialect == dialect]:
        items = pieces(exchange)
        if len(items) > 2:
            first, second, *rest = items
            assert said(dialect, [first, NEW_EVENTS[dialect], second, NEW_EVENTS[dialect], *rest]) == said(
                dialect, items
            ), exchange.id


NEW_PARTS: dict[str, dict[str, Any]] = {
    "anthropic.messages": {"type": "of_tomorrow"},
    "bedrock.converse": {"ofTomorrow": {}},
    "cohere.chat": {"type": "of-tomorrow"},
    "gemini.generate": {"ofTomorrow": {}},
}


@pytest.mark.parametrize("dialect", NEW_PARTS)
def test_parts_of_a_kind_that_is_not_known_are_passed_over(dialect: str) -> None:
    def add(found: dict[str, Any]) -> dict[str, Any]:
        lists = {k: v for k, v in found.items() if k in ("content", "parts") and isinstance(v, list) and v}
        return {**found, **{k: [*v, NEW_PARTS[dialect]] for k, v in lists.items() if isinstance(v[0], dict)}}

    for exchange in [exchange for exchange in RECORDED if exchange.dialect == dialect]:
        items = pieces(exchange)
        odd = [item if item is DONE else everywhere(add, item) for item in items]
        assert said(dialect, odd) == said(dialect, items), exchange.id


BESIDE = ("embed", "embeddings", "count_tokens", "models", "rerank")
OTHERS = [e for e in corpus.exchanges() if e.dialect.endswith(BESIDE)]


@given(st.integers(0, 10**9))
@settings(max_examples=300, deadline=None)
def test_damaged_embeddings_counts_and_lists_make_typed_errors_only(seed: int) -> None:
    body = OTHERS[seed % len(OTHERS)].response["body"]
    for dialect in DIALECTS.values():
        for what in ("embed", "count", "models", "rerank"):
            if decode := getattr(dialect, f"decode_{what}", None):
                with contextlib.suppress(GenkitError):
                    decode(damaged([body], seed)[0], HERE)


def test_numbers_beyond_all_bounds_are_typed_errors() -> None:
    for dialect in DIALECTS.values():
        if decode := getattr(dialect, "decode_embed", None):
            for body in ({"data": [{"embedding": [10**400]}]}, {"embeddings": [{"values": [10**400]}]}):
                with pytest.raises(GenkitError):
                    decode(body, HERE)
