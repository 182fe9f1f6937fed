"""What ``genkit doctor`` looks at: each check gives findings, and a problem says what to do about it."""

from __future__ import annotations

import os
import platform
import re
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

import genkit

from ..local.limits import CANNOT_LOAD
from ..local.machine import default_threads, free_memory, usable_cpus
from . import cpu

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_REBUILD = 'pip install --force-reinstall --no-cache-dir --no-binary llama-cpp-python "genkit-sdk[local]"'
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)[^;=]*(==(?P<pin>[\w.]+))?[^;]*(;.*extra == '(?P<extra>\w+)')?")


class Finding(NamedTuple):
    """One thing looked at.

    ``status`` is ``ok``, ``warn`` (it works, but look at it) or ``fail`` (it is broken); ``advice``
    is what to do, for the last two.
    """

    name: str
    value: str
    status: Literal["ok", "warn", "fail"] = "ok"
    advice: str = ""


def examine(model: str) -> Iterator[Finding]:
    """Look at everything, one after the other; the last is a generation with this model."""
    yield Finding("Python", f"{platform.python_version()} ({platform.python_implementation()})")
    yield Finding("system", f"{platform.platform()}, {platform.machine()}")
    yield from packages()
    yield from namesake()
    features = cpu.features()
    yield processor(features, needed=cpu.NEEDED_ON_X86 if cpu.is_x86() else ())
    yield Finding(
        "cores", f"{len(usable_cpus())} CPUs for this process, {default_threads()} threads by default"
    )
    yield Finding("memory", _memory())
    yield from canary(model, features or frozenset())


def packages() -> Iterator[Finding]:
    """The versions of genkit-sdk and of all it depends on, as its own metadata names them."""
    package = _distribution("genkit-sdk")
    if package is None:
        what = f"{genkit.__version__}, not installed as a package, so what it needs is not known"
        yield Finding("genkit-sdk", what, "warn", "pip install genkit-sdk")
        return
    yield Finding("genkit-sdk", package.version)
    for requirement in package.requires or ():
        if match := _REQUIREMENT.match(requirement):
            yield _package(match["name"], match["pin"], match["extra"])


def _package(name: str, pin: str | None, extra: str | None) -> Finding:
    install = f'pip install "genkit-sdk[{extra}]"' if extra else "pip install --force-reinstall genkit-sdk"
    package = _distribution(name)
    if package is None:
        return Finding(name, "not installed", "warn" if extra else "fail", install)
    if pin and package.version != pin:
        return Finding(name, f"{package.version}, but genkit is made for {pin} exactly", "warn", install)
    return Finding(name, package.version)


def _distribution(name: str) -> Distribution | None:
    """An installed package, or None."""
    from importlib import metadata  # noqa: PLC0415 - 15 ms that the other commands need not pay

    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def namesake() -> Iterator[Finding]:
    """Another distribution whose files lie in the same ``genkit`` package, if there is one."""
    other = _distribution("genkit")
    if other is None:
        return
    yield Finding(
        "genkit (Google's)",
        f"{other.version} is installed too; both are imported as genkit, and overwrite each other's files",
        "warn",
        "keep one in an environment: pip uninstall genkit genkit-sdk, then install the one you want",
    )


def processor(features: frozenset[str] | None, *, needed: tuple[str, ...]) -> Finding:
    """Whether the processor has what a portable build of llama.cpp may use.

    Args:
        features: what it has, or None if that is not known.
        needed: what such a build may use.
    """
    if features is None:
        return Finding("processor", f"its features are not read on {platform.system()}")
    known = ", ".join(name for name in cpu.RELEVANT if name in features)
    if missing := [name for name in needed if name not in features]:
        return Finding(
            "processor",
            f"lacks {', '.join(missing)}, which llama-cpp-python may be built to use; has {known or 'none'}",
            "warn",
            f"if generating fails, build llama-cpp-python on this machine: {_REBUILD}",
        )
    return Finding("processor", known)


def canary(model: str, features: frozenset[str]) -> Iterator[Finding]:
    """Load a model and generate a few tokens; llama.cpp runs in a process of its own, which may die of it."""
    try:
        with genkit.Generator(model) as generator:
            yield Finding("model", model)
            start = time.perf_counter()
            generator.warm()
            loaded = time.perf_counter()
            reply = generator.generate("Hello!", max_tokens=16)  # fewer are refused by some
            end = time.perf_counter()
    except genkit.GenkitError as error:
        yield Finding("generating", str(error), "fail", remedy(error, features))
        return
    took = f"loaded in {loaded - start:.2f} s, {reply.usage.output_tokens} tokens in {end - loaded:.2f} s"
    yield Finding("generating", f"works: {took}")


def remedy(error: genkit.GenkitError, features: frozenset[str]) -> str:
    """What to do about an error of the canary.

    Args:
        error: the error.
        features: what the processor has.
    """
    if isinstance(error, genkit.errors.MissingDependency):
        broken = CANNOT_LOAD in error.message
        return _REBUILD if broken else f'pip install "genkit-sdk[{error.extra or "local"}]"'
    for kind, advice in _REMEDIES.items():
        if isinstance(error, kind):
            return advice
    killer = error.signal if isinstance(error, genkit.errors.WorkerDied) else None
    if killer == signal.SIGILL:
        return (
            "the build of llama-cpp-python uses an instruction that this processor lacks; build it on this "
            f"machine, for this machine: set CMAKE_ARGS to -DGGML_NATIVE=ON, then {_REBUILD}"
        )
    if killer in (signal.SIGSEGV, signal.SIGABRT) and "amx_tile" in features:
        return (
            "this processor has AMX, and a build of llama-cpp-python made for it (GGML_NATIVE=ON) with "
            f"GCC 12 fails like this; build it without: set CMAKE_ARGS to -DGGML_NATIVE=OFF, then {_REBUILD}"
        )
    if killer == _SIGKILL:
        return (
            "the system killed it, mostly because memory ran out; try a smaller model or a smaller --context"
        )
    return "try another model with --model; if that fails too, build llama-cpp-python anew: " + _REBUILD


_REMEDIES: dict[type[genkit.GenkitError], str] = {
    genkit.errors.ModelFileError: (
        "check the file; if it is the model in the box: pip install --force-reinstall genkit-sdk"
    ),
    genkit.errors.ConfigError: "put right what the line above names",
    genkit.errors.BadRequest: "check the name of the model, and what it takes",
    genkit.errors.OutOfMemory: "try a smaller model, or free memory",
    genkit.errors.ConnectFailed: "check the network, the address, and HTTPS_PROXY if there is one",
    genkit.errors.AuthFailed: "check the key, and that its account may use this model",
    genkit.errors.QuotaExceeded: "check the balance of the account behind the key",
    genkit.errors.RateLimited: "try again later",
    genkit.errors.DeadlineExceeded: "try again later",
    genkit.errors.ServerFailed: "try again later",
}

_SIGKILL = 9  # the signal module of Windows lacks the name


def _memory() -> str:
    """The memory of the machine, and how much of it this process may take where that is known."""
    free = free_memory()
    available = "available: unknown" if free is None else f"{free / 2**30:.1f} GiB available"
    if not hasattr(os, "sysconf"):
        return available
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{total / 2**30:.1f} GiB, {available}"
