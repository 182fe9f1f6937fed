from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

import genkit
from genkit.cli import cpu
from genkit.cli.checks import packages, processor, remedy
from genkit.errors import AuthFailed, ConnectFailed, MissingDependency, ModelFileError, WorkerDied

from .conftest import Run


def test_all_is_well_here(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "\x1b" not in done.stdout
    assert genkit.__version__ in done.stdout
    assert done.stdout.splitlines()[-1].startswith("ok    generating")


def test_json_holds_every_finding(run: Run) -> None:
    report = json.loads(run("doctor", "--json").stdout)
    assert report["ok"] is True
    found = {finding["name"]: finding for finding in report["findings"]}
    assert {"Python", "httpx", "pydantic", "llama-cpp-python", "processor", "cores", "memory"} <= found.keys()
    assert found["generating"]["status"] == "ok"


def test_a_model_that_does_not_load_fails_with_advice(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    done = run("doctor", "--model", str(broken))
    assert done.returncode == 1
    problem, advice = done.stdout.splitlines()[-2:]
    assert problem.startswith("fail  generating")
    assert advice.startswith("      to do: ")


def test_a_remote_model_without_a_key_fails_with_advice(run: Run) -> None:
    done = run("doctor", "--model", "openai:any", OPENAI_API_KEY="")
    problem, advice = done.stdout.splitlines()[-2:]
    assert "OPENAI_API_KEY" in problem
    assert "llama" not in advice
    assert done.returncode == 1


def test_the_other_package_of_this_name_is_a_warning(run: Run, tmp_path: Path) -> None:
    info = tmp_path / "genkit-0.5.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: genkit\nVersion: 0.5.0\n")
    done = run("doctor", "--json", PYTHONPATH=str(tmp_path))
    warning = next(f for f in json.loads(done.stdout)["findings"] if "Google" in f["name"])
    assert (warning["status"], done.returncode) == ("warn", 0)
    assert "0.5.0" in warning["value"]
    assert "pip uninstall genkit" in warning["advice"]


def test_another_version_than_the_pinned_one_is_a_warning(run: Run, tmp_path: Path) -> None:
    info = tmp_path / "llama_cpp_python-0.0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: 0.0.1\n")
    done = run("doctor", "--json", PYTHONPATH=str(tmp_path))
    finding = next(f for f in json.loads(done.stdout)["findings"] if f["name"] == "llama-cpp-python")
    assert finding["status"] == "warn"
    assert "0.0.1, but genkit is made for " in finding["value"]


def test_every_requirement_is_looked_at() -> None:
    names = [finding.name for finding in packages()]
    assert {"genkit-sdk", "httpx", "tiktoken", "llguidance", "numpy", "jinja2", "click", "rich"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("error", "features", "said"),
    [
        (WorkerDied("it died", signal=signal.SIGILL), (), "GGML_NATIVE=ON"),
        (WorkerDied("it died", signal=signal.SIGSEGV), ("amx_tile",), "GCC 12"),
        (WorkerDied("it died", signal=signal.SIGSEGV), (), "another model"),
        (WorkerDied("it died", signal=9), (), "memory"),
        (WorkerDied("it died"), (), "another model"),
        (MissingDependency("there is no llama-cpp-python", extra="local"), (), "genkit-sdk[local]"),
        (ModelFileError("there is no file"), (), "check the file"),
        (ConnectFailed("cannot connect"), (), "network"),
        (AuthFailed("the key is wrong"), (), "key"),
    ],
)
def test_every_way_to_die_has_a_remedy(
    error: genkit.GenkitError, features: tuple[str, ...], said: str
) -> None:
    assert said in remedy(error, frozenset(features))


def test_a_processor_without_avx2_is_a_warning() -> None:
    finding = processor(frozenset({"sse4_2", "avx"}), needed=cpu.NEEDED_ON_X86)
    assert finding.status == "warn"
    assert "lacks avx2, fma, f16c, bmi2" in finding.value
    assert processor(frozenset(cpu.NEEDED_ON_X86), needed=cpu.NEEDED_ON_X86).status == "ok"


def test_a_processor_that_cannot_be_read_is_no_problem() -> None:
    assert processor(None, needed=cpu.NEEDED_ON_X86).status == "ok"


def test_features_as_linux_tells_them() -> None:
    x86 = "processor\t: 0\nflags\t\t: fpu avx avx2 fma\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    assert cpu.linux_features(x86) == {"fpu", "avx", "avx2", "fma"}
    assert cpu.linux_features("Features\t: fp asimd asimddp\n") == {"fp", "asimd", "asimddp"}
    assert cpu.linux_features("") == frozenset()


def test_features_as_macos_tells_them() -> None:
    intel = "machdep.cpu.features: FPU SSE4.2 AVX1.0 FMA F16C\nmachdep.cpu.leaf7_features: AVX2 BMI2\n"
    assert set(cpu.NEEDED_ON_X86) <= cpu.macos_features(intel)
    apple = "hw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_I8MM: 1\nhw.optional.arm.FEAT_SME: 0\n"
    assert cpu.macos_features(apple) == {"asimddp", "i8mm"}


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_has_colours_unless_they_are_unwanted(environment: dict[str, str], coloured: bool) -> None:
    from .pseudo_terminal import Terminal

    with Terminal("doctor", **environment) as terminal:
        shown = terminal.rest()
        assert terminal.exit_code() == 0
    assert ("\x1b[" in shown) == coloured
