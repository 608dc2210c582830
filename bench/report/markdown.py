"""
A run as text: tables that read well in a terminal and in Markdown.

Each figure is the median of the rounds. Behind the main ones stands their spread, half of the way from the lowest to
the highest round: what is nearer than that to another figure does not differ from it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from report.document import Document


def to_markdown(document: Document) -> str:
    """
    Return the whole run.
    """
    blocks = [format_machine(document), *map(format_table, document["tables"]), format_settings(document)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def format_machine(document: Document) -> str:
    """
    Return where and how it was measured.
    """
    machine = document["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    arguments = shlex.join(document["arguments"])
    command = f'make bench BENCH_ARGS="{arguments}"' if arguments else "make bench"
    busy = " The machine was busy with something else, so expect lower figures." if machine["busy"] else ""
    return (
        f"`{command}`, commit {machine['commit']}, {machine['date'][:10]}: median of {document['rounds']} rounds."
        f" {machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']:.0f} GiB,"
        f" Linux {machine['kernel']}; {versions}.{busy}"
    )


def format_table(table: Document) -> str:
    """
    Return *table* with its title, and with what could not be measured.
    """
    columns = table["columns"]
    heading = [table["name"], *(text for column in columns for text in _headings(column))]
    lines = [
        [row["name"], *(text for column in columns for text in _cells(row["figures"][column["key"]], column))]
        for row in table["rows"]
    ]
    missing = [f"Not measured: {one['name']}: {_last_line(one['reason'])}" for one in table["missing"]]
    blocks = [f"{table['title']}:", "\n".join(_layout(heading, lines)), table["remark"], *missing]
    return "\n\n".join(block for block in blocks if block)


def format_settings(document: Document) -> str:
    """
    Return how each server was set up: in one way or, in tables that vary that, in several.
    """
    settings = dict.fromkeys(
        f"- {one.get('subject', one['name'])}: {one['settings']}"
        for table in document["tables"]
        for one in (*table["rows"], *table["missing"])
    )
    return "\n".join(["How each is set up:", "", *settings])


def _headings(column: Document) -> list[str]:
    return [column["title"], "±"] if column["drawn"] else [column["title"]]


def _cells(figure: Document | None, column: Document) -> list[str]:
    """
    Return the *figure* of *column*, and its spread if that is shown.
    """
    if figure is None:
        return ["-"] * len(_headings(column))
    middle = f"{figure['median']:,.{column['digits']}f}"
    if not column["drawn"]:
        return [middle]
    spread = (figure["high"] - figure["low"]) / 2 / figure["median"] if figure["median"] else 0.0
    return [middle, f"{spread:.0%}"]


def _last_line(reason: str) -> str:
    lines = reason.strip().splitlines()
    return lines[0] if len(lines) <= 1 else f"{lines[0]} ... {lines[-1]}"


def _layout(heading: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """
    Yield a table of Markdown; the first column is aligned to the left, numbers to the right.
    """
    table = [heading, *lines]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    for first, *others in table:
        yield f"| {' | '.join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])])} |"
