"""
The ```sh blocks of documents, run as a user would run them: from the top of the repository with the `.venv` active,
each by itself. A ```text block below one shows what it prints; there `...` stands for any text.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

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


def blocks(documents: Iterable[Path]) -> Iterator[Block]:
    for document in documents:
        text = document.read_text(encoding="utf-8")
        fences = list(FENCE.finditer(text))
        for fence, following in itertools.pairwise([*fences, None]):
            if fence is not None and fence[1] == "sh":
                line = text.count("\n", 0, fence.start()) + 1
                output = following[2] if following is not None and following[1] == "text" else ""
                yield Block(f"{document.relative_to(ROOT)}:{line}", fence[2], output)


def fenced(document: Path, language: str) -> list[str]:
    """
    List the texts of the fences of *language* in *document*.
    """
    return [text for kind, text in FENCE.findall(document.read_text(encoding="utf-8")) if kind == language]


def user_environment(port: int) -> dict[str, str]:
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


def check_block(block: Block, script: str, output: str, environment: dict[str, str]) -> None:
    """
    Run *script*, the text of *block* as it is to be run here, and demand that it succeeds and prints *output*. The
    lines of each stream come in the document's order; a log's may come in the middle of what curl prints.
    """
    bash = ("bash", "-c", f"set -euo pipefail\n{script}")
    with tempfile.TemporaryFile("w+") as errors, group(*bash, env=environment, stderr=errors) as running:
        printed, _ = running.communicate(timeout=BLOCK_SECONDS)
        errors.seek(0)
        rest = [printed, errors.read()]
        if running.returncode == 0:
            proc.wait_until_gone(proc.marked(f"EAS_TEST_MARK={environment['EAS_TEST_MARK']}"))
    everything = "\n".join(rest)
    assert running.returncode == 0, f"{block.name}:\n{everything}"
    for line in output.splitlines():
        pattern = ".*".join(map(re.escape, line.split("...")))
        found = [(number, match) for number, text in enumerate(rest) if (match := re.search(pattern, text))]
        assert found, f"{block.name}: {line!r} is not in what is left of\n{everything}"
        stream, match = found[0]
        rest[stream] = rest[stream][match.end() :]
