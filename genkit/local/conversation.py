"""Conversations as a chat template takes them: what one template shows, another drops or refuses.

Which form a template takes is found by showing it a small conversation whose words must come up in the
prompt. Where it knows no system message, it goes before the first thing the user says; where it knows no
tools or tool calls, they are told in text, in the form that Hermes models made common.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property, partial
from itertools import product
from typing import Any, NamedTuple, TypeAlias

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
_ASK: Mapping[str, Any] = {"role": "user", "content": "hi"}
_CALLED: Messages = (
    _ASK,
    {"role": "assistant", "content": "", "tool_calls": [_CALL]},
    {"role": "tool", "tool_call_id": "call00001", "name": "qzname", "content": "qzresult"},
)
_SYSTEM = "qzsystem"
_NINE = re.compile("[a-zA-Z0-9]{9}")
_TELL = """You may call these functions:
{}
To call one, answer with its name and arguments in this form, and nothing after it:
<tool_call>
{{"name": "…", "arguments": {{…}}}}
</tool_call>"""


class _Traits(NamedTuple):
    """What templates mind about the calls in a conversation."""

    text: bool
    several: bool
    odd_ids: bool
    odd_arguments: bool


class Conversation:
    """Renders any conversation with a template, in the form that it takes."""

    def __init__(self, template: ChatTemplate) -> None:
        self.template = template
        self._form_for = cache(self._find_form)

    def render(self, messages: Messages, *, tools: Sequence[Mapping[str, Any]] = (), **options: Any) -> str:
        """See :meth:`ChatTemplate.render`."""
        if tools and not self.takes_tools:
            listed = "\n".join(json.dumps(tool["function"], ensure_ascii=False) for tool in tools)
            messages = [{"role": "system", "content": _TELL.format(listed)}, *messages]
            tools = ()
        spoken = messages
        if any(message["role"] == "tool" or message.get("tool_calls") for message in messages):
            messages = self._form(messages)(messages)
        messages = self._placed(messages, tools=tools or self._no_tools, **options)
        try:
            return self._rendered(messages, tools=tools or self._no_tools, **options)
        except BadRequest as error:
            with suppress(BadRequest):  # a call without its result, say, or a result that nobody answered
                if (told := _told(spoken)) != spoken:
                    return self.render(told, tools=tools, **options)
            if tools and self._shows(messages, [], tools=self._no_tools, **options):
                raise BadRequest(
                    f"{error.message} (without tools it does: simplify the schemas of their parameters)"
                ) from error
            raise

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
        return self._shows([{"role": "system", "content": _SYSTEM}, _ASK], [_SYSTEM], tools=self._no_tools)

    def _form(self, messages: Messages) -> _Form:
        """How tool calls and results must look for the template to show all of them, and text beside them."""
        calling = [message for message in messages if message.get("tool_calls")]
        calls = [call for message in calling for call in message["tool_calls"]]
        ids = [call["id"] for call in calls if "id" in call]
        ids += [message["tool_call_id"] for message in messages if "tool_call_id" in message]
        traits = _Traits(
            text=any(message["content"] for message in calling),
            several=any(len(message["tool_calls"]) > 1 for message in calling),
            odd_ids=not all(map(_NINE.fullmatch, ids)),
            odd_arguments=any(isinstance(call["function"]["arguments"], str) for call in calls),
        )
        return self._form_for(traits)

    def _find_form(self, traits: _Traits) -> _Form:
        tools = [_TOOL] if self.takes_tools else self._no_tools
        words = ["qzvalue", "qzresult"]
        ids = ("call_000001", "call_000002") if traits.odd_ids else ("call00001", "call00002")
        values = ("qzvalue", "qzsecond") if traits.odd_arguments else ({"k": "qzvalue"}, {"k": "qzsecond"})
        pairs = list(zip(ids, values, ("qzresult", "qzafter"), strict=True))[: 2 if traits.several else 1]
        calls = [{**_CALL, "id": id, "function": {**_FUNCTION, "arguments": value}} for id, value, _ in pairs]
        call = {"role": "assistant", "content": "qztext" if traits.text else "", "tool_calls": calls}
        results = [{**_CALLED[2], "tool_call_id": id, "content": content} for id, _, content in pairs]
        words += ["qzsecond", "qzafter"] if traits.several else []
        words += ["qztext"] if traits.text else []
        # Some templates see only in what follows that the turns do not alternate.
        talk = [_ASK, call, *results, {"role": "assistant", "content": "hm"}, _ASK]
        named = (_as_they_are, _short_ids) if traits.odd_ids else (_as_they_are,)
        others = ((_as_they_are, each) for each in (_apart, _arguments_as_text, _empty_is_none))
        forms = (partial(_in_turn, steps) for steps in product(named, *others))
        return next((form for form in forms if self._shows(form(talk), words, tools=tools)), _told)

    def _placed(self, messages: Messages, **options: Any) -> Messages:
        """With what the system said where the template shows it: there, at the top, or as a user's words."""
        system = [message["content"] for message in messages if message["role"] == "system"]
        rest = [message for message in messages if message["role"] != "system"]
        if not system or (len(system) == 1 and self._has_place(messages, **options)):
            return messages
        said = "\n".join(system)
        if self._has_place(top := [{"role": "system", "content": said}, *rest], **options):
            return top
        first = next((at for at, message in enumerate(rest) if message["role"] == "user"), None)
        if first is None or not said:
            return [{"role": "user", "content": said}, *rest] if said else rest
        rest[first] = {**rest[first], "content": f"{said}\n{rest[first]['content']}"}
        return rest

    def _has_place(self, messages: Messages, **options: Any) -> bool:
        """Whether the template shows what the system says in this conversation."""
        if messages[0]["role"] == "system" and messages[-1]["role"] == "user":
            return self._takes_system
        return self._shows(_marked(messages), [_SYSTEM], **options)

    def _rendered(self, messages: Messages, **options: Any) -> str:
        """What one role said in a row is put together for a template that wants turns to alternate."""
        try:
            return self.template.render(messages, **options)
        except BadRequest:
            with suppress(BadRequest):
                if (joined := _joined(messages)) != list(messages):
                    return self.template.render(joined, **options)
            raise

    def _shows(self, messages: Messages, words: list[str], **options: Any) -> bool:
        with suppress(BadRequest):
            text = self.template.render(messages, **options)
            return all(word in text for word in words)
        return False


def _in_turn(steps: Sequence[_Form], messages: Messages) -> Messages:
    for step in steps:
        messages = step(messages)
    return messages


def _joined(messages: Messages) -> Messages:
    """With those that a user, or an assistant without calls, said in a row as one."""
    joined: list[dict[str, Any]] = []
    for message in messages:
        last = joined[-1] if joined else {}
        alike = message["role"] == last.get("role") != "tool"
        if not alike or message.get("tool_calls") or last.get("tool_calls"):
            joined.append(dict(message))
            continue
        for key in ("content", "reasoning_content"):
            if text := "\n\n".join(filter(None, (last.get(key), message.get(key)))):
                last[key] = text
    return joined


def _marked(messages: Messages) -> Messages:
    """With a text of the system's that nobody else says."""
    return [{**each, "content": _SYSTEM} if each["role"] == "system" else each for each in messages]


def _short_ids(messages: Messages) -> Messages:
    """With ids of calls as Mistral's templates want them; the same ones for the same."""
    return [_with_short_ids(message) for message in messages]


def _with_short_ids(message: Mapping[str, Any]) -> Mapping[str, Any]:
    if message["role"] == "tool":
        return {**message, "tool_call_id": _short(message["tool_call_id"])}
    if calls := message.get("tool_calls"):
        return {**message, "tool_calls": [{**call, "id": _short(call["id"])} for call in calls]}
    return message


def _short(id: str) -> str:
    spelled = id.encode("utf-8", "surrogatepass")
    return id if _NINE.fullmatch(id) else hashlib.blake2b(spelled, digest_size=5).hexdigest()[:9]


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
