"""What the processor can do, as far as it matters to llama.cpp."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

# What ggml's CMake turns on for x86-64 with GGML_NATIVE=OFF; under the names that /proc/cpuinfo has.
NEEDED_ON_X86 = ("sse4_2", "avx", "avx2", "fma", "f16c", "bmi2")
_FASTER_ON_X86 = ("avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8")
_FASTER_ON_ARM = ("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme")
RELEVANT = (*NEEDED_ON_X86, *_FASTER_ON_X86, *_FASTER_ON_ARM)

# The names that macOS has for the same.
_MACOS = {
    "SSE4.2": "sse4_2", "AVX1.0": "avx", "FEAT_AdvSIMD": "asimd", "AdvSIMD": "asimd", "FEAT_FP16": "asimdhp",
    "FEAT_DotProd": "asimddp",
}  # fmt: skip


def is_x86() -> bool:
    """Whether this is an x86-64 processor, or one that plays it to this process."""
    return platform.machine().lower() in ("x86_64", "amd64")


def features() -> frozenset[str] | None:
    """The features of :data:`RELEVANT` that the processor has, or None if they cannot be read here."""
    found: frozenset[str] = frozenset()
    try:
        if sys.platform.startswith("linux"):
            found = linux_features(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
        elif sys.platform == "darwin":
            command = ["sysctl", "machdep.cpu", "hw.optional"]
            found = macos_features(
                subprocess.run(command, capture_output=True, text=True, check=False).stdout
            )
    except OSError:
        return None
    return found & frozenset(RELEVANT) or None


def linux_features(cpuinfo: str) -> frozenset[str]:
    """The flags of the first processor in ``/proc/cpuinfo``."""
    flags = re.search(r"^(?:flags|Features)\s*:(.*)", cpuinfo, re.MULTILINE)
    return frozenset(flags[1].split() if flags else ())


def macos_features(sysctl: str) -> frozenset[str]:
    """The features in what ``sysctl machdep.cpu hw.optional`` prints, under the names that Linux has."""
    words = re.findall(r"^machdep\.cpu\.(?:leaf7_)?features: (.*)", sysctl, re.MULTILINE)
    names = " ".join(words).split() + re.findall(r"^hw\.optional\.(?:arm\.)?(\w+): 1$", sysctl, re.MULTILINE)
    return frozenset(_MACOS.get(name, name.removeprefix("FEAT_").lower()) for name in names)
