"""The plot of memory over partitions, in docs/assets: `python -m bench.growth_plot`.

It is made of what `python -m bench growth` has measured last.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.growth import COMMAND, WORKER

RESULTS = Path(__file__).with_name("results.json")
PLOT = Path(__file__).parents[1] / "docs/assets/memory-over-partitions.svg"
_COLOURS = {COMMAND: "#1f6feb", WORKER: "#bc4c00"}
_WIDTH, _HEIGHT, _LEFT, _BELOW, _ABOVE, _RIGHT = 640, 320, 60, 48, 28, 150
Points = list[tuple[int, float]]


def lines(case: Mapping[str, Any]) -> dict[str, Points]:
    """Give for each kind of process the partitions and the MB that it took."""
    points: dict[str, Points] = {}
    for row in case["rows"]:
        size, _, process = row["contender"].partition(" partitions, ")
        points.setdefault(process or COMMAND, []).append((_number(size), float(row["mb"])))
    return points


def _number(text: str) -> int:
    return int(text.split(maxsplit=1)[0].replace(",", ""))


def svg(points: Mapping[str, Points]) -> str:
    """Draw them: partitions from left to right, each step tenfold; MB upwards, from 0."""
    sizes = sorted({size for line in points.values() for size, _ in line})
    top = math.ceil(max(mb for line in points.values() for _, mb in line) / 200) * 200
    span = math.log(sizes[-1] / sizes[0]) or 1.0

    def place(size: int, mb: float) -> tuple[float, float]:
        along = math.log(size / sizes[0]) / span
        return (_LEFT + along * (_WIDTH - _LEFT - _RIGHT),
                _HEIGHT - _BELOW - mb / top * (_HEIGHT - _BELOW - _ABOVE))  # fmt: skip

    drawn = [_axis(place, sizes, top)]
    for process, line in points.items():
        drawn.append(_line([place(*point) for point in line], process, _COLOURS[process]))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12" role="img">\n'
        "<title>Memory of the command and of its largest worker over partitions</title>\n"
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>\n'
    )
    return head + "".join(drawn) + "</svg>\n"


def _axis(place: Any, sizes: Sequence[int], top: int) -> str:
    """Draw the numbers beside and below, and a line for each 200 MB."""
    parts = []
    for mb in range(0, top + 1, 200):
        (left, y), (right, _) = place(sizes[0], mb), place(sizes[-1], mb)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" '
                     f'stroke="#d0d7de"/>\n<text x="{left - 8}" y="{y + 4:.1f}" '
                     f'text-anchor="end">{mb:,}</text>\n')  # fmt: skip
    parts.append(f'<text x="8" y="{_ABOVE - 10}">MB</text>\n')
    for size in sizes:
        x, y = place(size, 0)
        parts.append(f'<text x="{x:.1f}" y="{y + 20}" text-anchor="middle">{size:,}</text>\n')
    x = place(sizes[0], 0)[0]
    parts.append(f'<text x="{x}" y="{_HEIGHT - 8}">partitions</text>\n')
    return "".join(parts)


def _line(points: Sequence[tuple[float, float]], process: str, colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>\n'
                   for x, y in points)  # fmt: skip
    x, y = points[-1]
    name = f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{process}</text>'
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    return f"{line}\n{dots}{name}\n"


def write() -> None:
    """Draw what was measured last."""
    case = json.loads(RESULTS.read_text(encoding="utf-8"))["growth"]
    PLOT.write_text(svg(lines(case)), encoding="utf-8")


if __name__ == "__main__":
    write()
