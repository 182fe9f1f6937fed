from __future__ import annotations

import sys
from pathlib import Path

import pytest

import genkit
from genkit.cli.chat import Conversation

from .conftest import Run, problems

GREEDY = ("--temperature", "0")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of POSIX")


def test_each_line_of_a_pipe_is_a_message_of_one_conversation(run: Run) -> None:
    with genkit.Generator() as generator:
        conversation = Conversation(generator, None, {"temperature": 0})
        said = [conversation.answer(text, lambda _: None).text for text in ("Hello!", "Who are you?")]
    done = run("chat", *GREEDY, stdin="Hello!\n\nWho are you?\n")
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (said, "", 0)


def test_clear_starts_anew_and_exit_leaves(run: Run) -> None:
    done = run("chat", *GREEDY, stdin="Who are you?\n/clear\nWho are you?\n/exit\nHello!\n")
    first, second = done.stdout.splitlines()
    assert (first, done.returncode) == (second, 0)


def test_an_unknown_command_is_told_of_and_a_path_is_none(run: Run) -> None:
    done = run("chat", *GREEDY, stdin="/help\n/quit\n/usr/bin is a directory\n")
    assert len(done.stdout.splitlines()) == 1
    assert "there is no command /quit" in done.stderr
    assert "/clear" in done.stderr.splitlines()[0]


def test_a_conversation_that_no_longer_fits_can_be_cleared(run: Run) -> None:
    long = "word " * 60
    done = run("chat", *GREEDY, "--context", "40", "--max-tokens", "2", stdin=f"{long}\n/clear\nHello!\n")
    assert len(problems(done.stderr)) == 1
    assert "the conversation no longer fits" in done.stderr
    assert "/clear" in done.stderr
    assert len(done.stdout.strip().splitlines()) == 1
    assert done.returncode == 1


def test_a_wrong_option_is_told_of_once(run: Run) -> None:
    done = run("chat", "--temperature", "-1", stdin="Hello!\nHello!\n")
    assert (len(problems(done.stderr)), done.returncode) == (1, 1)


def test_an_interrupted_answer_stays_in_the_conversation() -> None:
    shown = []

    def interrupt(piece: str) -> None:
        shown.append(piece)
        raise KeyboardInterrupt

    with genkit.Generator() as generator:
        conversation = Conversation(generator, "Be kind.", {"temperature": 0})
        response = conversation.answer("Who are you?", interrupt)
        assert response.finish_reason == "incomplete"
        assert [message.role for message in conversation.messages] == ["system", "user", "assistant"]
        assert conversation.messages[-1].text == shown[0]
        assert conversation.answer("Go on.", lambda _: None).text
        conversation.clear()
        assert [message.role for message in conversation.messages] == ["system"]


def test_what_failed_leaves_the_conversation_as_it_was() -> None:
    with genkit.Generator(context=40) as generator:
        conversation = Conversation(generator, None, {"max_tokens": 2})
        with pytest.raises(genkit.errors.ContextOverflow):
            conversation.answer("word " * 60, lambda _: None)
        assert conversation.messages == []


@posix_only
def test_ctrl_c_stops_an_answer_and_then_leaves(endless_model: Path) -> None:
    from .pseudo_terminal import READY, TAKEN, Terminal

    with Terminal("chat", "-m", str(endless_model)) as terminal:
        terminal.wait_for(READY)
        terminal.press("Hello!\r")
        terminal.wait_for(TAKEN)
        terminal.wait_for_more()  # the answer
        terminal.press("\x03")
        terminal.wait_for(READY)
        terminal.press("\x03")
        assert terminal.exit_code() == 0


@posix_only
def test_lines_can_be_called_back_and_dropped() -> None:
    from .pseudo_terminal import READY, Terminal

    with Terminal("chat", *GREEDY) as terminal:
        terminal.wait_for(READY)
        terminal.press("/nothing\r")
        terminal.wait_for("there is no command /nothing")
        terminal.wait_for(READY)
        terminal.press("half a line\x03")  # only drops the line
        terminal.wait_for(READY)
        terminal.press("\x1b[A\r")  # the line before
        terminal.wait_for("there is no command /nothing")
        terminal.wait_for(READY)
        terminal.press("\x04")
        assert terminal.exit_code() == 0
