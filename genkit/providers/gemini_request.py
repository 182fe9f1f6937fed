"""A request in the words of Gemini's API; see gemini.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..messages import (
    Audio,
    Document,
    Image,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from ..request import Request, Tool
from .base import Encoding, Target
from .gemini_answer import NAME
from .shared import described, json_object, tool_input

_SAMPLING = {
    "max_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
    "seed": "seed",
    "stop": "stopSequences",
}
# What Google's OpenAI-compatible endpoint makes of an effort for the models that take a budget.
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}


def generation_config(request: Request, encoding: Encoding, target: Target) -> dict[str, Any]:
    """How to answer: sampling, the form of the output, and how much to think."""
    config: dict[str, Any] = {}
    encoding.move(config, _SAMPLING)
    if (top_k := encoding.take("top_k")) is not None:
        config["topK"] = float(top_k)  # a number in the API, which the official SDK sends as a float
    if (logprobs := encoding.take("logprobs")) is not None:
        config |= {"responseLogprobs": True} | ({"logprobs": logprobs} if logprobs else {})
    if encoding.take("output") and request.output:
        config["responseMimeType"] = "application/json"
        if request.output.schema is not None:
            config["responseJsonSchema"] = described(request.output)
        if request.output.strict:
            encoding.refuse("Output(strict=True)", "what it does not know in a schema, it ignores")
    if (reasoning := encoding.take("reasoning")) is not None:
        config["thinkingConfig"] = _thinking(reasoning, target)
    return config


def _thinking(reasoning: str | int, target: Target) -> dict[str, Any]:
    if reasoning in ("none", 0):
        return {"thinkingBudget": 0}
    if isinstance(reasoning, int):
        return {"thinkingBudget": reasoning, "includeThoughts": True}
    if target.model.rpartition("/")[2].startswith("gemini-2") and reasoning in _BUDGETS:
        return {"thinkingBudget": _BUDGETS[reasoning], "includeThoughts": True}
    return {"thinkingLevel": reasoning, "includeThoughts": True}


def tools_on_the_wire(tools: Sequence[Tool | Mapping[str, Any]], encoding: Encoding) -> list[dict[str, Any]]:
    """All functions in one declaration, which the API wants, before the tools of its own."""
    functions, own = [], []
    for tool in tools:
        if not isinstance(tool, Tool):
            own.append(dict(tool))
            continue
        if tool.strict:
            encoding.refuse("Tool(strict=True)")
        if tool.cache:
            encoding.refuse("Tool(cache=True)", "extra={'cachedContent': …} names what is cached")
        function: dict[str, Any] = {"name": tool.name}
        if tool.description:
            function["description"] = tool.description
        if tool.parameters:
            function["parametersJsonSchema"] = tool.parameters
        functions.append(function)
    return [{"functionDeclarations": functions}, *own] if functions else own


def contents(messages: Sequence[Message], encoding: Encoding, target: Target) -> list[dict[str, Any]]:
    """The conversation without its system messages; neighbouring tool messages are one turn."""
    model = target.model.rpartition("/")[2]
    strict = model.startswith("gemini-") and not model.startswith(("gemini-1", "gemini-2"))
    names: dict[str, str] = {}  # so far: some servers give the calls of each answer the same ids
    turns: list[dict[str, Any]] = []
    before = ""
    for message in messages:
        if message.role in ("system", "developer"):
            continue
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        parts = [wire for part in message.parts if (wire := part_on_the_wire(part, encoding, names))]
        if message.role == "assistant" and strict:
            _excuse(parts)
        if message.role == before == "tool":
            turns[-1]["parts"] += parts
        elif parts:
            turns.append({"role": "model" if message.role == "assistant" else "user", "parts": parts})
        before = message.role
    return turns


def _excuse(parts: list[dict[str, Any]]) -> None:
    """Gemini 3 refuses a step whose first call nobody signed, but for this word in the signature's place.

    Source: Google's "Thought signatures", on traces of other models.
    """
    first = next((part for part in parts if "functionCall" in part), {})
    if first:
        first.setdefault("thoughtSignature", "skip_thought_signature_validator")


def part_on_the_wire(part: Part, encoding: Encoding, names: Mapping[str, str]) -> dict[str, Any]:
    """A part on the wire, {} for one that says nothing; names are those of the tools, by the id of a call."""
    signature = getattr(part, "signature", "")
    signed = {"thoughtSignature": signature} if signature else {}
    match part:
        case Text(text) | Refusal(text):  # the API refuses an empty text, unless it is signed
            return {"text": text, **signed} if text or signed else {}
        case Reasoning(text):
            return {"text": text, "thought": True, **signed} if text or signed else {}
        case Image(data=data) | Audio(data=data) | Document(data=data):
            if data:
                return {"inlineData": {"mimeType": part.known_type, "data": part.base64}, **signed}
            kind = {"mimeType": part.media_type} if part.media_type else {}
            return {"fileData": {**kind, "fileUri": part.url}, **signed}
        case ToolCall(id=id, name=name, arguments=arguments):
            call = {"name": name, "args": tool_input(arguments)}
            return {"functionCall": {"id": id, **call} if id else call, **signed}
        case ToolResult(id=id):
            answer = {"name": part.name or names.get(id, ""), **_result(part, encoding)}
            if not answer["name"]:
                encoding.refuse("a ToolResult without a name", "no ToolCall before it has its id")
            return {"functionResponse": {"id": id, **answer} if id else answer}
        case Native(dialect=dialect, data=data) if dialect == NAME:
            return dict(data)
        case Native(dialect=dialect):
            encoding.refuse(f"content of {dialect}")
        case _:
            encoding.refuse(type(part).__name__)
    return {}


def _result(result: ToolResult, encoding: Encoding) -> dict[str, Any]:
    """What a tool answered; a JSON object is sent as it is, other text under the key the API names."""
    response = None if result.error else json_object(result.text)
    if response is None:
        response = {"error" if result.error else "result": result.text}
    media = [] if isinstance(result.content, str) else [p for p in result.content if not isinstance(p, Text)]
    parts = [part_on_the_wire(part, encoding, {}) for part in media]
    return {"response": response, "parts": parts} if parts else {"response": response}
