"""From the text a model writes to text, reasoning and tool calls, as it comes. Nothing but blanks is lost."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Iterator, Sequence

from ..events import Event, ReasoningDelta, TextDelta, ToolCallDelta
from .text import overlap
from .toolreaders import Call, read_json
from .toolsyntax import Section, Syntax, after_header

_LETTERS = string.ascii_letters + string.digits
_RECEIVER = "to="
_QUOTE = re.compile(r'\\.|"', re.DOTALL)
_JSON = re.compile(r"\s*(?:<tool_call>\s*)?[{\[]")
_PATIENCE = 1_000_000  # how many characters are read in vain to see where calls end: under a second
_BARE = Section("call", "", (), read_json)
_HEADER = Section("header", "", ("<|message|>",))


class AnswerStream:
    """Parses one answer.

    Args:
        syntax: how the model marks what it thinks and calls.
        tools: whether there are tools to call; else a call is text.
        thinking: whether the prompt ended where the model thinks.
        single: whether nothing is wanted after the first call.
    """

    def __init__(self, syntax: Syntax, *, tools: bool, thinking: bool, single: bool = False) -> None:
        self._sections = [s for s in syntax.sections if tools or s.kind != "call"]
        self._opens = tuple(section.opens for section in self._sections)
        self._bare = syntax.bare and tools
        self._within = any(section.kind == "header" for section in syntax.sections)  # one the prompt began
        thoughts = next((s for s in self._sections if s.kind == "reasoning"), None)
        self._section: Section | None = thoughts if thinking else None
        self._held = ""
        self._passed = 0  # of what is held: no marker before ends its section; the first within a string is
        self._first: tuple[int, str] | None = None
        self._counted = 0, False  # so far quotes were counted, and whether that is within a string
        self._patience = _PATIENCE
        self._blank = thinking  # nothing but blanks since a marker
        self.calls = 0
        """How many calls there were."""
        self._single = single
        self.done = False
        """Whether the one call that is wanted has come."""

    @property
    def thinking(self) -> bool:
        """Whether what comes next is, as far as is known, what the model thinks."""
        return self._section is not None and self._section.kind == "reasoning"

    def add(self, text: str) -> Iterator[Event]:
        """What is known now that this text has come; nothing once it is done."""
        if self.done:
            return
        held, self._held = self._held, ""
        held += text  # which copies nothing: nobody else has it
        self._held = held
        del held
        if self._bare:
            if not (start := self._held.lstrip()):  # a call may still begin
                return
            self._bare = False
            if start.startswith("{") and self._section is None:
                self._section = _BARE
        if self._within:  # a call's receiver may come first, as Harmony's template shows it
            if _RECEIVER.startswith(start := self._held.lstrip()):
                return
            self._within = False
            if start.startswith(_RECEIVER):
                self._section = _HEADER
        moved = True
        while moved:
            before = self._section, len(self._held)
            yield from self._inside(self._section) if self._section else self._outside()
            moved = before != (self._section, len(self._held)) and bool(self._held)

    def end(self) -> Iterator[Event]:
        """What was held back, now that nothing more comes."""
        while self._section and self._first and not self._reads(self._section, self._held):
            yield from self._leave(self._section, *self._first)  # it was no string that the marker stood in
            yield from self.add("")
        section, rest = self._section, self._held
        self._held = ""
        if section is None or section.kind in ("text", "reasoning"):
            yield from self._say(rest, section.kind if section else "text")
        elif section.kind == "header":
            yield from self._say(section.opens + rest, "text")
        else:
            yield from self._call(section, rest, "")

    def _outside(self) -> Iterator[Event]:
        """Text up to the next marker, of which a part may have come already."""
        found = [(at, s) for s in self._sections if (at := self._held.find(s.opens)) >= 0]
        if not found:
            yield from self._take("text", self._opens)
            return
        at, section = min(found, key=lambda each: each[0])
        before, self._held = self._held[:at], self._held[at + len(section.opens) :]
        yield from self._say(before, "text")
        self._section, self._blank = section, True

    def _inside(self, section: Section) -> Iterator[Event]:
        """A section up to its end."""
        found = self._end_of(section)
        if found is None:
            if section.kind in ("text", "reasoning"):
                yield from self._take(section.kind, section.closes)
            return
        yield from self._leave(section, *found)

    def _leave(self, section: Section, at: int, closer: str) -> Iterator[Event]:
        """The end of a section, at this marker there."""
        body = self._held[:at]
        self._passed, self._first, self._counted = 0, None, (0, False)
        closer = "" if closer in self._opens else closer  # it begins the next
        self._held = self._held[at + len(closer) :]
        self._section = None
        if section.kind == "header":
            self._section = after_header(body)
        elif section.kind != "call":
            yield from self._say(body, section.kind)
        self._blank = True
        if section.kind == "call":
            yield from self._call(section, body, closer)

    def _end_of(self, section: Section) -> tuple[int, str] | None:
        """Where a section ends, and its marker there: the first that is not within a string of a call.

        Once too much was read in vain, it is the first of all: else each of hundreds of broken calls would be
        looked through to the end of the answer.
        """
        while found := min(
            ((at, c) for c in section.closes if (at := self._held.find(c, self._passed)) >= 0), default=None
        ):
            if section.kind != "call" or not self._is_cut(section, found[0]):
                return found
            self._passed, self._first = found[0] + 1, self._first or found
            if self._patience < 0:
                return self._first
        longest = max(map(len, section.closes), default=0)
        self._passed = max(self._passed, len(self._held) - longest + 1)
        return None

    def _is_cut(self, section: Section, at: int) -> bool:
        """Whether what is held up to there is no call, but the beginning of one that ends within a string."""
        counted, within = self._counted
        for found in _QUOTE.finditer(self._held, counted, at):
            counted, within = found.end(), within != (found[0] == '"')
        escapes = counted < at and self._held[at - 1] == "\\"  # what comes next
        self._counted = at - escapes, within
        # JSON that ends within a string is no call, but where words may follow one.
        if not within or (_JSON.match(self._held) and section.opens not in section.closes):
            return within
        return not self._reads(section, self._held[:at])

    def _reads(self, section: Section, body: str) -> bool:
        """Whether this is a call, in a section that may not have ended: what is none is read again."""
        if _calls(section, body):
            return True
        self._patience -= len(body)
        return False

    def _take(self, kind: str, ends: tuple[str, ...]) -> Iterator[Event]:
        """All that cannot be the beginning of a marker."""
        safe = len(self._held) - max((overlap(self._held, end) for end in ends), default=0)
        text, self._held, self._passed = self._held[:safe], self._held[safe:], 0
        yield from self._say(text, kind)

    def _say(self, text: str, kind: str) -> Iterator[Event]:
        if self._blank:  # the line breaks around markers are no text
            text = text.lstrip()
        if text:
            self._blank = False
            yield ReasoningDelta(text) if kind == "reasoning" else TextDelta(text)

    def _call(self, section: Section, body: str, closer: str) -> Iterator[Event]:
        calls = _calls(section, body)
        if not calls:  # what is no call is text
            yield from self._say(section.opens + body + closer, "text")
        if self._single and calls:
            calls, self.done, self._held = calls[:1], True, ""
        for call in calls:
            if isinstance(call, str):
                self._blank = True
                yield from self._say(call, "text")
                continue
            id = "".join(secrets.choice(_LETTERS) for _ in range(9))  # as Mistral's templates want it
            yield ToolCallDelta(self.calls, call.arguments, id, call.name)
            self.calls += 1


def _calls(section: Section, body: str) -> Sequence[Call | str]:
    """The calls in what a section holds, and what is text in it; none if it cannot be read."""
    try:
        return section.read(body) if section.read else []
    except ValueError:
        return []
