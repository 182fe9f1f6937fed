"""What the KV cache holds, for a context that lays out values the other way.

Without its flash kernel, llama.cpp keeps the values of all cells number by number instead of cell by cell.
The form of a state is that of its ``llama_kv_cache::state_write`` (0c1e57098), with values of 16 bits.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from array import array
from typing import Any, NamedTuple

from .llama import lib

_F16 = 1  # as ggml numbers its types
_OF_ONE = 8  # before a sequence's part: a magic number, and its id


class _Form(NamedTuple):
    """Where in a state the flag is that tells the way, how many cells there are, and of each layer where its
    values begin and how many a cell has."""

    flag: int
    cells: int
    layers: list[tuple[int, int]]


def hand_over(old: Any, new: Any, *, by_number: bool) -> bool:
    """Give a context all that another holds, laid out its own way.

    Returns:
        False if that cannot be.
    """
    size = lib.llama_state_get_size(old)
    state = bytearray(size)
    buffer = (ctypes.c_uint8 * size).from_buffer(state)
    if lib.llama_state_get_data(old, buffer, size) != size:
        return False
    start = 4 + int.from_bytes(state[:4], sys.byteorder)  # after the architecture's name
    if size == start + 8:  # it holds nothing
        return True
    turned = turn(state, by_number=by_number, start=start)
    return turned and bool(lib.llama_state_set_data(new, buffer, size) == size)


def turn(state: bytearray, *, by_number: bool, start: int = _OF_ONE) -> bool:
    """Lay out the values in a state, itself, number by number or cell by cell.

    Args:
        state: what llama.cpp told of a sequence, or of all.
        by_number: the way they are to be laid out.
        start: where the part of the KV cache begins; as in that of a sequence by default.

    Returns:
        False if they are so already, or the state has another form: nothing has changed then.
    """
    try:
        flag, cells, layers = _form(state, start, by_number)
    except (struct.error, ValueError):
        return False
    for at, width in layers:
        begins, ends = at + 12, at + 12 + 2 * width * cells
        values = array("H", state[begins:ends])
        turned = values[:]
        for number in range(width):
            each, row = slice(number, None, width), slice(number * cells, (number + 1) * cells)
            if by_number:
                turned[row] = values[each]
            else:
                turned[each] = values[row]
        state[begins:ends] = memoryview(turned).cast("B")
        state[at + 4 : begins] = struct.pack("=II", 2, width) if by_number else struct.pack("=Q", 2 * width)
    state[flag : flag + 4] = struct.pack("=I", by_number)
    return True


def _form(state: bytearray, at: int, by_number: bool) -> _Form:
    """Where the values are that are to be laid out that way. Raises ValueError or struct.error."""
    streams, cells = struct.unpack_from("=II", state, at)
    at += 8
    for _ in range(cells):
        _, ids = struct.unpack_from("=iI", state, at)
        at += 8 + 4 * ids
    flag = at
    are_so, keys = struct.unpack_from("=II", state, at)
    at += 8
    for _ in range(keys):
        _, row = struct.unpack_from("=iQ", state, at)
        at += 12 + row * cells
    found = []
    while at < len(state):
        kind, size, width = struct.unpack_from("=iII", state, at)  # or the bytes of a cell's values
        width = size // 2 if by_number else width
        found.append((at, width))
        at += 12 + 2 * width * cells
        if kind != _F16:
            raise ValueError("values of another type")
    if streams != 1 or not (cells and found) or are_so != (not by_number) or at != len(state):
        raise ValueError("another form, or nothing to do")
    return _Form(flag, cells, found)
