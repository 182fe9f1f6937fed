"""Recorded conversations, through the public API and a socket: what was answered goes back as it came.

The first request is served the recorded answer; the second one carries it, with the tools' results. How a
recorded body reads in genkit's words, and which habits of the recorded clients are not compared, is in the
tests of each dialect.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
import test_anthropic_requests as anthropic
import test_bedrock as bedrock
import test_gemini_requests as gemini
import test_ollama as ollama
import test_openai_chat_requests as chat
import test_openai_responses_requests as responses
from recordings import canon, corpus, needs_corpus
from test_openai_chat import target

import genkit
from genkit.messages import Message
from genkit.testing import Answer, LoopbackProvider

pytestmark = needs_corpus
KINDS = {"json": "application/json", "ndjson": "application/x-ndjson", "sse": "text/event-stream"}


class Turn(NamedTuple):
    """Two exchanges of a conversation, one after the other."""

    vendor: str
    first: Any
    second: Any
    before: Sequence[Message]
    carried: Callable[[Message], Sequence[Message]]
    """The conversation of the second one, with the answer in it."""
    compared: Callable[[Any], Any]
    """What of a body is compared."""


def groups(dialect: str) -> Iterator[tuple[Any, Any]]:
    found: dict[str, list[Any]] = {}
    for exchange in corpus.exchanges(dialect):
        if exchange.group and isinstance(exchange.request["body"], dict):
            found.setdefault(exchange.group, []).append(exchange)
    for group in found.values():
        yield from pairwise(sorted(group, key=lambda exchange: exchange.order))


def simple(turn: tuple[Any, Any], vendor: str, read: Callable[[Any], Any], compared: Any) -> Turn:
    first, second = turn
    before, all_of_it = (list(read(exchange.request["body"])) for exchange in turn)
    place = len(before)
    return Turn(
        vendor,
        first,
        second,
        before,
        # What came before is as the second one has it: a client may have moved its cache marks.
        lambda reply: [*all_of_it[:place], reply, *all_of_it[place + 1 :]],
        compared,
    )


def turns() -> Iterator[Turn]:
    for one, two in chat.LOOPS:
        if one.id not in chat.HABITS:
            to = target(one.provider)
            yield simple(
                (one, two),
                to.vendor.name,
                lambda body: map(chat.read, body["messages"]),
                lambda body, to=to: chat.plain(body, to.quirk("replay")),
            )
    for pair in groups("anthropic.messages"):
        vendor = anthropic.at(pair[0]).vendor.name
        yield simple(
            pair,
            vendor,
            lambda body: anthropic.read(body).messages,
            lambda body: canon(anthropic.NAME, body)["messages"],
        )
    for pair in groups("gemini.generate"):
        if pair[1].id not in gemini.PIECES:
            vendor = "vertex" if pair[0].provider == "vertexai" else "gemini"
            yield simple(pair, vendor, gemini.read, gemini.conversation)
    for pair in groups("bedrock.converse"):
        yield simple(
            pair,
            "bedrock",
            lambda body: bedrock.read(body).messages,
            lambda body: bedrock.plain(body["messages"]),
        )
    for pair in groups("ollama.chat"):
        yield simple(
            pair,
            "ollama",
            lambda body: map(ollama.read, body["messages"]),
            lambda body: canon("", body["messages"]),
        )
    yield from of_responses()


def of_responses() -> Iterator[Turn]:
    for one, two in responses.turns():
        wanted = two.request["body"]
        # By its id the server knows what was said before, and one client leaves the ids of reasoning out.
        if "previous_response_id" in wanted or two.id.startswith(responses.WITHOUT_IDS):
            continue
        before = list(responses.request_of(one.request["body"]).messages)
        raw = one.provider in responses.RAW

        def carried(
            reply: Message, before: list[Message] = before, raw: bool = raw, wanted: Any = wanted
        ) -> list[Message]:
            request = responses.Request(messages=[*before, reply])
            said = len(responses.body_of(request, raw_reasoning=raw)["input"])
            return [*before, reply, *map(responses.words_of, wanted["input"][said:])]

        yield Turn(
            "responses" if raw else "openai",
            one,
            two,
            before,
            carried,
            lambda body: list(map(untied, canon(responses.NAME, body)["input"])),
        )


def untied(item: dict[str, Any]) -> dict[str, Any]:
    """An item without what ties it to the reasoning before it, which not all clients send."""
    calls = item.get("type") in ("message", "function_call")
    return {name: value for name, value in item.items() if not calls or name not in ("id", "status")}


TURNS = list(turns())


def served(exchange: Any) -> Answer:
    recorded = exchange.response
    body = recorded["body"]
    if recorded.get("body_encoding") == "base64":
        kind = {"content-type": "application/vnd.amazon.eventstream"}
        return Answer(body=base64.b64decode(body), headers=kind)
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(body=text.encode(), headers={"content-type": KINDS[exchange.body_kind]})


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.second.id)
def test_the_second_request_carries_the_recorded_conversation(turn: Turn) -> None:
    with LoopbackProvider([served(turn.first), served(turn.second)]) as server:
        generator = genkit.Generator(f"{turn.vendor}:m", base_url=server.url, api_key="k", attempts=1)
        with generator, generator.stream(list(turn.before)) as stream:
            list(stream)
            reply = stream.response.message
            with generator.stream(list(turn.carried(reply))) as second:
                list(second)
    _, asked = server.requests
    assert turn.compared(asked.json) == turn.compared(turn.second.request["body"])


def test_every_dialect_that_was_recorded_in_conversation_is_here() -> None:
    assert {turn.first.dialect for turn in TURNS} == {
        "anthropic.messages",
        "bedrock.converse",
        "gemini.generate",
        "ollama.chat",
        "openai.chat",
        "openai.responses",
    }
