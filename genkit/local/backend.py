"""A GGUF model behind genkit's seam: submit, then ids to text to events, in the caller's thread."""

from __future__ import annotations

import json
import os
import time
import weakref
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any, Literal

from ..errors import BackendError, BadRequest, ConfigError, GenkitError, UnsupportedOption
from ..events import Event, Finish, FinishReason, Metrics, Start, TextDelta, Usage, Warned
from ..messages import Message, Reasoning, Text, ToolCall, ToolResult
from ..request import Request
from ..runtime.base import Channel, Runtime
from ..tokens import TokenCount
from . import files
from .pipe import Token
from .process import Answer, Worker, error_from
from .sampling import LARGEST_SEED
from .text import TextStream

MOST_PARALLEL = 128
"""llama.cpp has 256 sequences, and some are kept for others to begin with."""

_REASONS: dict[str, FinishReason] = {
    "eog": "stop",
    "stop_string": "stop",
    "max_tokens": "length",
    "context_full": "length",
}


class LocalBackend:
    """Runs a GGUF model in a worker process of its own.

    Args:
        path: the model file.
        context: the context window, in tokens; by default the model's own, at most 4096. ``"auto"`` is the
            model's own, or as much of it as fits into half of the memory that its weights leave.
        threads: how many threads compute; by default one a physical core.
        parallel: the most calls that run at a time, sharing the context's room; others wait for their turn.
        gpu_layers: how many layers to keep on a GPU, for a build of llama-cpp-python that has one.
        template: the chat template, in Jinja; by default the one in the file.

    Raises:
        ModelFileError: there is no file at ``path``.
        ConfigError: a value is out of its range.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        context: int | Literal["auto"] | None = None,
        threads: int | None = None,
        parallel: int = 8,
        gpu_layers: int = 0,
        template: str | None = None,
    ) -> None:
        for name, value, low in (
            ("context", None if context == "auto" else context, 1),
            ("threads", threads, 1),
            ("parallel", parallel, 1),
            ("gpu_layers", gpu_layers, 0),
        ):
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < low):
                also = ' or "auto"' if name == "context" else ""
                raise ConfigError(f"{name} takes a whole number from {low}{also}, not {value!r}")
        if parallel > MOST_PARALLEL:
            raise ConfigError(f"parallel takes at most {MOST_PARALLEL}, not {parallel}")
        settings = {
            "context": context,
            "threads": threads,
            "parallel": parallel,
            "gpu_layers": gpu_layers,
            "template": template,
        }
        self.worker = Worker({"path": str(files.find(path)), **settings})
        self._finalizer = weakref.finalize(self, self.worker.close)

    async def stream(self, request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
        """See :class:`genkit.backend.Backend`."""
        for warning in _unsupported(request):
            yield Warned(warning)
        question = _question(request)
        channel: Channel[Answer] = runtime.channel()
        text = TextStream(request.sampling.stop)
        usage = Usage()
        connection, call = self.worker.ask(question, channel)
        try:
            started = _facts(await channel.get())
            usage.input_tokens = started["prompt"]
            yield Start(started["model"])
            begun = _facts(await channel.get())
            usage.cached_tokens, first = begun["cached"], time.monotonic()
            while isinstance(answer := await channel.get(), Token):
                usage.output_tokens += 1
                if piece := text.add(answer.piece):
                    yield TextDelta(piece)
                if text.stopped_by:
                    break
            else:
                reason = _facts(answer)["finish"]
                connection.done(call)
        finally:
            connection.cancel(call)  # at once, also when the caller closed the stream
        if piece := text.end():
            yield TextDelta(piece)
        if text.stopped_by:
            reason = "stop_string"
        yield usage
        yield _metrics(usage, begun, time.monotonic() - first)
        yield Finish(_REASONS[reason], reason)

    async def count(self, prompt: str | Sequence[Message], runtime: Runtime) -> TokenCount:
        """See :class:`genkit.backend.Backend`."""
        what = {"text": prompt} if isinstance(prompt, str) else {"messages": _template_messages(prompt)}
        return TokenCount((await self._ask({"do": "count", **what}, runtime))["tokens"], exact=True)

    async def embed(
        self,
        texts: Sequence[str],
        runtime: Runtime,
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
    ) -> list[list[float]]:
        """See :class:`genkit.backend.Backend`; local models do not embed yet."""
        raise UnsupportedOption("local models do not embed yet", option="embed")

    async def models(self, runtime: Runtime) -> list[str]:
        """See :class:`genkit.backend.Backend`: the one that was loaded."""
        return [(await self._ask({"do": "warm"}, runtime))["model"]]

    async def warm(self, runtime: Runtime) -> None:
        """See :class:`genkit.backend.Backend`."""
        await self._ask({"do": "warm"}, runtime)

    def close(self) -> None:
        """See :class:`genkit.backend.Backend`."""
        self.worker.close()

    async def _ask(self, question: dict[str, Any], runtime: Runtime) -> dict[str, Any]:
        """A question with one answer."""
        channel: Channel[Answer] = runtime.channel()
        connection, call = self.worker.ask(question, channel)
        try:
            return _facts(await channel.get())
        finally:
            connection.done(call)


def _facts(answer: Answer) -> dict[str, Any]:
    """What the worker told; its errors are raised."""
    if isinstance(answer, GenkitError):
        raise answer
    if isinstance(answer, Token):
        raise BackendError("the worker sent a token where another answer was due")
    if "error" in answer:
        raise error_from(answer)
    return answer


def _metrics(usage: Usage, begun: dict[str, Any], decoding: float) -> Metrics:
    """What the worker measured until the first token, and we since."""
    evaluated, after_first = usage.input_tokens - usage.cached_tokens, usage.output_tokens - 1
    return Metrics(
        queued=begun["queued"],
        first_token=begun["queued"] + begun["evaluating"],
        decoding=decoding,
        prompt_tokens_per_second=evaluated / begun["evaluating"] if begun["evaluating"] else 0,
        decode_tokens_per_second=after_first / decoding if decoding and after_first > 0 else 0,
        kv_used=begun["kv_used"],
        kv_room=begun["kv_room"],
    )


_UNSUPPORTED = (
    "tools", "tool_choice", "parallel_tool_calls", "output", "reasoning", "metadata", "extra"
)  # fmt: skip


def _unsupported(request: Request) -> Iterator[str]:
    """Options that are set and cannot be honoured: an error, or the warnings that the request prefers."""
    options = {name: getattr(request, name) for name in _UNSUPPORTED}
    options["logprobs"] = request.sampling.logprobs
    for name, value in options.items():
        if value is None or value in ((), {}):
            continue
        message = f"local models do not take {name}"
        if request.on_unsupported == "error":
            raise UnsupportedOption(f"{message} yet; leave it out", option=name)
        if request.on_unsupported == "warn":
            yield f"{message}; it was left out"


def _question(request: Request) -> dict[str, Any]:
    """The request as the worker takes it, or an error before anything is sent."""
    sampling = request.sampling.set_options()
    for name in ("stop", "logprobs"):
        sampling.pop(name, None)
    seed = sampling.setdefault("seed", int.from_bytes(os.urandom(4), "little") % LARGEST_SEED)
    if seed > LARGEST_SEED:
        raise BadRequest(f"a local model takes a seed from 0 to {LARGEST_SEED}, not {seed}")
    if sampling.get("repeat_penalty") == 0:
        raise BadRequest("a local model takes a repeat_penalty above 0: llama.cpp divides by it")
    return {"do": "generate", "messages": _template_messages(request.messages), "sampling": sampling}


def _template_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as chat templates expect them, after Hugging Face's ``apply_chat_template``."""
    return [entry for message in messages for entry in _entries(message)]


def _entries(message: Message) -> Iterator[dict[str, Any]]:
    """One message is one entry, but each tool result is one of its own."""
    entry: dict[str, Any] = {"role": message.role, "content": message.text}
    for part in message.parts:
        match part:
            case ToolResult():
                yield {"role": "tool", "tool_call_id": part.id, "content": part.content}
            case ToolCall():
                function = {"name": part.name, "arguments": _arguments(part)}
                entry.setdefault("tool_calls", []).append(
                    {"id": part.id, "type": "function", "function": function}
                )
            case Reasoning():
                entry["reasoning_content"] = entry.get("reasoning_content", "") + part.text
            case Text():
                pass
            case _:
                raise BadRequest(f"this model reads text only; a message holds {type(part).__name__}")
    if message.role != "tool":
        yield entry


def _arguments(call: ToolCall) -> Any:
    """Templates want the arguments as an object; what is no JSON stays the text it is."""
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments
