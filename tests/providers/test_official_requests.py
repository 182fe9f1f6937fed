"""The requests of the official SDKs, both generations, made through genkit's public API over a socket.

They have the same body, path and key. What each is for, in genkit's words, is in its dialect's tests.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import test_anthropic_requests as anthropic
import test_cohere as cohere
import test_gemini_requests as gemini
import test_openai_chat_requests as chat
import test_openai_responses_requests as responses
from recordings import canon, corpus, needs_corpus

import genkit
from genkit.providers.vendors import VENDORS
from genkit.request import Request
from genkit.testing import Answer, Asked, LoopbackProvider

pytestmark = needs_corpus

# What genkit has no words for, and why.
NOT_SAID = {
    "anthropic batch_create": "batches are an API of their own",
    "google-genai vertex_imagen": "images are made through another endpoint",
    "openai images_edit_multipart": "images are made through another endpoint",
    "openai images_generate": "images are made through another endpoint",
    "openai moderation": "genkit does not moderate",
    "openai speech": "speech is made through another endpoint",
    "openai transcription_multipart": "transcription is another endpoint",
}
EMBEDDINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "cohere embed": ("cohere", {"texts": ["a"], "purpose": "query"}),
    "google-genai embed": ("gemini", {"texts": ["a", "b"], "purpose": "query", "dimensions": 2}),
    "google-genai vertex_embed": ("vertex", {"texts": ["a"]}),
}
CANON = {"anthropic": anthropic.NAME}
GENERATIONS = ("current", "prev")


def name_of(case: dict[str, Any]) -> str:
    return f"{case['sdk']} {case['case']}"


def official(generation: str) -> dict[str, dict[str, Any]]:
    found = corpus.official_requests(generation=generation)
    return {name_of(case): case for case in found}


CASES = {generation: official(generation) for generation in GENERATIONS}


def intents() -> Iterator[tuple[str, str, Request]]:
    """Each case with its vendor and what it asks for."""
    for case, request in anthropic.INTENTS.items():
        yield f"anthropic {case}", "anthropic", request
    for case, request in gemini.SAME.items():
        yield f"google-genai {case}", "vertex" if case.startswith("vertex") else "gemini", request
    for case, (_, request) in responses.INTENTS.items():
        yield f"openai {case}", "openai", request
    for name, (vendor, make) in chat.OFFICIAL.items():
        yield name, vendor, make(CASES["current"].get(name))
    for case, request in cohere.SAME.items():
        yield f"cohere {case}", "cohere", request


INTENTS = {name: (vendor, request) for name, vendor, request in intents()} if CASES["current"] else {}


def options_of(request: Request) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(request)]
    given = {name: getattr(request, name) for name in names if name not in ("messages", "sampling", "stream")}
    set_ones = {name: value for name, value in given.items() if value not in (None, (), {})}
    return {**set_ones, **request.sampling.given()}


def generate(request: Request) -> Callable[[genkit.Generator], Any]:
    def ask(generator: genkit.Generator) -> None:
        if request.stream:
            with generator.stream(list(request.messages), **options_of(request)) as stream:
                list(stream)
        else:
            generator.generate(list(request.messages), **options_of(request))

    return ask


def call_for(name: str, sent: dict[str, Any]) -> tuple[str, Callable[[genkit.Generator], Any]]:
    """The vendor, and the call to make of its Generator."""
    if name in INTENTS:
        vendor, request = INTENTS[name]
        return vendor, generate(request)
    if name in EMBEDDINGS:
        vendor, options = EMBEDDINGS[name]
        return vendor, lambda generator: generator.embed(**options)
    if name == "anthropic count_tokens":
        asked = [anthropic.HELLO]
        return "anthropic", lambda generator: generator.count(
            asked, system="Be terse.", tools=[anthropic.WEATHER]
        )
    if name == "cohere rerank":
        return "cohere", lambda generator: generator.rerank("q", ["a"], top=1)
    if name == "google-genai count_tokens":
        return "gemini", lambda generator: generator.count("Hello")
    if name == "openai models_list":
        return "openai", lambda generator: generator.models()
    assert "embeddings" in name
    body = sent["body"]
    vendor = "mistral" if name.startswith("mistralai") else "openai"
    return vendor, lambda generator: generator.embed(body["input"], dimensions=body.get("dimensions"))


def model_of(sent: dict[str, Any]) -> str:
    if sent["body"] and "model" in sent["body"]:
        return str(sent["body"]["model"])
    return str(sent["path"].rpartition("/")[2].partition(":")[0])


def asked_by(name: str, sent: dict[str, Any]) -> Asked:
    """What genkit sends for a case; the answer, an error, does not matter."""
    vendor, ask = call_for(name, sent)
    base = urlsplit(VENDORS[vendor].base_url).path
    base = base.replace("{GOOGLE_CLOUD_PROJECT}", "PROJECT_ID").replace(
        "{GOOGLE_CLOUD_LOCATION}", "us-central1"
    )
    base = base.partition("{")[0]
    key = "TEST_TOKEN" if vendor == "vertex" else "TEST_KEY"
    with LoopbackProvider(Answer(status=400, body={"error": {"message": "no"}})) as server:
        model = f"{vendor}:{model_of(sent)}"
        generator = genkit.Generator(model, base_url=server.url + base, api_key=key, attempts=1)
        with generator, contextlib.suppress(genkit.errors.BadRequest):
            ask(generator)
        (asked,) = server.requests
    return asked


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_official_request_is_made_or_has_a_reason_not_to(generation: str) -> None:
    rest = CASES[generation].keys() - INTENTS.keys() - EMBEDDINGS.keys() - NOT_SAID.keys()
    assert rest == {
        "anthropic count_tokens",
        "cohere rerank",
        "google-genai count_tokens",
        "mistralai embeddings",
        "openai embeddings_default",
        "openai models_list",
    }


def compared(sdk: str, case: str, body: Any) -> Any:
    if sdk == "google-genai":
        return gemini.compared(body)
    if sdk == "cohere":
        return cohere.compared(body)
    return canon(CANON.get(sdk, "openai.responses" if "responses" in case else "openai.chat"), body)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("name", [name for name in CASES["current"] if name not in NOT_SAID])
def test_genkit_sends_what_the_official_sdk_sends(
    name: str, generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")  # as the SDK had it, which has no default
    case = CASES[generation][name]
    asked, sent = asked_by(name, case["request"]), case["request"]
    if sent["body"] is None:
        assert asked.body in (b"", None)
    else:
        assert compared(case["sdk"], case["case"], asked.json) == compared(
            case["sdk"], case["case"], sent["body"]
        )
    # Where the SDKs changed the version in the path, or how to prove who calls, the servers take both; genkit
    # keeps to those of the recorded traffic, which are the former ones.
    before = CASES["prev"][name]["request"]
    assert (asked.method, asked.path) == (before["method"], before["path"])
    proofs = ("authorization", "api-key", "x-api-key", "x-goog-api-key", "anthropic-version")
    assert {n: asked.headers[n] for n in proofs if n in asked.headers} == {
        n: before["headers"][n] for n in proofs if n in before["headers"]
    }
