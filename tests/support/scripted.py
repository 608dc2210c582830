"""
Processors whose behaviour a file decides: processors/cpp/scripted.cc and processors/python/held.py.
"""

from __future__ import annotations

from pathlib import Path

from support.gate import Gate


class ScriptedBehaviour:
    """The file that decides what such a processor does at a moment of its life, such as its next load."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set("ok")

    def set(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")

    def gate(self, gate: Gate) -> None:
        """The next load waits at *gate*."""
        self.set(f"gate:{gate.folder}")
