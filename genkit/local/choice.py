"""The next tokens of the sequences of a step: masked, sampled, and told with their log probabilities."""

from __future__ import annotations

from ..errors import GenkitError
from .arrays import log_probabilities
from .context import Context
from .llama import Model
from .plan import Work
from .sampler import Sampler
from .sequence import Chances, Chosen, Sequence


class Choice:
    """Chooses tokens from the logits of a context's last step.

    Args:
        model: the model whose tokens are chosen from.
        context: what computed the logits.
        longest: how many tokens a sequence may have.
    """

    def __init__(self, model: Model, context: Context, longest: int) -> None:
        self._model, self._context, self._longest = model, context, longest
        self._samplers: dict[int, Sampler] = {}

    def step(self, work: list[Work]) -> tuple[list[Chosen], list[tuple[Sequence, str | GenkitError]]]:
        """Add the next tokens to the sequences of a step.

        Returns:
            The tokens; and who is done: with ``eog``, ``max_tokens``, ``context_full``, or what failed it.
        """
        row, chosen, over = -1, list[Chosen](), list[tuple[Sequence, str | GenkitError]]()
        for sequence, size, sample in work:
            row += size
            if sample:
                try:
                    if why := self._add(sequence, row, chosen):
                        over.append((sequence, why))
                except GenkitError as error:
                    over.append((sequence, error))
            row += len(sequence.draft)
        return chosen, over

    def _add(self, sequence: Sequence, row: int, chosen: list[Chosen]) -> str:
        """Add the next token, and more as long as they are what its draft guessed; '' or why it is done."""
        for at, guess in enumerate((*sequence.draft, None), row):
            if sequence.logprobs is None:
                token, chances = self._token(sequence, at), None
            else:
                token, chances = self._told(sequence, at, sequence.logprobs)
            if self._model.ends_generation(token):
                return "eog"
            sequence.tokens.append(token)
            chosen.append(Chosen(sequence.call, token, chances))
            if token != guess:
                break
        if sequence.generated >= sequence.max_tokens:
            return "max_tokens"
        return "context_full" if len(sequence.tokens) >= self._longest else ""

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
