"""Which tokens ``logit_bias`` means, in the worker: their ids, or their texts."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import BadRequest
from .llama import Model
from .prompt import Prompts


def biases(
    model: Model, prompts: Prompts, given: Iterable[tuple[int | str, float]]
) -> list[tuple[int, float]]:
    """Token ids and what is added to their logits.

    Args:
        model: the model whose tokens are chosen from.
        prompts: what tokenises for it.
        given: a token id, or the text of one token (a control token too), and its bias, for each.

    Raises:
        BadRequest: there is no such token, a text is several, or a token is named twice.
    """
    found: dict[int, float] = {}
    for token, bias in given:
        id = _id(model, token, prompts.continued(token)) if isinstance(token, str) else token
        if id >= model.vocabulary_size:
            raise BadRequest(
                f"logit_bias names token {id}, and this model's ids go from 0 to {model.vocabulary_size - 1}"
            )
        if id in found:
            raise BadRequest(f"logit_bias names token {id} twice, once as {token!r:.80}")
        found[id] = bias
    return list(found.items())


def _id(model: Model, text: str, ids: list[int]) -> int:
    spellings = [model.spelling(id) for id in ids]
    if spellings == [text.encode("utf-8", "replace")]:
        return ids[0]
    parts = " + ".join(repr(spelling.decode("utf-8", "replace")) for spelling in spellings[:8])
    more = " + …" if len(ids) > 8 else ""
    raise BadRequest(
        f"logit_bias takes the text of one token, and to this model {text!r:.80} is {parts or 'none'}{more}; "
        "many words are one token only with a space before them; or give a token's id"
    )
