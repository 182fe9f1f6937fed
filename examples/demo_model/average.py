"""The average of two checkpoints of train.py: of two in a row, it errs less in most skills than either."""

from __future__ import annotations

import argparse

import torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("one")
    parser.add_argument("other")
    parser.add_argument("output")
    parser.add_argument("--share", type=float, default=0.65, help="of the first one")
    options = parser.parse_args()
    one, other = (torch.load(path, map_location="cpu") for path in (options.one, options.other))
    for name, weights in one["weights"].items():
        one["weights"][name] = torch.lerp(other["weights"][name].float(), weights.float(), options.share)
    torch.save(one, options.output)


if __name__ == "__main__":
    main()
