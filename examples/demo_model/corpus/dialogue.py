"""What one training example is, and how it is written down: ChatML, with the tools in the system message."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Turn = tuple[str, str]  # role, text

TOOLS_HEADING = "You have these tools:"


@dataclass
class Sample:
    """A conversation that ends with the answer to learn, and what the evaluation has to know about it."""

    skill: str
    turns: list[Turn]
    facts: dict[str, Any] = field(default_factory=dict)
    tools: list[dict[str, Any]] = field(default_factory=list)


def compact_json(value: object) -> str:
    """JSON without spaces, as the demo model writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tool_call(name: str, arguments: dict[str, Any]) -> str:
    """How the model calls a tool."""
    return "<tool_call>" + compact_json({"name": name, "arguments": arguments}) + "</tool_call>"


def describe_tool(function: dict[str, Any]) -> str:
    """The line of the system message that describes a function given in the usual JSON schema form."""
    parts = []
    for name, schema in function.get("parameters", {}).get("properties", {}).items():
        kind = "|".join(map(str, schema["enum"])) if schema.get("enum") else schema.get("type", "any")
        parts.append(f"{name}: {kind}")
    line = f"- {function['name']}({', '.join(parts)})"
    return line + (": " + function["description"] if function.get("description") else "")


def system_text(system: str, tools: list[dict[str, Any]]) -> str:
    """The text of the system message, or "" if there is none."""
    if not tools:
        return system
    lines = [TOOLS_HEADING, *(describe_tool(tool["function"]) for tool in tools)]
    return "\n".join([system, *lines] if system else lines)


def block(role: str, text: str) -> str:
    """One message in ChatML."""
    return f"<|im_start|>{role}\n{text}<|im_end|>\n"


def render(turns: list[Turn], tools: list[dict[str, Any]], *, ask: bool = False) -> str:
    """A whole conversation; with ``ask``, ready for the assistant to speak."""
    rest = [turn for turn in turns if turn[0] != "system"]
    system = system_text("\n".join(text for role, text in turns if role == "system"), tools)
    text = block("system", system) if system else ""
    text += "".join(block(role, content) for role, content in rest)
    return text + ("<|im_start|>assistant\n" if ask else "")
