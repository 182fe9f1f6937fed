"""Frames on their way into a pipe: nobody waits, all arrive whole, and a close is a close."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import IO, Any

import pytest

from genkit.local import outbox
from genkit.local.outbox import Outbox

LARGE = 1 << 20
"""Far more bytes than a pipe holds."""


@pytest.fixture(params=[True, False])
def box(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Outbox, IO[bytes]]]:
    """An outbox and the other end of its pipe, on systems that can ask a pipe what it has room for or not."""
    if request.param and os.name != "posix":
        pytest.skip("this system cannot")
    monkeypatch.setattr(outbox, "_CAN_TRY", request.param)
    read, write = os.pipe()
    with os.fdopen(read, "rb") as answers:
        box = Outbox(os.fdopen(write, "wb"))
        yield box, answers
        box.close()


def test_frames_of_all_sizes_arrive_whole_and_in_each_thread_s_order(box: tuple[Outbox, IO[bytes]]) -> None:
    def send(letter: bytes) -> None:
        for size in sizes:
            mine.send(letter * size + b"\n")

    mine, theirs = box
    sizes = [1, LARGE, 70_000, 2, 3, 5000, 70_000]
    threads = [threading.Thread(target=send, args=[letter]) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()  # before anything is read
    lines = [theirs.readline() for _ in range(3 * len(sizes))]
    for letter in (b"a", b"b", b"c"):
        assert [line for line in lines if line[:1] == letter] == [letter * size + b"\n" for size in sizes]


def test_a_frame_that_the_pipe_cannot_hold_needs_none_after_it(box: tuple[Outbox, IO[bytes]]) -> None:
    mine, theirs = box
    mine.send(b"a" * LARGE)
    assert theirs.read(LARGE) == b"a" * LARGE


def test_what_was_not_begun_is_never_written_after_a_close(box: tuple[Outbox, IO[bytes]]) -> None:
    mine, theirs = box
    mine.send(b"a" * LARGE)
    assert theirs.read(1) == b"a"  # it was begun
    mine.send(b"b")
    mine.close()
    assert theirs.read() == b"a" * (LARGE - 1)


def test_an_outbox_that_has_nothing_to_write_is_closed_at_once(box: tuple[Outbox, IO[bytes]]) -> None:
    mine, theirs = box
    mine.send(b"a")
    assert theirs.read(1) == b"a"
    mine.close()
    assert theirs.read() == b""


def test_without_room_for_a_thread_the_sender_waits(
    box: tuple[Outbox, IO[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    mine, theirs = box
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(theirs.read(2 * LARGE)))
    reader.start()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        mine.send(b"a" * LARGE)
        mine.send(b"b" * LARGE)
    reader.join()
    assert got == [b"a" * LARGE + b"b" * LARGE]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a thread writes")
def test_what_is_sent_just_as_another_send_ends_is_written() -> None:
    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code.co_name == "_write":
            sys.setprofile(None)
            mine.send(b"b")  # as the garbage collector might, and any thread

    read, write = os.pipe()
    mine = Outbox(os.fdopen(write, "wb"))
    sys.setprofile(look)
    mine.send(b"a")
    sys.setprofile(None)
    mine.close()
    with os.fdopen(read, "rb") as theirs:
        assert theirs.read() == b"ab"


def interrupted(send: Any, moment: int) -> bool:
    """Whether a Ctrl-C came, at this moment of those at which Python looks for one."""
    left = moment

    def look(frame: FrameType, event: str, _: Any) -> None:
        nonlocal left
        ours = frame.f_code.co_filename == outbox.__file__ and event in ("call", "c_return")
        if ours or (event, frame.f_code.co_name) == ("return", "start"):
            left -= 1
            if not left:
                sys.setprofile(None)
                raise KeyboardInterrupt

    sys.setprofile(look)
    try:
        send()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


@pytest.mark.parametrize("size", [1, LARGE])
@pytest.mark.parametrize("can_try", [True, False])
def test_after_ctrl_c_at_any_moment_of_a_send_the_pipe_can_be_closed(
    size: int, can_try: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if can_try and os.name != "posix":
        pytest.skip("this system cannot")
    monkeypatch.setattr(outbox, "_CAN_TRY", can_try)
    for moment in itertools.count(1):
        read, write = os.pipe()
        mine = Outbox(os.fdopen(write, "wb"))
        came = interrupted(lambda mine=mine: mine.send(b"a" * size), moment)
        mine.close()
        with os.fdopen(read, "rb") as theirs:
            assert len(theirs.read()) <= size  # and then it ends
        if not came:
            break
    assert moment > 3


def test_a_dead_reader_is_no_error(box: tuple[Outbox, IO[bytes]]) -> None:
    mine, theirs = box
    theirs.close()
    mine.send(b"a" * LARGE)
    mine.send(b"b")


def test_what_waits_for_a_reader_that_dies_is_given_up(box: tuple[Outbox, IO[bytes]]) -> None:
    mine, theirs = box
    mine.send(b"a" * LARGE)
    mine.send(b"b")
    (writer,) = (each for each in threading.enumerate() if each.name == "genkit worker outbox")
    theirs.close()
    writer.join(10)
    assert not writer.is_alive()
