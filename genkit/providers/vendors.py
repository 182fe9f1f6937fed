"""The vendors genkit knows, each as a row: where it is, what it speaks, and where it differs.

``auth`` is ``bearer``, ``none``, the name of a header that holds the key, or how a call is signed: ``google``
(a token from google-auth) or ``aws`` (a signature of botocore), both only where no key is given. A base URL
may hold environment variables; a row without one needs one from the user: it is another for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping

from .base import Vendor
from .compatible import AWS_REGION, CHAT_ROWS, LOCAL

_VERTEX = "https://{GOOGLE_CLOUD_LOCATION}-aiplatform.googleapis.com"
_PLACE = "projects/{GOOGLE_CLOUD_PROJECT}/locations/{GOOGLE_CLOUD_LOCATION}"

_ROWS = (
    Vendor(
        name="openai",
        dialect="openai.responses",
        base_url="https://api.openai.com/v1",
        moved="{OPENAI_BASE_URL}",
        key_variables=("OPENAI_API_KEY",),
        quirks={"embed_encoding": "base64", "embed_limit": 2048},
    ),
    Vendor(
        name="anthropic",
        dialect="anthropic.messages",
        base_url="https://api.anthropic.com/v1",
        moved="{ANTHROPIC_BASE_URL}/v1",
        key_variables=("ANTHROPIC_API_KEY",),
        auth="x-api-key",
        # Requests that stay on this version keep working, and may set temperature, top_p and top_k, which
        # 2026-10-21 refuses; whatever else today's API has can be used with it. Both take x-api-key.
        headers={"anthropic-version": "2023-06-01"},
        quirks={"system_turns": True},
    ),
    Vendor(
        name="vertex-anthropic",
        dialect="anthropic.messages",
        base_url=f"{_VERTEX}/v1/{_PLACE}/publishers/anthropic",
        auth="google",
        quirks={"anthropic_version": "vertex-2023-10-16", "no_models": True},
    ),
    Vendor(
        name="gemini",
        dialect="gemini.generate",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        auth="x-goog-api-key",
    ),
    Vendor(
        name="vertex",
        dialect="gemini.generate",
        base_url=f"{_VERTEX}/v1beta1/{_PLACE}/publishers/google",
        auth="google",
        quirks={
            "labels": True,
            "flat_count": True,
            "predict_embed": True,
            "no_models": True,
            "embed_bytes": 20_000,
        },
    ),
    Vendor(
        name="cohere",
        dialect="cohere.chat",
        base_url="https://api.cohere.com",
        key_variables=("COHERE_API_KEY", "CO_API_KEY"),
    ),
    Vendor(
        name="ollama",
        dialect="ollama.chat",
        base_url=f"{LOCAL}:11434/api",
        key_variables=("OLLAMA_API_KEY",),
    ),
    Vendor(
        name="bedrock",
        dialect="bedrock.converse",
        base_url=f"https://bedrock-runtime.{AWS_REGION}.amazonaws.com",
        key_variables=("AWS_BEARER_TOKEN_BEDROCK",),
        auth="aws",
    ),
    Vendor(
        name="azure-responses",
        dialect="openai.responses",
        base_url="{AZURE_OPENAI_ENDPOINT}/openai/v1",
        key_variables=("AZURE_OPENAI_API_KEY",),
        auth="api-key",
        quirks={
            "embed_encoding": "base64",
            "embed_limit": 2048,
            "no_count": True,
            "tiktoken": True,
            "strict": "azure",
        },
    ),
    Vendor(
        name="responses",
        dialect="openai.responses",
        base_url="",
        quirks={"raw_reasoning": True, "no_count": True, "reads_files": True},
    ),
)

VENDORS: Mapping[str, Vendor] = {vendor.name: vendor for vendor in (*_ROWS, *CHAT_ROWS)}
