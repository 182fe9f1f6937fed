"""The next tokens of the sequences of a step: masked, sampled, and told with their log probabilities."""

from __future__ import annotations

from .arrays import log_probabilities
from .context import Context, Sampler
from .llama import Model
from .sequence import Chances, Chosen, Sequence


class Choice:
    """Chooses tokens from the logits of a context's last step.

    Args:
        model: the model whose tokens are chosen from.
        context: what computed the logits.
    """

    def __init__(self, model: Model, context: Context) -> None:
        self._model, self._context = model, context
        self._samplers: dict[int, Sampler] = {}

    def add(self, sequence: Sequence, row: int, chosen: list[Chosen]) -> bool:
        """Add the next token to a sequence, and to those that were chosen in this step.

        Args:
            sequence: whose turn it is.
            row: which row of the step holds its logits.
            chosen: gets the token.

        Returns:
            Whether the model ended the answer instead.

        Raises:
            GenkitError: its constraint cannot go on.
        """
        if sequence.logprobs is None:
            token, chances = self._token(sequence, row), None
        else:
            token, chances = self._told(sequence, row, sequence.logprobs)
        if self._model.ends_generation(token):
            return True
        sequence.tokens.append(token)
        chosen.append(Chosen(sequence.call, token, chances))
        return False

    def _told(self, sequence: Sequence, row: int, count: int) -> tuple[int, Chances]:
        """The next token, and what the model itself made of it: before its constraint has a say."""
        logits = self._context.logits(row)
        total, likeliest = log_probabilities(logits, self._model.vocabulary_size, count)
        token = self._token(sequence, row)  # a constraint leaves the logits of what may be chosen as they are
        return token, Chances(logits[token] - total, likeliest)

    def _token(self, sequence: Sequence, row: int) -> int:
        constraint = sequence.constraint
        if constraint:
            constraint.apply(self._context, row)
        token = self._sampler(sequence).sample(self._context, row)
        if constraint:
            constraint.accept(token)
        return token

    def _sampler(self, sequence: Sequence) -> Sampler:
        sampler = self._samplers.get(sequence.call)
        if sampler is None:
            sampler = self._samplers[sequence.call] = Sampler(self._model, sequence.steps, sequence.tokens)
        return sampler

    def forget(self, call: int) -> None:
        """Free what is kept for a sequence."""
        if sampler := self._samplers.pop(call, None):
            sampler.close()

    def close(self) -> None:
        """Free everything."""
        for call in list(self._samplers):
            self.forget(call)
