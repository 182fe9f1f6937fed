"""Several messages in one choice, as Mistral answers where it ran tools itself.

Wire format: Mistral's API reference (``messages`` of a choice, ``index`` of a delta), and its cookbook "Using
Connectors in Chat Completions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Several:
    """What of the messages is the answer: not the results of tools, nor the calls that they answer."""

    def __init__(self) -> None:
        self._results: set[Any] = set()
        self._answered: set[Any] = set()
        self._calls: list[tuple[Any, dict[str, Any]]] = []

    def message(self, choice: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The message of a choice, or the one that its messages make."""
        if not choice.get("messages"):
            return choice.get("message")
        pieces: list[Any] = []
        for at, message in enumerate(choice["messages"]):
            content = self.piece({"index": at, **message}).get("content") or ()
            pieces += [{"text": content}] if isinstance(content, str) else content
        return {"content": pieces, "tool_calls": self.calls()}

    def piece(self, delta: Mapping[str, Any]) -> Mapping[str, Any]:
        """A delta; of several messages one without results, and without calls, which may have been run."""
        index = delta.get("index")
        if delta.get("role") == "tool" or (index is not None and index in self._results):
            self._results.add(index)
            self._answered.add(delta.get("tool_call_id"))
            return {}
        if index is None:
            return delta
        self._calls += [(index, call) for call in delta.get("tool_calls") or ()]
        return {**delta, "tool_calls": ()}

    def calls(self) -> list[dict[str, Any]]:
        """The calls that nobody has run, or the pieces of them; once."""
        found: list[dict[str, Any]] = []
        run: dict[Any, bool] = {}
        for at, call in self._calls:
            place = at, call.get("index")
            if call.get("id"):  # later pieces may have none
                run[place] = call["id"] in self._answered
            found += [] if run.get(place) else [call]
        self._calls.clear()
        return found
