"""``Generator``: the one object a program holds."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from .backend import Backend
from .errors import BadRequest, ConfigError, shown
from .lora import Given
from .metrics import Meter, Totals
from .options import GapOptions, Options, Prompt, make_request
from .request import Request
from .response import Response
from .retrieval import Retrieval
from .router import route
from .runtime.base import Runtime, Timeouts
from .runtime.blocking import BlockingRuntime, OneCall
from .runtime.drive import run
from .runtime.late import awaiting
from .sampling import Sampling
from .stream import AsyncStream, Stream, fold
from .tokens import TokenCount

if sys.version_info >= (3, 11):
    from typing import Self, Unpack
elif TYPE_CHECKING:  # importing it takes time
    from typing_extensions import Self, Unpack


class Generator(Retrieval):
    """Generates with one model, from any thread and any event loop, several calls at a time.

    ``generate`` returns the whole answer, ``stream`` hands it out as it comes; ``agenerate`` and
    ``astream`` are the same for asyncio. Nothing is loaded before the first call, or :meth:`warm`.
    Use it in a ``with`` block, or call :meth:`close` when done.

    Args:
        model: ``"demo"`` (the model in the box, a toy), ``"llama:PATH.gguf"`` or the same path as a
            :class:`pathlib.Path`, ``"VENDOR:MODEL"`` (as in ``"anthropic:claude-sonnet-4-5"``), or a
            :class:`genkit.backend.Backend` of your own.
        context: the context window, in tokens; by default the model's own, at most 4096. ``"auto"`` is the
            model's own, or as much of it as fits into half of the memory that its weights leave.
        threads: how many threads compute; by default one a physical core.
        parallel: the most calls of a local model that run at a time (8 by default), sharing the room of
            the context; others wait for their turn.
        gpu_layers: how many layers to keep on a GPU, for a build of llama-cpp-python that has one.
        flash_attention: whether a local model's attention is computed in llama.cpp's flash kernel; by default
            as it suits the calls that run: mostly it is, but on a CPU not for a long conversation alone.
        template: the chat template, in Jinja (itself, not its path); by default the one in the model file.
        isolation: ``"process"`` (of its own) or ``"thread"``, where a local model may end the program.
        lookup: whether a local model guesses tokens that repeat the prompt or the answer, or that the form
            of the answer leaves no choice about, and evaluates several at a time where that is faster; by
            default it does.
        deterministic: whether the same call with the same seed is to give the same answer of a local model
            every time: calls are computed one at a time, each from nothing, and no tokens are guessed.
        idle: the seconds without a call after which a local model is unloaded; by default never.
        keep_on_disk: whether prompts of a local model that calls keep by a name are saved in the user's cache
            directory, and loaded at the next start instead of being evaluated.
        context_shift: whether a local model's answer goes on where the context window is full: the older half
            of what follows the system's messages is dropped. By default it ends there.
        lora: LoRA adapters of a local model: the path of a GGUF file, or a list of paths or of
            ``(path, scale)``. A call may choose others of them (``lora=``).
        api_key: the key of a remote API: text, a ``SecretStr``, or a function without arguments that returns
            one and is asked before each request; by default from the vendor's environment variable.
        base_url: where a remote API is, by default the vendor's own address.
        headers: more headers for every call to a remote API; they replace genkit's own of the same names.
        timeout: the seconds that a call may take in all, or for a remote model :class:`~genkit.Timeouts`; by
            default 600 for a remote call, and for a local one any.
        attempts: how many tries a remote call has, 3 by default.
        seed: the seed of every call that sets none; by default each is random.

    Raises:
        ConfigError: a setting is wrong, there is no key, or a package is missing (MissingDependency).
        ModelFileError: there is no such model file.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Backend = "demo",
        *,
        context: int | Literal["auto"] | None = None,
        threads: int | None = None,
        parallel: int | None = None,
        gpu_layers: int | None = None,
        flash_attention: bool | None = None,
        template: str | None = None,
        isolation: Literal["process", "thread"] | None = None,
        lookup: bool | None = None,
        deterministic: bool | None = None,
        idle: float | None = None,
        keep_on_disk: bool | None = None,
        context_shift: bool | None = None,
        lora: Given | None = None,
        api_key: Any = None,
        base_url: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeouts | None = None,
        attempts: int | None = None,
        seed: int | None = None,
        **misspelt: NoReturn,
    ) -> None:
        self._defaults = _defaults(seed)
        settings: dict[str, Any] = {
            "context": context, "threads": threads, "parallel": parallel, "gpu_layers": gpu_layers,
            "flash_attention": flash_attention, "template": template, "isolation": isolation,
            "lookup": lookup, "deterministic": deterministic, "idle": idle, "keep_on_disk": keep_on_disk,
            "context_shift": context_shift, "lora": lora, "api_key": api_key, "base_url": base_url,
            "headers": headers, "timeout": timeout, "attempts": attempts,
            **dict.fromkeys(misspelt, True),  # None is refused, too
        }  # fmt: skip
        self._blocking, self._meter = BlockingRuntime(), Meter()
        if isinstance(model, (str, os.PathLike)):
            self.model = model if isinstance(model, str) else f"llama:{os.fsdecode(model)}"
            self._backend, self._handle = route(self.model, **settings)
            return
        _check_own(model, settings)
        self.model, self._backend, self._handle = type(model).__name__, model, model.stream

    def generate(self, prompt: Prompt, **options: Unpack[Options]) -> Response:
        """The whole answer to a prompt.

        Args:
            prompt: text, one message, or a conversation.
            options: see :class:`Options`.

        Raises:
            BadRequest: the prompt or an option is wrong, or the backend cannot honour it.
            ConfigError: a setting does not suit the model (a larger ``context`` than it was made for), or a
                package is missing.
            ModelFileError: the model file cannot be used.
            BackendError: the backend failed; ``partial`` is what had arrived.
            Closed: the Generator was closed.
        """
        return run(self._fold(self._request(prompt, options, stream=False), self._blocking))

    async def agenerate(self, prompt: Prompt, **options: Unpack[Options]) -> Response:
        """The asynchronous twin of :meth:`generate`; cancelling it stops the work at once."""
        return await self._fold(self._request(prompt, options, stream=False), awaiting())

    def stream(self, prompt: Prompt, **options: Unpack[Options]) -> Stream:
        """The answer to a prompt as it is generated; takes and raises what :meth:`generate` does."""
        runtime = OneCall()
        return Stream(self._handle(self._request(prompt, options), runtime), self._meter, runtime)

    def astream(self, prompt: Prompt, **options: Unpack[Options]) -> AsyncStream:
        """The asynchronous twin of :meth:`stream`."""
        return AsyncStream(self._handle(self._request(prompt, options), awaiting()), self._meter)

    def infill(self, prefix: str, suffix: str, **options: Unpack[GapOptions]) -> Response:
        """What comes between two texts, by a model that was made to fill gaps, such as those for code.

        :meth:`stream` and :meth:`astream` do it with ``suffix=``.

        Args:
            prefix: the text before the gap.
            suffix: the text after it.
            options: see :class:`Options`; no ``system``, ``tools`` and ``reasoning``.

        Raises:
            ModelFileError: the local model was not made for it.
            BadRequest, ConfigError, BackendError, Closed: as from :meth:`generate`.
        """
        return self.generate(prefix, suffix=_gap(suffix), **options)

    async def ainfill(self, prefix: str, suffix: str, **options: Unpack[GapOptions]) -> Response:
        """The asynchronous twin of :meth:`infill`."""
        return await self.agenerate(prefix, suffix=_gap(suffix), **options)

    def count(self, prompt: Prompt, **options: Unpack[Options]) -> TokenCount:
        """How many tokens a prompt has.

        Args:
            prompt: a text alone is counted as it is; messages, or a text with options, as the model is shown
                them, with all that its chat template adds: what ``usage.input_tokens`` of their answer will
                be. Where a vendor does not count, it is an estimate: ``exact`` and ``source`` say so.
            options: those that :meth:`generate` would be given, such as ``system`` and ``tools``; a
                ``timeout`` is that of this count.

        Raises:
            BadRequest, ConfigError, ModelFileError, BackendError, Closed: as from :meth:`generate`.
        """
        asked, limit = self._countable(prompt, options)
        return run(self._backend.count(asked, self._blocking, **limit))

    async def acount(self, prompt: Prompt, **options: Unpack[Options]) -> TokenCount:
        """The asynchronous twin of :meth:`count`."""
        asked, limit = self._countable(prompt, options)
        return await self._backend.count(asked, awaiting(), **limit)

    def models(self) -> list[str]:
        """The names of the models that the vendor lists; raises what :meth:`embed` does."""
        return run(self._backend.models(self._blocking))

    async def amodels(self) -> list[str]:
        """The asynchronous twin of :meth:`models`."""
        return await self._backend.models(awaiting())

    def warm(self) -> None:
        """Load the model now, so that the first call need not wait for it; raises what :meth:`count` does."""
        run(self._backend.warm(self._blocking))

    async def awarm(self) -> None:
        """The asynchronous twin of :meth:`warm`."""
        await self._backend.warm(awaiting())

    def drop(self, name: str) -> None:
        """Let a local model keep the prompt of ``keep=name`` no longer; nothing happens if there is none.

        Raises:
            BadRequest: that is no name.
        """
        if not isinstance(name, str) or not name:
            raise BadRequest(f"drop takes the name of a kept prompt, not {shown(name)}")
        self._backend.drop(name)

    def metrics(self) -> Totals:
        """What all calls that have ended took in total; asks nobody, and waits for nothing."""
        return self._meter.totals()

    def close(self) -> None:
        """Free the model and everything with it; calls that still run fail. Safe to call twice."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Generator({self.model!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle or copy a Generator: make one in each process; threads can share one")

    async def _fold(self, request: Request, runtime: Runtime) -> Response:
        return await fold(self._handle(request, runtime), self._meter)

    def _countable(self, prompt: Prompt, options: Options) -> tuple[str | Request, dict[str, float]]:
        """What is counted, and until when if that was said: backends need not know of it else."""
        request = self._request(prompt, options, stream=False)
        limit = {} if request.deadline is None else {"deadline": request.deadline}
        bare = all(value is None or name == "timeout" for name, value in options.items())
        return prompt if isinstance(prompt, str) and bare else request, limit

    def _request(self, prompt: Prompt, options: Options, *, stream: bool = True) -> Request:
        given = {name: value for name, value in options.items() if value is not None}
        return make_request(prompt, {**self._defaults, **given}, stream=stream)


def _defaults(seed: int | None) -> dict[str, Any]:
    """What every call of a Generator has, unless it says otherwise."""
    try:
        return Sampling(seed=seed).given()
    except BadRequest as error:
        raise ConfigError(error.message) from None


def _gap(suffix: object) -> str:
    """What follows a gap; None would make it a prompt without one."""
    if not isinstance(suffix, str):
        raise BadRequest(f"suffix takes text, not {shown(suffix)}")
    return suffix


def _check_own(backend: object, settings: dict[str, Any]) -> None:
    if not hasattr(backend, "stream") or isinstance(backend, (type, Generator)):
        raise ConfigError(
            "a model is a name such as 'demo' or 'openai:MODEL', or a genkit.backend.Backend, "
            f"not {shown(backend)}"
        )
    if not hasattr(backend, "close"):  # which the end of a with block would miss
        raise ConfigError(f"{shown(backend)} lacks close, which a genkit.backend.Backend has")
    if given := ", ".join(name for name, value in settings.items() if value is not None):
        raise ConfigError(f"a backend of your own takes no settings here: give it {given} itself")
