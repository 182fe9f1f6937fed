from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import genkit
from genkit.cli.output import json_line

from .conftest import COMMAND, Run, problems

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of POSIX")


def test_the_answer_is_all_of_stdout_and_ends_with_a_newline(run: Run) -> None:
    with genkit.Generator() as generator:
        text = generator.generate("Who are you?", temperature=0).text
    done = run("run", "Who are you?", "--temperature", "0")
    assert (done.stdout, done.stderr, done.returncode) == (text.rstrip("\n") + "\n", "", 0)


def test_a_dash_reads_the_prompt_from_stdin(run: Run) -> None:
    from_stdin = run("run", "-", "--temperature", "0", stdin="Who are you?\n")
    assert from_stdin.stdout == run("run", "Who are you?", "--temperature", "0").stdout


def test_json_is_the_response_on_one_line(run: Run) -> None:
    done = run("run", "Hello!", "--json", "--max-tokens", "3", "--seed", "1")
    assert done.stdout.count("\n") == 1
    response = genkit.loads(genkit.Response, done.stdout)
    assert (response.usage.output_tokens, response.finish_reason) == (3, "length")


def test_a_path_of_a_gguf_file_names_a_model(run: Run, model_path: Path) -> None:
    by_path = run("run", "Hello!", "-m", str(model_path), "--temperature", "0")
    assert by_path.stdout == run("run", "Hello!", "--temperature", "0").stdout


def test_options_reach_the_model(run: Run) -> None:
    whole = run("run", "Hello!", "--temperature", "0").stdout
    assert run("run", "Hello!", "--temperature", "0", "--stop", whole[3:6]).stdout == whole[:3] + "\n"
    plain = json.loads(run("run", "Hello!", "--json", "--max-tokens", "1").stdout)
    told = json.loads(run("run", "Hello!", "--json", "--max-tokens", "1", "--system", "Be kind.").stdout)
    assert told["usage"]["input_tokens"] > plain["usage"]["input_tokens"]


@pytest.mark.parametrize(("options", "room"), [([], 4096), (["--context", "auto"], 8192)])
def test_a_context_window_is_as_large_as_was_asked(
    run: Run, roomy_model: Path, options: list[str], room: int
) -> None:
    done = run("run", "Hello!", "-m", str(roomy_model), "--json", "--max-tokens", "1", *options)
    assert json.loads(done.stdout)["metrics"]["kv_room"] == room


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--temperature", "-1"], "temperature takes a number from 0 to 100, not -1"),
        (["--model", "nowhere.gguf"], "nowhere.gguf"),
        (["--model", "nobody"], "no model goes by the name 'nobody'"),
        (["--context", "0"], "context takes a whole number from 1"),
        (["--context", "3"], "a context window of 3"),
        (["--threads", "0"], "threads takes a whole number from 1"),
    ],
)
def test_an_error_is_one_line_on_stderr(run: Run, arguments: list[str], said: str) -> None:
    done = run("run", "Hello!", *arguments)
    assert (done.stdout, done.returncode) == ("", 1)
    assert problems(done.stderr) == done.stderr.splitlines()
    assert said in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["Hello!", "--temperature", "warm"], ["Hello!", "--nonsense"], ["Hello!", "--context", "big"]],
)
def test_wrong_usage_has_an_exit_code_of_its_own(run: Run, arguments: list[str]) -> None:
    assert run("run", *arguments).returncode == 2


def test_an_answer_cut_by_the_context_window_is_told_of(run: Run, endless_model: Path) -> None:
    done = run("run", "Hello!", "-m", str(endless_model), "--context", "32")
    assert done.returncode == 0
    assert "the context window is full" in done.stderr


@posix_only
def test_a_reader_that_leaves_early_is_no_error_to_tell_of(endless_model: Path) -> None:
    command = [*COMMAND, "run", "Hello!", "-m", str(endless_model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(5)
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this needs a device that is full")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "run", "Hello!"], stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False
        )
    assert (done.stderr.count("\n"), done.returncode) == (1, 1)
    assert "No space left" in done.stderr


@posix_only
def test_ctrl_c_interrupts_the_answer(endless_model: Path) -> None:
    command = [*COMMAND, "run", "Hello!", "-m", str(endless_model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert (rest[-1:], errors, process.returncode) == (b"\n", b"", 130)


@pytest.fixture(scope="module")
def escaping_model(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model in the box, but one token of what it says of itself is now an escape sequence."""
    with genkit.Generator() as generator, generator.stream("Who are you?", temperature=0) as stream:
        word = next(text for text in stream.text if len(text) >= 5 and text.isascii())
    token = word.replace(" ", "\u0120").encode()  # the vocabulary has a space as U+0120, ESC as U+011B
    sequence = "\u011b[".encode() + b"0" * (len(token) - 4) + b"m"
    data = model_path.read_bytes()
    entry = len(token).to_bytes(8, "little") + token
    assert entry in data
    path = tmp_path_factory.mktemp("models") / "escaping.gguf"
    path.write_bytes(data.replace(entry, entry[:8] + sequence, 1))
    return path


@posix_only
@pytest.mark.parametrize(("arguments", "cleaned"), [([], True), (["--raw"], False)])
def test_escape_sequences_do_not_reach_a_terminal(
    escaping_model: Path, arguments: list[str], cleaned: bool
) -> None:
    from .pseudo_terminal import Terminal

    options = ["--temperature", "0", "-m", str(escaping_model), *arguments]
    with Terminal("run", "Who are you?", *options) as terminal:
        shown = terminal.rest()
        assert terminal.exit_code() == 0
    assert ("\x1b[0" not in shown) == cleaned


def test_a_pipe_gets_what_the_model_wrote(run: Run, escaping_model: Path) -> None:
    done = run("run", "Who are you?", "--temperature", "0", "-m", str(escaping_model))
    assert "\x1b[0" in done.stdout


def test_missing_packages_are_told_of_in_one_line() -> None:
    code = "import sys; sys.modules['click'] = None; from genkit.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'pip install "genkit-sdk[cli]"' in done.stderr
    assert done.stderr.count("\n") == 1


def test_ctrl_c_before_the_command_has_begun_is_no_traceback() -> None:
    code = (
        "import signal, sys\n"
        "class Impatient:\n"
        "    def find_spec(name, *_):\n"
        "        if name == 'click': signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Impatient)\n"
        "from genkit.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, b"")


def test_help_loads_nothing_it_does_not_show() -> None:
    code = (
        "import sys; sys.argv = ['genkit', '--help']; from genkit.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"rich", "prompt_toolkit", "pydantic", "httpx", "jinja2", "genkit.generator"}


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version").stdout == f"genkit {genkit.__version__}\n"


def test_json_shows_what_a_terminal_would_obey_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    text = '"é \x9b31m \u202e"'
    json_line(text)
    shown = capsys.readouterr().out
    assert shown == '"é \\u009b31m \\u202e"\n'
    assert json.loads(shown) == json.loads(text)
