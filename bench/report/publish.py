"""
What is kept in the repository: the last tables, on the benchmark's own page with their picture, and a line for each run
in its history.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from report.document import Document
from report.markdown import to_markdown
from report.svg import to_svg
from servers.tools import BENCH

_PAGE: Final = "README.md"
_PICTURE: Final = "last.svg"
_HISTORY: Final = "history.jsonl"
_HEADING: Final = "## The last run\n"


def publish(document: Document, folder: Path = BENCH) -> None:
    """
    Put *document* on the page in *folder*, in place of the run that was there, and add its line to the history.
    """
    page = folder / _PAGE
    text = page.read_text(encoding="utf-8").partition(_HEADING)[0]
    picture = f"![The same as a picture]({_PICTURE})"
    page.write_text(f"{text}{_HEADING}\n{to_markdown(document)}\n{picture}\n", encoding="utf-8")
    (folder / _PICTURE).write_text(to_svg(document), encoding="utf-8")
    with (folder / _HISTORY).open("a", encoding="utf-8") as history:
        history.write(f"{json.dumps(_summary(document))}\n")


def _summary(document: Document) -> Document:
    """
    Return the medians of *document*, and where they were measured.
    """
    return {
        "version": document["version"],
        "machine": document["machine"],
        "arguments": document["arguments"],
        "tables": [
            {
                "name": table["name"],
                "title": table["title"],
                "medians": {
                    row["name"]: {key: figure and figure["median"] for key, figure in row["figures"].items()}
                    for row in table["rows"]
                },
            }
            for table in document["tables"]
        ],
    }
