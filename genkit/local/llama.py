"""llama.cpp, thinly and checked: the only file that imports llama_cpp.

It uses llama-cpp-python's low-level bindings and not its ``Llama`` class: every pointer is tested,
every id is in range, long pieces are read again, and the log goes to a list and never to a file
descriptor. What computes is in :mod:`genkit.local.context`.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
import platform
import sys
import types
from collections import deque
from functools import cached_property
from typing import Any

from ..errors import BackendError, ConfigError, MissingDependency, ModelFileError, OutOfMemory
from .limits import CANNOT_LOAD, is_for_want_of_memory


def _bindings() -> Any:
    """llama_cpp.llama_cpp without llama_cpp itself, whose ``Llama`` class would bring 0.3 s of imports."""
    if "llama_cpp" not in sys.modules:
        spec = importlib.util.find_spec("llama_cpp")
        if spec is None or not spec.submodule_search_locations:
            raise MissingDependency(
                'running a model on this machine needs llama-cpp-python: pip install "genkit-sdk[local]"',
                extra="local",
            )
        bare = types.ModuleType("llama_cpp")
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules["llama_cpp"] = bare
        try:
            return importlib.import_module("llama_cpp.llama_cpp")
        except (RuntimeError, OSError) as error:
            raise MissingDependency(
                f"{CANNOT_LOAD}: {error}; install llama-cpp-python again, for this machine",
                extra="local",
            ) from error
        finally:
            del sys.modules["llama_cpp"]  # whoever imports the real package later gets all of it
    return importlib.import_module("llama_cpp.llama_cpp")


lib = _bindings()
"""llama.cpp's own functions, as ctypes has them."""
_WARNING = 3  # GGML_LOG_LEVEL_WARN in ggml.h
heard: deque[str] = deque(maxlen=8)
"""The lines it logged last; to be cleared before a call whose failure they are to explain."""


def _hear(level: int, text: bytes | None, _data: int | None) -> None:
    if level >= _WARNING and text and (line := text.decode("utf-8", "replace").strip()):
        heard.append(line)


_log = lib.llama_log_callback(_hear)  # kept: llama.cpp goes on calling it
lib.llama_log_set(_log, None)
lib.llama_backend_init()


def last_words() -> str:
    """The last warnings and errors that llama.cpp logged."""
    return "; ".join(heard)


def lacks_memory() -> bool:
    """Whether the last words speak of memory that could not be had."""
    return is_for_want_of_memory(last_words())


def build_of_llama() -> str:
    """What tells this build of llama.cpp from others: its version, and what it was built for."""
    system = lib.llama_print_system_info().decode("utf-8", "replace")
    return f"{importlib.metadata.version('llama-cpp-python')} {sys.platform} {platform.machine()} {system}"


def _cannot_load(what: str, path: str) -> OutOfMemory | ModelFileError:
    message = f"llama.cpp cannot load {what}: {last_words() or 'it gave no reason'}"
    if "unknown model architecture" in message:
        message += "; it may be newer than this llama.cpp: update genkit, or give another model"
    return OutOfMemory(message) if lacks_memory() else ModelFileError(message, path=path)


class Model:
    """A loaded model and its vocabulary.

    Args:
        path: the GGUF file.
        gpu_layers: how many layers to keep on a GPU; all with a large number.
        vocabulary_only: whether to load no weights: it can tokenise then, and nothing else.

    Raises:
        ConfigError: layers are to be on a GPU, and llama.cpp was built for none.
        ModelFileError: llama.cpp cannot load it.
        OutOfMemory: there is no memory for it.
    """

    def __init__(self, path: str, *, gpu_layers: int = 0, vocabulary_only: bool = False) -> None:
        if gpu_layers and not lib.llama_supports_gpu_offload():
            raise ConfigError(
                f"gpu_layers={gpu_layers}, but this llama-cpp-python was built for no GPU; leave it out, or "
                'build it for one: see "A faster build" in the README'
            )
        parameters = lib.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        parameters.vocab_only = vocabulary_only
        heard.clear()
        self.pointer = lib.llama_model_load_from_file(os.fsencode(path), parameters)
        if not self.pointer:
            raise _cannot_load(path, path)
        self._vocab = lib.llama_model_get_vocab(self.pointer)
        self._pieces: dict[int, bytes] = {}
        self.adapters: list[tuple[Any, float]] = []
        """LoRA adapters, and how much of each to add."""
        self.flash_attention = True
        """Whether contexts made from now on may have llama.cpp's flash attention, as it has it by itself."""
        self.vocabulary_size: int = lib.llama_vocab_n_tokens(self._vocab)
        self.recurrent = bool(
            lib.llama_model_is_recurrent(self.pointer) or lib.llama_model_is_hybrid(self.pointer)
        )
        """Whether it has a state that goes forward only, beside or instead of a KV cache."""
        self.window: int = lib.llama_model_n_swa(self.pointer)
        """How many tokens some of its layers look back; 0 if all look at all."""
        self.encoder_alone = bool(
            lib.llama_model_has_encoder(self.pointer) and not lib.llama_model_has_decoder(self.pointer)
        )
        """Whether it is an encoder that asks for ``llama_encode`` (those like BERT's take both)."""
        self.width: int = lib.llama_model_n_embd_out(self.pointer)
        """How many numbers an embedding has."""
        self.scores: int = lib.llama_model_n_cls_out(self.pointer)
        """How many numbers a pooling for ranks makes."""

    def adapt(self, path: str, scale: float) -> None:
        """Have contexts that are made from now on add a LoRA adapter to the weights; freed with the model.

        Raises:
            ModelFileError: llama.cpp cannot load it, or it does not fit this model.
            OutOfMemory: there is no memory for it.
        """
        heard.clear()
        adapter = lib.llama_adapter_lora_init(self.pointer, os.fsencode(path))
        if not adapter:
            raise _cannot_load(f"the LoRA adapter {path}", path)
        self.adapters.append((adapter, scale))

    def metadata(self, key: str) -> str | None:
        """A value of the file's metadata as text, or None."""
        size = 256
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = lib.llama_model_meta_val_str(self.pointer, key.encode(), buffer, size)
            if length < size:
                return buffer.value.decode("utf-8", "replace") if length >= 0 else None
            size = length + 1

    @property
    def chat_template(self) -> str | None:
        """The chat template in the file, in Jinja, or None."""
        text = lib.llama_model_chat_template(self.pointer, None)
        return text.decode("utf-8", "replace") if text else None

    @property
    def bos(self) -> str:
        """The text of the token that begins a prompt, or ''."""
        return self._special(lib.llama_vocab_bos(self._vocab))

    @property
    def eos(self) -> str:
        """The text of the token that ends a turn, or ''."""
        return self._special(lib.llama_vocab_eos(self._vocab))

    def _special(self, token: int) -> str:
        return self.spelling(token).decode("utf-8", "replace") if token >= 0 else ""

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
            ids = (lib.llama_token * size)()
            count = lib.llama_tokenize(self._vocab, data, len(data), ids, size, add_special, parse_special)
            if count >= 0:
                return list(ids[:count])
            if count == -(2**31) or -count <= size:
                raise BackendError(f"llama.cpp cannot tokenize {len(data)} bytes of text")
            size = -count

    def continued(self, text: str, *, parse_special: bool) -> list[int]:
        """The token ids of a text in the middle of others; see :meth:`tokenize`."""
        # SentencePiece would put a space before it: let it do so before a line break, which is dropped.
        if prefix := self._prefix:
            ids = self.tokenize("\n" + text, add_special=False, parse_special=parse_special)
            if ids[: len(prefix)] == prefix:
                return ids[len(prefix) :]
        return self.tokenize(text, add_special=False, parse_special=parse_special)

    @cached_property
    def _prefix(self) -> list[int]:
        """A line break and what is put before it, or nothing where nothing is."""
        ids = self.tokenize("\n", add_special=False, parse_special=False)
        return ids if b"".join(map(self.piece, ids)).startswith(b" ") else []

    def pair(self, first: list[int], second: list[int]) -> list[int]:
        """Two texts in one sequence, with the tokens that the vocabulary has to begin, part and end them."""
        eos, sep = lib.llama_vocab_eos(self._vocab), lib.llama_vocab_sep(self._vocab)
        end = [sep if eos < 0 else eos] if lib.llama_vocab_get_add_eos(self._vocab) else []
        part = [sep] if lib.llama_vocab_get_add_sep(self._vocab) else []
        ids = [*self.start, *first, *end, *part, *second, *(end or part)]
        return [token for token in ids if token >= 0]

    @property
    def gap_tokens(self) -> tuple[int, int, int] | None:
        """The tokens before what precedes a gap, before what follows it, and before what fills it."""
        names = ("pre", "suf", "mid")
        before, after, middle = (getattr(lib, f"llama_vocab_fim_{name}")(self._vocab) for name in names)
        return (before, after, middle) if min(before, after, middle) >= 0 else None

    @property
    def start(self) -> list[int]:
        """The token that begins a prompt, if the vocabulary wants it."""
        bos = lib.llama_vocab_bos(self._vocab)
        return [bos] if bos >= 0 and lib.llama_vocab_get_add_bos(self._vocab) else []

    @property
    def end(self) -> list[int]:
        """The token that ends a text, if the vocabulary wants it."""
        eos = lib.llama_vocab_eos(self._vocab)
        return [eos] if eos >= 0 and lib.llama_vocab_get_add_eos(self._vocab) else []

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
            length = lib.llama_token_to_piece(self._vocab, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def spelling(self, token: int) -> bytes:
        """How a token is spelled in a prompt, a control token too."""
        return self._read_piece(token, special=True)

    @cached_property
    def longest_text(self) -> int | None:
        """The most bytes of text that one token stands for; None where the vocabulary may drop some."""
        if lib.llama_vocab_type(self._vocab) not in (lib.LLAMA_VOCAB_TYPE_SPM, lib.LLAMA_VOCAB_TYPE_BPE):
            return None
        texts = [len(text.encode()) for _, text, _ in self.special_texts]
        return max(*map(len, map(self.piece, range(self.vocabulary_size))), *texts, 1)

    @cached_property
    def special_texts(self) -> list[tuple[int, str, bool]]:
        """The tokens that are found in a text first: id, spelling, and whether it is a control token.

        The rest of them are what llama.cpp calls user-defined, and finds in any text.
        """
        control = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN
        wanted = control | lib.LLAMA_TOKEN_ATTR_USER_DEFINED
        attributes, vocab = lib.llama_vocab_get_attr, self._vocab
        return [
            (token, self._special(token), bool(kind & control))
            for token in range(self.vocabulary_size)
            if (kind := attributes(vocab, token)) & wanted
        ]

    @cached_property
    def ends(self) -> list[int]:
        """The tokens with which the model can say that it is done."""
        return [token for token in range(self.vocabulary_size) if self.ends_generation(token)]

    def ends_generation(self, token: int) -> bool:
        """Whether the model says with this token that it is done."""
        return bool(lib.llama_vocab_is_eog(self._vocab, token))

    def close(self) -> None:
        """Free the weights."""
        pointer, self.pointer = self.pointer, None
        if pointer:
            lib.llama_model_free(pointer)
