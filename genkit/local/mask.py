"""What may come next in an answer of a given form, by llguidance's matcher, and what most likely will."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import BackendError
from .arrays import as_array, numpy
from .context import Context
from .llama import Model

_AHEAD = 256
"""How many bytes of what must come are looked at: a draft holds a few tokens."""
_REMEMBERED = 1024
"""How many guesses are kept for the answers of one form."""


class Mask:
    """What may come next in one answer; see :class:`genkit.local.sequence.Constraint`.

    A token that ends the answer may come when, and only when, the answer has the whole form.

    Args:
        matcher: llguidance's, of the form.
        model: the model whose tokens are chosen from.
        guides: others, of the form in the ways most models write it; an answer need not have those.
    """

    def __init__(self, matcher: Any, model: Model, guides: Sequence[Any] = ()) -> None:
        self._matcher, self._model, self._guides = matcher, model, list(guides)
        self._guesses: dict[bytes, list[int]] = {}
        self._numpy = numpy()

    def copy(self) -> Mask:
        """Another for the same form, as far as this one is."""
        guides = [guide.deep_copy() for guide in self._guides]
        copied = Mask(self._matcher.deep_copy(), self._model, guides)
        copied._guesses = self._guesses
        return copied

    @property
    def whole(self) -> bool:
        """Whether what came has the whole form."""
        return bool(self._matcher.is_accepting())

    def begin(self, text: str) -> bool:
        """Take a text, if it fits; else False, after which this is of no more use."""
        tokens = self._model.continued(text, parse_special=False)
        self._follow(tokens)
        return bool(self._matcher.try_consume_tokens(tokens) == len(tokens))

    def apply(self, context: Context, row: int) -> None:
        """Lower the logits of all tokens that may not come next.

        Raises:
            BackendError: the form became too complex for llguidance.
        """
        library, size = self._numpy, self._model.vocabulary_size
        library.copyto(as_array(context.logits(row), size), -library.inf, where=~self.allowed())

    def allowed(self) -> Any:
        """Of each token, whether it may come next.

        Raises:
            BackendError: the form became too complex for llguidance.
        """
        bits = self._numpy.frombuffer(self._matcher.compute_bitmask(), self._numpy.uint8)
        self._check()
        size = self._model.vocabulary_size
        return self._numpy.unpackbits(bits, bitorder="little", count=size).view(bool)

    def guess(self) -> list[int]:
        """The tokens of a text that comes next if the answer is written as most models would; or none."""
        matcher = self._guides[0] if self._guides else self._matcher
        if not (text := matcher.compute_ff_bytes()):
            return []
        start = text[:_AHEAD]
        if start not in self._guesses:  # which takes a tenth of a millisecond, and many answers have one form
            if len(self._guesses) >= _REMEMBERED:
                self._guesses.clear()
            self._guesses[start] = self._begun(start) if len(text) > _AHEAD else matcher.compute_ff_tokens()
        return self._guesses[start]

    def _begun(self, start: bytes) -> list[int]:
        """The tokens of a text that goes on, but for the last, which may be part of another."""
        return self._model.continued(start.decode("utf-8", "ignore"), parse_special=False)[:-1]

    def flaw(self) -> str:
        """What is wrong with the form, or '' if two tokens do not show it; then this is of no more use.

        They show what nothing fits, and most of what is too complex.
        """
        try:
            self._check()
            for _ in range(2):
                going_on = self.allowed()
                going_on[self._model.ends] = False
                if not going_on.any():
                    break
                self.accept(int(going_on.argmax()))
        except BackendError:
            return self._reason()
        return ""

    def accept(self, token: int) -> None:
        """This token was chosen.

        Raises:
            BackendError: it may not come here.
        """
        self._matcher.consume_token(token)
        self._check()
        self._follow([token])

    def _follow(self, tokens: list[int]) -> None:
        self._guides = [each for each in self._guides if each.try_consume_tokens(tokens) == len(tokens)]

    def _check(self) -> None:
        if self._matcher.is_error():
            raise BackendError(f"the answer cannot be held to its form: {self._reason()}")

    def _reason(self) -> str:
        """What is wrong with the form, without the parser's state, or that of llguidance where it gave up."""
        return str(self._matcher.get_error()).partition("<state>")[0].partition("<backtrace>")[0].strip()
