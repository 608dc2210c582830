"""
The measured steps as charts: bars in a terminal, and an SVG file.

Steps stand side by side at equal distances, since loads that double would crowd on one side of a linear axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from eas_host.load.measurement import Measurement
from eas_host.load.report import Result
from eas_host.log.table import table

_BAR: Final = 30
_WIDTH: Final = 720
_PANEL: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 40
_TICKS: Final = 4
_STYLE: Final = "text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.limit{stroke:#c00;stroke-dasharray:5 4}"


class _Series(NamedTuple):
    """
    A line of a chart: its name, its colour, and a value for each step.
    """

    name: str
    color: str
    values: Sequence[float]


def format_bars(steps: Sequence[Measurement], block: str) -> str:
    """
    Draw throughput and p99 of *steps*, with bars of the letter *block*.
    """
    throughputs = [step.throughput for step in steps]
    latencies = [step.latency.percentile(99) * 1000 for step in steps]
    rows = [
        (
            step.name,
            block * _bar_length(throughput, throughputs),
            f"{throughput:.1f}",
            block * _bar_length(latency, latencies),
            f"{latency:.2f}" if step.latency.count else "-",
        )
        for step, throughput, latency in zip(steps, throughputs, latencies, strict=True)
    ]
    return table(("", "requests/s", "", "p99 ms", ""), rows)


def draw_svg(result: Result) -> str:
    """
    Draw throughput and latencies of *result*, one above the other, as an SVG document.
    """
    steps = result.steps
    throughput = [_Series("successes", "#1f6fb2", [step.throughput for step in steps])]
    if steps[0].rate is not None:
        throughput.append(_Series("sent", "#999", [step.load for step in steps]))
    latencies = [
        _Series(name, color, [step.latency.percentile(percent) * 1000 for step in steps])
        for name, percent, color in (("p50", 50, "#2a9d5c"), ("p90", 90, "#e0a100"), ("p99", 99, "#d1495b"))
    ]
    if any(step.call.count for step in steps):
        latencies.append(_Series("call p50", "#7a5195", [step.call.percentile(50) * 1000 for step in steps]))
    labels = [f"{step.load:g}" for step in steps]
    axis = "requests sent a second" if steps[0].rate is not None else "concurrency"
    limit = None if result.slo is None else result.slo * 1000
    panels = [
        *_draw_panel(0, "requests/s", throughput, labels, axis, None),
        *_draw_panel(_PANEL, "milliseconds", latencies, labels, axis, limit),
    ]
    height = 2 * _PANEL
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<title>{escape(result.url)}</title>",
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" fill="white"/>',
            *panels,
            "</svg>\n",
        ]
    )


def _bar_length(value: float, values: Sequence[float]) -> int:
    most = max(values)
    return max(1, round(_BAR * value / most)) if value > 0 else 0


def _draw_panel(
    top: int, unit: str, series: Sequence[_Series], labels: Sequence[str], axis: str, limit: float | None
) -> Iterator[str]:
    """
    Yield the elements of one chart, whose upper edge is at *top*. *limit* is drawn as a line of its own.
    """
    tick = _tick_length(max([limit or 0.0, *(value for one in series for value in one.values)]))
    bottom = top + _PANEL - _BOTTOM
    scale = (_PANEL - _TOP - _BOTTOM) / (tick * _TICKS)
    step = (_WIDTH - _LEFT - _RIGHT) / len(labels)
    xs = [_LEFT + step * (at + 0.5) for at in range(len(labels))]
    for number in range(_TICKS + 1):
        y = bottom - tick * number * scale
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick * number:g}</text>'
    for x, label in zip(xs, labels, strict=True):
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{escape(label)}</text>'
    yield f'<text x="{_WIDTH - _RIGHT}" y="{bottom + 32}" text-anchor="end">{axis}</text>'
    yield f'<text x="{_LEFT}" y="{top + 24}">{unit}</text>'
    for number, one in enumerate(series):
        points = [(x, bottom - value * scale) for x, value in zip(xs, one.values, strict=True)]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline points="{joined}" fill="none" stroke="{one.color}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{one.color}"/>' for x, y in points)
        yield f'<text x="{_LEFT + 120 + 110 * number}" y="{top + 24}" style="fill:{one.color}">{one.name}</text>'
    if limit is not None:
        y = bottom - limit * scale
        yield f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_WIDTH - _RIGHT}" y="{y - 4:.1f}" text-anchor="end">--slo</text>'


def _tick_length(most: float) -> float:
    """
    Return the round distance of two ticks with which the highest of them is *most* at least.
    """
    return round_up(most / _TICKS) if most > 0 else 1.0


def round_up(value: float) -> float:
    """
    Return the smallest round number that is *value*, which is above 0, at least.
    """
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 2.5, 5, 10) if power * step >= value * 0.999999)
