"""
Programs around the contract processor, written on the spot: what differs between two tests is a line or two.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.host import Host
from support.program import Program

_APP = """\
import sys
sys.path.append({folder!r})
import os, signal, threading, time
import allspark
import contract
from contract import Contract, gate, tell

{before}

if __name__ == "__main__":
{body}
"""

RUN = "Contract(worker_threads=3).run()\nprint('behind run', flush=True)"


class Apps:
    """
    Writes programs into *folder* and starts them, alone or under eas-host (a *way* other than "alone"; "none" is its
    --isolation none); all are stopped in the end.
    """

    def __init__(self, folder: Path, builder: ProcessorBuilder, running: ExitStack) -> None:
        self.folder = folder
        self._builder = builder
        self._running = running
        self._count = 0

    def write(self, body: str = RUN, before: str = "") -> Path:
        """`app.py` with *before* at its top level and *body* under its `if __name__ == "__main__":`."""
        self._count += 1
        path = self.folder / f"app-{self._count}" / "app.py"
        path.parent.mkdir(parents=True)
        contract = self._builder.python("contract.py").parent
        text = _APP.format(
            folder=str(contract), before=textwrap.dedent(before), body=textwrap.indent(textwrap.dedent(body), "    ")
        )
        path.write_text(text, encoding="utf-8")
        return path

    def begin(
        self, body: str = RUN, before: str = "", variables: Mapping[str, str] | None = None, way: str = "alone"
    ) -> Host:
        """Starts one and waits for nothing. It must be brought to its end by the test, or is killed."""
        app = self.write(body, before)
        if way == "alone":
            host: Host = Program(app.parent.with_name(f"{app.parent.name}-run"), app, (), variables)
        else:
            isolation = "none" if way == "none" else "process"
            host = Host(app.parent.with_name(f"{app.parent.name}-run"), variables, entry=app, isolation=isolation)
        self._running.callback(host.kill)
        return host

    def start(
        self, body: str = RUN, before: str = "", variables: Mapping[str, str] | None = None, way: str = "alone"
    ) -> Host:
        """Starts one, waits until it serves, and stops it after the test."""
        host = self._running.enter_context(self.begin(body, before, variables, way))
        host.wait_for_log("Service start successfully", "stdout")
        return host


@pytest.fixture
def apps(builder: ProcessorBuilder, tmp_path: Path) -> Iterator[Apps]:
    with ExitStack() as running:
        yield Apps(tmp_path / "apps", builder, running)
