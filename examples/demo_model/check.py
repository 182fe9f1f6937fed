"""Check an export: the chat template, the tokenizer, and the numbers of torch against llama.cpp.

Needs both torch and llama-cpp-python.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import torch
from corpus.dialogue import render
from corpus.mixture import SKILLS
from export import export
from gguf import GGMLQuantizationType as Kind
from gguf import quants
from llama_cpp import Llama
from model import Config, Model
from tokenizers import Tokenizer

ODD_TEXTS = [
    "Ünïcode naïve 東京 emoji 🙂 ok",
    "a\n\n\n b",
    "  two  spaces\tTab ",
    "it's we'll DON'T",
    "x=1.5;y[2]{3}<=4",
    "\n",
    "don’t “q”",
    "a_b-c/d\\e",
    "12 345,6 7",
    "<tool_call>{}</tool_call>",
    "\r\n",
    "<|im_end|>",
]


def tojson(
    value: object, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None
) -> str:
    """The filter that chat templates expect."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators)


def as_messages(turns: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """The conversation the way an API user writes it: calls as ``tool_calls``."""
    messages: list[dict[str, Any]] = []
    for role, text in turns:
        if text.startswith("<tool_call>"):
            call = json.loads(text.removeprefix("<tool_call>").removesuffix("</tool_call>"))
            messages.append(
                {"role": role, "content": None, "tool_calls": [{"type": "function", "function": call}]}
            )
        else:
            messages.append({"role": role, "content": text})
    return messages


def check_template() -> None:
    """The template must write exactly what training saw."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = tojson
    template = environment.from_string(Path(__file__).with_name("chat_template.jinja").read_text().strip())
    rng, wrong, total = random.Random(3), 0, 0
    for make in SKILLS.values():
        for _ in range(200):
            sample = make(rng, "train")
            for ask in (False, True):
                got = template.render(
                    messages=as_messages(sample.turns), tools=sample.tools or None, add_generation_prompt=ask
                )
                wrong += got != render(sample.turns, sample.tools, ask=ask)
                total += 1
    print(f"template: {wrong} of {total} conversations differ")
    bare = {"type": "function", "function": {"name": "f"}}
    loose = {
        "type": "function",
        "function": {
            "name": "g",
            "description": "d",
            "parameters": {"type": "object", "properties": {"x": {}, "y": {"type": ["string", "null"]}}},
        },
    }
    print(
        repr(
            template.render(
                messages=[{"role": "user", "content": None}, {"role": "system", "content": "s"}],
                tools=[bare, loose],
                add_generation_prompt=True,
            )
        )
    )


def check_tokenizer(llama: Llama, tokenizer: Tokenizer) -> None:
    """llama.cpp must split every text as the tokenizer of the training does."""
    rng = random.Random(5)
    texts = list(ODD_TEXTS)
    for make in SKILLS.values():
        for split in ("train", "unseen"):
            for _ in range(100):
                sample = make(rng, split)
                texts.append(render(sample.turns, sample.tools))
    wrong = [
        text
        for text in texts
        if llama.tokenize(text.encode(), add_bos=False, special=True) != tokenizer.encode(text).ids
    ]
    print(f"tokenizer: {len(wrong)} of {len(texts)} texts differ", [text[:60] for text in wrong[:3]])


def rounded(weights: dict[str, torch.Tensor], kind: Kind) -> dict[str, torch.Tensor]:
    """The weights as they are after quantising and reading back."""
    return {
        name: torch.from_numpy(
            quants.dequantize(quants.quantize(value.float().numpy(), kind), kind).reshape(value.shape)
        )
        if value.dim() == 2
        else value
        for name, value in weights.items()
    }


def check_numbers(
    checkpoint: dict[str, Any], tokenizer: Tokenizer, tokenizer_file: str, prompts: int = 40
) -> None:
    """Logits of torch against llama.cpp for each kind of weights, all on the same prompts."""
    rng, texts = random.Random(7), []
    makers = [SKILLS[name] for name in ("extraction", "tools", "sentiment", "stories", "genkit", "sums")]
    for number in range(prompts):
        sample = makers[number % len(makers)](rng, "unseen")
        texts.append(tokenizer.encode(render(sample.turns, sample.tools)).ids)
    model = Model(Config(**checkpoint["config"])).eval()

    def torch_logits(weights: dict[str, torch.Tensor]) -> list[np.ndarray]:
        model.load_state_dict(weights)
        with torch.no_grad():
            return [model.logits(model(torch.tensor([ids])))[0].numpy() for ids in texts]

    exact = torch_logits(checkpoint["weights"])
    print("kind   against            mean |d|   99.9 %   max |d|   same best token")
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in (("f32", Kind.F32), ("f16", Kind.F16), ("q8_0", Kind.Q8_0)):
            target = Path(folder) / f"{name}.gguf"
            export(checkpoint, tokenizer_file, target, name)
            llama = Llama(str(target), n_ctx=1024, logits_all=True, verbose=False, n_threads=2)
            got = []
            for ids in texts:
                llama.reset()
                llama.eval(ids)
                got.append(np.array(llama.scores[: len(ids)]))
            references = {
                "torch f32": exact,
                "torch, same weights": torch_logits(rounded(checkpoint["weights"], kind)),
            }
            pairs = [("llama.cpp", label, got, value) for label, value in references.items()]
            pairs.append(("torch", "torch f32 (weights only)", references["torch, same weights"], exact))
            for left, label, a, b in pairs:
                difference = np.concatenate([np.abs(x - y).ravel() for x, y in zip(a, b, strict=True)])
                same = np.concatenate([x.argmax(-1) == y.argmax(-1) for x, y in zip(a, b, strict=True)])
                figures = [difference.mean(), np.quantile(difference, 0.999), difference.max(), same.mean()]
                print(f"{name:5s} {left} vs {label:26s}", *(f"{figure:.5f}" for figure in figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("gguf")
    parser.add_argument("--tokenizer", default="build/tokenizer.json")
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(options.tokenizer)
    check_template()
    check_tokenizer(Llama(options.gguf, n_ctx=64, vocab_only=True, verbose=False), tokenizer)
    check_numbers(torch.load(options.checkpoint, weights_only=True), tokenizer, options.tokenizer)


if __name__ == "__main__":
    main()
