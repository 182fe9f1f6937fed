"""Answers held to a form, by llguidance: at each token, a mask over the logits of what may not come next."""

from __future__ import annotations

import importlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from functools import cache, cached_property, lru_cache
from typing import Any

from ..errors import MissingDependency, UnsupportedOption
from .arrays import numpy
from .calls import Spelling, grammar, literal
from .grammars import is_gbnf, spelled_out, token_asked_for
from .llama import Model
from .mask import Mask
from .schema import JSON_OPTIONS, USUAL_JSON, further_keys, narrowed

_FREE = {"parameters": {"type": "object"}}
"""What a function has whose arguments are not held to its schema."""
_SOON = 1.0
"""What takes more seconds to prepare is prepared only once: answers of that form are guessed less."""

_FAR = 1024
"""How many bytes of a text without choice are tokenised; more than are ever guessed."""


class Constraints:
    """Makes constraints for one model; the table of its tokens is built with the first, and kept.

    Args:
        model: the model whose tokens are chosen from.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._of_calls = lru_cache(8)(self._hold_calls)  # the turns of a chat have the same tools
        self._of_form = lru_cache(8)(lambda form: self.make(json.loads(form)))  # and many calls one form

    def make(self, form: Mapping[str, Any]) -> Mask:
        """The constraint for one answer.

        Args:
            form: one of ``schema``, ``regex``, ``choices`` and ``grammar``, as in :class:`genkit.Output`; or
                ``calls``, the functions of which one is to be called.

        Raises:
            UnsupportedOption: llguidance does not take it, in its words.
            MissingDependency: llguidance or numpy is not installed.
        """
        _ = self.table  # which takes time that is not the form's
        began = time.monotonic()
        matcher = self._checked(form)
        is_json = "schema" in form or "calls" in form
        ways = USUAL_JSON if is_json and time.monotonic() - began < _SOON else ()
        return Mask(matcher, self._model, [self._matcher(form, options) for options in ways])

    def _checked(self, form: Mapping[str, Any]) -> Any:
        """llguidance's matcher of a form; raises as :meth:`make` does."""
        try:
            matcher = self._matcher(form, JSON_OPTIONS)
        except Exception as error:  # noqa: BLE001 - llguidance's converters raise anything
            raise _refused(form, str(error) or type(error).__name__) from None
        if flaw := Mask(matcher.deep_copy(), self._model).flaw() or self._dead_end(form):
            raise _refused(form, flaw)
        return matcher

    def _dead_end(self, form: Mapping[str, Any]) -> str:
        """What is wrong with a form that makes sense, but lets an answer begin that cannot end; or ''."""
        schemas = [form.get("schema"), *(each["parameters"] for each in form.get("calls", ()))]
        matcher = _llguidance().LLMatcher
        for patterns, keys in further_keys([narrowed(schema) for schema in schemas]):
            found = matcher.validate_grammar(matcher.grammar_from_json_schema(json.dumps(keys)), self.table)
            if found.startswith("Unsatisfiable"):
                return f'every key of {patterns[0]!r} is named beside it; write it in "properties" alone'
        return ""

    def of_form(self, form: Mapping[str, Any]) -> Mask:
        """What :meth:`make` makes, which is kept for the next answer of this form."""
        return self._of_form(json.dumps(form)).copy()

    def of_calls(
        self,
        functions: Sequence[Mapping[str, Any]],
        strict: Sequence[bool | None],
        spelled: Spelling | None,
    ) -> Mask:
        """The constraint for one call in an answer, when it may be of any of these functions.

        Args:
            functions: ``name`` and ``parameters`` of each.
            strict: whether its arguments must be held to its schema; None: as far as that can be.
            spelled: how the model spells a call; None if the answer is to be the call alone, as JSON.

        Raises:
            UnsupportedOption: llguidance does not take what must be held to.
            MissingDependency: llguidance or numpy is not installed.
        """
        return self._of_calls(json.dumps(functions), tuple(strict), spelled).copy()

    def _hold_calls(self, functions: str, strict: tuple[bool | None, ...], spelled: Spelling | None) -> Mask:
        """Each to its schema; or to what of it llguidance knows; or to its name alone."""
        wanted = [
            {**function, **_FREE} if must is False else function
            for function, must in zip(json.loads(functions), strict, strict=True)
        ]
        try:
            return self.make({"calls": wanted, "spelled": spelled})
        except UnsupportedOption:  # of one of them; the others are held all the same
            held = [self._holdable(*each, spelled) for each in zip(wanted, strict, strict=True)]
        try:
            return self.make({"calls": held, "spelled": spelled})
        except UnsupportedOption:  # each alone could be held to
            least = [
                function if must else {**function, **_FREE}
                for function, must in zip(held, strict, strict=True)
            ]
            return self.make({"calls": least, "spelled": spelled})

    def _holdable(
        self, function: dict[str, Any], must: bool | None, spelled: Spelling | None
    ) -> dict[str, Any]:
        """The function, with as much of its schema as a call can be held to."""
        for less in ({}, {"options": {"lenient": True}}):
            try:
                self._checked({"calls": [{**function, **less}], "spelled": spelled})
            except UnsupportedOption:
                if must:
                    raise
            else:
                return {**function, **less}
        return {**function, **_FREE}

    def _matcher(self, form: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
        """llguidance's matcher of the form, with JSON as the options say."""
        table, matcher = self.table, _llguidance().LLMatcher
        return matcher(table, self._grammar(matcher, form, options), log_level=0)

    def _grammar(self, matcher: Any, form: Mapping[str, Any], options: Mapping[str, Any]) -> str:
        """The form as llguidance takes it."""
        match form:
            case {"schema": schema}:
                text = json.dumps(narrowed(schema))
                return str(matcher.grammar_from_json_schema(text, defaults=dict(options)))
            case {"calls": functions}:
                control = {text: id for id, text, is_control in self._model.special_texts if is_control}
                lark = grammar(functions, form.get("spelled"), control, options)
                return str(matcher.grammar_from_lark(lark))
            case {"regex": regex}:
                return str(matcher.grammar_from_regex(regex))
            case {"choices": choices}:
                # One terminal: llguidance's parser takes 2,000 alternatives of a rule at most.
                listed = " | ".join(map(literal, choices))
                return str(matcher.grammar_from_lark(f"start: CHOICE\nCHOICE: {listed}"))
        text = form["grammar"]
        if text.lstrip().startswith("{"):  # which llguidance would take for a form of its own
            raise ValueError("it is JSON, and no grammar; a JSON schema goes into schema=")
        if is_gbnf(text):
            text = _llguidance().gbnf_to_lark.gbnf_to_lark(spelled_out(text))
        elif asked := token_asked_for(text, self._ends):
            raise ValueError(
                f"{asked} may be a token that ends an answer, which ends by itself when it is whole; "
                "leave such tokens out"
            )
        return str(matcher.grammar_from_lark(text))

    @cached_property
    def _ends(self) -> dict[int, str]:
        """The tokens that end an answer, and how they are spelled."""
        return {id: self._model.spelling(id).decode("utf-8", "replace") for id in self._model.ends}

    @cached_property
    def table(self) -> Any:
        """The model's tokens, as llguidance looks them up; about a second's work for 150,000 of them.

        Raises:
            UnsupportedOption: there is none that ends an answer.
            MissingDependency: llguidance or numpy is not installed.
        """
        numpy()  # else the first form would seem slow to prepare
        if not self._model.ends:
            raise UnsupportedOption(
                "an answer without an end token cannot be held to a form", option="output"
            )
        return _llguidance().LLTokenizer(
            _Vocabulary(self._model), n_vocab=self._model.vocabulary_size, eos_token=self._model.ends
        )


class _Vocabulary:
    """A vocabulary as llguidance reads it (its TokenizerWrapper)."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, model: Model) -> None:
        control = {id: text for id, text, is_control in model.special_texts if is_control}
        self.tokens = [
            b"\xff" + control[id].encode() if id in control else model.piece(id)
            for id in range(model.vocabulary_size)
        ]
        self.special_token_ids = list(control)
        self.eos_token_id = model.ends[0]
        self._model = model

    def __call__(self, text: str | bytes) -> list[int]:
        """The token ids of a text, which llguidance holds an answer to where there is no choice."""
        data = text.encode() if isinstance(text, str) else text
        if len(data) > _FAR:  # it asks anew at each token, and takes the first
            ids = self._model.continued(data[:_FAR].decode("utf-8", "ignore"), parse_special=False)
            ids.pop()  # which may be part of another
            data = data[: sum(len(self._model.piece(id)) for id in ids)]
        else:
            ids = self._model.continued(data.decode("utf-8", "replace"), parse_special=False)
        if b"".join(map(self._model.piece, ids)) == data:
            return ids
        # SentencePiece takes U+2581 for a space, and after a user-defined token blanks may come or go.
        return [self._bytes[byte] for byte in data] if len(self._bytes) == 256 else ids

    @cached_property
    def _bytes(self) -> dict[int, int]:
        """The tokens that stand for one byte each, by that byte."""
        return {token[0]: id for id, token in enumerate(self.tokens) if len(token) == 1}


def _refused(form: Mapping[str, Any], reason: str) -> UnsupportedOption:
    if "coerce_one_of" in reason:  # an option of llguidance's
        reason = "an answer may fit several schemas of a oneOf, which is not looked at; write anyOf"
    if "NoExtensionBias" in reason:  # a kind of symbol in llguidance
        reason = "a rule of it begins with itself, and with nothing before that"
    if "regex" in form:  # of the grammar that it is written into nothing is to be told
        reason = re.sub(r"^at \d+\(\d+\): |\n +\d+ \| start: .*", "", reason.strip(), flags=re.DOTALL)
    if "calls" not in form:
        what = "these choices" if "choices" in form else f"this {next(iter(form))}"
        return UnsupportedOption(f"an answer cannot be held to {what}: {reason.strip()}", option="output")
    reason = re.sub(r"^at \d+\(\d+\): ", "", reason.strip()).partition("\n")[0]  # then comes the grammar
    return UnsupportedOption(f"a call cannot be held to its tool's schema: {reason:.300}", option="tools")


@cache
def _llguidance() -> Any:
    """What only constrained answers need: it would slow down every worker's start."""
    try:
        importlib.import_module("llguidance.gbnf_to_lark")
        return importlib.import_module("llguidance")
    except ImportError as error:
        raise MissingDependency(
            f'answers of a given form need more packages: pip install "genkit-sdk[local]" ({error})',
            extra="local",
        ) from error
