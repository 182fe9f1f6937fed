"""How the benchmarks tell their figures: each with its goal, and an exit code for all of them."""

from __future__ import annotations

import argparse
import sys


def options(description: str | None) -> argparse.Namespace:
    """The command line of a benchmark: ``--smoke`` only shows that it runs."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true", help="seconds: shows that it runs, judges nothing")
    return parser.parse_args()


class Report:
    """Prints figures as they come, and ends the program: with 1 if one of them missed its goal.

    Args:
        smoke: whether the figures mean nothing, so that none can miss.
    """

    def __init__(self, *, smoke: bool) -> None:
        self._smoke = smoke
        self._missed = False

    def figure(self, name: str, value: float, unit: str = "") -> None:
        """A figure without a goal, to compare with."""
        self._line(name, value, unit, "")

    def at_most(self, name: str, value: float, goal: float, unit: str = "") -> None:
        """A figure that should not be above its goal."""
        self._judge(name, value, unit, f"at most {goal:g}", missed=value > goal)

    def at_least(self, name: str, value: float, goal: float, unit: str = "") -> None:
        """A figure that should not be below its goal."""
        self._judge(name, value, unit, f"at least {goal:g}", missed=value < goal)

    def end(self) -> None:
        """Exit."""
        sys.exit(1 if self._missed else 0)

    def _judge(self, name: str, value: float, unit: str, goal: str, *, missed: bool) -> None:
        self._missed |= missed and not self._smoke
        self._line(name, value, unit, f"goal: {goal}" + (", MISSED" if missed and not self._smoke else ""))

    def _line(self, name: str, value: float, unit: str, goal: str) -> None:
        print(f"{name:56} {value:9.2f} {unit:3} {goal}".rstrip(), flush=True)
