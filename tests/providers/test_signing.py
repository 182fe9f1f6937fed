"""Vendors without a key: their calls are signed, or carry a short token; and addresses that vary."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import genkit
from genkit.errors import AuthFailed, ConfigError, ConnectFailed, MissingDependency
from genkit.providers.address import address
from genkit.providers.aws import _botocore
from genkit.providers.base import Vendor
from genkit.providers.google_auth import _google_auth, token
from genkit.providers.vendors import VENDORS
from genkit.runtime.base import HttpRequest
from genkit.testing import Answer, Asked, LoopbackProvider

SAID = {"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}
CONVERSED = {"output": {"message": {"content": [{"text": "hi"}]}}, "stopReason": "end_turn", "usage": {}}
CALL = HttpRequest(method="POST", url="https://aiplatform.googleapis.com/x", headers={})


def server_of_all(asked: Asked) -> Answer:
    """Google's token endpoint, Vertex and Bedrock in one."""
    if asked.path == "/token":
        return Answer(body={"access_token": "ya29.t", "expires_in": 3600, "token_type": "Bearer"})
    return Answer(body=CONVERSED if asked.path.endswith("/converse") else SAID)


@pytest.fixture
def server() -> Iterator[LoopbackProvider]:
    with LoopbackProvider(server_of_all) as provider:
        yield provider


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """A machine that knows no cloud."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_", "CLOUDSDK_", "AZURE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(f"AWS_{name}", str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    _google_auth.cache_clear()
    _botocore.cache_clear()
    yield monkeypatch
    _google_auth.cache_clear()
    _botocore.cache_clear()


def service_account(folder: Path, token_uri: str) -> Path:
    """The file of a service account that was made for this test."""
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    forms = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    account = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k",
        "private_key": pem.decode(),
        "client_email": "a@p.iam.gserviceaccount.com",
        "token_uri": token_uri,
    }
    path = folder / "account.json"
    path.write_text(json.dumps(account), encoding="utf-8")
    return path


def test_vertex_is_asked_with_a_token_that_is_kept(
    bare: pytest.MonkeyPatch, tmp_path: Path, server: LoopbackProvider
) -> None:
    pytest.importorskip("google.auth", reason="google-auth is an extra")
    account = service_account(tmp_path, f"{server.url}/token")
    bare.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
    with genkit.Generator("vertex:gemini-2.5-flash", base_url=server.url) as generator:
        assert generator.generate("Hello").text == "hi"
        assert asyncio.run(generator.agenerate("Hello")).text == "hi"
    first, *calls = server.requests
    assert first.path == "/token"
    assert [call.path for call in calls] == ["/models/gemini-2.5-flash:generateContent"] * 2
    assert {call.headers["authorization"] for call in calls} == {"Bearer ya29.t"}


def test_without_google_auth_the_extra_is_named(bare: pytest.MonkeyPatch) -> None:
    bare.setitem(sys.modules, "google.auth", None)
    with pytest.raises(MissingDependency, match=r"genkit-sdk\[google\]") as caught:
        token()(CALL)
    assert caught.value.extra == "google"


def test_without_credentials_it_is_an_auth_failure(bare: pytest.MonkeyPatch) -> None:
    pytest.importorskip("google.auth", reason="google-auth is an extra")
    with pytest.raises(AuthFailed, match="credentials"):
        token()(CALL)


def test_a_token_endpoint_out_of_reach_is_a_failed_connection(
    bare: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("google.auth", reason="google-auth is an extra")
    with LoopbackProvider(Answer(body={})) as closed:
        nowhere = closed.url
    account = service_account(tmp_path, f"{nowhere}/token")
    bare.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
    with pytest.raises(ConnectFailed, match="no token from Google"):
        token()(CALL)


def test_bedrock_is_asked_with_a_signature(bare: pytest.MonkeyPatch, server: LoopbackProvider) -> None:
    pytest.importorskip("botocore", reason="botocore is an extra")
    bare.setenv("AWS_ACCESS_KEY_ID", "AKID")
    bare.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    bare.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with genkit.Generator("bedrock:a.b-v1:0", base_url=server.url) as generator:
        assert generator.generate("Hello").text == "hi"
    (asked,) = server.requests
    scope = r"AWS4-HMAC-SHA256 Credential=AKID/\d{8}/eu-west-1/bedrock/aws4_request, .*"
    assert re.fullmatch(scope, asked.headers["authorization"])
    assert asked.path == "/model/a.b-v1%3A0/converse"


@pytest.mark.parametrize("name", ["bedrock:m", "vertex:m", "vertex-anthropic:m"])
def test_a_key_is_sent_in_place_of_a_signature(
    name: str, bare: pytest.MonkeyPatch, server: LoopbackProvider
) -> None:
    with (
        genkit.Generator(name, base_url=server.url, api_key="k", attempts=1) as generator,
        contextlib.suppress(genkit.GenkitError),  # this server does not speak all of these
    ):
        generator.generate("Hello")
    assert server.requests[0].headers["authorization"] == "Bearer k"


# Headers of the user's


@pytest.mark.parametrize(
    ("model", "variable", "name"),
    [
        ("openai:m", "OPENAI_API_KEY", "Authorization"),
        ("anthropic:m", "ANTHROPIC_API_KEY", "Authorization"),
        ("anthropic:m", "ANTHROPIC_API_KEY", "X-API-Key"),
        ("azure:m", "AZURE_OPENAI_API_KEY", "Authorization"),
        ("azure:m", "AZURE_OPENAI_API_KEY", "API-Key"),
        ("bedrock:m", "AWS_BEARER_TOKEN_BEDROCK", "Authorization"),
        ("vertex:m", "GOOGLE_API_KEY", "Authorization"),  # where credentials would be asked for a token
    ],
)
def test_a_header_that_proves_who_calls_is_sent_in_place_of_the_key(
    model: str, variable: str, name: str, bare: pytest.MonkeyPatch, server: LoopbackProvider
) -> None:
    bare.setenv(variable, "sk-of-the-vendor")
    settings: dict[str, Any] = {"headers": {name: "Bearer t"}, "base_url": server.url, "attempts": 1}
    with genkit.Generator(model, **settings) as generator, contextlib.suppress(genkit.GenkitError):
        generator.generate("Hello")
    (asked,) = server.requests
    assert asked.headers[name.lower()] == "Bearer t"
    assert not [value for value in asked.headers.values() if "sk-of-the-vendor" in value]


def test_no_key_is_missed_where_a_header_proves_who_calls(bare: pytest.MonkeyPatch) -> None:
    bare.delenv("OPENAI_API_KEY", raising=False)
    genkit.Generator("openai:m", headers={"authorization": "Bearer t"}).close()
    with pytest.raises(ConfigError, match="there is no key"):
        genkit.Generator("openai:m", headers={"OpenAI-Project": "p"})


def test_a_key_that_is_given_goes_along_with_a_header_of_another_name(server: LoopbackProvider) -> None:
    headers = {"Authorization": "Bearer of-the-vendor-behind"}
    with (
        genkit.Generator(
            "portkey:m", base_url=server.url, api_key="k", headers=headers, attempts=1
        ) as generator,
        contextlib.suppress(genkit.GenkitError),
    ):
        generator.generate("Hello")
    asked = server.requests[0].headers
    assert (asked["x-portkey-api-key"], asked["authorization"]) == ("k", "Bearer of-the-vendor-behind")


def test_every_request_has_the_headers_of_its_generator() -> None:
    headers = {
        "anthropic-beta": "files-api-2025-04-14",
        "Anthropic-Version": "2026-10-21",
        "X-Title": "Caf\xe9",
    }
    asks: list[Callable[[genkit.Generator], Any]] = [
        lambda generator: generator.generate("Hello"),
        lambda generator: list(generator.stream("Hello")),
        lambda generator: asyncio.run(generator.agenerate("Hello")),
        lambda generator: generator.count([genkit.Message.user("Hello")]),
        lambda generator: generator.models(),
    ]
    with LoopbackProvider(Answer(status=400, body={"error": {"message": "no"}})) as server:
        with genkit.Generator("anthropic:m", base_url=server.url, api_key="k", headers=headers) as generator:
            for ask in asks:
                with contextlib.suppress(genkit.errors.BadRequest):
                    ask(generator)
        assert len(server.requests) == len(asks)
        for asked in server.requests:
            assert {name: asked.headers[name.lower()] for name in headers} == headers
            assert asked.headers["x-api-key"] == "k"


# Keys that are asked for


async def _twice(generator: genkit.Generator) -> None:
    for _ in range(2):
        await generator.agenerate("Hello")


def _say(generator: genkit.Generator, mode: str) -> None:
    if mode == "async":
        asyncio.run(_twice(generator))
    else:
        generator.generate("Hello")
        generator.generate("Hello")


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(
    ("model", "header", "text"),
    [
        ("gemini:m", "x-goog-api-key", "{}"),
        ("vertex:m", "authorization", "Bearer {}"),
        ("bedrock:m", "authorization", "Bearer {}"),
    ],
)
def test_a_function_is_asked_for_the_key_before_each_request(
    model: str, header: str, text: str, mode: str, server: LoopbackProvider
) -> None:
    threads: list[int] = []

    def key() -> str:
        threads.append(threading.get_ident())
        return f"key-{len(threads)}\n"

    with genkit.Generator(model, base_url=server.url, api_key=key) as generator:
        assert not threads
        _say(generator, mode)
    assert [asked.headers[header] for asked in server.requests] == [text.format(f"key-{n}") for n in (1, 2)]
    assert (threading.get_ident() in threads) is (mode == "sync")  # no event loop waits for it


def test_at_azure_it_returns_a_token_of_entra_id(server: LoopbackProvider) -> None:
    with (
        genkit.Generator("azure-v1:m", base_url=server.url, api_key=lambda: "token", attempts=1) as generator,
        contextlib.suppress(genkit.GenkitError),
    ):
        generator.generate("Hello")
    asked = server.requests[0].headers
    assert asked["authorization"] == "Bearer token"  # azure_ad_token_provider in openai's lib/azure.py
    assert "api-key" not in asked


def test_the_time_it_takes_is_not_that_of_the_connection(
    server: LoopbackProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, passed = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock() + sum(passed))

    def key() -> str:
        passed.append(20)
        return "key"

    limits = genkit.Timeouts(connect=10)
    with genkit.Generator(
        "gemini:m", base_url=server.url, api_key=key, timeout=limits, attempts=1
    ) as generator:
        assert generator.generate("Hello").text == "hi"


@pytest.mark.parametrize("error", [OSError("no token today"), AuthFailed("log in first")], ids=type)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_what_a_function_for_keys_raises_reaches_the_caller(
    error: Exception, mode: str, server: LoopbackProvider
) -> None:
    def key() -> str:
        raise error

    with (
        genkit.Generator("gemini:m", base_url=server.url, api_key=key, attempts=1) as generator,
        pytest.raises(type(error)) as caught,
    ):
        _say(generator, mode)
    assert caught.value is error
    assert not server.requests


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (None, "not NoneType"),
        (b"sk-canary-1", "not bytes"),
        (" ", "returned an empty key"),
        ("sk-canary\n1", "the key holds a blank"),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(returned: Any, told: str, server: LoopbackProvider) -> None:
    with (
        genkit.Generator("gemini:m", base_url=server.url, api_key=lambda: returned) as generator,
        pytest.raises(ConfigError, match=told) as caught,
    ):
        generator.generate("Hello")
    assert "canary" not in str(caught.value)
    assert not server.requests


# Addresses


@pytest.mark.parametrize(
    ("vendor", "variables", "wanted"),
    [
        (
            "bedrock",
            {"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"},
            "https://bedrock-runtime.a.amazonaws.com",
        ),
        ("bedrock", {"AWS_DEFAULT_REGION": "b"}, "https://bedrock-runtime.b.amazonaws.com"),
        (
            "vertex",
            {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "us-central1"},
            "https://us-central1-aiplatform.googleapis.com/v1beta1/projects/p/locations/us-central1/publishers/google",
        ),
        (
            "vertex-anthropic",
            {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"},
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/anthropic",
        ),
        (
            "vertex-anthropic",
            {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "eu"},
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/anthropic",
        ),
        ("azure", {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/"}, "https://r.openai.azure.com"),
        (
            "azure-v1",
            {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/openai/v1/"},
            "https://r.openai.azure.com/openai/v1",
        ),
        (
            "azure",
            {"AZURE_OPENAI_ENDPOINT": "https://gateway.example/my-api/openai/"},
            "https://gateway.example/my-api",
        ),
        ("groq", {}, "https://api.groq.com/openai/v1"),
    ],
)
def test_an_address_is_completed_from_the_environment(
    vendor: str, variables: dict[str, str], wanted: str
) -> None:
    assert address(VENDORS[vendor], variables) == wanted


@pytest.mark.parametrize(
    ("vendor", "missing"),
    [
        ("bedrock", "AWS_REGION or AWS_DEFAULT_REGION"),
        ("azure", "AZURE_OPENAI_ENDPOINT"),
        ("chat", "base_url="),
    ],
)
def test_what_an_address_lacks_is_said(vendor: str, missing: str, bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=missing):
        genkit.Generator(f"{vendor}:m", api_key="k")


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        ("r.openai.azure.com", "http"),
        ("https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=1", "no query"),
        ("https://r.openai.azure.com/openai/deployments/m/chat/completions", "without '/chat/completions'"),
    ],
)
def test_an_address_in_the_environment_is_one(value: str, missing: str, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("AZURE_OPENAI_ENDPOINT", value)
    with pytest.raises(ConfigError, match=f"environment variable AZURE_OPENAI_ENDPOINT: .*{missing}"):
        genkit.Generator("azure:m", api_key="k")


@pytest.mark.parametrize("deployment", ["/openai/deployments", "/openai/deployments/gpt-4o/"])
@pytest.mark.parametrize("vendor", ["azure", "azure-v1", "azure-responses"])
def test_the_address_of_an_account_at_azure_names_no_deployment(
    vendor: str, deployment: str, bare: pytest.MonkeyPatch
) -> None:
    bare.setenv("AZURE_OPENAI_ENDPOINT", f"https://r.openai.azure.com{deployment}")
    wanted = "without '/openai/deployments.*; the name of a deployment is that of the model, azure:NAME"
    with pytest.raises(ConfigError, match=f"environment variable AZURE_OPENAI_ENDPOINT takes .* {wanted}"):
        genkit.Generator(f"{vendor}:m", api_key="k")
    with pytest.raises(ConfigError, match=f"base_url takes .* {wanted}"):
        genkit.Generator("azure:m", api_key="k", base_url=f"https://r.openai.azure.com{deployment}")


@pytest.mark.parametrize(
    ("variable", "version"),
    [(None, "2025-04-01-preview"), (" ", "2025-04-01-preview"), ("2024-10-21", "2024-10-21")],
)
def test_an_azure_deployment_is_in_the_path(
    variable: str | None, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_VERSION", raising=False)
    if variable is not None:
        monkeypatch.setenv("OPENAI_API_VERSION", variable)
    completion = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
    with (
        LoopbackProvider(Answer(body=completion)) as azure,
        genkit.Generator("azure:my-deployment", base_url=azure.url, api_key="k") as generator,
    ):
        assert generator.generate("Hello").text == "hi"
    (asked,) = azure.requests
    path = f"/openai/deployments/my-deployment/chat/completions?api-version={version}"
    assert (asked.path, asked.headers["api-key"]) == (path, "k")


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)
def test_every_vendor_has_a_generator(vendor: Vendor) -> None:
    settings: Any = {} if vendor.base_url and "{" not in vendor.base_url else {"base_url": "https://here"}
    genkit.Generator(f"{vendor.name}:m", api_key="k", **settings).close()
