"""
A user's program, started as its author would: `cd FOLDER; python app.py`.

It is held to what `Host` holds a host to: it promises service in a line, ends well, leaves nothing behind.
"""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from support import proc, processor_python
from support.build import TESTS
from support.host import Host, clean_environment
from support.log import Log

PROGRAMS = TESTS / "programs"


class Program(Host):
    """
    One program: `with Program(folder, entry) as program: program.call(b"...")`.

    Args:
        folder: an empty or missing folder; the program gets its temporary folder inside it.
        entry: its file; it runs in the folder of that.
        arguments: words behind the file's name.
        variables: added to the environment.
        interpreter: the Python that runs it; by default that of the tests' processors.
    """

    def __init__(
        self,
        folder: Path,
        entry: Path,
        arguments: tuple[str, ...] = (),
        variables: Mapping[str, str] | None = None,
        interpreter: str | Path | None = None,
    ) -> None:
        self.folder, self.entry, self.language, self.isolation = folder, entry, "python", "sidecar"
        self.log = Log()
        self.path, self.address = "", ("", 0)
        self._start = self._checked = 0
        self._announced: list[re.Pattern[str]] = []
        (folder / "tmp").mkdir(parents=True)
        self._mark = f"EAS_TEST_MARK={uuid.uuid4().hex}"
        key, _, value = self._mark.partition("=")
        environment = clean_environment() | {"TMPDIR": str(folder / "tmp"), "EAS_HOST_LISTEN": "127.0.0.1:0"}
        self.command = [str(interpreter or processor_python.program_python()), entry.name, *arguments]
        self.process = subprocess.Popen(
            self.command,
            cwd=entry.parent,
            env=environment | {key: value, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.follow(*self.followed)


def front_of(program: Host) -> int:
    """The process id of the front of *program*."""
    (pid,) = [pid for pid in proc.children(program.pid) if "eas_host.sidecar.main" in proc.command_line(pid)]
    return pid
