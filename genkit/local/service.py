"""What answers the host's questions in the worker: loads the model, renders templates, tokenises, submits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ..errors import BackendError, BadRequest, GenkitError, ModelFileError, UnsupportedOption
from . import adapter_file, files, gguf, machine, pipe
from .arrays import numpy_soon
from .bias import biases
from .chat import ChatTemplate
from .context import FEW
from .cores import Cores
from .engine import BATCH, QUEUE, Engine
from .forms import Forms
from .limits import limited, native_fault, no_memory
from .listener import Listener
from .llama import Model, build_of_llama
from .memory import changing, choose_context, padded
from .pooling import Pooling
from .prefixes import Name
from .probe import try_out
from .prompt import Prompts
from .sampler import MANY
from .sampling import steps
from .saving import Saving
from .sequence import Chances, Chosen, Sequence
from .shelf import Shelf
from .speculation import Speculation

_ORIGINAL = "rope.scaling.original_context_length"


class Service:
    """Answers what the host asks, one question after the other; generation goes on in the engine.

    Args:
        settings: ``path``, ``context``, ``threads``, ``parallel``, ``gpu_layers``, ``template``, ``lora``,
            and ``queue``, how many calls may wait, if not as many as by default; ``kept``, the directory of
            kept prompts, if they are to be saved; ``lookup``, ``context_shift`` and others.
        send: sends a frame to the host; may be called from any thread.
        broken: hears of what ended the engine.

    Raises:
        ModelFileError: the file cannot be used.
        ConfigError: the settings do not fit the model.
        OutOfMemory: there is not enough memory for it.
    """

    def __init__(
        self, settings: dict[str, Any], send: Callable[[bytes], None], broken: Callable[[Exception], None]
    ) -> None:
        # What goes over its limits ends the process, which threads of the host may not.
        self._limited: Callable[..., AbstractContextManager[None]] = (
            limited if settings.get("limits", True) else lambda **_: nullcontext()
        )
        header = gguf.read_header(path := settings["path"])
        settings = {**settings, "parallel": 1} if header.architecture in gguf.ONE_AT_A_TIME else settings
        computes = header.n_tensors > 0  # else it is a vocabulary alone
        extra = sum(adapter_file.size(file, header.architecture) for file, _ in settings.get("lora", ()))
        context = self._context_size(header, settings, extra) if computes else 0
        if computes and header.n_vocab >= MANY:
            numpy_soon()  # since the first greedy answer would keep all others waiting for it
        self._model = Model(path, gpu_layers=settings["gpu_layers"], vocabulary_only=not computes)
        self._name, self._is_encoder = header.name or os.path.basename(path), header.is_encoder
        self._send, self._broken, self._shifts = send, broken, bool(settings.get("context_shift"))
        self._saving: Saving | None = None
        self.engine: Engine | None = None
        try:
            self._prompts = Prompts(self._model, self._load_template(settings["template"]))
            self._forms = Forms(self._model, self._prompts, self._limited)
            self._saving = self._make_saving(context, settings) if computes else None
            self.engine = self._make_engine(header, context, settings) if computes else None
        except BaseException:  # in a process that goes on, all of it would stay
            self.close()
            raise

    @staticmethod
    def _context_size(header: gguf.Header, settings: dict[str, Any], adapters: int) -> int:
        left = None if (free := _free_memory(settings)()) is None else max(0, free - adapters)
        flash, size = settings.get("flash_attention") is not False, settings["context"]
        return choose_context(
            header, size, batch=BATCH, free=left, flash_attention=flash, sequences=settings["parallel"]
        )

    def _make_engine(self, header: gguf.Header, context: int, settings: dict[str, Any]) -> Engine:
        threads = Cores.of(settings)
        self._model.flash_attention = settings.get("flash_attention") is not False
        for file, scale in settings.get("lora", ()):
            self._model.adapt(file, scale)
        try_out(self._model, threads, shifting=self._shifts)
        hands_over, said = self._hands_over(settings), settings.get("flash_attention") is not None
        # Beyond it, llama.cpp turns keys by other factors in a large context than in a small one (longrope).
        original = header.metadata.get(f"{header.architecture}.{_ORIGINAL}")
        turned = isinstance(original, int) and 0 < original < padded(context)
        self._pooling = Pooling(
            header,
            self._model,
            self._prompts,
            window=context,
            threads=threads,
            free=_free_memory(settings),
            tell=self.tell,
            fail=self.fail,
        )
        return Engine(
            self._model,
            context_size=context,
            threads=threads,
            parallel=settings["parallel"],
            listener=Listener(
                self._begun, self._tokens, self._finished, self._failed, self._broken, self._pinned
            ),
            pooler=self._pooling.pooler,
            queue=settings.get("queue", QUEUE),
            speculation=Speculation() if settings.get("lookup", True) else None,
            remembers=not settings.get("deterministic"),
            changing=changing(header, context, BATCH, FEW) if hands_over and not said else None,
            takes=(lambda size: changing(header, size, FEW, FEW)) if hands_over and not turned else None,
        )

    def _hands_over(self, settings: dict[str, Any]) -> bool:
        """Whether what one context computed may go on in another."""
        unfit = self._model.recurrent or self._model.window or self._shifts  # states tell no shift to come
        fixed = settings.get("deterministic") or settings["gpu_layers"]
        return not (fixed or unfit) and settings.get("limits", True)

    def _make_saving(self, context: int, settings: dict[str, Any]) -> Saving | None:
        if not settings.get("kept"):
            return None
        build = f"{build_of_llama()} context {context} gpu_layers {settings['gpu_layers']}"
        for file, _ in settings.get("lora", ()):
            build += f" lora {files.fingerprint(file)}"
        build += " without flash attention" if settings.get("flash_attention") is False else ""
        shelf = Shelf(Path(settings["kept"]), files.fingerprint(settings["path"]), build)
        return Saving(shelf, self._broken, self._model.window)

    def _load_template(self, source: str | None) -> ChatTemplate | None:
        source = source or self._model.chat_template
        if not source:
            return None
        with self._limited():
            return ChatTemplate(source, bos=self._model.bos, eos=self._model.eos, limited=self._limited)

    def close(self) -> None:
        """Free the model, for a process that goes on."""
        if self.engine:
            self.engine.close()
        if self._saving:
            self._saving.close()
        self._model.close()

    def answer(self, question: dict[str, Any]) -> None:
        """Answer one question; what goes wrong with it is an answer too."""
        call = question["call"]
        try:
            match question["do"]:
                case "generate":
                    self._generate(call, question)
                case "count":
                    self.tell(call, tokens=self._count(question), context=self._window)
                case "embed" | "rerank":
                    self._running.submit(self._pooling.texts(question), more=question.get("first", 0) > 0)
                case "drop":  # for which nobody waits
                    self._drop(Name(*question["name"]))
                case "warm":
                    self.tell(call, model=self._name, context=self._window)
        except GenkitError as error:
            self.fail(call, error)
        except Exception as error:  # whatever a question brings up is the answer to it
            if native_fault(error):
                raise
            self.fail(call, no_memory(error) or BackendError(f"the worker failed: {error!r}"))

    @property
    def _window(self) -> int:
        """The context window in tokens; of a vocabulary alone 0."""
        return self.engine.context_size if self.engine else 0

    @property
    def _running(self) -> Engine:
        if self.engine is None:
            raise ModelFileError(
                f"{self._name} is a vocabulary without weights: it counts tokens, but cannot generate"
            )
        return self.engine

    def _generate(self, call: int, question: dict[str, Any]) -> None:
        engine = self._running
        if self._is_encoder:
            raise ModelFileError(f"{self._name} is an encoder: it embeds or reranks, and cannot generate")
        room = engine.context_size
        prompt = self._prompts.of(question, room)
        tokens = prompt.tokens
        if not tokens:
            raise BadRequest("the prompt is empty; give at least one token of text")
        head = self._prompts.head(question, tokens) if self._shifts else None
        keep = self._name_to_keep(question)
        options = question["sampling"]
        options["logit_bias"] = biases(self._model, self._prompts, options.get("logit_bias", ()))
        constraint = self._forms.of(question, prompt)
        facts = {"syntax": prompt.syntax, "thinking": prompt.thinking, "ignored": prompt.ignored}
        self.tell(call, model=self._name, prompt=len(tokens), **facts)
        limit = options.get("max_tokens", 2**31 if self._shifts else room)
        scales = tuple(question.get("lora", ()))
        asked = Sequence(
            call, tokens, steps(options), limit, constraint, options.get("logprobs"), keep, scales, head=head
        )
        if keep and self._saving:
            asked.saved = self._saving.find(keep.name, tokens, scales)
        engine.submit(asked)

    def _name_to_keep(self, question: dict[str, Any]) -> Name | None:
        if question.get("keep") and self._model.recurrent:
            raise UnsupportedOption(
                f"{self._name} has a recurrent state, which holds no part of a prompt; leave keep out",
                option="keep",
            )
        return Name(*question["keep"]) if question.get("keep") else None

    def _drop(self, name: Name) -> None:
        if self.engine:
            self.engine.unpin(name)
        if self._saving and name.name:
            self._saving.remove(name.name)

    def _count(self, question: dict[str, Any]) -> int:
        """The tokens of a bare text, or of the messages as the chat template shows them."""
        bare = "text" in question
        return len(self._prompts.bare(question["text"]) if bare else self._prompts.of(question).tokens)

    def _begun(self, sequence: Sequence, kv_used: int, kv_room: int) -> None:
        times = sequence.times
        self.tell(
            sequence.call,
            cached=sequence.cached,
            queued=times.started - times.queued,
            evaluating=times.first - times.started,
            kv_used=kv_used,
            kv_room=kv_room,
        )

    def _tokens(self, chosen: list[Chosen]) -> None:
        piece, tokens = self._prompts.piece, list[pipe.Token]()
        for call, id, chances in chosen:
            tokens.append(pipe.Token(call, id, piece(id)))
            if chances:  # goes right before its token, which may be the last that is wanted
                self.tell(call, **self._told(id, chances))
                self._send(pipe.pack_tokens([tokens.pop()]))
        if tokens:
            self._send(pipe.pack_tokens(tokens))

    def _told(self, token: int, chances: Chances) -> dict[str, Any]:
        """How likely a token was, for the host; bytes that are no whole character are spelled out."""

        def spelled(id: int) -> str:
            return self._model.spelling(id).decode("utf-8", "backslashreplace")

        top = [(spelled(id), logprob) for id, logprob in chances.likeliest]
        return {"token": spelled(token), "logprob": chances.logprob, "top": top}

    def _pinned(self, sequence: Sequence, state: Callable[[], bytearray]) -> None:
        if self._saving and sequence.keep:
            prompt = sequence.tokens[: sequence.prompt_length]
            if sequence.saved:
                self._saving.doubt(sequence.keep.name, sequence.scales)
            sequence.saving = self._saving.offer(sequence.keep.name, prompt, state, sequence.scales)

    def _finished(self, sequence: Sequence, reason: str) -> None:
        now = time.perf_counter()
        facts: dict[str, Any] = {"finish": reason, "decoding": now - (sequence.times.first or now)}
        if self._saving is None:
            self.tell(sequence.call, **facts)
            return

        def tell(problem: str) -> None:
            self.tell(sequence.call, **facts, problem=problem)

        self._saving.then(sequence.saving, tell)  # a call that has ended has saved what it had to

    def _failed(self, sequence: Sequence, error: GenkitError) -> None:
        self.fail(sequence.call, error)

    def tell(self, call: int, **facts: Any) -> None:
        """Send the host an answer to a call."""
        self._send(pipe.pack({"call": call, **facts}))

    def fail(self, call: int, error: GenkitError) -> None:
        """Send the host an error as the answer to a call."""
        self.tell(call, **pipe.error_facts(error))


def _free_memory(settings: dict[str, Any]) -> Callable[[], int | None]:
    """What tells how much memory is free; that is not known where a GPU may take a part of the model."""
    return (lambda: None) if settings["gpu_layers"] else machine.free_memory
