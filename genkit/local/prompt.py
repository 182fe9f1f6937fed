"""From texts and messages to the token ids of a prompt, in the worker.

What people and tools say is data: only the template's own words may become control tokens. A text that
holds the spelling of one, say ``<|im_end|>``, is marked inside that spelling before the template runs, and
the prompt is cut there before it is tokenised, so that no tokenizer can see it whole. A prompt without
such a text is tokenised in one piece, as llama.cpp would.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ..errors import BadRequest, ModelFileError
from .chat import ChatTemplate
from .conversation import Conversation
from .llama import Model

LARGEST = 1 << 24
"""The most characters that a rendered prompt may have."""
_MARKS = [chr(code) for code in range(0xF8FF, 0xE000, -1)]  # private use: they mean nothing to anybody


class Prompts:
    """Makes prompts for one model.

    Args:
        model: the model, or its vocabulary alone.
        template: its chat template, if it has one.
    """

    def __init__(self, model: Model, template: ChatTemplate | None) -> None:
        self._model = model
        self.conversation = Conversation(template) if template else None
        self._guard = Guard(_forgeable(model, template.source if template else ""))
        self._prefixed = model.tokenize("\n", add_special=False, parse_special=False)
        self._adds_space = b"".join(map(model.piece, self._prefixed)).startswith(b" ")

    def bare(self, text: str) -> list[int]:
        """The token ids of a text, as it is."""
        return self._model.tokenize(text, add_special=False, parse_special=False)

    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        options: Mapping[str, Any] | None = None,
    ) -> tuple[str, list[int]]:
        """The prompt for a conversation, as text and as token ids.

        Args:
            messages: as :meth:`Conversation.render` takes them.
            tools: the functions the model may call, in the form of Hugging Face.
            options: what else the template is to know, such as ``enable_thinking``.

        Raises:
            ModelFileError: the model has no chat template.
            BadRequest: the template does not take these messages, or the prompt is too large.
        """
        if self.conversation is None:
            raise ModelFileError(
                'this model file has no chat template; give Generator one, in Jinja: template="{% for … %}"'
            )
        (messages, tools), mark = self._guard.marked([messages, tools])
        text = self.conversation.render(messages, tools=tools, **(options or {}))
        if len(text) > LARGEST:
            raise BadRequest(f"the prompt has {len(text)} characters, and {LARGEST} are the most")
        # A template that writes JSON in ASCII spells the mark out.
        pieces = re.split(f"{mark}|{re.escape(ascii(mark)[1:-1])}", text) if mark else [text]
        starts = bool(self._model.bos) and text.startswith(self._model.bos)  # never begin a prompt twice
        ids = self._model.tokenize(pieces[0], add_special=not starts, parse_special=True)
        for piece in pieces[1:]:
            ids += self._continued(piece)
        return "".join(pieces), ids

    def _continued(self, text: str) -> list[int]:
        """The token ids of a text in the middle of others."""
        if not self._adds_space:
            return self._model.tokenize(text, add_special=False, parse_special=True)
        # SentencePiece would put a space before it: let it do so before a line break, which is dropped.
        ids = self._model.tokenize("\n" + text, add_special=False, parse_special=True)
        size = len(self._prefixed)
        if ids[:size] == self._prefixed:
            return ids[size:]
        return self._model.tokenize(text, add_special=False, parse_special=True)


class Guard:
    """Marks, in data, the places where a prompt must be cut so that no control token comes of it.

    Args:
        literals: the spellings of the tokens that data may not become.
    """

    def __init__(self, literals: Sequence[str]) -> None:
        longest_first = sorted(filter(None, literals), key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        # The ends and the beginnings of spellings, that two texts side by side could make whole.
        self._heads = {text[:size] for text in longest_first for size in range(2, len(text))}
        self._tails = {text[-size:] for text in longest_first for size in range(2, len(text))}
        self._reach = max(map(len, longest_first), default=0)

    def marked(self, data: Any) -> tuple[Any, str]:
        """A copy of JSON-like data with marks in its strings, and the mark; '' if there is nothing to mark.

        Raises:
            BadRequest: every character that could be the mark is taken.
        """
        texts = list(_strings(data))
        if not any(map(self._cuts, texts)):
            return data, ""
        mark = next((mark for mark in _MARKS if not any(mark in text for text in texts)), None)
        if mark is None:
            raise BadRequest("the messages hold every character for private use; leave one of them out")
        return self._copy(data, mark), mark

    def _cuts(self, text: str) -> list[int]:
        """Where to cut a text: inside each spelling, after its first character."""
        cuts, at = [], 0
        while found := self._any.search(text, at):
            at = found.start() + 1
            cuts.append(at)
        sizes = range(min(len(text), self._reach), 1, -1)
        if tail := next((size for size in sizes if text[-size:] in self._heads), 0):
            cuts.append(len(text) - tail + 1)
        if any(text[:size] in self._tails for size in sizes):
            cuts.append(1)
        return sorted(set(cuts))

    def _copy(self, data: Any, mark: str) -> Any:
        if isinstance(data, str):
            bounds = [0, *self._cuts(data), len(data)]
            return mark.join(data[a:b] for a, b in pairwise(bounds))
        if isinstance(data, Mapping):
            return {self._copy(key, mark): self._copy(value, mark) for key, value in data.items()}
        if isinstance(data, (list, tuple)):
            return [self._copy(item, mark) for item in data]
        return data


def _strings(data: Any) -> list[str]:
    """Every string in JSON-like data."""
    found, left = [], [data]
    while left:
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, Mapping):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, (list, tuple)):
            left += item
    return found


def _forgeable(model: Model, template: str) -> list[str]:
    """The spellings that structure a prompt: of control tokens, and of users' own that look or serve as such.

    Other tokens of the latter kind are text that came often, such as runs of spaces, or ``<table>``.
    """
    return [
        text
        for text, is_control in model.special_texts()
        if is_control or (text.strip() and (text in template or "|" in text or "｜" in text))
    ]
