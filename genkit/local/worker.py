"""The child process that holds a model: what it is asked on stdin, what it answers on stdout.

Three threads: this module's main thread reads the pipe, so that a cancellation is heard at once; a
service thread loads the model, renders templates and tokenises; the engine's thread computes.
The worker ends when its pipe does, that is, with its host at the latest.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from ..errors import (
    BackendError,
    BadRequest,
    ContextOverflow,
    GenkitError,
    ModelFileError,
    OutOfMemory,
    WorkerDied,
)
from . import gguf, machine, pipe
from .chat import ChatTemplate
from .constrain import Constraints, Mask
from .context import try_out
from .engine import BATCH, QUEUE, Engine, Listener
from .limits import is_for_want_of_memory, limited
from .llama import Model
from .memory import choose_context
from .prompt import Prompts
from .sampling import steps
from .sequence import Sequence


class Service:
    """Answers what the host asks, one question after the other; generation goes on in the engine.

    Args:
        settings: ``path``, ``context``, ``threads``, ``parallel``, ``gpu_layers``, ``template``, and
            ``queue``, how many calls may wait, if not as many as by default.
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
        path = settings["path"]
        # What goes over its limits ends the process, which threads of the host may not.
        self._limited = limited if settings.get("limits", True) else _unlimited
        header = gguf.read_header(path)
        only = header.n_tensors == 0  # a vocabulary, which computes nothing
        context = 0 if only else self._context_size(header, settings)
        self._model = Model(path, gpu_layers=settings["gpu_layers"], vocabulary_only=only)
        self._name = header.name or os.path.basename(path)
        self._prompts = Prompts(self._model, self._load_template(settings["template"]))
        self._constraints = Constraints(self._model)
        self._send, self._broken = send, broken
        self.engine = None if only else self._start_engine(context, settings)

    @staticmethod
    def _context_size(header: gguf.Header, settings: dict[str, Any]) -> int:
        free = None if settings["gpu_layers"] else machine.free_memory()  # a GPU may take a part of the model
        return choose_context(header, settings["context"], batch=BATCH, free=free)

    def _start_engine(self, context: int, settings: dict[str, Any]) -> Engine:
        threads = settings["threads"] or machine.default_threads()
        try_out(self._model, threads)
        return Engine(
            self._model,
            context_size=context,
            threads=threads,
            parallel=settings["parallel"],
            listener=Listener(self._begun, self._tokens, self._finished, self._failed, self._broken),
            queue=settings.get("queue", QUEUE),
        )

    def _load_template(self, source: str | None) -> ChatTemplate | None:
        source = source or self._model.chat_template
        if not source:
            return None
        with self._limited():
            return ChatTemplate(source, bos=self._model.bos, eos=self._model.eos)

    def close(self) -> None:
        """Free the model, for a process that goes on."""
        if self.engine:
            self.engine.close()
        self._model.close()

    def answer(self, question: dict[str, Any]) -> None:
        """Answer one question; what goes wrong with it is an answer too."""
        call = question["call"]
        try:
            match question["do"]:
                case "generate":
                    self._generate(call, question)
                case "count":
                    self.tell(call, tokens=self._count(question))
                case "warm":
                    self.tell(call, model=self._name, context=self.engine.context_size if self.engine else 0)
        except GenkitError as error:
            self.fail(call, error)
        except Exception as error:  # noqa: BLE001 - whatever a question brings up is the answer to it
            self.fail(call, _no_memory(error) or BackendError(f"the worker failed: {error!r}"))

    def _generate(self, call: int, question: dict[str, Any]) -> None:
        if self.engine is None:
            raise ModelFileError(
                f"{self._name} is a vocabulary without weights: it counts tokens, but cannot generate"
            )
        with self._limited():
            prompt = self._prompts.chat(question)
        tokens, room = prompt.tokens, self.engine.context_size
        if not tokens:
            raise BadRequest("the prompt is empty; give at least one token of text")
        if len(tokens) >= room:
            raise ContextOverflow(
                f"the prompt has {len(tokens)} tokens, and a context window of {room} leaves no room for an "
                "answer; shorten it, or make the context window larger (context=)",
                tokens=len(tokens),
                limit=room,
            )
        options, form = question["sampling"], question.get("form")
        constraint = self._constraint(form) if form else None
        facts = {"syntax": prompt.syntax, "thinking": prompt.thinking, "ignored": prompt.ignored}
        self.tell(call, model=self._name, prompt=len(tokens), **facts)
        limit = options.get("max_tokens", room)
        self.engine.submit(Sequence(call, tokens, steps(options), limit, constraint))

    def _constraint(self, form: dict[str, Any]) -> Mask:
        _ = self._constraints.table  # which takes its time, and is no stranger's
        with self._limited(memory=False):  # native code ends its process for want of memory
            return self._constraints.make(form)

    def _count(self, question: dict[str, Any]) -> int:
        """The tokens of a bare text, or of the messages as the chat template shows them."""
        if "text" in question:
            return len(self._prompts.bare(question["text"]))
        with self._limited():
            return len(self._prompts.chat(question).tokens)

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

    def _tokens(self, tokens: list[tuple[int, int]]) -> None:
        piece = self._prompts.piece
        self._send(pipe.pack_tokens([pipe.Token(call, id, piece(id)) for call, id in tokens]))

    def _finished(self, sequence: Sequence, reason: str) -> None:
        self.tell(sequence.call, finish=reason)

    def _failed(self, sequence: Sequence, error: GenkitError) -> None:
        self.fail(sequence.call, error)

    def tell(self, call: int, **facts: Any) -> None:
        """Send the host an answer to a call."""
        self._send(pipe.pack({"call": call, **facts}))

    def fail(self, call: int, error: GenkitError) -> None:
        """Send the host an error as the answer to a call."""
        self.tell(call, **pipe.error_facts(error))


class Worker:
    """Reads commands, and sees to it that they are answered.

    Args:
        commands: where frames come from: first the settings, then questions and cancellations.
        answers: where frames go.
        end: called with an exit code when there is no going on.
    """

    def __init__(
        self, commands: IO[bytes], answers: IO[bytes], *, end: Callable[[int], object] = os._exit
    ) -> None:
        self._commands, self._answers, self._end = pipe.frames(commands), answers, end
        self._sending = threading.Lock()
        self._questions: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._service: Service | None = None

    def run(self) -> None:
        """Serve until the commands end."""
        self._thread = threading.Thread(target=self._serve, name="genkit service", daemon=True)
        self._thread.start()
        for command in self._commands:
            if not isinstance(command, dict):
                continue
            if command.get("do") == "cancel":
                self._cancelled.add(command["call"])
                self._cancel(command["call"])
            self._questions.put(command)

    def close(self) -> None:
        """Free everything, for a process that goes on after :meth:`run`."""
        self._questions.put(None)
        self._thread.join()
        if self._service:
            self._service.close()

    def _serve(self) -> None:
        try:
            self._answer_all()
        except Exception as error:  # noqa: BLE001 - the host would wait for ever
            self.broken(error)

    def broken(self, error: Exception) -> None:
        """A thread met what nobody foresaw, and ended: so does the worker."""
        reason = _no_memory(error) or WorkerDied(
            f"the worker failed: {error!r}; the next call starts another"
        )
        try:
            with contextlib.suppress(OSError, ValueError):  # the host is gone, or has closed the pipe
                self._send(pipe.pack({"call": 0, **pipe.error_facts(reason)}))
        finally:
            self._end(1)

    def _answer_all(self) -> None:
        settings = self._questions.get() or {}
        time.sleep(settings.get("wait", 0))
        try:
            self._service = Service(settings, self._send, self.broken)
        except GenkitError as error:
            self._send(pipe.pack({"call": 0, **pipe.error_facts(error)}))
            self._end(1)
            return
        self._send(pipe.pack({"call": 0, "loaded": True}))
        while question := self._questions.get():
            call = question["call"]
            if question["do"] == "cancel":  # again: it may have come between its question and the engine
                self._cancel(call)
                self._cancelled.discard(call)
            elif call not in self._cancelled:
                self._service.answer(question)

    def _cancel(self, call: int) -> None:
        if self._service and self._service.engine:
            self._service.engine.cancel(call)

    def _send(self, frame: bytes) -> None:
        with self._sending:
            self._answers.write(frame)
            self._answers.flush()


@contextlib.contextmanager
def _unlimited(*, memory: bool = True) -> Iterator[None]:
    yield


def _no_memory(error: Exception) -> OutOfMemory | None:
    """What Python raises when there is no memory, for data or for a thread, as one of our errors."""
    if is_for_want_of_memory(repr(error)):
        return OutOfMemory(f"the process that runs the model has no memory left ({error!r})")
    return None


def main() -> None:
    """Be a worker: keep the pipes, and point stdin and stdout away from them."""
    commands = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what native code prints goes where its last words are looked for
    worker = Worker(commands, answers)
    try:
        worker.run()
    except Exception as error:  # noqa: BLE001 - the host hears of it
        worker.broken(error)
    finally:
        os._exit(0)  # at once: threads are computing, and there is nothing to save
