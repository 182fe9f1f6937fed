"""The vendors that speak OpenAI's Chat Completions, each as a row; see :mod:`genkit.providers.vendors`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .base import Vendor

AWS_REGION = "{AWS_REGION|AWS_DEFAULT_REGION}"
LOCAL = "http://localhost"
# How servers of open models call these.
_OPEN: dict[str, Any] = {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repetition_penalty"}
_LLAMA: dict[str, Any] = {"top_k": "top_k", "min_p": "min_p", "repeat_penalty": "repeat_penalty"}
_OPENAI: dict[str, Any] = {
    "max_tokens": "max_completion_tokens", "developer": True, "refusal": True, "metadata": True,
    "makes_media": True, "embed_encoding": "base64", "embed_limit": 2048, "tiktoken": True,
    "call_ids": ".{1,40}", "strict": True,
}  # fmt: skip
_THINKS: dict[str, Any] = {"replay": "reasoning_content"}
_DETAILS: dict[str, Any] = {
    "reasoning": "object",
    "replay": "reasoning_details",
    "cache_control": True,
    "makes_media": True,
}
_AZURE: dict[str, Any] = {**_OPENAI, "strict": "azure"}
_DEPLOYMENT = "/openai/deployments/{model}"


def _chat(name: str, base_url: str, *keys: str, auth: str = "bearer", **quirks: Any) -> Vendor:
    return Vendor(
        name=name, dialect="openai.chat", base_url=base_url, key_variables=keys, auth=auth, quirks=quirks
    )


CHAT_ROWS = (
    replace(
        _chat("openai-chat", "https://api.openai.com/v1", "OPENAI_API_KEY", **_OPENAI),
        moved="{OPENAI_BASE_URL}",
    ),
    _chat(
        "azure",
        "{AZURE_OPENAI_ENDPOINT}",
        "AZURE_OPENAI_API_KEY",
        auth="api-key",
        **_AZURE,
        paths={
            "/chat/completions": f"{_DEPLOYMENT}/chat/completions",
            "/embeddings": f"{_DEPLOYMENT}/embeddings",
            "/models": "/openai/models",
        },
        # The latest with a date; those before 2024-12-01-preview, and so the latest that is no preview,
        # refuse models that reason.
        query={"api-version": "{OPENAI_API_VERSION=2025-04-01-preview}"},
    ),
    _chat("azure-v1", "{AZURE_OPENAI_ENDPOINT}/openai/v1", "AZURE_OPENAI_API_KEY", auth="api-key", **_AZURE),
    _chat(
        "azure-models", "", "AZURE_AI_API_KEY", auth="api-key", query={"api-version": "2024-05-01-preview"}
    ),
    _chat("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", stream_usage=False, replay="reasoning"),
    _chat(
        "mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        call_ids="[A-Za-z0-9]{9}",
        stream_usage=False,
        seed="random_seed",
        required="any",
        plain_media=True,
        tool_media=True,  # and no user after a tool
        makes_media="content",
        replay="content",
        metadata=True,
        embed_dimensions="output_dimension",
        embed_limit=128,
    ),
    _chat(
        "deepseek",
        "https://api.deepseek.com",
        "DEEPSEEK_API_KEY",
        **_THINKS,
        unthought=("deepseek-(?!chat)", ""),
        reasoning="switch",
        json_schema=False,
    ),
    _chat("xai", "https://api.x.ai/v1", "XAI_API_KEY", **_THINKS),
    _chat(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        **_DETAILS,
        options=_OPEN,
        document_url=True,
        metadata=True,
    ),
    _chat(
        "together",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        stream_usage=False,
        options=_OPEN,
        replay="reasoning",
    ),
    _chat(
        "fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", **_THINKS, options=_OPEN
    ),
    _chat(
        "cerebras",
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        max_tokens="max_completion_tokens",
        replay="reasoning",
        terminal_mark=True,  # a stream was seen to hold two answers, one after the other
    ),
    _chat(
        "perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY",
        stream_usage=False,
        no_terminal_mark=True,
        options={"top_k": "top_k"},
        paths={"/embeddings": "/v1/embeddings", "/models": "/v1/models"},
        embed_number="b",
    ),
    _chat("huggingface", "https://router.huggingface.co/v1", "HF_TOKEN"),
    _chat(
        "moonshot",
        "https://api.moonshot.ai/v1",
        "MOONSHOT_API_KEY",
        **_THINKS,
        unthought=("kimi-", " "),  # nothing at all is refused, too
        reasoning="switch",
    ),
    _chat(
        "zai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", **_THINKS, reasoning="switch", json_schema=False
    ),
    _chat(
        "alibaba",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
        **_THINKS,
        reasoning="flag",
        always_streams=True,  # some of its models think, and answer, in a stream only ("Deep thinking")
        options={"top_k": "top_k", "repeat_penalty": "repetition_penalty"},
        embed_limit=10,
    ),
    _chat("venice", "https://api.venice.ai/api/v1", "VENICE_API_KEY", **_THINKS, options=_OPEN),
    _chat("avian", "https://api.avian.io/v1", "AVIAN_API_KEY", **_THINKS),
    _chat(
        "bedrock-mantle",
        f"https://bedrock-mantle.{AWS_REGION}.api.aws/v1",
        "AWS_BEARER_TOKEN_BEDROCK",
        replay="reasoning",
    ),
    _chat(
        "cloudflare",
        "https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai/v1",
        "CLOUDFLARE_API_TOKEN",
        options={"top_k": "top_k"},
    ),
    _chat(
        "crusoe",
        "https://api.inference.crusoecloud.com/v1",
        "CRUSOE_API_KEY",
        options=_OPEN,
        replay="reasoning",
    ),
    _chat("databricks", "{DATABRICKS_HOST}/serving-endpoints", "DATABRICKS_TOKEN", stream_usage=False),
    _chat("doubleword", "https://api.doubleword.ai/v1", "DOUBLEWORD_API_KEY", **_THINKS, options=_OPEN),
    _chat("gpustack", "", "GPUSTACK_API_KEY", **_THINKS, no_terminal_mark=True, reads_files=True),
    _chat("heroku", "https://us.inference.heroku.com/v1", "INFERENCE_KEY"),
    _chat(
        "litellm",
        f"{LOCAL}:4000",
        "LITELLM_API_KEY",
        **_THINKS,
        thinking_blocks=True,
        cache_control=True,
        reads_files=True,
    ),
    _chat("portkey", "https://api.portkey.ai/v1", "PORTKEY_API_KEY", auth="x-portkey-api-key"),
    _chat(
        "snowflake",
        "https://{SNOWFLAKE_ACCOUNT}.snowflakecomputing.com/api/v2/cortex/v1",
        "SNOWFLAKE_TOKEN",
        reasoning="object",
        replay="reasoning_details",
    ),
    _chat("vercel", "https://ai-gateway.vercel.sh/v1", "AI_GATEWAY_API_KEY", **_DETAILS),
    _chat(
        "vllm",
        f"{LOCAL}:8000/v1",
        "VLLM_API_KEY",
        replay="reasoning",  # what it reads in a conversation; reasoning_content it passes over
        options=_OPEN,
        embed_encoding="base64",
        reads_files=True,
    ),
    _chat("llama-server", f"{LOCAL}:8080/v1", "LLAMA_API_KEY", **_THINKS, options=_LLAMA, reads_files=True),
    _chat("lmstudio", f"{LOCAL}:1234/v1", "LM_API_TOKEN", **_THINKS, options=_LLAMA),
    _chat(
        "mistralrs",
        f"{LOCAL}:1234/v1",
        **_THINKS,
        options={"top_k": "top_k", "min_p": "min_p"},
        reads_files=True,
    ),
    _chat("ollama-chat", f"{LOCAL}:11434/v1", "OLLAMA_API_KEY", replay="reasoning"),
    # Any server that has no row, by what it speaks.
    _chat("chat", "", **_THINKS, extra_content=True, reads_files=True),
)
