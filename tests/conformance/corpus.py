"""Recorded exchanges with real providers, and what their official SDKs make of them.

The folder is ``GENKIT_CORPUS``, by default ``../shared/corpus`` beside the repository; any folder of
that form will do, and without one the tests that need it are skipped.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("GENKIT_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")


@dataclass(frozen=True)
class Exchange:
    """One recorded HTTP exchange."""

    id: str
    provider: str
    dialect: str
    capability: str
    flags: tuple[str, ...]
    group: str
    order: int
    body_kind: str
    request: dict[str, Any]
    response: dict[str, Any]
    expected: dict[str, Any] | None
    """What the official SDK makes of it, where there is one."""

    def __str__(self) -> str:
        return self.id


def exchanges(*dialects: str) -> list[Exchange]:
    """The exchanges of these dialects, or all, ordered by id."""
    found = []
    for path in sorted((FOLDER / "exchanges").glob("**/*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        if "response" not in data or (dialects and data.get("dialect") not in dialects):
            continue
        expected = FOLDER / "expected" / path.relative_to(FOLDER / "exchanges")
        found.append(
            Exchange(
                id=data["id"],
                provider=data.get("provider") or "",
                dialect=data.get("dialect") or "",
                capability=data.get("capability") or "",
                flags=tuple(data.get("flags") or ()),
                group=data.get("group") or "",
                order=data.get("order") or 0,
                body_kind=data.get("body_kind") or "json",
                request={"body": None, "url": "", **(data.get("request") or {})},
                response={"status": 200, "body": None, **data["response"]},
                expected=json.loads(expected.read_text(encoding="utf-8")) if expected.exists() else None,
            )
        )
    return found


def official_requests(*sdks: str, generation: str = "current") -> list[dict[str, Any]]:
    """The requests that a generation of the official SDKs sends: ``case``, ``intent``, ``request``."""
    paths = sorted((FOLDER / "official_requests" / generation).glob("*.json"))
    cases = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [case for case in cases if not sdks or case["sdk"] in sdks]
