"""
Runs of `eas-host` that are expected to end by themselves: help, wrong flags, processors that cannot be
loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support import TIMEOUT
from support.host import OUR_FRAMES, clean_environment, program
from support.host_forks import HostProcess


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str

    @property
    def complaint(self) -> str:
        """The one line that a failed command ends with."""
        lines = self.stderr.strip().splitlines()
        assert lines, f"exit code {self.code} without a word"
        return lines[-1]

    def fails_with(self, code: int, *words: str) -> None:
        """Demands exit *code*, one line that holds all *words*, and no frames of the host's own code."""
        assert self.code == code, f"exit code {self.code}\n{self.stdout}{self.stderr}"
        for word in words:
            assert word in self.complaint, f"{word!r} is not in: {self.complaint}"
        ours = [line for line in self.stderr.splitlines() if OUR_FRAMES.search(line)]
        assert ours == [], f"frames of the host's own code:\n{self.stderr}"
        assert "listening on" not in self.stdout

    def fails_in_one_line(self, code: int, *words: str) -> None:
        """Demands the same as `fails_with`, and that there is no other line."""
        self.fails_with(code, *words)
        assert len(self.stderr.strip().splitlines()) == 1, self.stderr


def run(*words: str | Path, cwd: Path | None = None, variables: Mapping[str, str] | None = None) -> Ended:
    """Runs `eas-host` with *words* and waits for its end."""
    variables = clean_environment() | dict(variables or {})
    with HostProcess([*program(), *map(str, words)], cwd or Path.cwd(), variables, text=True) as process:
        try:
            stdout, stderr = process.communicate(timeout=TIMEOUT)
        except BaseException:
            process.kill()
            raise
    return Ended(process.returncode, stdout, stderr)


def load(entry: Path | str, isolation: str = "process", *flags: str | Path, language: str | None = None) -> Ended:
    """Has a host load *entry*, which it is expected to refuse."""
    kind = ["--processor-type", language] if language else []
    return run("--entry", entry, "--listen", "127.0.0.1:0", "--isolation", isolation, *kind, *flags)
