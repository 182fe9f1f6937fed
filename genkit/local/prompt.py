"""From texts and messages to the token ids of a prompt, in the worker.

What people and tools say is data: only the template's own words may become control tokens. A text that
holds the spelling of one, say ``<|im_end|>``, is marked inside that spelling before the template runs, and
the prompt is cut there before it is tokenised, so that no tokenizer can see it whole. A prompt without
such a text is tokenised in one piece, as llama.cpp would.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ..errors import BadRequest, ContextOverflow, ModelFileError, UnsupportedOption
from .calls import TOLD, Spelling, markers_around, spelling
from .chat import ChatTemplate
from .conversation import EXAMPLE, Conversation
from .efforts import Efforts
from .guard import Guard, forgeable
from .llama import Model
from .prefixes import common
from .toolsyntax import Syntax, between, find, markers

LARGEST = 1 << 24
"""The most characters that a rendered prompt may have."""

COUNTED = 1 << 21
"""Of a text of so many characters the tokens are not counted where it is sure to be too long."""


class Prompt(NamedTuple):
    """A prompt: as text, as tokens; how the answer is written; whether it begins with thoughts."""

    text: str
    tokens: list[int]
    syntax: str
    thinking: bool
    ignored: list[str]
    """What could not be honoured, in words."""
    call: Spelling | None = None
    """How the model spells a call, if those in the answer are to be held to their tools."""


class Prompts:
    """Makes prompts for one model.

    Args:
        model: the model, or its vocabulary alone.
        template: its chat template, if it has one.
    """

    def __init__(self, model: Model, template: ChatTemplate | None) -> None:
        self._model = model
        self.conversation = Conversation(template) if template else None
        self._source = template.source if template else ""
        self._efforts = Efforts(self.conversation, self._source)
        special = model.special_texts
        gap = model.gap_tokens or ()
        signs = "".join(text for token, text, _ in special if token in gap)
        literals = forgeable(special, self._source + signs)
        self._guard = Guard(literals)
        # Between token ids, llama.cpp leaves the spellings of control tokens what they are.
        self._control = {text for _, text, is_control in special if is_control}
        self._defined = Guard([text for text in literals if text not in self._control])
        self._write(find(self._source))

    def _write(self, syntax: Syntax) -> None:
        """This is how the model writes thoughts and calls."""
        self.syntax, shown = syntax, markers(syntax)
        self._shown = {token: text.encode() for token, text, _ in self._model.special_texts if text in shown}
        self._thoughts = tuple(s.opens for s in syntax.sections if s.kind == "reasoning")

    def bare(self, text: str) -> list[int]:
        """The token ids of a text, as it is."""
        return self._model.tokenize(text, add_special=False, parse_special=False)

    def whole(self, text: str) -> list[int]:
        """The token ids of a text, with what the model wants at its beginning and its end."""
        return self._model.tokenize(text, add_special=True, parse_special=False)

    def piece(self, token: int) -> bytes:
        """The bytes of text that a token stands for; markers of tool calls and the like are text too."""
        return self._model.piece(token) or self._shown.get(token, b"")

    def of(self, question: Mapping[str, Any], room: int | None = None) -> Prompt:
        """The prompt for a conversation, or for a gap if there is a ``suffix``.

        Args:
            question: see :meth:`chat` and :meth:`gap`, which also say what is raised.
            room: the context window, if the prompt is to be answered.

        Raises:
            ContextOverflow: it leaves no room for an answer; known of a long text before its tokens are.
        """
        prompt = self.chat(question, room) if question.get("suffix") is None else self.gap(question, room)
        if room and len(prompt.tokens) >= room:
            raise _too_long(f"{len(prompt.tokens)}", room, len(prompt.tokens))
        return prompt

    def gap(self, question: Mapping[str, Any], room: int | None = None) -> Prompt:
        """The prompt for what comes between two texts: what is before, then what is after.

        Args:
            question: ``suffix``, and ``messages``, which is the one text before.
            room: see :meth:`of`.

        Raises:
            ModelFileError: the model's vocabulary has no tokens for that.
        """
        tokens = self._model.gap_tokens
        if tokens is None:
            raise ModelFileError(
                "this model was not made to fill a gap: its vocabulary lacks the tokens for that "
                "(fim_pre, fim_suf, fim_mid); give the file of a code model"
            )
        before, after, middle = tokens
        prefix, suffix = question["messages"][0]["content"], question["suffix"]
        self._check_size(prefix + suffix, room)
        head, *tail = self._defined.pieces(prefix, alone=True)
        ids = [*self._model.start, before, *self.bare(head)]
        self._go_on(ids, tail, room, data=True)
        ids.append(after)
        self._go_on(ids, self._defined.pieces(suffix, alone=True), room, data=True)
        ids.append(middle)
        return Prompt(f"{prefix}{suffix}", ids, "plain", False, [])

    def chat(self, question: Mapping[str, Any], room: int | None = None) -> Prompt:
        """The prompt for a conversation.

        Args:
            question: ``messages``, and if need be ``tools`` and ``reasoning``, as in ``question.py``.
            room: see :meth:`of`.

        Raises:
            ModelFileError: the model has no chat template.
            UnsupportedOption: the template knows nothing of reasoning, or calls cannot be held to the schema
                of a tool that must be, and the question is ``strict``.
            BadRequest: the template does not take these messages, or the prompt is too large.
        """
        if self.conversation is None:
            raise ModelFileError(
                'this model file has no chat template; give Generator one, in Jinja: template="{% for … %}"'
            )
        form = question.get("form")
        options, problem = self._efforts.of(question)
        ignored = _not_honoured(question, "reasoning", problem) if problem else []
        data = [question["messages"], question.get("tools") or [], options]
        (messages, tools, options), mark = self._guard.marked(data)
        text = self.conversation.render(messages, tools=tools, **options)
        text += self._lead(text) if form else ""
        if len(text) > LARGEST:
            raise BadRequest(f"the prompt has {len(text)} characters, and {LARGEST} are the most")
        self._check_size(text, room)
        # A template that writes JSON in ASCII spells the mark out.
        pieces = re.split(f"{mark}|{re.escape(ascii(mark)[1:-1])}", text) if mark else [text]
        starts = bool(self._model.bos) and text.startswith(self._model.bos)  # never begin a prompt twice
        ids = self._model.tokenize(pieces[0], add_special=not starts, parse_special=True)
        if not starts and self._model.end and ids[-1:] == self._model.end:
            ids.pop()  # it would say that the answer has come
        self._go_on(ids, pieces[1:], room)
        if form:  # no thoughts fit into it, and nothing but a call that had to be made is one
            return Prompt("".join(pieces), ids, "bare" if tools else "plain", False, ignored)
        call, unheld = self._call(question)
        thinking = bool(self._thoughts) and text.rstrip().endswith(self._thoughts)
        return Prompt("".join(pieces), ids, self.syntax.name, thinking, ignored + unheld, call)

    def _lead(self, text: str) -> str:
        """What goes between a prompt and an answer of a given form: the end of thoughts, or a header."""
        shown = text.rstrip()
        for section in self.syntax.sections:
            if section.kind == "reasoning" and shown.endswith(section.opens):
                blank = text[len(shown) :]
                return f"{blank}{section.closes[0]}{2 * blank}"  # as models write thoughts that are empty
        return self._efforts.header

    def head(self, question: Mapping[str, Any], tokens: list[int]) -> int:
        """How many tokens of a conversation's prompt come before the first that is not of the system.

        It is as much as the prompt has in common with that of the same system and another user.
        """
        if question.get("suffix") is not None:
            return 1
        messages = list(question["messages"])
        places = (at for at, message in enumerate(messages) if message["role"] not in ("system", "developer"))
        at = next(places, len(messages))
        said = str(messages[at].get("content") or "") if at < len(messages) else ""
        other = {"role": "user", "content": "b" if said.startswith("a") else "a"}
        try:
            return common(tokens, self.chat({**question, "messages": [*messages[:at], other]}).tokens)
        except BadRequest:  # to the template it is no conversation
            return 1

    def _call(self, question: Mapping[str, Any]) -> tuple[Spelling | None, list[str]]:
        """How a call is spelled that is to be held to its tool, and what must be said if that cannot be."""
        strict = question.get("held", ())
        if not strict:
            return None, []
        if self._spelling or not any(strict):
            return None if all(each is False for each in strict) else self._spelling, []
        problem = (
            "what this model writes to call a tool cannot be held to the tool's schema (strict=True), unless "
            "tool_choice makes it call one"
        )
        return None, _not_honoured(question, "tools", problem)

    @cached_property
    def _spelling(self) -> Spelling | None:
        assert self.conversation
        if not self.conversation.takes_tools:  # it is told, and may still write what it learned
            calls = {section.opens for section in self.syntax.sections if section.kind == "call"}
            return TOLD if calls == {TOLD.opens} else None
        example = self.conversation.example()
        found = spelling(example, self.syntax, EXAMPLE)
        around = None if found else markers_around(example, self.conversation.plain(), EXAMPLE)
        if around and self.syntax.name in ("told", "tagged"):  # as far as the signs in its template tell
            self._write(between(*around))
            found = spelling(example, self.syntax, EXAMPLE)
        # A marker of several tokens may end inside a token, with a part of the name.
        return found if found and (found.keys or found.opens in self._control) else None

    def pair(self, query: str, document: str) -> list[int]:
        """The token ids of a query and a document, as a model that ranks reads them.

        Form: the file's template for it, or ``format_prompt_rerank`` of llama.cpp's server.

        Raises:
            ModelFileError: the template is not one.
        """
        template = self._model.metadata("tokenizer.chat_template.rerank")
        if template is None:
            return self._model.pair(self._data(query), self._data(document))
        if (template.count("{query}"), template.count("{document}")) != (1, 1):
            raise ModelFileError(
                "the file's template for reranking has no {query} and {document}, or several: "
                f"{template!r:.200}; download or convert it again"
            )
        (query, document), mark = self._guard.marked([query, document])
        given = {"{query}": query, "{document}": document}
        text = re.sub(r"\{(?:query|document)\}", lambda found: given[found[0]], template)
        head, *tail = text.split(mark) if mark else [text]
        ids = self._model.tokenize(head, add_special=False, parse_special=True)
        self._go_on(ids, tail)
        return ids

    def _data(self, text: str) -> list[int]:
        """The token ids of a text of which none is a control token, nor a user's own that serves as one."""
        head, *tail = self._defined.pieces(text, alone=True)
        ids = self.bare(head)
        self._go_on(ids, tail, data=True)
        return ids

    def _go_on(
        self, ids: list[int], pieces: Sequence[str], room: int | None = None, *, data: bool = False
    ) -> None:
        """Add the token ids of a prompt that was cut where no control token may come to be."""
        for piece in pieces:
            if room and len(ids) >= room:
                raise _too_long(f"more than {len(ids)}", room, len(ids))
            ids += self.continued(piece, data=data)

    def _check_size(self, text: str, room: int | None) -> None:
        """Refuse what cannot fit before its tokens are counted, where that takes much time and memory."""
        if not room or len(text) < COUNTED or (longest := self._model.longest_text) is None:
            return
        if (least := len(text) // longest) >= room:
            raise _too_long(f"at least {least}", room, least)

    def continued(self, text: str, *, data: bool = False) -> list[int]:
        """The token ids of a text in the middle of others, where ``data`` makes no control token."""
        return self._model.continued(text, parse_special=not data)


def _too_long(tokens: str, room: int, count: int) -> ContextOverflow:
    return ContextOverflow(
        f"the prompt has {tokens} tokens, and a context window of {room} leaves no room for an answer; "
        "shorten it, or make the context window larger (context=)",
        tokens=count,
        limit=room,
    )


def _not_honoured(question: Mapping[str, Any], option: str, problem: str) -> list[str]:
    """What the answer must say, unless the question takes that for an error."""
    if question.get("strict", True):
        raise UnsupportedOption(f"{problem}; leave it out", option=option)
    return [problem]
