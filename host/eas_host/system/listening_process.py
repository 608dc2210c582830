"""
Which process listens on a port, as /proc shows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_LISTEN: Final = "0A"
"""The state in /proc/net/tcp."""
_PROC: Final = Path("/proc")


class ListeningProcess(NamedTuple):
    """
    A process by its number, and its command line.
    """

    pid: int
    command: str


def find_listening_process(port: int) -> ListeningProcess | None:
    """
    Return a process that listens on *port*, whatever the address; None if there is none, or if it is another user's.
    """
    links = {f"socket:[{inode}]" for inode in _listening_sockets(port)}
    for folder in _PROC.glob("[0-9]*") if links else ():
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if any(str(entry.readlink()) in links for entry in (folder / "fd").iterdir()):
                command = (folder / "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
                return ListeningProcess(int(folder.name), command.decode(errors="backslashreplace"))
    return None


def _listening_sockets(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]
