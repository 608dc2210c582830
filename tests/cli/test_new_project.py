"""
A new user gets from an empty folder to an answer of the packed archive with the commands of the README alone.

A new project's README has these commands; it is run as it stands. Only the port is another one.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support import TIMEOUT
from support.build import need
from support.command import run
from support.env import SITE, script
from support.host import Host, clean_environment
from support.network import free_port

FENCE = re.compile(r"^```sh\n(?P<script>.*?)^```\n\n```text\n(?P<output>.*?)^```$", re.MULTILINE | re.DOTALL)
TOOLS = {"cpp": ("make", "g++", "curl"), "java": ("make", "javac", "curl"), "python": ("curl",)}


def type_in(text: str, folder: Path, cache: Path) -> str:
    """Runs a README's block in *folder*, with the host's environment active; returns what it prints."""
    port = str(free_port())
    environment = clean_environment() | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "EAS_HOST_LISTEN": f"127.0.0.1:{port}",
        "XDG_CACHE_HOME": str(cache),
    }
    bash = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", text.replace("8080", port)],
        cwd=folder,
        env={name: value for name, value in environment.items() if not name.startswith(("MAKE", "MFLAGS"))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = bash.communicate(timeout=TIMEOUT)
    finally:
        if bash.poll() is None:
            os.killpg(bash.pid, signal.SIGKILL)
            bash.wait()
    assert bash.returncode == 0, printed
    return printed.replace(port, "8080")


@pytest.mark.parametrize("language", ["cpp", "java", "python"])
def test_every_command_in_the_readme_of_a_new_project_works(language: str, tmp_path: Path) -> None:
    """init, build, serve, ask, pack, test of what was packed, ask."""
    for tool in TOOLS[language]:
        need(tool)
    folder = tmp_path / "Score card"
    made = run("init", "--type", language, folder)
    assert (made.code, made.stderr) == (0, "")
    blocks = list(FENCE.finditer((folder / "README.md").read_text()))
    assert len(blocks) == 2
    for block in blocks:
        rest = type_in(block["script"], folder, tmp_path / "cache")
        assert " ignored: " not in rest, "what `init` writes has nothing to complain of"
        for line in block["output"].splitlines():
            found = re.search(".*".join(map(re.escape, line.split("..."))), rest)
            assert found, f"{line!r} is not in what is left of what\n{block['script']}printed:\n{rest}"
            rest = rest[found.end() :]
    [archive] = [*tmp_path.glob("*.tar.gz"), *folder.glob("*.tar.gz")]
    source = {"cpp": "libscore_card.so", "java": "score_card.jar", "python": "app.py"}[language]
    with tarfile.open(archive) as packed:
        assert source in packed.getnames()


def test_packed_pysdk_project_runs_on_its_own_env(tmp_path: Path) -> None:
    """
    pysdk init, test, pack, test of what was packed: the processor runs on ENV's Python each time, with what is
    installed there, and in the end without the folder that it was made in.
    """
    without_pip = f'case "$*" in *"import ensurepip"*) exit 1;; esac\nexec {sys.executable} "$@"'  # pip takes 5 s
    folder = tmp_path / "demo"
    made = run("pysdk", "init", "--python", script(tmp_path / "bin" / "python", without_pip), folder)
    assert made.code == 0
    (folder / "ENV" / SITE / "own.py").write_text("import sys; WHERE = sys.prefix\n")
    app = folder / "app.py"
    text = app.read_text().replace("import allspark\n", "import allspark\nimport own\n")
    app.write_text(text.replace("return str(verdict).encode()", "return own.WHERE.encode()"))

    cache = tmp_path / "cache"
    with Host(tmp_path / "first", None, ("test", folder / "app.json"), cache=cache) as host:
        host.log.wait(r"^\[OK\] Serving at: \[http://localhost:\d+/api/predict/demo\]$", stream="stdout")
        assert host.call(b"10 20").body.decode() == str(folder / "ENV")

    packed = run("pysdk", "pack", folder)
    assert packed.code == 0
    description = tmp_path / "app.json"
    (folder / "app.json").rename(description)
    folder.rename(tmp_path / "aside")
    words = ("test", description, "-D", "processor_path=demo.tar.gz")
    with Host(tmp_path / "second", None, words, cache=cache) as host:
        where = Path(host.call(b"10 20").body.decode())
        assert where.name == "ENV"
        assert where.is_relative_to(cache)
