"""How good a GGUF file is: per skill, on held-out names and numbers, with three kinds of wordings.

Needs llama-cpp-python, and genkit with ``--held``. Greedy, except that stories are sampled (temperature 0.75,
top_p 0.95).
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

from corpus.dialogue import Sample, render, tool_call
from corpus.mixture import SKILLS
from corpus.stories import all_templates, sentence_pattern
from llama_cpp import Llama

PATTERNS = {
    female: [sentence_pattern(template, female) for template in all_templates()] for female in (False, True)
}
CALL = re.compile(r"<tool_call>(.*)</tool_call>", re.DOTALL)


def is_story(text: str, facts: dict[str, Any]) -> bool:
    """At least 20 words of known, well-formed sentences, one gender throughout, about what was asked for."""
    if len(text.split()) < 20 or any(str(wanted) not in text for wanted in facts.values() if wanted):
        return False
    if facts["kind"] and facts["kind"] not in text.split(".", maxsplit=1)[0]:
        return False
    return any(_all_sentences(text, patterns) for patterns in PATTERNS.values())


def _all_sentences(text: str, patterns: list[re.Pattern[str]]) -> bool:
    """Whether the text is nothing but sentences from the plots (a template may hold several)."""
    ends = {0}
    for end in [match.end() for match in re.finditer(r"[.!?]\"?(?= |$)", text)]:
        if any(pattern.fullmatch(text[start:end].strip()) for start in ends for pattern in patterns):
            ends.add(end)
    return len(text) in ends


def parsed_call(text: str) -> Any:
    """The tool call in an answer, or None."""
    match = CALL.fullmatch(text.strip())
    try:
        return json.loads(match[1]) if match else None
    except ValueError:
        return None


def judge(sample: Sample, answer: str) -> tuple[bool, dict[str, bool]]:
    """Whether the answer is right, and finer findings."""
    wanted = sample.turns[-1][1]
    if sample.skill == "stories":
        return is_story(answer, sample.facts), {}
    if sample.skill == "extraction":
        return answer == wanted, {sample.facts["kind"]: answer == wanted}
    if sample.skill == "tools":
        call, right = parsed_call(answer), sample.facts["call"]
        if right is None:
            return answer == wanted, {"no call": call is None, "no call, right answer": answer == wanted}
        chosen = isinstance(call, dict) and call.get("name") == right["name"]
        arguments = call.get("arguments", {}) if isinstance(call, dict) else {}
        said = " ".join(text for role, text in sample.turns[:-1] if role == "user")
        invented = any(str(value) not in said for value in arguments.values())
        return call == right, {
            "right tool": chosen,
            "whole call": call == right,
            "no invented argument": not invented,
        }
    if sample.skill == "sums":
        digits = max(len(number) for number in re.findall(r"\d+", wanted)[:2])
        return answer == wanted, {f"{digits} digits": answer == wanted}
    return answer == wanted, {}


def answered(model: Llama, sample: Sample, seed: int) -> str:
    """What the model itself writes."""
    prompt = model.tokenize(
        render(sample.turns[:-1], sample.tools, ask=True).encode(), add_bos=False, special=True
    )
    stop = model.tokenize(b"<|im_end|>", add_bos=False, special=True)[0]
    sampled = sample.skill == "stories"
    model.reset()
    model.set_seed(seed)
    tokens: list[int] = []
    for token in model.generate(
        prompt,
        temp=0.75 if sampled else 0.0,
        top_k=0 if sampled else 1,
        top_p=0.95 if sampled else 1.0,
        min_p=0.0,
        repeat_penalty=1.0,
    ):
        if token == stop or len(tokens) > 400:
            break
        tokens.append(token)
    return model.detokenize(tokens, special=True).decode(errors="replace")


def held(generator: Any, sample: Sample) -> str:
    """What comes of a request with tools through genkit, which holds calls to the tools there are."""
    import genkit  # noqa: PLC0415 - needed here only

    messages = [genkit.Message(role, [genkit.Text(text)]) for role, text in sample.turns[:-1]]
    tools = [genkit.Tool(**tool["function"]) for tool in sample.tools]
    answer = generator.generate(messages, tools=tools, temperature=0, max_tokens=400)
    if not answer.tool_calls:
        return str(answer.text)
    call = answer.tool_calls[0]
    return tool_call(call.name, json.loads(call.arguments))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gguf")
    parser.add_argument("--count", type=int, default=300, help="samples per skill and split")
    parser.add_argument("--splits", nargs="+", default=["seen", "recombined", "unseen"])
    parser.add_argument("--skills", nargs="+", default=list(SKILLS))
    parser.add_argument("--held", action="store_true", help="ask for tool calls through genkit")
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report", type=Path, help="write the wrong answers there")
    options = parser.parse_args()
    model = Llama(options.gguf, n_ctx=1024, n_threads=options.threads, verbose=False)
    generator = importlib.import_module("genkit").Generator(f"llama:{options.gguf}") if options.held else None
    report: list[str] = []
    started = time.time()
    for split in options.splits:
        for skill in options.skills:
            rng = random.Random(f"{options.seed}/{split}/{skill}")
            right, finer, totals = 0, Counter[str](), Counter[str]()
            for number in range(options.count):
                sample = SKILLS[skill](rng, split)
                through = generator and skill == "tools"  # of other turns it knows the text alone
                answer = held(generator, sample) if through else answered(model, sample, number)
                good, notes = judge(sample, answer)
                right += good
                for note, holds in notes.items():
                    totals[note] += 1
                    finer[note] += holds
                if not good or number < 2:
                    verdict = "ok\n" if good else f"WRONG, wanted {sample.turns[-1][1]}\n"
                    asked = render(sample.turns[:-1], sample.tools)
                    report.append(f"[{split}/{skill}] {asked}-> {answer}\n{verdict}")
            details = ", ".join(
                f"{note} {100 * finer[note] / totals[note]:.1f} (n={totals[note]})" for note in sorted(totals)
            )
            print(f"{split:11s} {skill:12s} {100 * right / options.count:5.1f}  {details}", flush=True)
    print(f"{time.time() - started:.0f} s")
    if options.report:
        options.report.write_text("\n".join(report), encoding="utf-8")


if __name__ == "__main__":
    main()
