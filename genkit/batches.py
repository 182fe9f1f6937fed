"""Many texts, in as many calls as their number and their size make necessary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def batches(texts: Sequence[str], count: int, size: int) -> Iterator[Sequence[str]]:
    """Texts that go together, in their order.

    Args:
        texts: the texts.
        count: the most of them in one batch.
        size: the most bytes of UTF-8 that they have together, unless one alone has more; every token has one
            at least.
    """
    start = held = 0
    for at, text in enumerate(texts):
        length = len(text.encode("utf-8", "surrogatepass"))
        if at > start and (at - start == count or held + length > size):
            yield texts[start:at]
            start, held = at, 0
        held += length
    if start < len(texts):
        yield texts[start:]
