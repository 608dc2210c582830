"""
The pipe from which a processor takes the parts of its answer, by the verb `gated`: a part for each byte (streams.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import proc


class Pipe:
    """
    A named pipe, held open for reading and writing, so that nobody waits in open().

    Attributes:
        body: what a processor is sent that is to read it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(self.path)
        self._fd = os.open(self.path, os.O_RDWR)

    def write(self, data: bytes) -> None:
        os.write(self._fd, data)

    def close(self) -> None:
        os.close(self._fd)

    @property
    def body(self) -> bytes:
        return b"gated:" + os.fsencode(self.path)

    def wait_opened(self, pid: int) -> None:
        """Waits until process *pid* has opened it: the answer is being made, and has not begun."""
        while str(self.path) not in proc.open_files(pid):
            pass


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Pipe]:
    """One for a test."""
    made = Pipe(tmp_path / "pipe")
    yield made
    made.close()
