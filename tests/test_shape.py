"""The shape of the code, after docs/architecture.md: rooms and arrows, one door a third party, sizes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]

# A module imports from rooms with a lower number, or from its own. A package stands for all in it.
ROOMS = {
    0: (
        "errors", "log", "batches", "attachments", "messages", "lora", "sampling", "request", "events",
        "response",
    ),
    1: ("serialize", "metrics", "tokens", "runtime"),
    2: ("backend",),
    3: ("providers", "local"),
    4: ("middleware",),
    5: ("router", "stream", "options", "retrieval", "generator"),
    6: ("cli", "testing", "__main__"),
}  # fmt: skip
LEAVES = ("cli", "testing")
APART = ("providers", "local")

# Third party -> the only modules (or packages) that may import it.
DOORS = {
    "httpx": ("runtime.http", "runtime.pool", "runtime.transports"),
    "httpcore": tuple(f"runtime.{name}" for name in ("addresses", "network", "proxy", "transports")),
    "certifi": ("runtime.transports",),
    "botocore": ("providers.aws",),
    "google": ("providers.google_auth",),
    "llama_cpp": ("local.llama",),
    "llguidance": ("local.constrain",),
    "numpy": ("local.arrays",),
    "tenacity": ("middleware.retry",),
    "tiktoken": ("tokens",),
    "jinja2": ("local.chat",),
    "pydantic": ("serialize",),
    "pydantic_core": ("serialize", "providers"),
    "click": ("cli",),
    "rich": ("cli",),
    "prompt_toolkit": ("cli",),
}

# Native code and other people's templates run in the worker process: only it imports these.
WORKER_SIDE = (
    "local.worker",
    "local.service",
    "local.engine",
    "local.llama",
    "local.context",
    "local.probe",
    "local.ahead",
    "local.attention",
    "local.turning",
    "local.parking",
    "local.sampler",
    "local.chat",
    "local.efforts",
    "local.conversation",
    "local.prompt",
    "local.pooler",
    "local.pooling",
    "local.constrain",
    "local.mask",
    "local.calls",
    "local.forms",
    "local.guard",
    "local.arrays",
    "local.adapter_file",
    "local.choice",
    "local.bias",
)

FILE, DIALECT, FUNCTION, PARAMETERS, NESTING = 300, 250, 50, 6, 4

# What may be over a limit (a file, or file:function), and why.
EXCEPTIONS: dict[str, str] = {}

# Modules that import ours by a name in a string, and why.
LATE = {
    "": "the public names are loaded when they are first used (PEP 562)",
    "router": "a vendor's dialect, and httpx with it, is loaded when a model of its is asked for",
    "runtime.http": "httpcore is loaded with the first call, as httpx does it",
    "middleware.retry": "tenacity, and asyncio with it, is loaded with the first call",
    "runtime.late": "asyncio is loaded with the first asynchronous call",
    "providers.aws": "botocore is an extra",
    "providers.google_auth": "google-auth is an extra",
    "local.inside": 'the worker runs in the host only for isolation="thread"',
    "__main__": "the command line's packages may be missing, which is said in one line",
}


class Import(NamedTuple):
    target: str
    line: int
    late: bool
    """Inside a function, or by a name in a string."""


class Module(NamedTuple):
    path: str
    tree: ast.Module
    lines: int


def name_of(path: Path) -> str:
    """``local.text`` for genkit/local/text.py, ``local`` for its __init__, and ``""`` for genkit's own."""
    parts = path.relative_to(ROOT / "genkit").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Module]:
    found = {}
    for path in sorted((ROOT / "genkit").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found[name_of(path)] = Module(path.relative_to(ROOT).as_posix(), ast.parse(text), text.count("\n"))
    return found


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def walk(node: ast.AST, late: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Every node but those for type checkers only, and whether it is inside a function."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            yield from (pair for other in child.orelse for pair in walk(other, late))
            continue
        yield child, late
        yield from walk(child, late or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))


def imports(name: str) -> Iterator[Import]:
    module = modules()[name]
    for node, late in walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(name, node, module.path.endswith("__init__.py"))
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(inner if own(inner) in modules() else base, node.lineno, late)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "find_spec")):
            text = ast.unparse(node.args[0]).removeprefix("f")
            yield Import(text.strip("'\""), node.lineno, True)


def absolute(name: str, node: ast.ImportFrom, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    package = ["genkit", *filter(None, name.split("."))]
    package = package[: len(package) - node.level + is_package]
    return ".".join([*package, *filter(None, [node.module])])


def own(target: str) -> str | None:
    """The name of our module that is imported, or None for somebody else's."""
    first, _, rest = target.partition(".")
    return rest if first == "genkit" else None


def belongs(name: str, homes: tuple[str, ...]) -> bool:
    return any(name == home or name.startswith(f"{home}.") for home in homes)


def room(name: str) -> int | None:
    return next((number for number, homes in ROOMS.items() if belongs(name, homes)), None)


def own_imports(name: str) -> Iterator[tuple[str, str]]:
    """Our modules that this one imports, each with the place where it does."""
    for entry in imports(name):
        target = own(entry.target)
        if target in modules():
            yield target, f"{modules()[name].path}:{entry.line}"


def test_every_module_has_a_room() -> None:
    assert not [module.path for name, module in modules().items() if name and room(name) is None]


def test_the_tables_name_only_what_is_there() -> None:
    named = {*LEAVES, *APART, *WORKER_SIDE, *LATE}
    named.update(name for homes in (*ROOMS.values(), *DOORS.values()) for name in homes)
    assert not named - modules().keys()


def test_a_room_imports_only_from_lower_rooms() -> None:
    wrong = [
        f"{place}: {name} (room {room(name)}) imports {target or 'genkit'} (room {room(target)})"
        for name in modules()
        if name and room(name) is not None and room(name) != 6
        for target, place in own_imports(name)
        if not target or room(target) is None or room(target) > room(name)
    ]
    assert not wrong, "\n".join(wrong)


def test_providers_and_local_never_see_each_other() -> None:
    wrong = [
        f"{place}: {name} imports {target}"
        for one, other in (APART, APART[::-1])
        for name in modules()
        if belongs(name, (one,))
        for target, place in own_imports(name)
        if belongs(target, (other,))
    ]
    assert not wrong, "\n".join(wrong)


def test_nobody_imports_a_leaf() -> None:
    wrong = [
        f"{place}: {name or 'genkit'} imports {target}"
        for name in modules()
        if name != "__main__"
        for target, place in own_imports(name)
        for leaf in LEAVES
        if belongs(target, (leaf,)) and not belongs(name, (leaf,))
    ]
    assert not wrong, "\n".join(wrong)


def test_words_need_only_the_standard_library() -> None:
    wrong = [
        f"{modules()[name].path}:{entry.line}: {entry.target}"
        for name in modules()
        if name and room(name) == 0
        for entry in imports(name)
        if own(entry.target) is None and entry.target.split(".")[0] not in sys.stdlib_module_names
    ]
    assert not wrong, "\n".join(wrong)


def test_there_is_no_import_cycle() -> None:
    arrows = {name: {target for target, _ in own_imports(name)} for name in modules()}
    while leaves := [name for name, targets in arrows.items() if not targets & arrows.keys()]:
        for name in leaves:
            del arrows[name]
    assert not arrows, f"a cycle is among these, or below them: {sorted(arrows)}"


def test_nothing_of_ours_is_imported_inside_a_function() -> None:
    wrong = [
        f"{modules()[name].path}:{entry.line}: {entry.target}"
        for name in modules()
        if name not in LATE
        for entry in imports(name)
        if entry.late and own(entry.target) is not None
    ]
    assert not wrong, "\n".join(wrong)


def test_each_third_party_has_one_door() -> None:
    wrong = [
        f"{modules()[name].path}:{entry.line}: {entry.target}"
        for name in modules()
        for entry in imports(name)
        if own(entry.target) is None and entry.target.split(".")[0] not in sys.stdlib_module_names
        if not belongs(name, DOORS.get(entry.target.split(".")[0], ()))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_host_never_imports_the_workers_side() -> None:
    wrong = [
        f"{place}: {name or 'genkit'} imports {target}"
        for name in modules()
        if name not in (*WORKER_SIDE, "local.inside")  # isolation="thread"
        for target, place in own_imports(name)
        if target in WORKER_SIDE
    ]
    assert not wrong, "\n".join(wrong)


def functions() -> Iterator[tuple[str, str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Each function's name for EXCEPTIONS, its place, and the function."""
    for module in modules().values():
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{module.path}:{node.name}", f"{module.path}:{node.lineno}: {node.name}", node


def test_files_are_short() -> None:
    over = [
        f"{module.path} has {module.lines} lines"
        for name, module in modules().items()
        if module.lines > (DIALECT if belongs(name, ("providers",)) else FILE)
        if module.path not in EXCEPTIONS
    ]
    assert not over, "\n".join(over)


def test_functions_are_short() -> None:
    over = []
    for key, place, node in functions():
        size = (node.end_lineno or 0) - node.lineno + 1
        if size > FUNCTION and key not in EXCEPTIONS:
            over.append(f"{place} has {size} lines")
    assert not over, "\n".join(over)


def test_functions_take_few_positional_parameters() -> None:
    over = []
    for key, place, node in functions():
        taken = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
        count = len(taken) - (taken[:1] in (["self"], ["cls"]))
        if count > PARAMETERS and key not in EXCEPTIONS:
            over.append(f"{place} takes {count}")
    assert not over, "\n".join(over)


BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def depth(node: ast.AST) -> int:
    """How deep the blocks in a node are nested; ``elif`` is as deep as its ``if``."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, depth(child) + (isinstance(child, BLOCKS) and not is_elif))
    return deepest


def test_blocks_are_not_nested_deeply() -> None:
    over = [
        f"{place} nests {depth(node)} deep"
        for key, place, node in functions()
        if depth(node) > NESTING and key not in EXCEPTIONS
    ]
    assert not over, "\n".join(over)
