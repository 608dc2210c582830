"""
Draws docs/batching.svg: how long requests take against how many are answered, without batches and with them, for 1 to
64 clients of the processor of the table of batches (tables/batches.py).

    make bench-plot                                             a minute and a half
    python bench/batching_plot.py --seconds 1 FILE              sooner, into another file
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from measuring import wrk
from measuring.wrk import Load
from report.curves import Curve, draw_curves
from servers.server import started
from servers.tools import BenchError, tool
from tables.batches import cpp_server

_PICTURE: Final = Path(__file__).parent.parent / "docs" / "batching.svg"
_CLIENTS: Final = (1, 2, 4, 8, 16, 32, 64)
_FORMS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "off": ("#999", ()),
    "fixed": ("#e0a100", ("--batching", "fixed", "--max-batch-timeout", "5")),
    "adaptive": ("#1f6fb2", ("--batching", "adaptive")),
}
"""The waiting time of `fixed` is a tenth of EAS's default, so that few clients are seen in the same picture."""


def main() -> int:
    """
    Measure, and write the picture.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=_PICTURE)
    parser.add_argument("--clients", type=_numbers, default=_CLIENTS, metavar="N,N", help="the points of each curve")
    parser.add_argument("--seconds", type=int, default=4, help="of load for each number of clients [4]")
    options = parser.parse_args()
    try:
        tool("wrk")
        curves = [
            Curve(form, color, _measure(form, words, options.clients, options.seconds))
            for form, (color, words) in _FORMS.items()
        ]
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    options.file.write_text(draw_curves(curves), encoding="utf-8")
    return 0


def _measure(form: str, words: Sequence[str], clients: Sequence[int], seconds: int) -> list[tuple[str, float, float]]:
    points = []
    with started(cpp_server(form, words)) as running:
        for count in clients:
            sample = wrk.measure(running, Load(count, 32), seconds)
            print(f"{form}, {count}: {sample['rate']:.0f}/s, p50 {sample['p50_ms']:.2f} ms", flush=True)
            points.append((str(count), sample["rate"], sample["p50_ms"]))
    return points


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
