"""Conversations as a chat template takes them: what one template shows, another drops or refuses.

Which form a template takes is found by showing it a small conversation whose words must come up in the
prompt. Where it knows no system message, it goes before the first thing the user says; where it knows no
tools or tool calls, they are told in text, in the form that Hermes models made common.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, TypeAlias

from ..errors import BadRequest
from .chat import ChatTemplate

Messages: TypeAlias = Sequence[Mapping[str, Any]]
_Form: TypeAlias = Callable[[Messages], Messages]

EXAMPLE: Mapping[str, Any] = {"id": "call00001", "name": "qzname", "arguments": {"k": "qzvalue"}}
"""The call in :meth:`Conversation.example`."""
_FUNCTION = {key: EXAMPLE[key] for key in ("name", "arguments")}
_CALL = {"id": EXAMPLE["id"], "type": "function", "function": _FUNCTION}
_TOOL = {
    "type": "function",
    "function": {
        "name": "qzname",
        "description": "d",
        "parameters": {"type": "object", "properties": {"k": {"type": "string", "description": "d"}}},
    },
}
_ASK = {"role": "user", "content": "hi"}
_CALLED: Messages = (
    _ASK,
    {"role": "assistant", "content": "", "tool_calls": [_CALL]},
    {"role": "tool", "tool_call_id": "call00001", "name": "qzname", "content": "qzresult"},
)
_TELL = """You may call these functions:
{}
To call one, answer with its name and arguments in this form, and nothing after it:
<tool_call>
{{"name": "…", "arguments": {{…}}}}
</tool_call>"""


class Conversation:
    """Renders any conversation with a template, in the form that it takes."""

    def __init__(self, template: ChatTemplate) -> None:
        self.template = template
        self._forms: dict[tuple[bool, bool], _Form] = {}

    def render(self, messages: Messages, *, tools: Sequence[Mapping[str, Any]] = (), **options: Any) -> str:
        """See :meth:`ChatTemplate.render`."""
        if tools and not self.takes_tools:
            listed = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
            messages = [{"role": "system", "content": _TELL.format(listed)}, *messages]
            tools = ()
        if any(message["role"] == "tool" or message.get("tool_calls") for message in messages):
            messages = self._form(messages)(messages)
        system = [message["content"] for message in messages if message["role"] == "system"]
        late = len(system) == 1 and messages[0]["role"] != "system"
        if late and self._shows(messages, [system[0].strip()], tools=tools or self._no_tools, **options):
            late = False
        if len(system) > 1 or late or (system and not self._takes_system):
            rest = [message for message in messages if message["role"] != "system"]
            messages = self._with_system("\n".join(system), rest)
        return self.template.render(messages, tools=tools or self._no_tools, **options)

    def example(self) -> str:
        """A conversation in which ``EXAMPLE`` is called, as its template shows it; '' if it does not."""
        return "" if self._form(_CALLED) is _told else self.render(_CALLED, tools=[_TOOL])

    def plain(self) -> str:
        """One without calls."""
        talk = [_ASK, {"role": "assistant", "content": "hm"}, _ASK]
        try:
            return self.render(talk)
        except BadRequest:
            return self.render(talk, tools=[_TOOL])

    @cached_property
    def takes_tools(self) -> bool:
        """Whether the template shows a model which tools there are."""
        return self._shows([_ASK], ["qzname"], tools=[_TOOL])

    @cached_property
    def _no_tools(self) -> list[Mapping[str, Any]] | None:
        """What stands for no tools: nothing, but for templates that would loop over it."""
        return [] if not self._shows([_ASK], []) and self._shows([_ASK], [], tools=[]) else None

    @cached_property
    def _takes_system(self) -> bool:
        return self._shows(
            [{"role": "system", "content": "qzsystem"}, _ASK], ["qzsystem"], tools=self._no_tools
        )

    def _form(self, messages: Messages) -> _Form:
        """How tool calls and results must look for the template to show all of them, and text beside them."""
        calling = [message for message in messages if message.get("tool_calls")]
        text = any(message["content"] for message in calling)
        several = any(len(message["tool_calls"]) > 1 for message in calling)
        if (text, several) not in self._forms:
            self._forms[text, several] = self._find_form(text, several)
        return self._forms[text, several]

    def _find_form(self, text: bool, several: bool) -> _Form:
        tools = [_TOOL] if self.takes_tools else self._no_tools
        (ask, call, result), words = _CALLED, ["qzvalue", "qzresult"]
        results = [result]
        if several:
            second = {**_CALL, "id": "call00002", "function": {**_FUNCTION, "arguments": {"k": "qzsecond"}}}
            call = {**call, "tool_calls": [_CALL, second]}
            results.append({**result, "tool_call_id": "call00002", "content": "qzafter"})
            words += ["qzsecond", "qzafter"]
        if text:
            call = {**call, "content": "qztext"}
            words.append("qztext")
        # Some templates see only in what follows that the turns do not alternate.
        talk = [ask, call, *results, {"role": "assistant", "content": "hm"}, _ASK]
        for first in (_as_they_are, _apart):
            for then in (_as_they_are, _empty_is_none, _arguments_as_text, _both):
                if self._shows(then(first(talk)), words, tools=tools):
                    return partial(_in_turn, first, then)
        return _told

    def _with_system(self, system: str, rest: list[Mapping[str, Any]]) -> Messages:
        if self._takes_system:
            return [{"role": "system", "content": system}, *rest]
        first = next((at for at, message in enumerate(rest) if message["role"] == "user"), None)
        if first is None:
            return [{"role": "user", "content": system}, *rest]
        rest[first] = {**rest[first], "content": f"{system}\n{rest[first]['content']}"}
        return rest

    def _shows(self, messages: Messages, words: list[str], **options: Any) -> bool:
        try:
            text = self.template.render(messages, **options)
        except BadRequest:
            return False
        return all(word in text for word in words)


def _in_turn(first: _Form, then: _Form, messages: Messages) -> Messages:
    return then(first(messages))


def _as_they_are(messages: Messages) -> Messages:
    return messages


def _apart(messages: Messages) -> Messages:
    """Text, and each call with its result, in messages of their own."""
    found: list[Mapping[str, Any]] = []
    waiting: dict[str, int] = {}
    for message in messages:
        if message["role"] == "tool":
            place = waiting.pop(message["tool_call_id"], len(found) - 1) + 1
            found.insert(place, message)
            waiting = {id: at + (at >= place) for id, at in waiting.items()}
            continue
        calls, waiting = message.get("tool_calls", ()), {}
        rest = {key: value for key, value in message.items() if key != "tool_calls"}
        if not calls:
            found.append(rest)
        elif message["content"]:
            found.append({"role": message["role"], "content": message["content"]})
        for call in calls:
            waiting[call["id"]] = len(found)
            found.append({**rest, "content": "", "tool_calls": [call]})
            rest = {"role": message["role"]}
    return found


def _empty_is_none(messages: Messages) -> Messages:
    return [
        {**message, "content": message["content"] or None} if message.get("tool_calls") else message
        for message in messages
    ]


def _arguments_as_text(messages: Messages) -> Messages:
    return [
        {**message, "tool_calls": [_call_as_text(call) for call in message["tool_calls"]]}
        if message.get("tool_calls")
        else message
        for message in messages
    ]


def _call_as_text(call: Mapping[str, Any]) -> Mapping[str, Any]:
    arguments = call["function"]["arguments"]
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {**call, "function": {**call["function"], "arguments": text}}


def _both(messages: Messages) -> Messages:
    return _empty_is_none(_arguments_as_text(messages))


def _told(messages: Messages) -> Messages:
    """Tool calls and results in the text of messages; those of one role in a row are one."""
    told: list[dict[str, Any]] = []
    for message in messages:
        role, text = message["role"], message["content"]
        for call in message.get("tool_calls", ()):
            shown = json.dumps(call["function"], ensure_ascii=False)
            text += f"{text and chr(10)}<tool_call>\n{shown}\n</tool_call>"
        if role == "tool":
            role, text = "user", f"<tool_response>\n{text}\n</tool_response>"
        if told and told[-1]["role"] == role:
            told[-1]["content"] += f"\n{text}"
        else:
            rest = {key: value for key, value in message.items() if key == "reasoning_content"}
            told.append({"role": role, "content": text, **rest})
    return told
