"""What ``import genkit`` costs beyond bare Python, in CPU time of a fresh interpreter::

python benchmarks/imports.py            # seconds
python benchmarks/imports.py --smoke
"""

from __future__ import annotations

import statistics
import subprocess
import sys

from report import Report, options


def cost(code: str, rounds: int) -> float:
    """The median, in milliseconds, with the files in the cache of the system."""
    timed = f"import time; t = time.process_time(); {code}; print((time.process_time() - t) * 1e3)"
    costs = [
        float(subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True).stdout)
        for _ in range(rounds + 1)
    ]
    return statistics.median(costs[1:])


def main() -> None:
    smoke = options(__doc__).smoke
    report, rounds = Report(smoke=smoke), 1 if smoke else 15
    report.at_most("import genkit", cost("import genkit", rounds), 30, "ms")
    report.figure("  and genkit.Generator", cost("import genkit; genkit.Generator", rounds), "ms")
    report.figure("import httpx", cost("import httpx", rounds), "ms")
    report.end()


if __name__ == "__main__":
    main()
