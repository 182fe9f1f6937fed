"""``import genkit`` costs next to nothing, and loads what is used when it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genkit

HEAVY = {
    *(
        "asyncio",
        "dataclasses",
        "inspect",
        "json",
        "logging",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
    ),
    *("click", "httpx", "jinja2", "llama_cpp", "llguidance", "numpy", "prompt_toolkit", "pydantic"),
    *("pydantic_core", "rich", "tenacity", "tiktoken", "typing_extensions"),
}
# More than bare Python: genkit, importlib, and what typing needs (collections, contextlib, re ... ).
BUDGET = 40


def loaded_by(code: str) -> set[str]:
    """The modules of a fresh interpreter after running this."""
    code = f"{code}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return set(run.stdout.split())


def test_import_loads_nothing_heavy_and_little_else() -> None:
    more = loaded_by("import genkit") - loaded_by("")
    assert not more & HEAVY
    assert {name for name in more if name.split(".")[0] == "genkit"} == {"genkit"}
    assert len(more) <= BUDGET, sorted(more)


def test_a_generator_loads_no_model_library(tmp_path: Path) -> None:
    model = tmp_path / "any.gguf"
    model.touch()
    more = loaded_by(f"import genkit; genkit.Generator({'llama:' + str(model)!r})") - loaded_by("")
    assert "genkit.generator" in more
    assert not more & {"llama_cpp", "llama_cpp.llama_cpp", "jinja2", "pydantic", "numpy", "httpx", "tiktoken"}
    assert not more & {f"genkit.local.{name}" for name in ("worker", "engine", "llama", "chat")}


def test_a_remote_generator_loads_no_more_than_it_needs_to_be_made() -> None:
    made = "import genkit; genkit.Generator('chat:m', base_url='http://127.0.0.1', api_key='k')"
    more = loaded_by(made) - loaded_by("import httpx")
    assert "genkit.providers.remote" in more
    assert not more & {"asyncio", "httpcore", "h11", "anyio", "certifi", "pydantic", "tenacity", "tiktoken"}
    assert {"httpcore", "ssl"} <= loaded_by(f"{made}.warm()")  # a fifth of a second less for the first call


@pytest.mark.parametrize("name", genkit.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(genkit, name) is not None
    assert name in dir(genkit)


def test_a_public_name_is_the_object_of_its_module() -> None:
    for name, module in genkit._MODULE_OF.items():
        assert getattr(genkit, name) is getattr(sys.modules[f"genkit.{module}"], name)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(genkit.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    seen = {
        (node.module or alias.name, alias.asname)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    lazy = {(module, name) for name, module in genkit._MODULE_OF.items()}
    assert seen == lazy | {("errors", "errors")}


def test_names_are_declared_once_and_in_order() -> None:
    assert len(set(genkit.__all__)) == len(genkit.__all__)
    for names in genkit._HOME.values():
        assert list(names) == sorted(names)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Generater'"):
        _ = genkit.Generater
