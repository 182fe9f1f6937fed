"""Bounds of time and memory on what a stranger's program, such as a chat template, may take.

Time is bounded on every system, by the timer that Python's faulthandler runs in native code: it does not
wait for the interpreter's lock, which a single operation on a long string holds to its end. It ends the
process, that is, the worker. Memory is bounded on Linux, by RLIMIT_AS; elsewhere time has to do.
"""

from __future__ import annotations

import contextlib
import faulthandler
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import OutOfMemory

if sys.platform != "win32":
    import resource

SECONDS = 10
"""The time a block may take; long prompts on a busy machine must fit in."""
MEMORY = 1 << 29
"""The bytes that may be taken on top of what the process has."""
TIMED_OUT = "Timeout (0:00:"
"""How the last words of a process begin that was ended for its time."""
CANNOT_LOAD = "llama.cpp cannot be loaded"
"""How the last words of a process begin whose llama.cpp is of no use on this machine."""

# What C++, ggml, Python, loaders of libraries and OpenMP say when there is no more memory, in small letters.
_NO_MEMORY = (
    "bad_alloc",
    "failed to allocate",
    "mem_buffer != null",
    "memoryerror",
    "out of memory",  # Python as it starts, and so the next
    "memory allocation failed",
    "cannot allocate memory",
    "not enough memory",
    "paging file is too small",
    "failed to map segment",
    "can't start new thread",
    "thread creation failed",
    "insufficient memory",
    "returned null without setting an exception",  # Python's compiler, where it meets that
    "error return without exception set",  # and its loader of modules
)
_ACCESS_VIOLATION, _STACK_OVERFLOW = 0xC0000005, 0xC00000FD  # ntstatus.h


def is_for_want_of_memory(words: str) -> bool:
    """Whether an error, or the last words of a process, speak of memory that could not be had."""
    return any(each in words.lower() for each in _NO_MEMORY)


def native_fault(error: BaseException) -> int | None:
    """The NTSTATUS of a fault in native code, which elsewhere ends the process; None if it is another error.

    On Windows ctypes makes an OSError of it ("Calling functions" in its documentation), and the process goes
    on with broken memory.
    """
    if not isinstance(error, OSError):
        return None
    if str(error).startswith("exception: "):  # as ctypes says the usual ones
        return _STACK_OVERFLOW if "stack overflow" in str(error) else _ACCESS_VIOLATION
    status = getattr(error, "winerror", None) or 0
    return status % 2**32 if status % 2**32 >= 0xC0000000 else None


def no_memory(error: Exception) -> OutOfMemory | None:
    """What Python raises when there is no memory, for data or for a thread, as one of our errors."""
    if is_for_want_of_memory(repr(error)):
        return OutOfMemory(f"the process that runs the model has no memory left ({error!r})")
    return None


def leave_no_core() -> None:
    """A crash of this process writes no core file: prompts are in it, and the environment with its keys."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


@contextlib.contextmanager
def limited(*, memory: bool = True) -> Iterator[None]:
    """Give a block ``SECONDS``, after which the process ends, and ``MEMORY``, beyond which is MemoryError."""
    try:
        faulthandler.dump_traceback_later(SECONDS, exit=True, file=2)
    except RuntimeError as error:  # its thread found no room for a stack
        raise MemoryError(str(error)) from error
    try:
        with _memory_limited() if memory else contextlib.nullcontext():
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextlib.contextmanager
def _memory_limited() -> Iterator[None]:
    if sys.platform != "linux":
        yield
    else:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        wanted = pages * resource.getpagesize() + MEMORY
        bounds = [limit for limit in (wanted, soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min(bounds), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
