"""
Latency against throughput, as an SVG document: a curve for each form, with a point for each number of clients.

Latencies are drawn on a logarithmic scale: a good curve goes far to the right before it rises.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from eas_host.load.charts import round_up

_WIDTH: Final = 720
_HEIGHT: Final = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 90, 40, 50
_TICKS: Final = 5
_STYLE: Final = "text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.clients{font-size:10px;fill:#666}"


class Curve(NamedTuple):
    """
    A curve: its *name*, its *color*, and its *points*: the label, requests/s and milliseconds of each.
    """

    name: str
    color: str
    points: Sequence[tuple[str, float, float]]


def draw_curves(curves: Sequence[Curve]) -> str:
    """
    Draw *curves*, each with two points at least.
    """
    most = max(rate for curve in curves for _, rate, _ in curve.points)
    tick = round_up(most / _TICKS)
    times = [time for curve in curves for _, _, time in curve.points]
    lowest, highest = (math.floor(math.log10(min(times))), math.ceil(math.log10(max(times))))

    def place(rate: float, time: float) -> tuple[float, float]:
        x = _LEFT + rate / (tick * _TICKS) * (_WIDTH - _LEFT - _RIGHT)
        y = _HEIGHT - _BOTTOM - (math.log10(time) - lowest) / (highest - lowest) * (_HEIGHT - _TOP - _BOTTOM)
        return x, y

    elements = [*_axes(tick, lowest, highest)]
    for number, curve in enumerate(curves):
        places = [place(rate, time) for _, rate, time in curve.points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        elements.append(f'<polyline points="{joined}" fill="none" stroke="{curve.color}" stroke-width="2"/>')
        for (label, _, _), (x, y) in zip(curve.points, places, strict=True):
            elements.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{curve.color}"/>')
            elements.append(f'<text class="clients" x="{x + 5:.1f}" y="{y - 5:.1f}">{label}</text>')
        name_at = _WIDTH // 2 + 80 * number
        elements.append(f'<text x="{name_at}" y="{_TOP - 16}" style="fill:{curve.color}">{curve.name}</text>')
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    title = "<title>median latency against requests/s, by the number of clients</title>"
    paper = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([start, title, f"<style>{_STYLE}</style>", paper, *elements, "</svg>\n"])


def _axes(tick: float, lowest: int, highest: int) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for power in range(lowest, highest + 1):
        y = bottom - (power - lowest) / (highest - lowest) * (bottom - _TOP)
        yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
    for number in range(_TICKS + 1):
        x = _LEFT + number / _TICKS * (right - _LEFT)
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{number * tick:,.0f}</text>'
    yield f'<text x="{right}" y="{bottom + 36}" text-anchor="end">requests/s</text>'
    yield f'<text x="{_LEFT}" y="{_TOP - 16}">p50 in milliseconds, by the number of clients</text>'
