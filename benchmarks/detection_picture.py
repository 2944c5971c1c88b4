"""A picture of detection rates against the height of a fault, as SVG without a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 300, 52, 44, 16, 90
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Okabe and Ito 2008: told apart by colour-blind people too."""
DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True)
class _Scale:
    """From heights and shares to pixels; heights are on a logarithmic axis."""

    low: float
    high: float

    def x(self, height: float) -> float:
        return LEFT + log2(height / self.low) / log2(self.high / self.low) * (WIDTH - LEFT - RIGHT)

    def y(self, share: float) -> float:
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def draw(curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """The curves by name, each as (height in standard deviations, share found)."""
    heights = sorted({height for curve in curves.values() for height, _ in curve})
    scale = _Scale(heights[0], heights[-1])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    )
    return "\n".join([head, *_axes(scale, heights), *_lines(scale, curves), "</svg>", ""])


def _axes(scale: _Scale, heights: Sequence[float]) -> list[str]:
    made = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = scale.y(share)
        made.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        made.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    y = HEIGHT - BOTTOM + 18
    made += [f'<text x="{scale.x(height):.1f}" y="{y}" text-anchor="middle">{height:g}</text>' for height in heights]
    middle, title = (LEFT + WIDTH - RIGHT) / 2, "height in standard deviations of a row"
    made.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{title}</text>')
    return made


def _lines(scale: _Scale, curves: Mapping[str, Sequence[tuple[float, float]]]) -> list[str]:
    made = []
    for at, (name, curve) in enumerate(curves.items()):
        colour, dash = COLOURS[at % len(COLOURS)], DASHES[at % len(DASHES)]
        points = " ".join(f"{scale.x(height):.1f},{scale.y(share):.1f}" for height, share in curve)
        made.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        y = TOP + 14 + 18 * at
        x = WIDTH - RIGHT + 12
        made.append(
            f'<line x1="{x}" x2="{x + 24}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dash}"/><text x="{x + 30}" y="{y}">{name}</text>'
        )
    return made
