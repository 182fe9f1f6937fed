"""Read and check the header of a GGUF file before native code sees it.

llama.cpp ends the process on many broken files; this check refuses them within bounds of memory and time.
A file that passes can still do harm (its weights are not read), so load it in a worker process.
Rules: the checks and asserts of llama.cpp 0c1e57098 (gguf.cpp, llama-model.cpp, llama-vocab.cpp,
models/*.cpp), the one inside llama-cpp-python 0.3.36.
"""

from __future__ import annotations

import math
import os
import re
import stat
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..errors import ModelFileError
from .gguf_format import F32, I32, MAX_TEMPLATE, MAX_TOKENS, Contents, Reader, Refused, brief

T = TypeVar("T")

# Architectures whose graph asserts that keys, values and rotation have one width (llama.cpp/src/models).
EQUAL_WIDTHS = {
    "apertus", "arcee", "baichuan", "ernie4_5", "ernie4_5-moe", "exaone", "granite", "granitemoe", "llama",
    "internlm2", "llama4", "mistral3", "olmo", "olmo2", "olmoe", "qwen2", "qwen2moe", "qwen2vl", "qwen3",
    "qwen3moe", "qwen3vl", "qwen3vlmoe", "seed_oss", "smollm3", "starcoder2",
}  # fmt: skip
# Architectures that read a text and say nothing: no cache, no logits (llama_model::create_memory).
ENCODERS = {
    "bert", "eurobert", "gemma-embedding", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert",
    "nomic-bert", "nomic-bert-moe", "t5encoder",
}  # fmt: skip
# Architectures that do not write one token after the other (llm_arch_is_diffusion, t5.cpp).
OTHER_WAYS = {
    "dream": "a diffusion model", "llada": "a diffusion model", "llada-moe": "a diffusion model",
    "rnd1": "a diffusion model", "t5": "a model of encoder and decoder",
}  # fmt: skip
# Of several sequences in a step llama.cpp mixes up the states (plamo2.cpp: an offset times n_seqs).
ONE_AT_A_TIME = {"plamo2"}
# The ids of (bos, eos, sep) without metadata, and which of them are added to a text (llama-vocab.cpp).
SPECIAL = {
    "llama": ((1, 2, -1), "bos"), "bert": ((101, -1, 102), "bos sep"), "t5": ((-1, 1, -1), "eos"),
    "gemma4": ((-1, -1, -1), "bos"), "gpt2": ((11, 11, -1), ""),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a GGUF file says; long arrays are left out of ``metadata``."""

    path: str
    architecture: str
    name: str
    metadata: Mapping[str, object]
    n_tensors: int
    n_vocab: int
    context_length: int | None
    tensor_bytes: int
    has_head: bool = False
    """Whether it holds a head that sorts texts into classes, or ranks them."""

    @property
    def is_encoder(self) -> bool:
        """Whether the model turns texts into numbers, and cannot generate."""
        return self.architecture in ENCODERS


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the header of the GGUF file at ``path`` and check it.

    Returns the Header. Raises ModelFileError, and nothing else, if the file cannot be read, is not a complete
    GGUF language model, or holds a value that is known to end llama.cpp's process.
    """
    return checked(path, _read)


def checked(path: str | os.PathLike[str], read: Callable[[str], T]) -> T:
    """What ``read`` makes of a file's path; whatever goes wrong is a ModelFileError."""
    shown = ""
    try:
        shown = os.fsdecode(path)
        return read(shown)
    except Refused as error:
        raise ModelFileError(f"{shown!r} {error}", path=shown) from None
    except FileNotFoundError:
        raise ModelFileError(f"{shown!r} does not exist: check the path", path=shown) from None
    except OSError as error:
        text = f"{shown!r} cannot be read ({error.strerror or error}): check the file and its access rights"
        raise ModelFileError(text, path=shown) from error
    except Exception as error:  # a safety net: whatever a hostile file still provokes stays a typed error
        text = f"{shown or path!r} is not a usable GGUF file ({type(error).__name__}: {error})"
        raise ModelFileError(text, path=shown) from error


def _read(path: str) -> Header:
    first = contents(path)
    count = first.values.get("split.count", 1)
    if isinstance(count, int) and count > 1:
        _add_parts(first, path, count)
    return _judge(path, first)


def _add_parts(first: Contents, path: str, count: int) -> None:
    """Read the other files of a split model; llama.cpp finds them by their names (llama_split_path)."""
    ending = f"-00001-of-{count:05}.gguf"
    if first.values.get("split.no") != 0 or not path.endswith(ending):
        problem = f"is part {brief(first.values.get('split.no'))} (from 0) of a model in {count} files"
        raise Refused(problem, f"give the path of the first part, whose name ends with {ending}")
    for number in range(1, count):
        name = f"{path.removesuffix(ending)}-{number + 1:05}-of-{count:05}.gguf"
        try:
            part = contents(name)
        except FileNotFoundError:
            raise Refused(f"lacks {name!r}, part {number + 1} of {count}", "download it too") from None
        except Refused as error:
            raise Refused(f"cannot be used without {name!r}, which {error}", "") from None
        if part.values.get("split.no") != number or part.values.get("split.count") != count:
            raise Refused(f"has another model's file {name!r} beside it", "download all parts again")
        if twice := part.shapes.keys() & first.shapes.keys():
            raise Refused(f"has tensor {min(twice)!r} again in {name!r}")
        first.shapes |= part.shapes
        first.tensor_bytes += part.tensor_bytes


def contents(path: str) -> Contents:
    """The header of one GGUF file, before its values are judged; raises Refused and OSError."""
    _require_file(os.stat(path))
    if re.search(r"\.part\d+of\d+$|\.gguf-split-[a-z]$", path):
        raise Refused("is a part of a file that was cut", "join all parts to one file, in their order")
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    # Not blocking: the path may have become a FIFO since the look at it.
    with open(os.open(path, flags | getattr(os, "O_NONBLOCK", 0)), "rb", buffering=1 << 18) as file:
        status = os.fstat(file.fileno())
        _require_file(status)
        return Reader(file, status.st_size).contents()


def _require_file(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise Refused("is a directory", "give the path of the .gguf file in it")
    if not stat.S_ISREG(status.st_mode):
        raise Refused("is not a regular file (a pipe, socket or device)", "give the path of a .gguf file")
    if status.st_size == 0:
        raise Refused("is empty (0 bytes)", "download it again")


def _judge(path: str, contents: Contents) -> Header:
    """Check what the values mean to llama.cpp; raises Refused."""
    values = contents.values
    architecture = _architecture(values)
    if contents.shapes and architecture in OTHER_WAYS:
        problem = f"is {OTHER_WAYS[architecture]} ({architecture})"
        raise Refused(problem, "give one that writes token by token, or an encoder for embeddings")
    _check_layers(contents, architecture)
    _check_experts(contents, architecture)
    _check_heads(contents, architecture)
    n_vocab = _check_vocabulary(contents)
    name, template = values.get("general.name"), values.get("tokenizer.chat_template")
    if isinstance(template, str) and len(template) > MAX_TEMPLATE:
        raise Refused(f"has a chat template of {len(template)} characters (at most {MAX_TEMPLATE})")
    return Header(
        path=path,
        architecture=architecture,
        name=name if isinstance(name, str) else "",
        metadata=values,
        n_tensors=len(contents.shapes),
        n_vocab=n_vocab,
        context_length=contents.integer("context_length", 1, 1 << 27),
        tensor_bytes=contents.tensor_bytes,
        has_head=any(name.startswith("cls.") for name in contents.shapes),
    )


def _architecture(values: Mapping[str, object]) -> str:
    architecture, kind = values.get("general.architecture"), values.get("general.type")
    if architecture == "clip" or kind == "mmproj":
        raise Refused("is a multimodal projector (mmproj), not a language model", "give the model's own file")
    if kind == "adapter":
        raise Refused("is a LoRA adapter, not a model", "give the file of the model it was made for")
    part = values.get("split.no")
    if not architecture and isinstance(part, int) and part > 0:
        raise Refused(f"is part {part + 1} of a model in several files", "give the path of the first part")
    if not isinstance(architecture, str) or not architecture:
        raise Refused(f"has general.architecture = {brief(architecture)}", "give the file of a model")
    return architecture


def _check_layers(contents: Contents, architecture: str) -> None:
    context = contents.integer("context_length", 1, 1 << 27)
    blocks = contents.integer("block_count", 1, 512)  # LLAMA_MAX_LAYERS
    width = contents.integer("embedding_length", 1, 1 << 20)
    if contents.shapes and None in (context, blocks, width):
        problem = f"lacks {architecture}.context_length, .block_count or .embedding_length"
        raise Refused(problem, "it is no language model, or damaged; give the file of a language model")
    # As many as there are blocks would be a draft head alone, with no layer of its own to run.
    contents.integer("nextn_predict_layers", 0, (blocks or 1) - 1)
    contents.integer("pooling_type", 0, 4)
    scaling = contents.values.get(f"{architecture}.rope.scaling.type", "none")
    if scaling not in ("none", "linear", "yarn", "longrope"):
        raise Refused(f"has rope.scaling.type = {brief(scaling)}, not none, linear, yarn or longrope")
    for key, value in contents.values.items():
        if isinstance(value, float) and math.isnan(value):
            raise Refused(f"has {brief(key)} = nan")
        is_epsilon = key.endswith(("norm_epsilon", "norm_rms_epsilon"))
        if is_epsilon and not (isinstance(value, float) and 0 <= value < 1):
            raise Refused(f"has {brief(key)} = {brief(value)}, not a number from 0 to 1")


def _check_experts(contents: Contents, architecture: str) -> None:
    experts = contents.integer("expert_count", 0, 1024) or 0  # LLAMA_MAX_EXPERTS
    used = contents.integer("expert_used_count", 0, 1024) or 0
    groups = contents.integer("expert_group_count", 0, 1024) or 0
    used_groups = contents.integer("expert_group_used_count", 0, 1024) or 0
    if experts <= 1 and architecture in ("hunyuan-dense", "hunyuan_vl"):
        experts = used = 0  # llama.cpp reads these two so
    wrong = used > experts or bool(experts) != bool(used) or 0 < experts <= groups or (groups and not experts)
    if wrong or (groups > 1 and (experts % groups or not 0 < used_groups < groups)):
        counts = f"{used} of {experts} experts and {used_groups} of {groups} expert groups"
        raise Refused(f"claims to use {counts}, which is impossible")


def _check_heads(contents: Contents, architecture: str) -> None:
    """Widths that llama.cpp asserts when it runs the model: of all heads, and of each layer's keys."""
    heads = contents.integers("attention.head_count", 0, 1 << 16)
    key_heads = contents.integers("attention.head_count_kv", 0, 1 << 16)
    if not heads or not heads[0]:  # no attention in the first layer: llama.cpp has no width to derive
        return
    share = (contents.integer("embedding_length", 1, 1 << 20) or 0) // heads[0]
    lengths = (contents.integer(f"attention.{of}_length", 0, 1 << 20) for of in ("key", "value"))
    width, values = (share if length is None else length for length in lengths)
    rotation = contents.integer("rope.dimension_count", 0, 1 << 20)
    if architecture in EQUAL_WIDTHS and {width, values, rotation} - {None, width}:
        found = f"heads of width {width}, values {values}"
        raise Refused(f"has {found} and rope.dimension_count {rotation}, which {architecture} cannot run")
    for layer, count in enumerate(key_heads if architecture in EQUAL_WIDTHS else ()):
        if not count and f"blk.{layer}.attn_k.weight" in contents.shapes:
            raise Refused(f"has {architecture}.attention.head_count_kv = 0 in layer {layer}, which has keys")
    # Some architectures take the width of all layers' keys from the first one, and abort at another.
    widths = {width, contents.integer("attention.key_length_swa", 0, 1 << 20) or width}
    if len(set(key_heads) - {0}) < 2 or not width:
        return
    for layer, count in enumerate(key_heads):
        shape = contents.shapes.get(f"blk.{layer}.attn_k.weight", ())
        if count and len(shape) == 2 and all(shape[1] != count * each for each in widths):
            problem = f"has {architecture}.attention.head_count_kv = {count} in layer {layer}"
            raise Refused(f"{problem}, whose keys are {shape[1]} wide")


def _check_vocabulary(contents: Contents) -> int:
    """Check the tokenizer; returns the number of tokens."""
    model = contents.values.get("tokenizer.ggml.model")
    if not isinstance(model, str):
        raise Refused("has no tokenizer (tokenizer.ggml.model)", "give the file of a language model")
    if model in ("no_vocab", "none"):
        return contents.integer("vocab_size", 0, MAX_TOKENS) or 0
    n_vocab = len(contents.tokens)
    if n_vocab == 0:
        raise Refused("has no vocabulary (tokenizer.ggml.tokens)")
    for name, kinds in (("scores", (F32, I32)), ("token_type", (I32,))):
        key = f"tokenizer.ggml.{name}"
        kind, count = contents.arrays.get(key, (0, 0))
        if (key in contents.arrays or key in contents.values) and (kind not in kinds or count < n_vocab):
            raise Refused(f"has an unusable {key} ({count} for {n_vocab} tokens)")
    # llama.cpp ends a token's text at a NUL, and names an empty one by its number.
    known = {token.split(b"\0", 1)[0] or b"[EMPTY_%d]" % i for i, token in enumerate(contents.tokens)}
    if len(known) != n_vocab:
        raise Refused(f"has {n_vocab - len(known)} repeated tokens in its vocabulary")
    _check_special(contents, model, known)
    return n_vocab


def _check_special(contents: Contents, model: str, known: set[bytes]) -> None:
    """Tokens that llama.cpp uses unasked must be there; where one is not, an exception ends the process."""
    if model in ("llama", "plamo2"):
        for byte in range(256):
            plain = bytes([byte]) if byte and model == "llama" else b""
            if b"<0x%02X>" % byte not in known and plain not in known:
                raise Refused(f"has tokenizer {model!r} without a token for byte 0x{byte:02X}")
    if model == "bert" and 6 in struct.unpack(f"<{len(contents.token_types) // 4}i", contents.token_types):
        raise Refused("has byte tokens in its 'bert' tokenizer, which knows none")  # LLAMA_TOKEN_TYPE_BYTE
    defaults, added = SPECIAL.get(model, SPECIAL["gpt2"])
    for name, spelling, default in zip(
        ("bos", "eos", "sep"), ("bos", "eos", "seperator"), defaults, strict=True
    ):
        adds = contents.values.get(f"tokenizer.ggml.add_{name}_token", name in added.split())
        chosen = contents.values.get(f"tokenizer.ggml.{spelling}_token_id", default)
        valid = any(isinstance(each, int) and 0 <= each < len(known) for each in (chosen, default))
        if adds is True and not valid:
            raise Refused(f"adds a token that its vocabulary lacks ({spelling}_token_id = {brief(chosen)})")
