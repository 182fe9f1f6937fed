"""The worker process, spoken to over its pipes as the host does."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genkit.local import pipe, worker
from genkit.local.limits import native_fault
from genkit.local.worker import Worker

SETTINGS = {"context": 4096, "threads": 1, "parallel": 1, "gpu_layers": 0, "template": None}


class Talk:
    """A worker, what is said to it, and what it answers."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from genkit.local.worker import main; main()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdin
        assert self.process.stdout
        self.answers = pipe.frames(self.process.stdout)
        self._passed_over: list[Any] = []

    def say(self, *messages: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"".join(map(pipe.pack, messages)))
        self.process.stdin.flush()

    def answer(self, call: int) -> tuple[str, dict[str, Any]]:
        """The text of a call's tokens up to its last answer, and that answer; others wait for their turn."""
        text, earlier = b"", self._passed_over
        self._passed_over = []
        for frame in itertools.chain(earlier, self.answers):
            if isinstance(frame, list):
                text += b"".join(token.piece for token in frame if token.call == call)
            elif frame["call"] != call:
                self._passed_over.append(frame)
            elif "prompt" not in frame and "cached" not in frame:
                return text.decode(), frame
        raise EOFError("the worker ended")


def question(call: int, prompt: str, **options: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}]
    return {"do": "generate", "call": call, "messages": messages, "sampling": {"seed": 1, **options}}


@pytest.fixture
def talk(alphabet_file: Path) -> Iterator[Talk]:
    talk = Talk()
    with talk.process:
        talk.say({"path": str(alphabet_file), **SETTINGS})
        yield talk
        talk.process.kill()


def test_a_question_is_answered(talk: Talk) -> None:
    talk.say(question(1, "w"), {"do": "count", "call": 2, "text": "four"})
    text, ended = talk.answer(1)
    assert ended.pop("decoding") > 0
    assert (text, ended) == ("xyz", {"call": 1, "finish": "eog"})
    assert talk.answer(2) == ("", {"call": 2, "tokens": 4, "context": 4096})


def test_a_question_that_is_cancelled_before_the_model_is_loaded_is_not_answered(talk: Talk) -> None:
    talk.say(question(1, "0"), {"do": "cancel", "call": 1}, question(2, "y"))
    assert next(talk.answers) == {"call": 0, "loaded": True}
    frames = [next(talk.answers) for _ in range(4)]
    assert [frame["call"] if isinstance(frame, dict) else frame[0].call for frame in frames] == [2, 2, 2, 2]


def test_cancelling_twice_or_what_was_never_asked_is_nothing(talk: Talk) -> None:
    cancel = {"do": "cancel", "call": 1}
    talk.say(question(1, "0"), cancel, cancel, {"do": "cancel", "call": 99}, question(2, "y"))
    assert talk.answer(2)[0] == "z"


def test_the_worker_ends_when_its_pipe_does_whatever_it_is_doing(talk: Talk) -> None:
    talk.say(question(1, "0"))
    assert [next(talk.answers)["call"] for _ in range(2)] == [0, 1]  # it is at work
    assert talk.process.stdin
    talk.process.stdin.close()
    assert talk.process.wait() == 0


def test_a_model_that_does_not_load_is_told_before_the_worker_ends(tmp_path: Path) -> None:
    talk = Talk()
    with talk.process:
        talk.say({"path": str(tmp_path / "none.gguf"), **SETTINGS})
        _, failed = talk.answer(0)
        assert failed["error"] == "ModelFileError"
        assert talk.process.wait() == 1


def test_row_30_more_calls_than_may_wait_are_refused_and_the_others_are_served(alphabet_file: Path) -> None:
    talk = Talk()
    with talk.process:
        talk.say({"path": str(alphabet_file), **SETTINGS, "context": 131072, "queue": 2})
        talk.say(question(1, "0"))
        while isinstance(next(talk.answers), dict):
            pass  # until it has its first token, and waits no more
        talk.say(*(question(call, "x") for call in (2, 3, 4)))
        _, refused = talk.answer(4)
        assert refused["error"] == "RateLimited"
        assert refused["facts"]["retry_after"] > 0
        talk.say({"do": "cancel", "call": 1})
        assert [talk.answer(call)[0] for call in (2, 3)] == ["yz", "yz"]
        talk.say(question(5, "y"))
        assert talk.answer(5)[0] == "z"
        talk.process.kill()


def test_what_makes_no_sense_ends_the_worker_which_tells_the_reason() -> None:
    talk = Talk()
    with talk.process:
        talk.say({"no": "settings"})
        _, failed = talk.answer(0)
        assert (failed["error"], "KeyError" in failed["message"]) == ("WorkerDied", True)
        assert talk.process.wait() == 1


def test_what_the_model_prints_does_not_come_between_the_answers(talk: Talk) -> None:
    talk.say(question(1, "w"))
    assert talk.answer(1)[0] == "xyz"
    talk.process.kill()
    assert talk.process.stderr
    assert talk.process.stderr.read() == b""


class Fault(OSError):
    """What ctypes makes on Windows of a fault in native code that it has no words for."""

    winerror = 0xC000001D - 2**32


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError("exception: access violation reading 0x0000000000000000"), 0xC0000005),
        (OSError("exception: stack overflow"), 0xC00000FD),
        (Fault("[WinError -1073741795] Windows Error 0xc000001d"), 0xC000001D),
    ],
)
def test_a_fault_in_native_code_ends_the_worker_where_python_goes_on(error: OSError, code: int) -> None:
    ended, answers = list[int](), io.BytesIO()
    Worker(io.BytesIO(), answers, end=ended.append).broken(error)
    assert (ended, answers.getvalue()) == ([code - 2**32], b"")


def test_other_errors_of_the_system_are_no_faults() -> None:
    assert native_fault(FileNotFoundError(2, "no such file")) is None
    assert native_fault(ValueError("exception: access violation")) is None


@pytest.mark.parametrize("size", [1, 1 << 60], ids=["not allowed", "no room"])
def test_a_stack_that_cannot_be_had_is_an_ordinary_one(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of 256 MiB and more on Windows, or under a limit."""
    before, ran = threading.stack_size(), threading.Event()
    monkeypatch.setattr(worker, "STACK", size)
    worker._start(ran.set).join()
    assert ran.is_set()
    assert threading.stack_size() == before


def test_a_stack_is_allowed_on_every_system() -> None:
    """Windows: THREAD_MIN_STACKSIZE to below THREAD_MAX_STACKSIZE in CPython's thread_nt.h."""
    assert 0x8000 <= worker.STACK < 0x10000000
