"""Vendors are rows that their dialects can read; and what all servers of OpenAI's kind share."""

from __future__ import annotations

import ast
import base64
import math
import re
import struct
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from recordings import WHY, corpus, needs_corpus
from test_openai_chat import CHAT, target

from genkit import Generator
from genkit.errors import AuthFailed, BadRequest, ConfigError, GenkitError, ProtocolError
from genkit.providers.base import Target, Vendor
from genkit.providers.vendors import VENDORS
from genkit.testing import Answer, LoopbackProvider

PROVIDERS = Path(__file__).resolve().parents[2] / "genkit" / "providers"
DIALECTS = {
    "anthropic.messages", "bedrock.converse", "cohere.chat", "gemini.generate", "ollama.chat", "openai.chat",
    "openai.responses",
}  # fmt: skip
PROMISED = (
    "openai", "openai-chat", "groq", "mistral", "deepseek", "xai", "openrouter", "together", "fireworks",
    "cerebras", "perplexity", "huggingface", "moonshot", "zai", "alibaba", "venice", "vllm", "llama-server",
    "lmstudio", "ollama", "ollama-chat", "azure", "anthropic", "gemini", "vertex", "cohere", "bedrock",
    "chat",
)  # fmt: skip
ROWS = pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)


def test_the_promised_vendors_have_rows() -> None:
    assert not [name for name in PROMISED if name not in VENDORS]


@ROWS
def test_a_row_is_complete(vendor: Vendor) -> None:
    assert vendor.dialect in DIALECTS
    place = urlsplit(re.sub(r"^\{[A-Z_]+_(ENDPOINT|HOST)\}", "https://here", vendor.base_url))
    assert not vendor.base_url.endswith("/")
    local = place.hostname == "localhost"
    assert place.scheme == ("http" if local else "https" if vendor.base_url else "")
    assert all(name == name.upper() for name in vendor.key_variables)
    assert vendor.auth == vendor.auth.lower()


@ROWS
def test_a_key_is_needed_where_the_row_names_one_but_not_on_this_machine(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in vendor.key_variables:
        monkeypatch.delenv(name, raising=False)
    if vendor.key_variables and vendor.base_url.startswith("https://") and "{" not in vendor.base_url:
        with pytest.raises(ConfigError, match=r"there is no key for .*: set "):
            Generator(f"{vendor.name}:m")
    elif vendor.base_url.startswith("http://"):
        Generator(f"{vendor.name}:m").close()
    if vendor.base_url:
        Generator(f"{vendor.name}:m", base_url="http://127.0.0.1:9").close()


@cache
def quirks_read() -> set[str]:
    """The quirks that some dialect reads."""
    found: set[str] = set()
    for path in PROVIDERS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (
                "quirk",
                "_quirk",
            ):
                found |= {value.value for value in node.args[:1] if isinstance(value, ast.Constant)}
    return found | {"max_tokens", "seed"}


@ROWS
def test_a_quirk_is_one_that_a_dialect_reads(vendor: Vendor) -> None:
    assert not vendor.quirks.keys() - quirks_read()


@needs_corpus
def test_recorded_calls_went_where_the_rows_say() -> None:
    # The same servers under another name, or under another path.
    moved = {
        "api.together.ai", "ollama.com", "api.z.ai", "router.huggingface.co", "0.0.0.0:4000",
        "localhost:9000",
    }  # fmt: skip
    wrong = []
    for exchange in corpus.exchanges("openai.chat"):
        vendor = target(exchange.provider).vendor
        url = exchange.request["url"].partition("?")[0]
        known = vendor.base_url and "{" not in vendor.base_url and urlsplit(url).netloc not in moved
        if known and url != vendor.base_url + "/chat/completions":
            wrong.append(f"{vendor.name}: {url}")
    assert not wrong


# Embeddings


def recorded(dialect: str) -> list[Any]:
    return corpus.exchanges(dialect)


@pytest.mark.parametrize("exchange", recorded("openai.embeddings"), ids=str)
def test_recorded_embeddings_are_read(exchange: Any) -> None:
    to, body = target(exchange.provider), exchange.response["body"]
    if exchange.response["status"] >= 400:
        assert isinstance(CHAT.error(exchange.response["status"], body, to), BadRequest)
        with pytest.raises(BadRequest, match="Invalid model"):
            CHAT.decode_embed(body, to)
        return
    asked = exchange.request["body"]
    vectors = CHAT.decode_embed(body, to)
    assert len(vectors) == (len(asked["input"]) if isinstance(asked["input"], list) else 1)
    assert {len(vector) for vector in vectors} == {asked.get("dimensions", len(vectors[0]))}
    first = body["data"][0]["embedding"]
    if isinstance(first, list):
        assert vectors[0] == pytest.approx(first)


def vectors(rows: list[tuple[int | None, Any]], to: Target | None = None) -> list[list[float]]:
    data = [{"embedding": value} | ({} if index is None else {"index": index}) for index, value in rows]
    return CHAT.decode_embed({"data": data}, to or target())


def test_embeddings_come_in_the_order_of_their_texts() -> None:
    assert vectors([(1, [2.0]), (0, [1.0])]) == [[1.0], [2.0]]
    assert vectors([(None, [1.0]), (None, [2.0])]) == [[1.0], [2.0]]
    null = {"data": [{"index": None, "embedding": [value]} for value in (1.0, 2.0)]}
    assert CHAT.decode_embed(null, target()) == [[1.0], [2.0]]


def test_base64_holds_little_endian_numbers() -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -2)).decode()
    assert vectors([(0, packed)]) == [[0.5, -2.0]]
    assert vectors([(0, base64.b64encode(b"\x01\xff").decode())], target("perplexity")) == [[1.0, -1.0]]


NAN = base64.b64encode(struct.pack("<2f", math.nan, 1)).decode()


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"data": None}, {"data": [1]}, {"data": [{}]}, {"data": [{"embedding": []}]}]
    + [{"data": [{"embedding": value}]} for value in (1, "x", "", "AAA=", NAN, ["x"], [None], [[1.0]])]
    + [
        {"data": [{"index": index, "embedding": [1.0]} for index in indices]}
        for indices in ((0, 0), (5, 6), (-1, 0), (1, None), (0, "1"))
    ],
)
def test_what_is_no_embedding_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        CHAT.decode_embed(body, target())


def test_batches_fit_the_vendor() -> None:
    assert CHAT.embed_limit(target("openai")) == 2048
    assert CHAT.embed_limit(target("alibaba")) == 10


# Models


@pytest.mark.parametrize("provider", ["cerebras", "perplexity"])
def test_recorded_lists_of_models_are_read(provider: str) -> None:
    found = [e for e in recorded("models") if e.provider == provider and e.response["status"] == 200]
    if not found:
        pytest.skip(WHY)
    body = found[0].response["body"]
    assert CHAT.decode_models(body, target(provider)) == [row["id"] for row in body["data"]]
    base, path = target(provider).vendor.base_url, CHAT.encode_models(target(provider)).path
    assert base + path == found[0].request["url"]


def test_a_bare_list_of_models_will_do() -> None:
    assert CHAT.decode_models([{"id": "a"}, {"id": "b"}], target("together")) == ["a", "b"]


@pytest.mark.parametrize("body", [None, {}, "x", {"data": [1]}, {"data": [{"id": 1}]}, [None]])
def test_what_is_no_list_of_models_is_a_protocol_error(body: Any) -> None:
    with pytest.raises(ProtocolError):
        CHAT.decode_models(body, target())


def test_an_error_in_place_of_models_is_that_error() -> None:
    with pytest.raises(AuthFailed) as raised:
        CHAT.decode_models({"error": {"message": "no", "code": "invalid_api_key"}}, target())
    assert isinstance(raised.value, GenkitError)


@pytest.mark.parametrize(
    ("model", "variable", "path", "asked"),
    [
        ("openai:m", "OPENAI_BASE_URL", "/gateway/v1", "/gateway/v1/models"),
        ("openai-chat:m", "OPENAI_BASE_URL", "/gateway/v1/", "/gateway/v1/models"),
        ("anthropic:m", "ANTHROPIC_BASE_URL", "/gateway", "/gateway/v1/models"),
    ],
)
def test_the_environment_says_where_a_vendor_is_as_its_own_package_reads_it(
    model: str, variable: str, path: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackProvider([Answer(body={"data": [{"id": "a"}]})]) as server:
        monkeypatch.setenv(variable, server.url + path)
        with Generator(model, api_key="k") as generator:
            assert generator.models() == ["a"]
        assert server.requests[0].path.partition("?")[0] == asked
    monkeypatch.setenv(variable, "gateway")
    with pytest.raises(ConfigError, match=f"variable {variable}: base_url takes the address"):
        Generator(model, api_key="k")
    Generator(model, api_key="k", base_url="https://a.example/v1")  # what is given comes first
