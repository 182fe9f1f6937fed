"""The GGUF format: read a header part by part, within bounds of memory and time.

Format: the GGUF specification, docs/gguf.md in ggml. Plain reads, since a mapped file that shrinks
meanwhile would end the process.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

# Id -> (name, values per block, bytes per block): enum ggml_type in ggml.h, block structs in ggml-common.h.
# Left out: I8, I16, F64, Q8_1, Q8_K. No weight has them; computing with them aborts or reads out of bounds.
TENSOR_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 26: ("I32", 1, 4),
    27: ("I64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
    42: ("Q2_0", 64, 18),
}  # fmt: skip
INDEX_TABLES = ("d2t", ".ffn_gate_tid2eid", ".ffn_gate_tid2eid.weight")  # the only tensors of integers

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY, I32, F32 = 8, 9, 5, 6

MAX_PAIRS, MAX_TENSORS, MAX_ITEMS, MAX_TOKENS = 4096, 65536, 1 << 22, 1 << 21
MAX_KEY, MAX_STRING, MAX_HEADER, MAX_TEMPLATE = 65535, 1 << 24, 1 << 26, 1 << 18
KEEP_ITEMS = 4096  # longer arrays of numbers are checked and left out of the metadata

# How a file begins that is not GGUF -> what it is, what to do.
CONVERT = "convert it to GGUF (llama.cpp's convert_hf_to_gguf.py), or download a .gguf of the model"
LOOKS_LIKE = (
    (b"version https://git-lfs", "a Git LFS pointer, not the model", "fetch the file with 'git lfs pull'"),
    (b"PK\x03\x04", "a zip archive (PyTorch saves its weights so)", CONVERT),
    (b"\x80\x02", "a Python pickle (an old PyTorch checkpoint)", CONVERT),
    (b"tjgg", "in the old ggml format 'ggjt'", CONVERT),
    (b"fmgg", "in the old ggml format 'ggmf'", CONVERT),
    (b"lmgg", "in the old format 'ggml'", CONVERT),
    (b"\x1f\x8b", "compressed with gzip", "decompress it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it"),
    (b"MZqFpD='", "a llamafile, a program that holds a model", "unzip the .gguf file in it"),
    (b"FUGG", "a big-endian GGUF file", "download or convert a little-endian one"),
    (b"\0\0\0\0", "blank at its start (a download that did not finish)", "download it again"),
    (b"<", "a web page, not the model", "download the file itself (Hugging Face: /resolve/, not /blob/)"),
    (b"{", "JSON text (a configuration or a server's error), not the model", "download the .gguf file"),
)


class Refused(Exception):
    """What is wrong with the file, and what to do; without its path."""

    def __init__(self, problem: str, remedy: str = "it is damaged, download or convert it again") -> None:
        super().__init__(f"{problem}: {remedy}" if remedy else problem)


@dataclass(slots=True)
class Contents:
    """A header that was read, before its values are judged."""

    values: dict[str, object] = field(default_factory=dict)
    arrays: dict[str, tuple[int, int]] = field(default_factory=dict)  # key -> (element type, length)
    tokens: list[bytes] = field(default_factory=list)
    token_types: bytes = b""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    tensor_bytes: int = 0
    places: dict[str, tuple[str, int, int]] = field(default_factory=dict)  # tensor -> (type, start, size)

    def integers(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """The architecture's integers at ``key`` (one, or one per layer), () if none; raises Refused."""
        key = f"{self.values['general.architecture']}.{key}"
        value = self.values.get(key, ())
        items = value if isinstance(value, tuple) else (value,)
        for item in items:
            if type(item) is not int or not low <= item <= high:
                problem = f"has {brief(key)} = {brief(item)}"
                raise Refused(problem, f"it must be an integer from {low} to {high}; download the file again")
        return items

    def integer(self, key: str, low: int, high: int) -> int | None:
        """The same for one integer, or the largest; None if there is none."""
        return max(self.integers(key, low, high), default=None)


def _identify(start: bytes) -> Refused:
    """What a file that does not begin with ``GGUF`` is, and what to do."""
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 27:
        return Refused("is a safetensors file, not GGUF", CONVERT)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    for magic, what, remedy in LOOKS_LIKE:
        if text.startswith(magic) or start.startswith(magic):
            return Refused(f"is {what}", remedy)
    return Refused(f"is not a GGUF file (it begins with {start[:8]!r})", "give the path of a .gguf file")


def brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


class Reader:
    """Reads a header part by part; compares every count with what the file can hold before it reads."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        self.out = Contents()

    def take(self, count: int) -> bytes:
        data = self.file.read(count) if count <= self.size else b""
        if len(data) != count:
            raise Refused(f"is truncated: its {self.size} bytes end inside the header", "download it again")
        return data

    def number(self, code: str) -> int:
        value: int = struct.unpack("<" + code, self.take(struct.calcsize(code)))[0]
        return value

    def string(self, limit: int, what: str) -> str:
        length = self.number("Q")
        if length > limit:
            raise Refused(f"has {what} of {length} bytes (at most {limit})")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise Refused(f"has {what} that is not UTF-8") from None

    def contents(self) -> Contents:
        magic = self.file.read(64)
        if not magic.startswith(b"GGUF"[: self.size]):
            raise _identify(magic)
        self.file.seek(4)
        version, n_tensors, n_pairs = self.number("I"), self.number("Q"), self.number("Q")
        if version & 0xFFFF == 0 and version != 0:
            raise Refused("is a big-endian GGUF file", "download or convert a little-endian one")
        if version not in (2, 3):
            remedy = "update genkit" if 3 < version < 64 else "convert the model again"
            raise Refused(f"is GGUF version {version} (2 and 3 are supported)", remedy)
        if n_tensors > MAX_TENSORS or n_pairs > MAX_PAIRS:
            raise Refused(f"claims {n_tensors} tensors and {n_pairs} metadata values")
        for _ in range(n_pairs):
            self.pair()
            if self.file.tell() > MAX_HEADER:
                raise Refused(f"has more than {MAX_HEADER} bytes of metadata")
        self.tensors(n_tensors)
        return self.out

    def pair(self) -> None:
        key = self.string(MAX_KEY, "a metadata key")
        if not key or "\0" in key or key in self.out.values or key in self.out.arrays:
            raise Refused(f"has an empty, unreadable or repeated metadata key {brief(key)}")
        kind = self.number("I")
        if kind == STRING:
            self.out.values[key] = self.string(MAX_STRING, f"a value of {brief(key)}")
        elif kind == ARRAY:
            self.array(key, self.number("I"), self.number("Q"))
        elif kind in SCALARS:
            self.out.values[key] = self.number(SCALARS[kind])
        else:
            raise Refused(f"has {brief(key)} of the unknown type {kind}")

    def array(self, key: str, kind: int, count: int) -> None:
        if kind != STRING and kind not in SCALARS:
            raise Refused(f"has {brief(key)}, an array of the unknown type {kind}")
        is_tokens = key == "tokenizer.ggml.tokens"
        if count > (MAX_TOKENS if is_tokens else MAX_ITEMS):
            raise Refused(f"has {brief(key)} with {count} items")
        self.out.arrays[key] = (kind, count)
        if kind == STRING:
            self.strings(key, count, self.out.tokens if is_tokens else None)
            return
        data = self.take(count * struct.calcsize(SCALARS[kind]))
        if key == "tokenizer.ggml.token_type":
            self.out.token_types = data
        elif count <= KEEP_ITEMS:
            self.out.values[key] = struct.unpack(f"<{count}{SCALARS[kind]}", data)

    def strings(self, key: str, count: int, keep: list[bytes] | None) -> None:
        """Read ``count`` strings, into ``keep`` if given: the loop over a vocabulary, so it calls little."""
        read, unpack = self.file.read, struct.Struct("<Q").unpack_from
        data, before, room = (self.take(8) if count else b""), 0, MAX_HEADER
        for left in range(count - 1, -1, -1):
            (length,) = unpack(data, before)
            if length > MAX_KEY:
                raise Refused(f"has {brief(key)} with an item of {length} bytes")
            wanted = length + 8 if left else length  # with the length of the next one
            room -= wanted
            if room < 0:
                raise Refused(f"has more than {MAX_HEADER} bytes in {brief(key)}")
            data, before = read(wanted), length
            if len(data) != wanted:
                self.take(self.size + 1)  # the file has ended
            if keep is not None:
                keep.append(data[:length])

    def tensors(self, count: int) -> None:
        alignment = self.out.values.get("general.alignment", 32)
        # llama.cpp maps tensors in place: less than 32 fails an assert of ggml-backend.cpp.
        if type(alignment) is not int or not 32 <= alignment <= 1 << 16 or alignment & (alignment - 1):
            raise Refused(f"has general.alignment = {brief(alignment)}, not a power of two from 32 to 65536")
        offset = end = 0
        for _ in range(count):
            name, kind, size, start = self.tensor()
            if start != offset:
                raise Refused(f"has tensor {name!r} at offset {start} instead of {offset}")
            end = offset + size
            offset = -(-end // alignment) * alignment
            self.out.tensor_bytes += size
            self.out.places[name] = kind, start, size
        begin = -(-self.file.tell() // alignment) * alignment
        self.out.places = {
            name: (kind, begin + at, size) for name, (kind, at, size) in self.out.places.items()
        }
        missing = begin + end - self.size
        if count and missing > 0:
            problem = f"is truncated: {missing} of {missing + self.size} bytes are missing"
            raise Refused(problem, "download it again")

    def tensor(self) -> tuple[str, str, int, int]:
        """Read one tensor's description; returns its name, its type, its size in bytes and its offset."""
        name, n_dims = self.string(63, "a tensor name"), self.number("I")
        if not 1 <= n_dims <= 4 or name in self.out.shapes:
            raise Refused(f"has tensor {name!r} twice or with {n_dims} dimensions (1 to 4)")
        shape = struct.unpack(f"<{n_dims}Q", self.take(8 * n_dims))
        number, start = self.number("I"), self.number("Q")
        kind, block, width = TENSOR_TYPES.get(number, ("", 1, 0))
        if not kind or (kind in ("I32", "I64") and not name.endswith(INDEX_TABLES)):
            problem = f"has tensor {name!r} of type {kind or number}, which is unfit for weights"
            raise Refused(problem, "download or quantize the model again with a current llama.cpp")
        elements = math.prod(shape)
        if 0 in shape or elements > 1 << 46 or shape[0] % block:
            raise Refused(f"has tensor {name!r} of shape {list(shape)}, impossible for {kind}")
        # ggml's CPU code adds and multiplies these only as F32, and aborts on others.
        if n_dims == 1 and kind != "F32" and ("norm" in name or name.endswith((".bias", ".scale"))):
            raise Refused(f"has tensor {name!r} of type {kind}; it must be F32")
        self.out.shapes[name] = shape
        return name, kind, elements // block * width, start
