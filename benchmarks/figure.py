"""A line chart as SVG: a few lines of text, readable on a light page and on a dark one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 48, 52
COLOURS = ("#2563eb", "#dc7f17", "#6b7280", "#059669")


def draw(
    path: Path,
    title: str,
    axes: tuple[str, str],
    places: Sequence[int],
    series: Mapping[str, Sequence[float]],
) -> None:
    """Write a chart.

    Args:
        path: the file to write.
        title: what it shows.
        axes: what is told from left to right, and upwards from 0.
        places: the values from left to right, at equal distances.
        series: for each line its name, and its values at the places.
    """
    step = _step(max(max(values) for values in series.values()))
    top = step * -(-max(max(values) for values in series.values()) // step)

    def x(at: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at / max(len(places) - 1, 1)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="14" fill="#1f2937">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="28" font-size="16" font-weight="600">{escape(title)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{HEIGHT - 12}" text-anchor="middle">'
        f"{escape(axes[0])}</text>",
        f'<text x="18" y="{HEIGHT / 2:.1f}" text-anchor="middle" '
        f'transform="rotate(-90 18 {HEIGHT / 2:.1f})">{escape(axes[1])}</text>',
    ]
    for tick in range(round(top / step) + 1):
        height = y(tick * step)
        parts += [
            f'<path d="M{LEFT} {height:.1f}H{WIDTH - RIGHT}" stroke="#e5e7eb"/>',
            f'<text x="{LEFT - 8}" y="{height + 5:.1f}" text-anchor="end">{tick * step:g}</text>',
        ]
    parts += [
        f'<text x="{x(at):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{place}</text>'
        for at, place in enumerate(places)
    ]
    for number, values in enumerate(series.values()):
        colour, points = COLOURS[number % len(COLOURS)], [(x(at), y(v)) for at, v in enumerate(values)]
        line = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{across:.1f}" cy="{up:.1f}" r="4" fill="{colour}"/>' for across, up in points]
    below = 0.0
    for up, number, name in sorted(
        (y(values[-1]), n, name) for n, (name, values) in enumerate(series.items())
    ):
        below = max(up, below + 20)  # names of lines that end close together stay apart
        parts.append(
            f'<text x="{WIDTH - RIGHT + 12}" y="{below + 5:.1f}" fill="{COLOURS[number % len(COLOURS)]}">'
            f"{escape(name)}</text>"
        )
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _step(highest: float) -> float:
    """The distance of about five lines up to the highest value: 1, 2 or 5 times a power of ten."""
    size = 10.0 ** math.floor(math.log10(highest / 5))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor * 5 >= highest)
