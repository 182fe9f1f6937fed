"""What computes: a context with its KV cache.

A computation can be aborted from another thread without the interpreter.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

from ..errors import BackendError, OutOfMemory
from .cores import Cores
from .llama import Model, heard, lacks_memory, last_words, lib
from .memory import padded
from .plan import Cut, Forget, Move, Pin, Share, Shift
from .prefixes import Scales
from .turning import hand_over, turn

FEW = 64
"""How many tokens are evaluated together without the flash kernel."""
_ABORTED = 2


class Context:
    """The KV cache and the compute buffers of a model.

    Args:
        model: the model; it must outlive the context.
        size: the context window, in tokens.
        sequences: how many sequences it can hold at a time.
        batch: the most tokens one :meth:`decode` takes.
        threads: how many threads compute, or what says it before each :meth:`decode`.
        pooled: whether it is for :meth:`pooled` instead of logits.

    Raises:
        OutOfMemory: there is no memory for it.
        BackendError: llama.cpp cannot make it for another reason.
    """

    def __init__(
        self,
        model: Model,
        *,
        size: int,
        sequences: int,
        batch: int,
        threads: int | Cores,
        pooled: bool = False,
    ) -> None:
        parameters = lib.llama_context_default_params()
        parameters.n_ctx = padded(size)  # llama.cpp pads by itself, and then confuses the two
        parameters.n_batch = parameters.n_ubatch = batch
        # Cells beyond a sliding window are written over if one id alone holds them: what stays has a twin.
        doubled = min(2 * sequences, batch, 256) if model.window and not (pooled or model.recurrent) else 0
        self._unused, self._twins = list(range(sequences, doubled)), dict[int, int]()
        parameters.n_seq_max = sequences + len(self._unused)
        self.cores = threads if isinstance(threads, Cores) else Cores(threads)
        self.threads = parameters.n_threads = parameters.n_threads_batch = self.cores.threads
        parameters.kv_unified = True
        if not (model.flash_attention or pooled):
            parameters.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        parameters.embeddings = pooled
        parameters.no_perf = True
        heard.clear()
        self._model, self._parameters = model, parameters
        pointer = lib.llama_init_from_model(model.pointer, parameters)
        if not pointer:
            raise (OutOfMemory if lacks_memory() else BackendError)(
                f"llama.cpp cannot make a context of {size} tokens: {last_words() or 'it gave no reason'}; "
                "try a smaller context="
            )
        self._adapters = [adapter for adapter, _ in model.adapters]
        self._scales: Scales = tuple(scale for _, scale in model.adapters)
        self._recurrent, self._window = model.recurrent, model.window
        self.flash = True
        """Whether it computes attention as at first, or the other way."""
        self._evaluate = lib.llama_encode if model.encoder_alone else lib.llama_decode
        self._batch, self._rows = lib.llama_batch_init(batch, 0, 1), batch
        self._abort, self._other = ctypes.create_string_buffer(2), None
        self._use(pointer)

    def _use(self, pointer: Any) -> None:
        self.pointer, self._memory = pointer, lib.llama_get_memory(pointer)
        lib.llama_set_n_threads(pointer, self.threads, self.threads)
        lib.llama_set_abort_callback(pointer, _native_flag(), ctypes.addressof(self._abort))
        if self._adapters:
            self._adapt(self._scales)

    def attend(self, *, flash: bool) -> bool:
        """Compute attention in llama.cpp's flash kernel from now on, or not; what sequences hold stays.

        Returns:
            False if that cannot be, of this model: nothing has changed then.

        Raises:
            OutOfMemory: there is no memory for it now: nothing has changed.
        """
        if not self._other:  # which is kept, since to make one takes longer than all else
            self._parameters.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
            self._parameters.n_ubatch = min(FEW, self._rows)  # it keeps the scores of so many with all
            self._other = lib.llama_init_from_model(self._model.pointer, self._parameters)
            if not self._other:
                raise OutOfMemory("there is no memory for another context")
        try:
            changed = hand_over(self.pointer, self._other, by_number=not flash)
        except MemoryError:
            raise OutOfMemory("there is no memory for what the context holds") from None
        if not changed:
            lib.llama_free(self._other)
            self._other = None
            return False
        self.flash, self._other, other = flash, self.pointer, self._other
        self._use(other)
        lib.llama_memory_clear(lib.llama_get_memory(self._other), False)
        return True

    def _adapt(self, scales: Scales) -> None:
        """Add so much of each LoRA adapter to the weights; llama.cpp plans its next step anew then."""
        count = len(self._adapters)
        pointers = (lib.llama_adapter_lora_p_ctypes * count)(*self._adapters)
        lib.llama_set_adapters_lora(self.pointer, pointers, count, (ctypes.c_float * count)(*scales))
        self._scales = scales

    def decode(self, rows: Sequence[tuple[int, int, int, bool]], scales: Scales | None = None) -> bool:
        """Evaluate tokens.

        Args:
            rows: a token id, its position, its sequence id, and whether its logits are wanted, for each.
            scales: how much of each LoRA adapter to add to the weights; by default as the last time, and at
                first what the model says.

        Returns:
            False if it was aborted: some of the rows may be in the KV cache then.

        Raises:
            OutOfMemory: there was no memory for it.
            BackendError: llama.cpp failed for another reason.
        """
        if len(rows) > self._rows:  # what is written beyond a batch is somebody else's memory
            raise BackendError(f"{len(rows)} rows in a batch of {self._rows}")
        if scales is not None and scales != self._scales:
            self._adapt(scales)
        batch = self._batch
        token, position, sequence, logits = batch.token, batch.pos, batch.seq_id, batch.logits
        for row, (id, at, slot, wanted) in enumerate(rows):
            token[row] = id
            position[row] = at
            batch.n_seq_id[row] = 1
            sequence[row][0] = slot
            logits[row] = wanted
        batch.n_tokens = len(rows)
        heard.clear()
        if (threads := self.cores.before()) != self.threads:
            lib.llama_set_n_threads(self.pointer, threads, threads)
            self.threads = threads
        code = self._evaluate(self.pointer, batch)
        self.cores.after()
        if code not in (0, _ABORTED):
            raise (OutOfMemory if lacks_memory() else BackendError)(
                f"llama.cpp failed to evaluate {len(rows)} tokens (code {code}): {last_words()}"
            )
        return bool(code == 0)

    def logits(self, row: int) -> Any:
        """The logits of this row of the last batch: a pointer to as many C floats as there are tokens.

        They can be written to until the row is sampled, and are gone with the next :meth:`decode`.
        """
        logits = lib.llama_get_logits_ith(self.pointer, row)
        if not logits:
            raise BackendError(f"llama.cpp has no logits of row {row}")
        return logits

    def pooled(self, slot: int, width: int) -> list[float]:
        """What the model's pooling made of a sequence, all of which was in the last :meth:`decode`.

        Args:
            slot: the sequence id.
            width: how many numbers that is: the model's ``width``, or its ``scores`` if it ranks.
        """
        values = lib.llama_get_embeddings_seq(self.pointer, slot)
        if not values:
            raise BackendError(f"llama.cpp has no pooled values of sequence {slot}")
        return list(values[:width])

    def clear(self) -> None:
        """Drop every sequence."""
        lib.llama_memory_clear(self._memory, False)

    def forget(self, slot: int, start: int = 0) -> int:
        """Drop a sequence's tokens from this position on.

        Returns:
            How many tokens remain: ``start``, or 0 for models that can only drop all (recurrent ones).
        """
        self._let_go(slot)
        if lib.llama_memory_seq_rm(self._memory, slot, start, -1):
            return start
        lib.llama_memory_seq_rm(self._memory, slot, -1, -1)
        return 0

    @property
    def can_shift(self) -> bool:
        """Whether a Shift can be made: not with a recurrent state, or positions of several dimensions."""
        return bool(lib.llama_memory_can_shift(self._memory)) and not self._recurrent

    def make(self, move: Move) -> None:
        """Do what the scheduler decided about the KV cache; nothing is computed but with the next decode."""
        match move:
            case Share(source, slot, length):
                lib.llama_memory_seq_cp(self._memory, source, slot, 0, length)
                if isinstance(move, Pin) and self._unused:
                    twin = self._twins[slot] = self._unused.pop()
                    lib.llama_memory_seq_cp(self._memory, source, twin, 0, length)
            case Shift(slot, start, length):
                self._let_go(slot)
                lib.llama_memory_seq_rm(self._memory, slot, start, start + length)
                lib.llama_memory_seq_add(self._memory, slot, start + length, -1, -length)
            case Cut(slot, start):
                self.forget(slot, start)
            case Forget(slot):
                self.forget(slot)

    def _let_go(self, slot: int) -> None:
        """What an id holds need not stay any longer."""
        if (twin := self._twins.pop(slot, None)) is not None:
            lib.llama_memory_seq_rm(self._memory, twin, -1, -1)
            self._unused.append(twin)

    def can_save(self, slot: int) -> bool:
        """Whether :meth:`load` takes what :meth:`save` gives: of a sliding window, no more than it spans."""
        last = lib.llama_memory_seq_pos_max(self._memory, slot)
        return self.intact(slot) and not 0 < self._window <= last

    def size_of(self, slot: int) -> int:
        """How many bytes :meth:`save` gives."""
        return int(lib.llama_state_seq_get_size(self.pointer, slot))

    def save(self, slot: int) -> bytearray:
        """The state of all that a sequence holds, for :meth:`load`.

        Raises:
            BackendError: llama.cpp cannot tell it.
        """
        size = self.size_of(slot)
        state = bytearray(size)
        buffer = (ctypes.c_uint8 * size).from_buffer(state)
        taken = lib.llama_state_seq_get_data(self.pointer, buffer, size, slot)
        if not size or taken != size or not (self.flash or turn(state, by_number=False)):
            raise BackendError(f"llama.cpp cannot tell the state of a prompt: {last_words()}")
        return state

    def load(self, slot: int, state: bytearray, length: int) -> bool:
        """Let an id that holds nothing hold what was saved, which must be so many tokens.

        Returns:
            False if llama.cpp does not take it, or there is no room: the id holds nothing then.
        """
        if not self.flash:
            turn(state, by_number=True)
        buffer = (ctypes.c_uint8 * len(state)).from_buffer(state)
        taken = lib.llama_state_seq_set_data(self.pointer, buffer, len(state), slot)
        last = lib.llama_memory_seq_pos_max(self._memory, slot)
        if taken == len(state) and last == length - 1 and self.intact(slot):
            return True
        self.forget(slot)
        return False

    def intact(self, slot: int) -> bool:
        """Whether every token of a sequence from the first on is there, so that a part can be shared.

        Of recurrent models only the last state is, and of a sliding window perhaps only its last tokens.
        """
        return bool(lib.llama_memory_seq_pos_min(self._memory, slot) == 0)

    def abort(self, wanted: bool = True) -> None:
        """Make a running :meth:`decode` return early, and every later one until ``abort(False)``."""
        self._abort[0] = b"\x01" if wanted else b"\x00"

    def close(self) -> None:
        """Free the context."""
        pointer, self.pointer = self.pointer, None
        if pointer:
            lib.llama_batch_free(self._batch)
            lib.llama_free(pointer)
        if self._other:
            lib.llama_free(self._other)
            self._other = None


def _native_flag() -> Any:
    """A native ``bool f(void *flag)`` that reads the flag: C's own strlen.

    llama.cpp asks after every node of its graph whether to abort. A Python callback would take the
    interpreter's lock each time; the length of a string that is empty until it is set costs nothing.
    """
    library = ctypes.CDLL("msvcrt" if os.name == "nt" else None)
    return ctypes.cast(library.strlen, lib.ggml_abort_callback)
