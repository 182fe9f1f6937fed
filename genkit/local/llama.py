"""llama.cpp, thinly and checked: the only file that imports llama_cpp.

It uses llama-cpp-python's low-level bindings and not its ``Llama`` class: every pointer is tested,
every id is in range, long pieces are read again, the log goes to a list and never to a file
descriptor, and a computation can be aborted from another thread without the interpreter.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import types
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import BackendError, MissingDependency, ModelFileError
from .sampling import Step


def _bindings() -> Any:
    """llama_cpp.llama_cpp without llama_cpp itself, whose ``Llama`` class would bring 0.3 s of imports."""
    if "llama_cpp" not in sys.modules:
        spec = importlib.util.find_spec("llama_cpp")
        if spec is None or not spec.submodule_search_locations:
            raise MissingDependency(
                "running a model on this machine needs llama-cpp-python: pip install 'genkit-sdk[local]'",
                extra="local",
            )
        bare = types.ModuleType("llama_cpp")
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules["llama_cpp"] = bare
        try:
            return importlib.import_module("llama_cpp.llama_cpp")
        finally:
            del sys.modules["llama_cpp"]  # whoever imports the real package later gets all of it
    return importlib.import_module("llama_cpp.llama_cpp")


_lib = _bindings()
_ABORTED = 2
_WARNING = 3  # GGML_LOG_LEVEL_WARN in ggml.h
_last_words: deque[str] = deque(maxlen=8)


def _hear(level: int, text: bytes | None, _data: int | None) -> None:
    if level >= _WARNING and text and (line := text.decode("utf-8", "replace").strip()):
        _last_words.append(line)


_log = _lib.llama_log_callback(_hear)  # kept: llama.cpp goes on calling it
_lib.llama_log_set(_log, None)
_lib.llama_backend_init()


def last_words() -> str:
    """The last warnings and errors that llama.cpp logged."""
    return "; ".join(_last_words)


class Model:
    """A loaded model and its vocabulary.

    Args:
        path: the GGUF file.
        gpu_layers: how many layers to keep on a GPU; all with a large number.

    Raises:
        ModelFileError: llama.cpp cannot load it.
    """

    def __init__(self, path: str, *, gpu_layers: int = 0) -> None:
        parameters = _lib.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        _last_words.clear()
        self._model = _lib.llama_model_load_from_file(os.fsencode(path), parameters)
        if not self._model:
            raise ModelFileError(
                f"llama.cpp cannot load {path}: {last_words() or 'it gave no reason'}", path=path
            )
        self._vocab = _lib.llama_model_get_vocab(self._model)
        self._pieces: dict[int, bytes] = {}
        self.vocabulary_size: int = _lib.llama_vocab_n_tokens(self._vocab)
        self.trained_context: int = _lib.llama_model_n_ctx_train(self._model)

    def metadata(self, key: str) -> str | None:
        """A value of the file's metadata as text, or None."""
        size = 256
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = _lib.llama_model_meta_val_str(self._model, key.encode(), buffer, size)
            if length < size:
                return buffer.value.decode("utf-8", "replace") if length >= 0 else None
            size = length + 1

    @property
    def chat_template(self) -> str | None:
        """The chat template in the file, in Jinja, or None."""
        text = _lib.llama_model_chat_template(self._model, None)
        return text.decode("utf-8", "replace") if text else None

    @property
    def bos(self) -> str:
        """The text of the token that begins a prompt, or ''."""
        return self._special(_lib.llama_vocab_bos(self._vocab))

    @property
    def eos(self) -> str:
        """The text of the token that ends a turn, or ''."""
        return self._special(_lib.llama_vocab_eos(self._vocab))

    def _special(self, token: int) -> str:
        return self._read_piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """The token ids of a text.

        Args:
            text: any text; a lone surrogate becomes U+FFFD.
            add_special: whether to add what the model wants at the beginning and the end.
            parse_special: whether ``<|im_end|>`` and the like are read as control tokens.
        """
        data = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
        size = len(data) + 8
        while True:
            ids = (_lib.llama_token * size)()
            count = _lib.llama_tokenize(self._vocab, data, len(data), ids, size, add_special, parse_special)
            if count >= 0:
                return list(ids[:count])
            if count == -(2**31) or -count <= size:
                raise BackendError(f"llama.cpp cannot tokenize {len(data)} bytes of text")
            size = -count

    def piece(self, token: int) -> bytes:
        """The bytes of text that a token stands for; none for a control token."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token, special=False)
        return piece

    def _read_piece(self, token: int, *, special: bool) -> bytes:
        if not 0 <= token < self.vocabulary_size:
            raise BackendError(f"there is no token {token} in a vocabulary of {self.vocabulary_size}")
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = _lib.llama_token_to_piece(self._vocab, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def ends_generation(self, token: int) -> bool:
        """Whether the model says with this token that it is done."""
        return bool(_lib.llama_vocab_is_eog(self._vocab, token))

    def close(self) -> None:
        """Free the weights."""
        model, self._model = self._model, None
        if model:
            _lib.llama_model_free(model)


class Sampler:
    """A sampler chain of llama.cpp, built from :func:`genkit.local.sampling.steps`.

    Args:
        model: the model whose tokens are sampled.
        steps: the steps of the chain.
        history: the tokens so far, for penalties.
    """

    def __init__(self, model: Model, steps: Iterable[Step], history: Sequence[int]) -> None:
        self._chain = _lib.llama_sampler_chain_init(_lib.llama_sampler_chain_default_params())
        for name, *values in steps:
            if name in ("top_p", "min_p"):
                values.append(1)  # keep at least one token
            elif name == "penalties":
                window = values[0]
                values.insert(0, model.vocabulary_size)
            step = getattr(_lib, f"llama_sampler_init_{name}")(*values)
            if not step:
                raise BackendError(f"llama.cpp cannot make the sampler {name}{tuple(values)}")
            _lib.llama_sampler_chain_add(self._chain, step)
            if name == "penalties":
                for token in history[-window:]:
                    _lib.llama_sampler_accept(self._chain, token)

    def sample(self, context: Context, row: int) -> int:
        """Choose the next token from the logits of this row of the last batch."""
        token: int = _lib.llama_sampler_sample(self._chain, context.pointer, row)
        return token

    def close(self) -> None:
        """Free the chain."""
        chain, self._chain = self._chain, None
        if chain:
            _lib.llama_sampler_free(chain)


class Context:
    """The KV cache and the compute buffers of a model.

    Args:
        model: the model; it must outlive the context.
        size: the context window, in tokens.
        sequences: how many sequences it can hold at a time.
        batch: the most tokens one :meth:`decode` takes.
        threads: how many threads compute.

    Raises:
        BackendError: llama.cpp cannot make it, mostly for want of memory.
    """

    def __init__(self, model: Model, *, size: int, sequences: int, batch: int, threads: int) -> None:
        parameters = _lib.llama_context_default_params()
        parameters.n_ctx = -(-size // 256) * 256  # llama.cpp pads to 256 by itself, and then confuses the two
        parameters.n_batch = parameters.n_ubatch = batch
        parameters.n_seq_max = sequences
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.kv_unified = True
        parameters.no_perf = True
        _last_words.clear()
        self.pointer = _lib.llama_init_from_model(model._model, parameters)
        if not self.pointer:
            raise BackendError(
                f"llama.cpp cannot make a context of {size} tokens: {last_words() or 'it gave no reason'}; "
                "try a smaller context="
            )
        self._memory = _lib.llama_get_memory(self.pointer)
        self._batch = _lib.llama_batch_init(batch, 0, 1)
        self._abort = ctypes.create_string_buffer(2)
        _lib.llama_set_abort_callback(self.pointer, _native_flag(), ctypes.addressof(self._abort))

    def decode(self, rows: Sequence[tuple[int, int, int, bool]]) -> bool:
        """Evaluate tokens.

        Args:
            rows: a token id, its position, its sequence id, and whether its logits are wanted, for each.

        Returns:
            False if it was aborted: some of the rows may be in the KV cache then.

        Raises:
            BackendError: llama.cpp failed.
        """
        batch = self._batch
        token, position, sequence, logits = batch.token, batch.pos, batch.seq_id, batch.logits
        for row, (id, at, slot, wanted) in enumerate(rows):
            token[row] = id
            position[row] = at
            batch.n_seq_id[row] = 1
            sequence[row][0] = slot
            logits[row] = wanted
        batch.n_tokens = len(rows)
        code = _lib.llama_decode(self.pointer, batch)
        if code not in (0, _ABORTED):
            raise BackendError(
                f"llama.cpp failed to evaluate {len(rows)} tokens (code {code}): {last_words()}"
            )
        return bool(code == 0)

    def logits(self, row: int) -> Any:
        """The logits of this row of the last batch: a pointer to as many C floats as there are tokens.

        They can be written to until the row is sampled, and are gone with the next :meth:`decode`.
        """
        logits = _lib.llama_get_logits_ith(self.pointer, row)
        if not logits:
            raise BackendError(f"llama.cpp has no logits of row {row}")
        return logits

    def forget(self, slot: int, start: int = 0) -> int:
        """Drop a sequence's tokens from this position on.

        Returns:
            How many tokens remain: ``start``, or 0 for models that can only drop all (recurrent ones).
        """
        if _lib.llama_memory_seq_rm(self._memory, slot, start, -1):
            return start
        _lib.llama_memory_seq_rm(self._memory, slot, -1, -1)
        return 0

    def abort(self, wanted: bool = True) -> None:
        """Make a running :meth:`decode` return early, and every later one until ``abort(False)``."""
        self._abort[0] = b"\x01" if wanted else b"\x00"

    def close(self) -> None:
        """Free the context."""
        pointer, self.pointer = self.pointer, None
        if pointer:
            _lib.llama_batch_free(self._batch)
            _lib.llama_free(pointer)


def _native_flag() -> Any:
    """A native ``bool f(void *flag)`` that reads the flag: C's own strlen.

    llama.cpp asks after every node of its graph whether to abort. A Python callback would take the
    interpreter's lock each time; the length of a string that is empty until it is set costs nothing.
    """
    library = ctypes.CDLL("msvcrt" if os.name == "nt" else None)
    return ctypes.cast(library.strlen, _lib.ggml_abort_callback)
