"""A small llama: RMS norm, rotary positions, SwiGLU, tied embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Config:
    """Sizes of the network."""

    vocabulary: int
    width: int = 224
    layers: int = 6
    heads: int = 7
    hidden: int = 576
    rope_base: float = 10000.0
    context: int = 1024
    epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads


def rotary_tables(config: Config) -> tuple[Tensor, Tensor]:
    """Cosines and sines, one row per position."""
    frequencies = config.rope_base ** (-torch.arange(0, config.head_width, 2).float() / config.head_width)
    angles = torch.outer(torch.arange(config.context).float(), frequencies)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions, "rotate half" layout: element i pairs with i + half. (The export permutes.)"""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Attention, written out: on a CPU its gradient takes half as long as torch's for narrow heads."""
    scores = (query * query.shape[-1] ** -0.5) @ key.mT + mask.to(query.dtype)
    return scores.float().softmax(-1).to(value.dtype) @ value


class Block(nn.Module):
    """One transformer layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        width, hidden = config.width, config.hidden
        self.attention_norm = nn.Parameter(torch.ones(width))
        self.mlp_norm = nn.Parameter(torch.ones(width))
        self.query, self.key, self.value, self.output = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor) -> Tensor:
        """``mask`` is added to the attention scores."""
        config = self.config
        batch, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, length, config.heads, config.head_width).transpose(1, 2)

        normed = F.rms_norm(x, (width,), self.attention_norm, config.epsilon)
        query, key = (
            rotate(split(self.query(normed)), cosine, sine),
            rotate(split(self.key(normed)), cosine, sine),
        )
        mixed = attention(query, key, split(self.value(normed)), mask)
        x = x + self.output(mixed.transpose(1, 2).reshape(batch, length, width))
        normed = F.rms_norm(x, (width,), self.mlp_norm, config.epsilon)
        return x + self.down(F.silu(self.gate(normed)) * self.up(normed))


class Model(nn.Module):
    """The whole network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_norm = nn.Parameter(torch.ones(config.width))
        cosine, sine = rotary_tables(config)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                residual = 0.35 if ".output." in name or ".down." in name else 1.0
                nn.init.normal_(
                    parameter, std=0.02 if "embedding" in name else residual * parameter.shape[1] ** -0.5
                )

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """The last hidden states, of which :meth:`logits` makes scores. Without a mask it is causal."""
        x = self.embedding(ids)
        length = ids.shape[1]
        if mask is None:
            mask = torch.full((length, length), float("-inf")).triu(1)
        for block in self.blocks:
            x = block(x, self.cosine[:length], self.sine[:length], mask)
        return F.rms_norm(x, (self.config.width,), self.final_norm, self.config.epsilon)

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores for the next token, from the hidden states."""
        return F.linear(hidden, self.embedding.weight)


def load(path: str) -> Model:
    """The model of a checkpoint, ready to use."""
    checkpoint = torch.load(path, weights_only=True)
    model = Model(Config(**checkpoint["config"]))
    model.load_state_dict(checkpoint["weights"])
    return model.eval()
