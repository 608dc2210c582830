"""
Every ```sh block of the READMEs and of docs/ must succeed, and print what stands below it (tests/support/documents.py).
The port that the documents use, 8080, is replaced by a free one, so that the tests disturb nobody.
Those of docs/deploy/container.md need an image, and are run where that is made (tests/operations/test_container.py).
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess

import pytest

from support.build import ROOT
from support.documents import BLOCK_SECONDS, Block, blocks, check_block, group, user_environment
from support.network import free_port

ELSEWHERE = {ROOT / "docs" / "deploy" / "container.md"}
DOCUMENTS = [
    ROOT / "README.md",
    *sorted({*ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/README.md")} - ELSEWHERE),
]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def environment(port: int) -> dict[str, str]:
    return user_environment(port)


@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in blocks(DOCUMENTS)])
def test_shell_block_prints_what_the_document_promises(block: Block, port: int, environment: dict[str, str]) -> None:
    script, output = (text.replace("8080", str(port)) for text in (block.script, block.output))
    check_block(block, script, output, environment)


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
