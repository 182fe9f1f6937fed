"""Every recorded exchange whose dialect genkit speaks, over real sockets: what comes out is what the official
SDK makes of the same bytes, or, where there is none, what the recording says.

Each is served whole and in random pieces, to blocking and to asynchronous calls. ``GENKIT_CORPUS`` names
another folder of exchanges.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from corpus import FOLDER, Exchange, exchanges
from readers import counted, embedded, listed, recorded

import genkit
from genkit import errors
from genkit.errors import GenkitError
from genkit.providers.vendors import VENDORS
from genkit.response import Response
from genkit.testing import Answer, LoopbackProvider

# What the oracle has wrong: the exchange, what is not compared, and why.
ORACLE: dict[str, tuple[set[str], str]] = {
    "chatgpt_codex/tool_result/rig__nested_arguments_roundtrip_nonstreaming__1": (
        {"text"}, "the SDK reads the text from the last event, whose output this server leaves empty",
    ),
    "cloudflare/structured/chatlas__test_cloudflare_data_extraction__1": (
        {"text"}, "the content is a JSON object, which the SDK does not turn into text",
    ),
    "gemini/builtin_tools/pydantic-ai__test_google_model_file_search_tool_stream__3": (
        {"input"}, "tokens that a tool found are told apart from the prompt's, and were read, too",
    ),
    "mistral/tool_result/pydantic-ai__test_multimodal_tool_return_matrix_"
    "tool_return_content-binary-document-mistral__1": (
        {"cached"}, "Mistral tells num_cached_tokens, which the SDK does not know",
    ),
    "moonshot/prompt_cache/ai__moonshotai-reasoning__0": (
        {"cached"}, "Moonshot tells usage.cached_tokens, which the SDK does not know",
    ),
    "openai/audio_out/dd-trace-py__chat_completion_audio_output__0": (
        {"text"}, "what is said in the sound is not in the message's content",
    ),
    "openai/tools/openllmetry__test_openai_functions__0": (
        {"tool_calls"}, "the call is a function_call, from before there were tool_calls",
    ),
    "snowflake/thinking/pydantic-ai__test_snowflake_thinking_streaming__0": (
        {"reasoning"}, "Snowflake tells its reasoning only in reasoning_details, which the SDK does not know",
    ),
    **{
        f"xai/{name}": ({"output"}, "xAI counts reasoning apart from completion_tokens: the total has both")
        for name in (
            "prompt_cache/fantasy__simple__0", "tool_result/fantasy__multi_tool_streaming__1",
            "tool_result/fantasy__tool_streaming__1", "tools_parallel/fantasy__multi_tool_streaming__0",
        )
    },
}  # fmt: skip


# The corpus' names of providers that genkit calls otherwise.
NAMES = {
    "llamacpp": "llama-server",
    "vercel_gateway": "vercel",
    "bedrock_mantle": "bedrock-mantle",
    "litellm_proxy": "litellm",
    "vertexai": "vertex",
}
GENERATION = (
    "openai.chat", "openai.responses", "anthropic.messages", "gemini.generate", "cohere.chat", "ollama.chat",
    "bedrock.converse",
)  # fmt: skip
# What is not generation: the corpus' name of the format, the dialect that speaks it, and what it is for.
BESIDE = {
    "openai.embeddings": ("openai.chat", "embed"),
    "gemini.embed": ("gemini.generate", "embed"),
    "gemini.predict": ("gemini.generate", "embed"),
    "cohere.embed": ("cohere.chat", "embed"),
    "ollama.embed": ("ollama.chat", "embed"),
    "openai.count_tokens": ("openai.responses", "count"),
    "anthropic.count_tokens": ("anthropic.messages", "count"),
    "gemini.count_tokens": ("gemini.generate", "count"),
    "bedrock.count_tokens": ("bedrock.converse", "count"),
    "cohere.tokenize": ("cohere.chat", "count"),
    "models": ("", "models"),
}
# What genkit has no words for, or what its vendor has replaced by a format that genkit speaks.
NOT_SPOKEN = {
    "anthropic.complete": "replaced by Messages",
    "batch": "batches are an API of their own",
    "bedrock.invoke": "each model has a format of its own there; Converse has one for all",
    "cohere.chat_v1": "replaced by version 2",
    "files": "files are an API of their own",
    "fine_tuning": "genkit does not train",
    "gemini.cache_admin": "caches are made by an API of their own; extra={'cachedContent': …} uses one",
    "gemini.interactions": "agents and stored turns are an API of their own",
    "mistral.ocr": "an API of its own",
    "ollama.generate": "replaced by Chat",
    "openai.completions": "replaced by Chat Completions",
    "openai.images": "images are made through another endpoint",
    "openai.moderations": "genkit does not moderate",
    "openai.responses_admin": "stored responses are an API of their own",
    "openai.transcriptions": "transcription is another endpoint",
    "replicate.predictions": "each model has a format of its own there",
    "rerank": "genkit does not put documents in order",
    "stability.image": "images are made through another endpoint",
}
RECORDED = exchanges() if FOLDER.exists() else []
SPOKEN = [exchange for exchange in RECORDED if exchange.dialect in GENERATION]
OTHERS = [exchange for exchange in RECORDED if exchange.dialect in BESIDE]
WAYS = ["sync-whole", "sync-pieces", "async-whole", "async-pieces"]


def generator_for(exchange: Exchange, dialect: str, url: str) -> genkit.Generator:
    """For the provider, or else for any vendor that speaks this dialect ('': what the provider speaks)."""
    name = NAMES.get(exchange.provider, exchange.provider)
    rows = [VENDORS.get(name), VENDORS.get(f"{name}-chat"), VENDORS["chat"], *VENDORS.values()]
    vendor = next(row for row in rows if row and (row.dialect == dialect or not dialect))
    return genkit.Generator(f"{vendor.name}:m", base_url=url, api_key="test", attempts=1)


def answer_of(exchange: Exchange, pieces: bool) -> Answer:
    """The recorded response, whole or cut at random places; the same places every time."""
    recorded = exchange.response
    body = recorded["body"]
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    if recorded.get("body_encoding") == "base64":
        data = base64.b64decode(body)
    dropped = ("content-length", "content-encoding", "transfer-encoding", "connection")
    headers = {name.lower(): str(value) for name, value in (recorded.get("headers") or {}).items()}
    kinds = {"json": "application/json", "ndjson": "application/x-ndjson", "text": "text/plain"}
    headers = {"content-type": kinds.get(exchange.body_kind, "text/event-stream"), **headers}
    headers = {name: value for name, value in headers.items() if name not in dropped}
    if pieces and data:
        chance = random.Random(exchange.id)
        places = sorted({0, len(data), *(chance.randrange(len(data)) for _ in range(min(len(data), 30)))})
        cuts = tuple(data[start:end] for start, end in pairwise(places))
        return Answer(body=iter(cuts), status=recorded["status"], headers=headers)
    return Answer(body=data, status=recorded["status"], headers=headers)


@pytest.fixture(scope="module")
def script() -> list[Answer]:
    """What the loopback provider answers next."""
    return []


@pytest.fixture(scope="module")
def server(script: list[Answer]) -> Iterator[LoopbackProvider]:
    with LoopbackProvider(lambda _: script.pop()) as provider:
        yield provider


def ask(exchange: Exchange, url: str, way: str) -> Response | GenkitError:
    """The answer to a call that is served this exchange, or its error."""
    streamed = exchange.body_kind != "json"
    with generator_for(exchange, exchange.dialect, url) as generator:
        try:
            if way == "async":
                return asyncio.run(_awaiting(generator) if streamed else generator.agenerate("Hello"))
            return _blocking(generator) if streamed else generator.generate("Hello")
        except GenkitError as error:
            return error


def _blocking(generator: genkit.Generator) -> Response:
    with generator.stream("Hello") as stream:
        for _ in stream:
            pass
        return stream.response


async def _awaiting(generator: genkit.Generator) -> Response:
    async with generator.astream("Hello") as stream:
        async for _ in stream:
            pass
        return stream.response


@pytest.mark.skipif(not FOLDER.exists(), reason=f"there is no corpus at {FOLDER.name}")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("exchange", SPOKEN, ids=str)
def test_an_exchange(exchange: Exchange, way: str, server: LoopbackProvider, script: list[Answer]) -> None:
    how, _, form = way.partition("-")
    script[:] = [answer_of(exchange, form == "pieces")]
    found = ask(exchange, server.url, how)
    wanted = expected(exchange) if exchange.expected else recorded(exchange)
    skipped, _ = ORACLE.get(exchange.id, (set(), ""))
    wanted = {name: value for name, value in wanted.items() if name not in skipped}
    if wanted:
        assert seen(found, wanted) == wanted
    else:  # nothing is known but that there is something in it
        assert isinstance(found, GenkitError) or found.message.parts or found.raw_finish_reason


def seen(found: Response | GenkitError, wanted: dict[str, Any]) -> dict[str, Any]:
    """What of an outcome is compared."""
    if isinstance(found, GenkitError):
        kind = wanted["kind"] if isinstance(found, wanted.get("kind", ())) else type(found)
        facts: dict[str, Any] = {"error": True, "kind": kind, "status": found.status, "code": found.code}
        return {name: value for name, value in facts.items() if name in wanted or "kind" not in wanted}
    usage = found.usage
    facts = {
        "error": False,
        "text": found.text,
        "reasoning": found.reasoning,
        "refusal": found.refusal,
        "tool_calls": [(call.id, call.name, json_of(call.arguments)) for call in found.tool_calls],
        "called": [(call.name, json_of(call.arguments)) for call in found.tool_calls],
        "finish_reason": found.raw_finish_reason,
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cached": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cache_write": usage.cache_write_tokens,
    }
    return {name: value for name, value in facts.items() if name in wanted or name == "error"}


def json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"$raw": text}


CLASSES: dict[str, Any] = {
    "BadRequestError": errors.BadRequest,
    "NotFoundError": errors.BadRequest,
    "UnprocessableEntityError": errors.BadRequest,
    "AuthenticationError": errors.AuthFailed,
    "PermissionDeniedError": errors.AuthFailed,
    "RateLimitError": (errors.RateLimited, errors.QuotaExceeded),
    "InternalServerError": errors.ServerFailed,
    "OverloadedError": errors.ServerFailed,
    "ServerError": errors.ServerFailed,
}
# Of an SDK with one class for all that the caller did wrong.
BY_STATUS = {
    401: errors.AuthFailed,
    403: errors.AuthFailed,
    429: (errors.RateLimited, errors.QuotaExceeded),
}


def expected(exchange: Exchange) -> dict[str, Any]:
    """What the official SDK makes of an exchange, in the terms of :func:`seen`."""
    assert exchange.expected
    if exchange.expected["outcome"] == "error":
        return expected_error(exchange.expected["error"])
    result = exchange.expected["result"]
    if "raw_error" in result or result.get("error"):  # the SDK takes an error for an answer
        return {"error": True, "kind": GenkitError}
    usage = {name: count or 0 for name, count in (result["usage"] or {}).items()}
    wanted = {
        "error": False,
        "tool_calls": [(c["id"] or "", c["name"], c["arguments"]) for c in result["tool_calls"]],
        "finish_reason": result["finish_reason"] or result.get("block_reason") or "",
        "input": usage.get("input", 0),
        "output": usage.get("output", 0),
        "cached": usage.get("cached", 0),
        **{name: result[name] or "" for name in ("text", "reasoning", "refusal") if name in result},
    }
    if "reasoning" in usage:
        wanted["reasoning_tokens"] = usage["reasoning"]
    if exchange.dialect.startswith("anthropic"):  # counts what was read from a cache, or written, apart
        wanted["cache_write"] = usage.get("cache_write", 0)
        wanted["input"] += usage.get("cached", 0) + usage.get("cache_write", 0)
    if exchange.dialect.startswith("gemini"):  # counts its thoughts apart
        wanted["output"] += usage.get("reasoning", 0)
    return wanted


def expected_error(told: dict[str, Any]) -> dict[str, Any]:
    if told["status"] is None:  # the SDK itself failed: genkit may answer, or raise what it knows
        return {}
    if not isinstance(
        told["status"], int
    ):  # an error in a stream: the SDK tells its code in place of a status
        return {"error": True, "kind": GenkitError, "code": told["code"]}
    kind = CLASSES.get(told["cls"]) or BY_STATUS.get(told["status"], errors.BadRequest)
    return {"error": True, "kind": kind, "status": told["status"]}


@pytest.mark.parametrize("exchange", [e for e in RECORDED if e not in (*SPOKEN, *OTHERS)], ids=str)
def test_an_exchange_that_is_not_spoken(exchange: Exchange) -> None:
    pytest.skip(f"{exchange.dialect}: {NOT_SPOKEN.get(exchange.dialect, 'genkit does not know it')}")


@pytest.mark.parametrize("exchange", OTHERS, ids=str)
def test_an_exchange_beside(exchange: Exchange, server: LoopbackProvider, script: list[Answer]) -> None:
    """Embeddings, counts, and lists of models."""
    dialect, what = BESIDE[exchange.dialect]
    body, status = exchange.response["body"], exchange.response["status"]
    script[:] = [answer_of(exchange, pieces=True)]
    texts = ["x"] * (len(embedded(body) or "x") if what == "embed" and status < 400 else 1)
    calls: dict[str, Callable[[genkit.Generator], Any]] = {
        "embed": lambda generator: generator.embed(texts),
        "count": lambda generator: generator.count("x").tokens,
        "models": lambda generator: generator.models(),
    }
    wanted = {"embed": embedded, "count": counted, "models": listed}[what](body) if status < 400 else None
    with generator_for(exchange, dialect, server.url) as generator:
        if wanted is None:
            with pytest.raises(GenkitError) as caught:
                calls[what](generator)
            assert caught.value.status == (status if status >= 400 else None)
            return
        found: Any = calls[what](generator)
    if what == "embed" and isinstance(wanted[0], str):
        sizes = [len(base64.b64decode(vector)) for vector in wanted]
        assert [size % len(vector) for size, vector in zip(sizes, found, strict=True)] == [0] * len(sizes)
    else:
        assert found == wanted
