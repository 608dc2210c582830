"""
The other side of support/load_client.py: starts the load client, follows its progress, ends it and reads its record.

What a test does "meanwhile" is paced by answers, not by a clock: `wait_answers(300)` returns when 300 more
requests were answered.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support import TIMEOUT
from support.host import Host
from support.log import Log

if TYPE_CHECKING:
    from typing_extensions import Self

PROGRAM = Path(__file__).with_name("load_client.py")


@dataclass(frozen=True)
class Summary:
    asked: int
    answered: int
    statuses: dict[str, int]
    versions: dict[str, int]
    wrong: list[str]
    wrong_count: int

    def check(self) -> None:
        """Each request was answered, once, with what belongs to it."""
        assert self.wrong_count == 0, f"{self.wrong_count} wrong answers, such as:\n" + "\n".join(self.wrong)
        assert self.answered == self.asked > 0


class LoadRun:
    def __init__(self, host: Host, **options: str | int | Path) -> None:
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self.report = int(str(options.get("report", 200)))
        self._log = Log()
        self._seen = 0
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), "--port", str(host.address[1]), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._log.follow(self._process.stdout, "stdout")
        self._log.follow(self._process.stderr, "stderr")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.wait_end()

    def wait_answers(self, more: int) -> None:
        """Waits until about *more* further requests are answered."""
        lines = max(1, more // self.report)
        self._log.wait("^answers", self._seen, "stdout", times=lines)
        self._seen = self._log.position()

    def finish(self) -> Summary:
        """Stops asking, waits for the last answers and returns the record."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self.wait_end()

    def wait_end(self, timeout: float = TIMEOUT) -> Summary:
        """Waits until the client has ended by itself."""
        record = self._log.wait(r"^\{.*\}$", stream="stdout", timeout=timeout)
        assert self._process.wait(TIMEOUT) == 0, self._log.text(stream="stderr")
        return Summary(**json.loads(record[0]))
