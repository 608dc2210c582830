"""
Every ```sh block of the READMEs and of docs/ must succeed, and print what stands below it.

A block runs as a user would run it, from the top of the repository with the `.venv` active, and by itself: it
starts and stops its own server. A ```text block below it shows what it prints; there `...` stands for any
text. The port that the documents use, 8080, is replaced by a free one, so that the tests disturb nobody.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from support import proc
from support.build import ROOT

BLOCK_SECONDS = 300  # only ever reached by a block that hangs: the slowest starts a JVM
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """
    One ```sh block: where it stands, its text, and what a ```text block below it promises.
    """

    name: str
    script: str
    output: str


def blocks() -> Iterator[Block]:
    for document in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/**/README.md"))]:
        text = document.read_text(encoding="utf-8")
        fences = list(FENCE.finditer(text))
        for fence, following in itertools.pairwise([*fences, None]):
            if fence is not None and fence[1] == "sh":
                line = text.count("\n", 0, fence.start()) + 1
                output = following[2] if following is not None and following[1] == "text" else ""
                yield Block(f"{document.relative_to(ROOT)}:{line}", fence[2], output)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def environment(port: int) -> dict[str, str]:
    """
    What a user has after `. .venv/bin/activate`, with the port replaced in the defaults too.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    address = f"127.0.0.1:{port}"
    # `make test` tells its own children how it was called; a make that a user starts knows nothing of it.
    foreign = ("EAS_HOST_", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"PATH": path, "EAS_HOST_LISTEN": address, "LISTEN": address, "EAS_TEST_MARK": uuid.uuid4().hex}


@contextlib.contextmanager
def group(
    *command: str, env: dict[str, str], stderr: int | IO[str] = subprocess.STDOUT
) -> Iterator[subprocess.Popen[str]]:
    """
    Run *command* at the top of the repository, and end whatever it leaves running; a host that was told to stop has
    its time.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pid in proc.marked(f"EAS_TEST_MARK={env['EAS_TEST_MARK']}"):  # of --detach, whose block has failed
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in blocks()])
def test_shell_block_prints_what_the_document_promises(block: Block, port: int, environment: dict[str, str]) -> None:
    """The lines of each stream come in the document's order; a log's may come in the middle of what curl prints."""
    script = f"set -euo pipefail\n{block.script}".replace("8080", str(port))
    with tempfile.TemporaryFile("w+") as errors, group("bash", "-c", script, env=environment, stderr=errors) as bash:
        printed, _ = bash.communicate(timeout=BLOCK_SECONDS)
        errors.seek(0)
        rest = [printed, errors.read()]
        if bash.returncode == 0:
            proc.wait_until_gone(proc.marked(f"EAS_TEST_MARK={environment['EAS_TEST_MARK']}"))
    everything = "\n".join(rest)
    assert bash.returncode == 0, everything
    for line in block.output.replace("8080", str(port)).splitlines():
        pattern = ".*".join(map(re.escape, line.split("...")))
        found = [(number, match) for number, text in enumerate(rest) if (match := re.search(pattern, text))]
        assert found, f"{line!r} is not in what is left of\n{everything}"
        stream, match = found[0]
        rest[stream] = rest[stream][match.end() :]


def test_make_run_prints_a_curl_line_that_works(environment: dict[str, str]) -> None:
    """`make run` ends on SIGTERM as the host itself does."""
    with group("make", "run", "LISTEN=127.0.0.1:0", env=environment) as make:
        assert make.stdout is not None
        hint = next((line for line in make.stdout if line.startswith("try: curl ")), None)
        assert hint, "make run ended without a line to try"
        command = [*shlex.split(hint.removeprefix("try: ")), "-sS"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=BLOCK_SECONDS)
        assert answer.stdout.startswith('{"modelfiles": "/')
        assert answer.stdout.endswith(',labels.txt,weights.csv", "inputcontent", "hello"}')
        os.killpg(make.pid, signal.SIGTERM)
        make.stdout.read()  # until the last process that could print has ended
        make.wait(timeout=BLOCK_SECONDS)


def test_readme_lists_exactly_the_options_of_help(environment: dict[str, str]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    helped = subprocess.run(["eas-host", "--help-all"], env=environment, capture_output=True, text=True, check=True)
    documented = set(re.findall(r"^\| `(--[\w-]+)", readme, re.MULTILINE))
    offered = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", helped.stdout, re.MULTILINE)) - {
        "--help",
        "--help-all",
        "--version",
    }
    assert offered == documented
