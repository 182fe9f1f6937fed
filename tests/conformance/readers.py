"""What recordings without an oracle say, read as plainly as can be; the terms are those of test_exchanges."""

from __future__ import annotations

import json
from typing import Any

from corpus import Exchange

from genkit.errors import GenkitError


def recorded(exchange: Exchange) -> dict[str, Any]:
    """The facts in a recorded answer, or that it is an error."""
    if exchange.response["status"] >= 400:
        return {"error": True, "kind": GenkitError, "status": exchange.response["status"]}
    body = exchange.response["body"]
    if isinstance(body, dict):
        events = [body]
    elif "decoded_events" in exchange.response:
        events = [{event["event"]: event["payload"]} for event in exchange.response["decoded_events"]]
    else:
        lines = (line.removeprefix("data:").strip() for line in body.splitlines())
        events = [json.loads(line) for line in lines if line.startswith("{")]
    try:
        return {"error": False, **_READERS[exchange.dialect](events)}
    except (LookupError, TypeError, StopIteration, ValueError):
        return {}  # a form that is not read here: all that counts is that nothing untyped came of it


def _cohere(events: list[Any]) -> dict[str, Any]:
    end = next(e.get("delta", e) for e in events if e.get("type", "message-end") == "message-end")
    if end["finish_reason"] == "ERROR":
        return {"error": True, "kind": GenkitError}
    messages = [e.get("message") or e.get("delta", {}).get("message") or {} for e in events]
    content = [piece for m in messages for piece in _listed(m.get("content")) if isinstance(piece, dict)]
    facts = {"finish_reason": end["finish_reason"], "tool_calls": [], **_counts(end["usage"]["tokens"])}
    facts["cached"] = end["usage"].get("cached_tokens", 0)
    for call in (call for m in messages for call in m.get("tool_calls") or () if "function" in call):
        facts["tool_calls"].append(
            (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        )
    if not any(m.get("tool_plan") for m in messages):
        facts |= {"text": _joined(content, "text"), "reasoning": _joined(content, "thinking")}
    return facts


def _ollama(events: list[Any]) -> dict[str, Any]:
    messages = [event.get("message", {}) for event in events]
    calls = [call["function"] for message in messages for call in message.get("tool_calls") or ()]
    end = events[-1]
    return {
        "text": _joined(messages, "content"),
        "reasoning": _joined(messages, "thinking"),
        "called": [(call["name"], call["arguments"]) for call in calls],
        "finish_reason": end["done_reason"],
        "input": end["prompt_eval_count"],
        "output": end["eval_count"],
    }


def _bedrock(events: list[Any]) -> dict[str, Any]:
    facts: dict[str, Any]
    ends = {name: value for event in events for name, value in event.items()}
    if "output" in ends:
        content = ends["output"]["message"]["content"]
        calls = [piece["toolUse"] for piece in content if "toolUse" in piece]
        own = [call for call in calls if call.get("type") != "server_tool_use"]
        facts = {"finish_reason": ends["stopReason"]}
        facts["tool_calls"] = [(call["toolUseId"], call["name"], call["input"]) for call in own]
        thoughts = [
            piece["reasoningContent"]["reasoningText"] for piece in content if "reasoningContent" in piece
        ]
    else:
        facts = {"finish_reason": ends["messageStop"]["stopReason"]}
        content = [e["contentBlockDelta"]["delta"] for e in events if "contentBlockDelta" in e]
        thoughts = [piece["reasoningContent"] for piece in content if "reasoningContent" in piece]
    usage = ends.get("usage") or ends.get("metadata", {}).get("usage", {})
    cached, written = usage.get("cacheReadInputTokens", 0), usage.get("cacheWriteInputTokens", 0)
    return {
        **facts,
        "text": _joined(content, "text"),
        "reasoning": _joined(thoughts, "text"),
        "input": usage.get("inputTokens", 0) + cached + written,
        "output": usage.get("outputTokens", 0),
        "cached": cached,
        "cache_write": written,
    }


_READERS: dict[str, Any] = {"cohere.chat": _cohere, "ollama.chat": _ollama, "bedrock.converse": _bedrock}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _joined(pieces: list[Any], name: str) -> str:
    return "".join(piece.get(name) or "" for piece in pieces)


def _counts(tokens: dict[str, Any]) -> dict[str, int]:
    return {"input": tokens["input_tokens"], "output": tokens["output_tokens"]}


def counted(body: Any) -> int | None:
    """The tokens in the answer of a counting endpoint, or of a tokenizer."""
    if isinstance(body.get("tokens"), list):
        return len(body["tokens"])
    found = [body[name] for name in ("input_tokens", "totalTokens", "inputTokens") if name in body]
    return found[0] if found else None


def listed(body: Any) -> list[str] | None:
    """The names in a list of models, or None if it is none."""
    rows = body.get("data") if isinstance(body, dict) else None
    return [row["id"] for row in rows] if isinstance(rows, list) else None


def embedded(body: Any) -> list[Any] | None:
    """The embeddings in an answer, lists of numbers or texts in base64; None if it has none."""
    try:
        return _embedded(body)
    except (LookupError, TypeError, AttributeError, StopIteration):
        return None


def _embedded(body: Any) -> list[Any]:
    if "data" in body:
        return [row["embedding"] for row in sorted(body["data"], key=lambda row: row["index"])]
    if "predictions" in body:
        return [row["embeddings"]["values"] for row in body["predictions"]]
    rows = body["embeddings"]
    rows = next(iter(rows.values())) if isinstance(rows, dict) else rows
    return [row["values"] if isinstance(row, dict) else row for row in rows]
