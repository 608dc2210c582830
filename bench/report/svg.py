"""
A run as a picture: for each drawn column a bar for each row, with a line from its lowest round to its highest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from report.document import Document

_WIDTH: Final = 860
_LEFT: Final = 300
"""Room for the names of rows."""
_RIGHT: Final = 90
"""Room for the figure behind the longest bar."""
_ROW: Final = 22
_TITLE: Final = 60
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.bar{fill:#7fb0d8}.own{fill:#1f6fb2}"
    ".spread{stroke:#d1495b;stroke-width:2}"
)


def to_svg(document: Document) -> str:
    """
    Return the whole run as an SVG document.
    """
    elements: list[str] = []
    top = 0
    for table in document["tables"]:
        for column in (one for one in table["columns"] if one["drawn"]):
            elements += _chart(table, column, top)
            top += _TITLE + _ROW * len(table["rows"])
    size = f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<title>eas-host {escape(document['machine']['commit'])}</title>",
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" fill="white"/>',
            *elements,
            "</svg>\n",
        ]
    )


def _chart(table: Document, column: Document, top: int) -> Iterator[str]:
    """
    Yield the elements of *column* of *table*, whose upper edge is at *top*.
    """
    shown = [(row["name"], row["figures"][column["key"]]) for row in table["rows"]]
    most = max((figure["high"] for _, figure in shown if figure is not None), default=0.0)
    scale = (_WIDTH - _LEFT - _RIGHT) / most if most else 0.0
    yield f'<text class="title" x="8" y="{top + 28}">{escape(table["name"])}: {escape(column["title"])}</text>'
    yield f'<text x="8" y="{top + 46}">{escape(table["title"])}</text>'
    for number, (name, figure) in enumerate(shown):
        y = top + _TITLE + _ROW * number
        yield f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
        if figure is None:
            continue
        kind = "own" if name.startswith("eas-host") else "bar"
        low, middle, high = (_LEFT + figure[part] * scale for part in ("low", "median", "high"))
        yield f'<rect class="{kind}" x="{_LEFT}" y="{y + 2}" width="{middle - _LEFT:.1f}" height="{_ROW - 6}"/>'
        yield f'<line class="spread" x1="{low:.1f}" x2="{high:.1f}" y1="{y + 10}" y2="{y + 10}"/>'
        yield f'<text x="{high + 6:.1f}" y="{y + 14}">{figure["median"]:,.{column["digits"]}f}</text>'
