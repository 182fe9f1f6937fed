"""A GGUF model behind genkit's seam: submit, then ids to text to events, in the caller's thread."""

from __future__ import annotations

import base64
import os
import time
import weakref
from array import array
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..batches import batches
from ..errors import ConfigError, UnsupportedOption, shown
from ..events import Event, Finish, FinishReason, Logprobs, Start, Usage, Warned
from ..lora import Given
from ..request import Request
from ..response import Embeddings, Ranked
from ..runtime.base import Runtime
from ..tokens import TokenCount
from . import files
from .adapter import Adapters
from .pipe import Token
from .question import generation, unsupported
from .settings import checked, seconds
from .shared import Tenant
from .shelf import Shelf
from .text import TextStream
from .told import Told, answer_stream, facts, logprob, metrics

BATCH = 1024, 4 << 20
"""How many texts are sent at once to be embedded or ranked, and of how many bytes; others wait meanwhile."""

_REASONS: dict[str, FinishReason] = {
    "eog": "stop",
    "stop_string": "stop",
    "tool_call": "tool_calls",
    "max_tokens": "length",
    "context_full": "length",
}


class LocalBackend:
    """Runs a GGUF model in a worker process of its own.

    Args:
        path: the model file.
        context: the context window, in tokens; by default the model's own, at most 4096. ``"auto"`` is the
            model's own, or as much of it as fits into half of the memory that its weights leave.
        threads: how many threads compute; by default one a physical core, and on Linux fewer while other
            programs need the cores.
        parallel: the most calls that run at a time, sharing the context's room; others wait for their turn.
            By default 8.
        gpu_layers: how many layers to keep on a GPU, for a build of llama-cpp-python that has one.
        flash_attention: whether llama.cpp computes attention in its flash kernel, where the model allows it;
            by default as it suits the calls that run.
        template: the chat template, in Jinja; by default the one in the file.
        isolation: ``"process"``, or ``"thread"`` to run llama.cpp inside this process, where an abort of its
            ends the program.
        lookup: whether to guess tokens that repeat the prompt or the answer, or that the form of the answer
            leaves no choice about, and evaluate several at a time where that is faster. By default it does.
        deterministic: whether the same call with the same seed is to give the same answer every time: calls
            are computed one at a time, each from nothing, and no tokens are guessed.
        idle: after how many seconds without a call the model is unloaded; the next call loads it again.
            By default never.
        keep_on_disk: whether prompts that calls keep by a name are saved in the user's cache directory, and
            loaded at the next start instead of being evaluated.
        context_shift: whether an answer goes on where the context window is full: the older half of what
            follows the system's messages is dropped. Else it ends there, with ``length``.
        lora: LoRA adapters to add to the weights: the path of a GGUF file, or a list of paths or of
            ``(path, scale)``.
        timeout: the seconds that a call may take in all; by default any.

    Raises:
        ModelFileError: there is no file at ``path``, or at that of an adapter.
        ConfigError: a value is out of its range.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        context: int | Literal["auto"] | None = None,
        threads: int | None = None,
        parallel: int | None = None,
        gpu_layers: int = 0,
        flash_attention: bool | None = None,
        template: str | None = None,
        isolation: Literal["process", "thread"] = "process",
        lookup: bool | None = None,
        deterministic: bool = False,
        idle: float | None = None,
        keep_on_disk: bool = False,
        context_shift: bool = False,
        lora: Given | None = None,
        timeout: float | None = None,
    ) -> None:
        settings = checked(
            context=context,
            threads=threads,
            parallel=parallel,
            gpu_layers=gpu_layers,
            flash_attention=flash_attention,
            template=template,
            lookup=lookup,
            deterministic=deterministic,
            keep_on_disk=keep_on_disk,
            context_shift=context_shift,
        )
        if isolation not in ("process", "thread"):
            raise ConfigError(f'isolation takes "process" or "thread", not {shown(isolation)}')
        self._timeout, idle = seconds("timeout", timeout), seconds("idle", idle)
        self._deterministic = deterministic
        self._kept = files.cache_directory() / "kept" if keep_on_disk else None
        self._path, self._adapters = files.find(path), Adapters(lora)
        settings |= {
            "path": str(self._path),
            "lora": self._adapters.files,
            "kept": str(self._kept) if self._kept else None,
        }
        self.worker = Tenant(settings, isolation=isolation, idle=idle)
        weakref.finalize(self, self.worker.close)

    async def stream(self, request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
        """See :class:`genkit.backend.Backend`."""
        for warning in unsupported(request, deterministic=self._deterministic):
            yield Warned(warning)
        question = generation(request, self._adapters)
        if request.keep and not self._deterministic:
            question["keep"] = [self.worker.number, request.keep]  # which other Generators may share
        told = Told(runtime, self._timeout, request.deadline, less="ask for fewer tokens (max_tokens=)")
        text = TextStream(request.sampling.stop)
        usage = Usage()
        call = self.worker.ask(question)
        try:
            call.send(told.channel)
            started = await told.facts()
            usage.input_tokens = started["prompt"]
            yield Start(started["model"])
            for ignored in started["ignored"] if request.on_unsupported == "warn" else ():
                yield Warned(f"{ignored}; it was left out")
            answers = answer_stream(started, request)
            begun = await told.facts()
            usage.cached_tokens, first = begun["cached"], time.perf_counter()
            yield usage  # which goes on counting: who leaves early has what was used
            while isinstance(answer := await told.next(), Token) or "logprob" in facts(answer):
                if not isinstance(answer, Token):
                    yield Logprobs([logprob(facts(answer))])
                    continue
                usage.output_tokens += 1
                usage.reasoning_tokens += answers.thinking
                if piece := text.add(answer.piece):
                    for event in answers.add(piece):
                        yield event
                if text.stopped_by or answers.done:
                    reason, decoding = "tool_call", time.perf_counter() - first
                    break
            else:
                ended = facts(answer)
                reason, decoding = ended["finish"], ended["decoding"]  # not as long as the caller read
                if problem := ended.get("problem"):
                    yield Warned(problem)
                call.done()
        finally:
            call.cancel()  # at once, also when the caller closed the stream
        for event in (*answers.add(text.end()), *answers.end()):
            yield event
        if text.stopped_by:
            reason = "stop_string"
        yield replace(usage)
        yield metrics(usage, begun, decoding)
        finish = _REASONS[reason]
        yield Finish("tool_calls" if answers.calls and finish == "stop" else finish, reason)

    async def count(
        self, prompt: str | Request, runtime: Runtime, *, deadline: float | None = None
    ) -> TokenCount:
        """See :class:`genkit.backend.Backend`."""
        if not isinstance(prompt, str):
            # An error, or what generating would warn of.
            list(unsupported(prompt, deterministic=self._deterministic))
        what = {"text": prompt} if isinstance(prompt, str) else generation(prompt, self._adapters)
        told = await self._ask({**what, "do": "count"}, runtime, deadline)
        return TokenCount(told["tokens"], exact=True, limit=told["context"] or None)

    async def embed(
        self,
        texts: Sequence[str],
        runtime: Runtime,
        *,
        dimensions: int | None = None,
        purpose: str | None = None,
        deadline: float | None = None,
    ) -> Embeddings:
        """See :class:`genkit.backend.Backend`."""
        for name, value in (("dimensions", dimensions), ("purpose", purpose)):
            if value is not None:
                why = "a model file does not say what it takes there; leave it out"
                raise UnsupportedOption(f"local models do not take {name}: {why}", option=name)
        return await self._pooled({"do": "embed"}, texts, runtime, deadline)

    def drop(self, name: str) -> None:
        """See :class:`genkit.backend.Backend`."""
        self.worker.drop(name)
        if self._kept:  # perhaps no worker is running
            Shelf(self._kept, files.fingerprint(str(files.find(self._path)))).remove(name)

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        runtime: Runtime,
        *,
        top: int | None = None,
        deadline: float | None = None,
    ) -> list[Ranked]:
        """See :class:`genkit.backend.Backend`."""
        scores = await self._pooled({"do": "rerank", "query": query}, documents, runtime, deadline)
        ranked = [Ranked(index, score) for index, (score, *_) in enumerate(scores)]
        return sorted(ranked, key=lambda each: -each.score)[:top]

    async def models(self, runtime: Runtime) -> list[str]:
        """See :class:`genkit.backend.Backend`: the one that was loaded."""
        return [(await self._ask({"do": "warm"}, runtime))["model"]]

    async def warm(self, runtime: Runtime) -> None:
        """See :class:`genkit.backend.Backend`."""
        await self._ask({"do": "warm"}, runtime)

    def close(self) -> None:
        """See :class:`genkit.backend.Backend`."""
        self.worker.close()

    async def _pooled(
        self, question: dict[str, Any], texts: Sequence[str], runtime: Runtime, deadline: float | None
    ) -> Embeddings:
        """What the model's pooling made of texts, in their order."""
        found, told = Embeddings(), Told(runtime, self._timeout, deadline, less="fewer texts")
        for batch in batches(texts, *BATCH):
            values: dict[int, list[float]] = {}
            call = self.worker.ask({**question, "texts": batch, "first": len(found)})
            try:
                call.send(told.channel)
                while len(values) < len(batch):
                    for index, packed, tokens in (await told.facts())["pooled"]:
                        values[index] = array("f", base64.b64decode(packed)).tolist()
                        found.usage.input_tokens += tokens
                call.done()
            finally:
                call.cancel()
            found += [values[index] for index in range(len(batch))]
        return found

    async def _ask(
        self, question: dict[str, Any], runtime: Runtime, deadline: float | None = None
    ) -> dict[str, Any]:
        """A question with one answer."""
        told = Told(runtime, self._timeout, deadline)
        call = self.worker.ask(question)
        try:
            call.send(told.channel)
            answer = await told.facts()
            call.done()
            return answer
        finally:
            call.cancel()
