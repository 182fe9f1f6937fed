"""Train the tokenizer: a byte-level BPE, made in two stages, that llama.cpp reads as plain GPT-2 style BPE.

1. Merges never cross a space and every digit stands alone. So " Zorvek" and '"Zorvek"' share their pieces,
   and copying a name that was never seen is plain induction: look up what followed this piece the last time.
2. A space in front of a frequent lower-case word is merged last, which makes ordinary text short.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import re

from corpus.mixture import training_sample
from gguf import GGUFReader
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, trainers
from tokenizers import pre_tokenizers as pre

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TAGS = ["<tool_call>", "</tool_call>"]  # user-defined: visible in the text, and never split
SHORT_WORDS = ["a", "is", "in", "of", "to", "it", "on", "an", "we", "my", "he", "or", "me", "at", "be", "i"]
SPACE = "Ġ"  # how byte-level BPE writes a space


def build(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    """A tokenizer that splits digits, then text as GPT-2 does (llama.cpp calls this "smollm")."""
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre.Sequence(
        [pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in CONTROL])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in TAGS])
    return tokenizer


def read(file: str) -> Tokenizer:
    """The tokenizer of a file that ``export.py`` wrote."""
    fields = GGUFReader(file).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    return build({token: id for id, token in enumerate(tokens) if token not in CONTROL + TAGS}, merges)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", help="where to write tokenizer.json")
    parser.add_argument("--of", help="a GGUF file of export.py's, whose vocabulary to write, not a new one")
    parser.add_argument("--pieces", type=int, default=1400, help="merges inside words")
    parser.add_argument("--words", type=int, default=760, help="words that get a token with their space")
    parser.add_argument("--samples", type=int, default=20000)
    options = parser.parse_args()
    if options.of:
        read(options.of).save(options.output)
        return

    rng = random.Random(0)
    texts: list[str] = []
    for _ in range(options.samples):
        sample = training_sample(rng)
        weight = (
            4 if sample.skill in ("stories", "genkit", "small talk") else 1
        )  # else made-up names decide the merges
        texts += [re.sub("</?tool_call>", " ", text) for _, text in sample.turns] * weight
        texts += [tool["function"]["description"] + " " + tool["function"]["name"] for tool in sample.tools]

    first = Tokenizer(models.BPE())
    first.pre_tokenizer = pre.Sequence(
        [
            pre.Split(Regex(r"\s"), "isolated"),
            pre.Digits(individual_digits=True),
            pre.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    alphabet = pre.ByteLevel.alphabet()
    first.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=256 + options.pieces, initial_alphabet=alphabet, show_progress=False),
    )
    model = json.loads(first.to_str())["model"]
    vocabulary: dict[str, int] = model["vocab"]
    merges = [tuple(merge) for merge in model["merges"]]

    counts = collections.Counter(word for text in texts for word in re.findall(r" ([a-z]+)", text))
    spaced = [
        word
        for word, _ in counts.most_common()
        if word in vocabulary and (len(word) > 2 or word in SHORT_WORDS)
    ]
    for word in spaced[: options.words]:
        vocabulary[SPACE + word] = len(vocabulary)
        merges.append((SPACE, word))
    while (len(vocabulary) + len(CONTROL) + len(TAGS)) % 32:
        vocabulary[f"<unused{len(vocabulary)}>"] = len(vocabulary)

    tokenizer = build(vocabulary, merges)
    tokenizer.save(options.output)
    print(
        tokenizer.get_vocab_size(), "tokens,", min(len(spaced), options.words), "of them words with a space"
    )
    print(tokenizer.encode(' Zorvek "Zorvek" Katherine 1987-04-12 Once upon a time there was a fox').tokens)


if __name__ == "__main__":
    main()
