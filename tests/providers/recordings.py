"""Recorded answers for the tests of dialects: cut into payloads, decoded, damaged, compared."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import json
import random
import re
import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from genkit.events import Event
from genkit.options import Options
from genkit.providers.base import DONE, Dialect, Target, Vendor
from genkit.response import Collector, Response

ROOT = Path(__file__).resolve().parents[2]


def named(option: str) -> str:
    """Of an option that is told in words, its name; of what is none, the words."""
    name = re.split(r"\W", option)[0]
    return name if name in Options.__annotations__ else option


def _module(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


corpus = _module(ROOT / "tests" / "conformance" / "corpus.py", "recorded_corpus")
WHY = f"no recorded exchanges in {corpus.FOLDER.name}/ (see tests/conformance/corpus.py)"
needs_corpus = pytest.mark.skipif(not (corpus.FOLDER / "exchanges").is_dir(), reason=WHY)


@cache
def _canon() -> ModuleType:
    return _module(ROOT.parent / "shared" / "tools" / "canon.py", "shared_canon")


def canon(dialect: str, body: Any) -> Any:
    """A body without what no provider can see."""
    return _canon().canon(dialect, copy.deepcopy(body))


def target(model: str = "m", **quirks: Any) -> Target:
    vendor = Vendor(name="here", dialect="any", base_url="http://127.0.0.1", quirks=quirks)
    return Target(model=model, vendor=vendor)


def payloads(exchange: Any) -> list[Any]:
    """What a runtime would hand to the dialect: one JSON value an event or line, or the one body."""
    body = exchange.response["body"]
    if exchange.body_kind == "ndjson":
        return [json.loads(line) for line in body.splitlines() if line]
    if not exchange.body_kind.startswith("sse"):
        return [body]
    found: list[Any] = []
    for block in re.split(r"\n\n+", body.replace("\r\n", "\n")):
        lines = [line[5:] for line in block.split("\n") if line.startswith("data:")]
        if lines:
            data = "\n".join(lines).strip()
            found.append(DONE if data == "[DONE]" else json.loads(data))
        elif block.startswith("{"):  # an error that a server wrote into its stream without framing
            found.append(json.loads(block))
    return found


def events(dialect: Dialect, items: list[Any], to: Target) -> list[Event]:
    async def stream() -> AsyncIterator[Any]:
        for item in items:
            yield item

    async def decode() -> list[Event]:
        return [event async for event in dialect.decode(stream(), to)]

    return asyncio.run(decode())


def collect(dialect: Dialect, items: list[Any], to: Target) -> Response:
    collector = Collector()
    for event in events(dialect, items, to):
        collector.add(event)
    return collector.response()


def damaged(items: list[Any], seed: int) -> list[Any]:
    """The payloads with one value dropped, or of another type, somewhere."""
    chance, items = random.Random(seed), copy.deepcopy(items)
    places = list(_places(items))
    holder, key = chance.choice(places)
    if isinstance(holder, dict) and chance.random() < 0.3:
        del holder[key]
    else:
        holder[key] = chance.choice(
            [None, 1, -1.5, True, "x", "", [], {}, [1], {"a": 1}, 10**30, [[]], ["x"]]
        )
    return items


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])
