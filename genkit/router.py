"""From the name of a model to the backend that runs it."""

from __future__ import annotations

import difflib
import importlib
import os
import re
from typing import Any, NamedTuple

from .backend import Backend, Handler
from .errors import ConfigError, shown
from .options import Options
from .providers.address import checked, moved, placed
from .providers.base import Target, Vendor
from .providers.secret import Secret, SecretHeaders, asked
from .providers.vendors import VENDORS
from .runtime.base import Timeouts
from .sampling import whole_number

_LOCAL = (
    "context", "threads", "parallel", "gpu_layers", "flash_attention", "template", "isolation", "lookup",
    "deterministic", "idle", "keep_on_disk", "context_shift", "lora", "timeout",
)  # fmt: skip
_REMOTE = ("api_key", "base_url", "headers", "timeout", "attempts")

_ELSEWHERE = {  # what other libraries call a setting, or a vendor, and whose a name without a vendor is
    "n_ctx": "context", "num_ctx": "context", "context_size": "context", "n_threads": "threads",
    "n_gpu_layers": "gpu_layers", "num_gpu": "gpu_layers", "flash_attn": "flash_attention",
    "chat_format": "template", "keep_alive": "idle",
    "max_retries": "attempts", "retries": "attempts", "api_base": "base_url", "endpoint": "base_url",
    "default_headers": "headers", "extra_headers": "headers",
    "google": "gemini", "gpt": "openai", "claude": "anthropic", "o1": "openai", "o3": "openai",
    "o4": "openai", "grok": "xai", "command": "cohere", "vertex_ai": "vertex", "together_ai": "together",
    "fireworks_ai": "fireworks", "hosted_vllm": "vllm", "lm_studio": "lmstudio", "ollama_chat": "ollama",
}  # fmt: skip

_PATH = re.compile(r"(~\w*|\.{0,2}|[A-Za-z]:)[/\\]")
_OTHER_SCHEME = re.compile(r"^\s*([\w.]{2,}:\s*)*")  # a single letter is a drive of Windows

# Each is loaded when a model of its own is asked for: who runs local models needs none of them.
_DIALECTS = {
    "anthropic.messages": ("anthropic", "Anthropic"),
    "bedrock.converse": ("bedrock", "Bedrock"),
    "cohere.chat": ("cohere", "Cohere"),
    "gemini.generate": ("gemini", "Gemini"),
    "ollama.chat": ("ollama", "Ollama"),
    "openai.chat": ("openai_chat", "OpenAIChat"),
    "openai.responses": ("openai_responses", "OpenAIResponses"),
}
# Where a call is signed, or a token fetched, if there is no key.
_SIGNERS = {"aws": ("aws", "signer"), "google": ("google_auth", "token")}


class Route(NamedTuple):
    """A backend, and the handler that leads to it through its middleware."""

    backend: Backend
    handle: Handler


def route(model: str, **settings: Any) -> Route:
    """The way to the model that goes by a name.

    Args:
        model: ``"demo"``, ``"llama:PATH"``, or ``"VENDOR:MODEL"``.
        settings: what the backend is made with; None stands for its default.

    Raises:
        ConfigError: no backend goes by that name, or it does not take these settings.
        ModelFileError: there is no such model file.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    scheme, _, name = model.partition(":")
    if model == "demo" or (scheme == "llama" and name):
        return _local(name, **_only(_LOCAL, given, model))
    if scheme in VENDORS and name:
        return _remote(VENDORS[scheme], name, **_only(_REMOTE, given, model))
    raise ConfigError(f"no model goes by the name {model!r}; {_hint(model, scheme)}")


def _hint(model: str, scheme: str) -> str:
    names, lower = (*VENDORS, "llama"), scheme.lower()
    if lower != scheme and lower in names:
        return f"did you mean {lower}{model[len(scheme) :]}?"
    if model.lower().endswith(".gguf") and "://" in model:
        return "models come from files, not from an address: write llama:PATH.gguf, once it is downloaded"
    if model.lower().endswith(".gguf") or _PATH.match(model):
        return f"for a file write llama:{_OTHER_SCHEME.sub('', model)}"
    first, _, name = model.replace("/", ":", 1).partition(":")
    vendor = _ELSEWHERE.get(first, first)
    if vendor in VENDORS and name:
        return f"did you mean {vendor}:{name}?"
    family = model.partition("-")[0]
    if family != model and (vendor := _ELSEWHERE.get(family, family)) in VENDORS:
        return f"did you mean {vendor}:{model}?"
    if scheme in names:
        return f"a name follows the colon, as in {scheme}:{'PATH.gguf' if scheme == 'llama' else 'MODEL'}"
    if close := difflib.get_close_matches(scheme, [*names, "demo"], 1):
        return f"did you mean {close[0]}?"
    return (
        "use 'demo', 'llama:PATH.gguf', or 'VENDOR:MODEL' with a vendor such as openai, anthropic or gemini"
    )


def _only(names: tuple[str, ...], settings: dict[str, Any], model: str) -> dict[str, Any]:
    """The settings, which must be among these."""
    for name in settings:
        if name not in names:
            raise ConfigError(f"{model!r} does not take {name}={_meant(name, names)}")
    return settings


def _meant(name: str, names: tuple[str, ...]) -> str:
    """What else to say of a setting that is not among these."""
    takes = f"; it takes {', '.join(names)}"
    if name in (*_LOCAL, *_REMOTE):
        return f", which is for {'local' if name in _LOCAL else 'remote'} models{takes}"
    if name in Options.__annotations__:
        return ": it is an option of each call"
    meant = _ELSEWHERE.get(name, name)
    close = [meant] if meant in names else difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]}=?" if close else takes


def _local(path: str, **settings: Any) -> Route:
    """The way to a GGUF file, or without one to the model in the box."""
    local = importlib.import_module("genkit.local.backend")
    backend = local.LocalBackend(path or local.files.DEMO, **settings)
    return Route(backend, backend.stream)


def _remote(
    vendor: Vendor,
    model: str,
    *,
    api_key: Any = None,
    base_url: str | None = None,
    headers: Any = None,
    timeout: Any = None,
    attempts: int = 3,
) -> Route:
    base_url = moved(vendor, os.environ) if base_url is None else checked(base_url)
    remote = importlib.import_module("genkit.providers.remote")
    retry = importlib.import_module("genkit.middleware.retry")
    module, kind = _DIALECTS[vendor.dialect]
    dialect = getattr(importlib.import_module(f"genkit.providers.{module}"), kind)()
    given = SecretHeaders({} if headers is None else headers)
    key, auth = _proof(vendor, api_key, base_url, given)
    target = Target(model=model, vendor=placed(vendor, os.environ, base_url))
    if not isinstance(timeout, Timeouts):  # but the seconds for the whole call
        timeout = Timeouts() if timeout is None else Timeouts(total=timeout)
    connections = importlib.import_module("genkit.runtime.http").Connections()
    again = retry.Retry(_attempts(attempts), timeout=timeout.total, closed=lambda: connections.closed)
    backend = remote.RemoteBackend(
        dialect,
        target,
        key=key,
        auth=auth,
        headers=given,
        timeouts=timeout,
        connections=connections,
        around=again.answer,
    )
    return Route(backend, again(backend.stream))


def _proof(vendor: Vendor, api_key: Any, base_url: str | None, headers: SecretHeaders) -> tuple[Any, Any]:
    """The key, or else what makes the headers that prove who calls; neither where the user's headers do."""
    if callable(api_key):
        return None, asked(api_key, vendor.auth)
    if api_key is not None and not Secret(api_key):
        raise ConfigError("api_key is empty: give the key, or leave it out where the server wants none")
    if api_key is None and headers.names & {"authorization", vendor.auth}:
        return None, None
    key = api_key if api_key is not None else _key(vendor.key_variables)
    auth = _signed(vendor.auth) if key is None else None
    needs_key = not base_url and not vendor.base_url.startswith("http://") and not auth
    if key is None and vendor.key_variables and needs_key:
        names = " or ".join(vendor.key_variables)
        raise ConfigError(f"there is no key for {vendor.name}: set {names}, or give api_key=")
    return key, auth


def _attempts(attempts: Any) -> int:
    number = whole_number(attempts)
    if number is None or number < 1:
        raise ConfigError(f"attempts takes a whole number from 1, not {shown(attempts)}")
    return number


def _key(variables: tuple[str, ...]) -> str | None:
    """The first of these environment variables that is set."""
    return next((value for name in variables if (value := os.environ.get(name, "").strip())), None)


def _signed(auth: str) -> Any:
    """What proves who calls, at vendors where that is not a key; else None."""
    if auth not in _SIGNERS:
        return None
    module, maker = _SIGNERS[auth]
    return getattr(importlib.import_module(f"genkit.providers.{module}"), maker)()
