"""Kept prompts on disk: written whole or not at all, and believed only if this user's genkit wrote them.

A file is a magic line, a keyed digest of the rest (BLAKE2b, RFC 7693), what model and build it is of, the
sizes of what follows, the tokens, and llama.cpp's state of their KV cache. llama.cpp reads a state without
much doubt, so that a file whose digest is not right never gets there. The key is in the same directory, which
only its owner may read: prompts are in it as they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import struct
from pathlib import Path
from typing import NamedTuple

from .files import is_ours
from .prefixes import Scales

_MAGIC = b"genkit kept prompt 1\n"
_SIZE = 32
_HEAD = struct.Struct(f"<{_SIZE}sIQ")
ROOM = 2 << 30
"""The most bytes that all files together may take."""


class Unfit(OSError):
    """A prompt is larger than all files may be."""


class Saved(NamedTuple):
    """The tokens of a prompt, and the state of the KV cache that holds them."""

    tokens: list[int]
    state: bytearray


class Shelf:
    """A directory of kept prompts, one a model and name.

    Args:
        folder: where it is; it need not exist yet.
        model: which model file, as :func:`genkit.local.files.fingerprint` tells it.
        build: what else a state depends on: the build of llama.cpp, settings of the context.
        room: the most bytes of all its files; the least recently used go first.
    """

    def __init__(self, folder: Path, model: str, build: str = "", *, room: int = ROOM) -> None:
        self._folder, self._model, self._room = folder, model, room
        self._about = hashlib.blake2b(f"{model} {build}".encode(), digest_size=_SIZE).digest()

    def read(self, name: str, scales: Scales = ()) -> Saved | None:
        """What was written under this name, or None: it is not there, or broken, or of another build.

        Args:
            name: the name.
            scales: how much of each LoRA adapter it is to be evaluated with.
        """
        path = self._path(name, scales)
        try:
            if not is_ours(self._folder):  # the key there may be theirs, too
                return None
            status = path.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > self._room:
                return None
            key = self._key(make=False)
            with open(path, "rb") as file:
                intro = file.read(len(_MAGIC) + _SIZE)
                head = file.read(_HEAD.size)
                if not intro.startswith(_MAGIC) or len(head) < _HEAD.size:
                    return None
                about, count, size = _HEAD.unpack(head)
                if about != self._about or len(intro) + len(head) + 4 * count + size != status.st_size:
                    return None
                tokens, state = file.read(4 * count), bytearray(size)
                if file.readinto(state) != size:
                    return None
            if not secrets.compare_digest(_digest(key, head, tokens, state), intro[len(_MAGIC) :]):
                return None
            with contextlib.suppress(OSError):
                os.utime(path)  # used just now
        except (OSError, MemoryError):
            return None
        return Saved(list(struct.unpack(f"<{count}i", tokens)), state)

    def write(self, name: str, saved: Saved, scales: Scales = ()) -> None:
        """Write a prompt under a name, in place of what was there.

        Args:
            name: the name.
            saved: the prompt.
            scales: how much of each LoRA adapter it was evaluated with.

        Raises:
            Unfit: it is larger than all files may be.
            OSError: it cannot be written.
        """
        head = _HEAD.pack(self._about, len(saved.tokens), len(saved.state))
        tokens = struct.pack(f"<{len(saved.tokens)}i", *saved.tokens)
        size = len(_MAGIC) + _SIZE + len(head) + len(tokens) + len(saved.state)
        if size > self._room:
            raise Unfit(f"it has {size >> 20} MiB, and {self._room >> 20} are the most for all together")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_ours(self._folder):
            raise OSError(f"{self._folder} is another user's, or others may write to it")
        digest = _digest(self._key(), head, tokens, saved.state)
        self._replace(self._path(name, scales), _MAGIC + digest, head, tokens, saved.state)
        self._tidy()

    def remove(self, name: str) -> None:
        """Let go of what was written under a name, with any adapters."""
        for path in self._folder.glob(f"{self._path(name).stem}*"):
            with contextlib.suppress(OSError):
                path.unlink()

    def _path(self, name: str, scales: Scales = ()) -> Path:
        spelled = f"{self._model} {name}".encode("utf-8", "surrogatepass")
        stem = hashlib.blake2b(spelled, digest_size=_SIZE).hexdigest()
        adapters = f"-{hashlib.blake2b(repr(scales).encode(), digest_size=8).hexdigest()}" if scales else ""
        return self._folder / f"{stem}{adapters}.kept"

    def _key(self, *, make: bool = True) -> bytes:
        """What only this user's genkit knows; made when there is none."""
        path = self._folder / "key"
        with contextlib.suppress(FileNotFoundError):
            key = path.read_bytes()
            if len(key) == _SIZE:
                return key
        if not make:
            raise FileNotFoundError(str(path))
        self._replace(path, secrets.token_bytes(_SIZE))
        return path.read_bytes()  # perhaps that of another process, which was later

    def _replace(self, path: Path, *parts: bytes | bytearray) -> None:
        """Write a file that is there as a whole or not at all."""
        draft = self._folder / f"{secrets.token_hex(8)}.part"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                for part in parts:
                    file.write(part)
            os.replace(draft, path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise

    def _tidy(self) -> None:
        """Remove the least recently used files, also those that were never finished, down to the room."""
        found = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if path.suffix in (".kept", ".part"):
                    status = path.stat()
                    found.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._room:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size


def _digest(key: bytes, *parts: bytes | bytearray) -> bytes:
    digest = hashlib.blake2b(key=key, digest_size=_SIZE)
    for part in parts:
        digest.update(part)
    return digest.digest()
