"""Train the demo model from nothing: fixed seed, fixed number of steps, on a CPU.

The learning rate warms up, stays, and falls to zero over the last ``--decay`` steps. SIGUSR1 begins that fall
early; the checkpoint records the number of steps, so that ``--steps`` can repeat the same run.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from batches import LENGTH, chunk
from corpus.mixture import WEIGHTS
from export import read
from model import Config, Model
from tokenizers import Tokenizer
from torch import Tensor

CHUNK_STEPS = 200


def batches(
    tokenizer_file: str, seed: int, weights: dict[str, int], rows: int, first_step: int
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Inputs, targets, positions to learn, and mask of every step; the next chunk is made meanwhile."""
    causal = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    number = first_step // CHUNK_STEPS
    with ProcessPoolExecutor(1) as pool:
        coming = pool.submit(chunk, tokenizer_file, seed, weights, number, rows * CHUNK_STEPS)
        while True:
            ids, learned, segment = map(torch.from_numpy, coming.result())
            number += 1
            coming = pool.submit(chunk, tokenizer_file, seed, weights, number, rows * CHUNK_STEPS)
            for start in range(0, rows * CHUNK_STEPS, rows):
                part = slice(start, start + rows)
                inside = segment[part, :-1]
                allowed = (inside[:, :, None] == inside[:, None, :]) & causal
                mask = torch.zeros(allowed.shape).masked_fill(~allowed, float("-inf"))[:, None]
                yield ids[part, :-1], ids[part, 1:], learned[part, 1:].flatten().nonzero().squeeze(1), mask


class Muon:
    """Momentum whose update is made orthogonal: far fewer steps than AdamW for the weight matrices."""

    kind = torch.bfloat16
    """What updates are made orthogonal in: it need not be exact."""

    def __init__(self, parameters: list[Tensor], momentum: float = 0.95) -> None:
        self.momentum = momentum
        self.groups: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        for parameter in parameters:
            self.groups[tuple(parameter.shape)].append(parameter)
        self.buffers = {shape: torch.zeros(len(group), *shape) for shape, group in self.groups.items()}

    @staticmethod
    def orthogonal(gradient: Tensor) -> Tensor:
        """Five steps of Newton-Schulz towards the nearest orthogonal matrix."""
        transpose = gradient.size(-2) > gradient.size(-1)
        x = gradient.mT if transpose else gradient
        x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(Muon.kind)
        for _ in range(5):
            square = x @ x.mT
            x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
        return (x.mT if transpose else x).float()

    @torch.no_grad()
    def step(self, rate: float, weight_decay: float = 0.02) -> None:
        """One update of all matrices."""
        for shape, group in self.groups.items():
            gradient = torch.stack([parameter.grad for parameter in group if parameter.grad is not None])
            buffer = self.buffers[shape].lerp_(gradient, 1 - self.momentum)
            update = (
                self.orthogonal(gradient.lerp(buffer, self.momentum)) * max(1.0, shape[0] / shape[1]) ** 0.5
            )
            for parameter, change in zip(group, update, strict=True):
                parameter.mul_(1 - rate * weight_decay).add_(change, alpha=-rate)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", default="build/tokenizer.json")
    parser.add_argument("--output", type=Path, default=Path("build/train"), help="folder for checkpoints")
    parser.add_argument("--steps", type=int, default=5500)
    parser.add_argument(
        "--decay", type=int, default=2000, help="the last steps, with a falling learning rate"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="a factor for the learning rates")
    parser.add_argument("--float32", action="store_true", help="for CPUs that have no bfloat16")
    parser.add_argument("--rows", type=int, default=15, help=f"rows of {LENGTH} tokens in a step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=500)
    parser.add_argument("--resume", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--start", help="a GGUF file of export.py's, whose weights to begin with")
    parser.add_argument(
        "--weights",
        nargs="*",
        default=[],
        help="how often skills are practised, as tools=40 (see mixture.py)",
    )
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    given = dict(text.partition("=")[::2] for text in options.weights)
    if wrong := [f"{skill}={weight}" for skill, weight in given.items() if not weight.isdecimal()]:
        parser.error(f"--weights takes skill=number, not {', '.join(wrong)}")
    if unknown := given.keys() - WEIGHTS.keys():
        parser.error(f"no skill goes by {', '.join(sorted(unknown))}; there are {', '.join(WEIGHTS)}")
    options.weights = WEIGHTS | {skill: int(weight) for skill, weight in given.items()}
    return options


def new_model(tokenizer_file: str, start: str | None) -> Model:
    """A model to train: with random weights, or those of a GGUF file."""
    model = Model(Config(Tokenizer.from_file(tokenizer_file).get_vocab_size()))
    print("parameters", sum(parameter.numel() for parameter in model.parameters()), flush=True)
    if start:
        model.load_state_dict({name: torch.tensor(value) for name, value in read(start).items()})
    return model


def main() -> None:
    options = parse_options()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    options.output.mkdir(parents=True, exist_ok=True)

    model = new_model(options.tokenizer, options.start)
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "embedding" not in name]
    others = [p for name, p in model.named_parameters() if p.dim() < 2 or "embedding" in name]
    Muon.kind = torch.float32 if options.float32 else Muon.kind
    muon = Muon(matrices)
    adam = torch.optim.AdamW(others, lr=3e-3, betas=(0.9, 0.97), weight_decay=0.01, fused=True)
    step = 0
    if options.resume:
        state = torch.load(options.resume, weights_only=True)
        model.load_state_dict(state["weights"])
        adam.load_state_dict(state["adam"])
        muon.buffers = {tuple(key): value for key, value in state["muon"]}
        step = state["step"]
    forward = torch.compile(model)

    def decay_now(*_: object) -> None:
        options.steps = min(options.steps, step + options.decay)

    signal.signal(signal.SIGUSR1, decay_now)

    def save(name: str) -> None:
        torch.save(
            {
                "weights": model.state_dict(),
                "config": asdict(model.config),
                "step": step,
                "seed": options.seed,
                "decay": options.decay,
                "adam": adam.state_dict(),
                "muon": [(list(key), value) for key, value in muon.buffers.items()],
            },
            options.output / name,
        )

    started, losses, tokens = time.time(), [], 0
    source = batches(options.tokenizer, options.seed, options.weights, options.rows, step)
    for _ in range(step % CHUNK_STEPS):
        next(source)
    while step < options.steps:
        scale = min(1.0, (step + 1) / 100, max(0.01, (options.steps - step) / options.decay)) * options.rate
        inputs, targets, positions, mask = next(source)
        with torch.autocast("cpu", torch.bfloat16, enabled=not options.float32):
            hidden = forward(inputs, mask).flatten(0, 1)[positions]
            scores = model.logits(hidden)
        loss = F.cross_entropy(scores.float(), targets.flatten()[positions])
        loss.backward()
        muon.step(0.02 * scale)
        adam.param_groups[0]["lr"] = 3e-3 * scale
        adam.step()
        model.zero_grad(set_to_none=True)
        step += 1
        tokens += inputs.numel()
        losses.append(loss.item())
        if step % 50 == 0:
            seconds = time.time() - started
            progress = f"step {step}/{options.steps} loss {sum(losses) / len(losses):.4f}"
            print(f"{progress} {seconds:.0f} s {tokens / seconds:.0f} tokens/s", flush=True)
            losses = []
        if step % options.save_every == 0:
            save(f"step{step}.pt")
    save("final.pt")


if __name__ == "__main__":
    main()
