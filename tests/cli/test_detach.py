"""
`--detach` starts a host in the background, and returns when its service takes requests or the start has failed.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import TIMEOUT, proc
from support.command import Ended, run
from support.host import LISTENING, clean_environment, program
from support.wire import Client

pytestmark = pytest.mark.real_starts

ECHO = """
import allspark


class Echo(allspark.BaseProcessor):
    def initialize(self):
        print("loading", flush=True)
        {initialize}

    def process(self, data):
        return data, 200
"""
FOREVER = "import threading; threading.Event().wait()"


def write_entry(folder: Path, initialize: str = "pass") -> Path:
    entry = folder / "echo.py"
    entry.write_text(ECHO.format(initialize=initialize), encoding="utf-8")
    return entry


def stop(ended: Ended) -> proc.Watch:
    """Runs the command that *ended* printed, and demands that the host ends."""
    pid = int(ended.stdout.removeprefix("kill "))
    watch = proc.Watch(pid)
    os.kill(pid, signal.SIGTERM)
    assert watch.wait()
    return watch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("detach")


@pytest.fixture(scope="module")
def cache(folder: Path) -> dict[str, str]:
    return {"EAS_HOST_CACHE": str(folder / "cache")}


@pytest.fixture(scope="module")
def detached(folder: Path, cache: dict[str, str]) -> Iterator[Ended]:
    ended = run("--entry", write_entry(folder), "--listen", "127.0.0.1:0", "--detach", variables=cache)
    assert ended.code == 0, ended.stderr
    yield ended
    stop(ended)


def address_of(ended: Ended) -> tuple[str, int]:
    match = re.search(LISTENING, ended.stderr)
    assert match, ended.stderr
    return match[2], int(match[3])


def log_of(ended: Ended) -> Path:
    match = re.search(r"its log is (\S+);", ended.stderr)
    assert match, ended.stderr
    return Path(match[1])


def test_it_returns_when_the_service_takes_requests(detached: Ended) -> None:
    with Client(address_of(detached)) as client:
        assert client.call(b"hello", "/").body == b"hello"


def test_standard_output_has_only_the_command_that_stops_it(detached: Ended) -> None:
    assert re.fullmatch(r"kill \d+\n", detached.stdout)


def test_the_start_is_shown_and_kept_in_the_named_log(detached: Ended, cache: dict[str, str]) -> None:
    path = log_of(detached)
    assert path.is_relative_to(cache["EAS_HOST_CACHE"])
    written = path.read_text(encoding="utf-8")
    assert "loading" in written
    assert detached.stderr.startswith(written)


def test_the_host_is_out_of_reach_of_the_terminal(detached: Ended) -> None:
    pid = int(detached.stdout.removeprefix("kill "))
    files = {number: (Path("/proc") / str(pid) / "fd" / str(number)).readlink() for number in range(3)}
    assert files == {0: Path(os.devnull), 1: log_of(detached), 2: log_of(detached)}
    assert proc.leads_session(pid)


def test_another_one_on_its_port_says_what_holds_it(detached: Ended, folder: Path, cache: dict[str, str]) -> None:
    """And leaves no log, since all of it has been shown."""
    logs = list((folder / "cache" / "logs").iterdir())
    listen = f"127.0.0.1:{address_of(detached)[1]}"
    ended = run("--entry", folder / "echo.py", "--listen", listen, "--detach", variables=cache)
    pid = detached.stdout.split()[1]
    ended.fails_with(4, "Address already in use", f"process {pid} listens there (", f"end it (kill {pid})")
    assert ended.stdout == ""
    assert list((folder / "cache" / "logs").iterdir()) == logs


def test_a_failed_start_ends_with_the_exit_code_of_the_host(tmp_path: Path, cache: dict[str, str]) -> None:
    entry = write_entry(tmp_path, "raise ValueError('no weights')")
    ended = run("--entry", entry, "--listen", "127.0.0.1:0", "--detach", variables=cache)
    ended.fails_with(3, "no weights")


def test_a_description_is_served_in_the_same_way(folder: Path, cache: dict[str, str], detached: Ended) -> None:
    description = folder / "service.json"
    description.write_text('{"name": "echo", "processor_entry": "./echo.py", "processor_type": "python"}')
    ended = run("test", description, "--detach", variables=cache)
    assert ended.code == 0, ended.stderr
    assert "[OK] Serving at: [http://localhost:" in ended.stderr
    assert log_of(ended) != log_of(detached)
    stop(ended)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_it_waits_ends_the_start(
    tmp_path: Path, cache: dict[str, str], number: signal.Signals, code: int
) -> None:
    entry = write_entry(tmp_path, FOREVER)
    waiting = subprocess.Popen(
        [*program(), "--entry", str(entry), "--listen", "127.0.0.1:0", "--detach"],
        env=clean_environment() | cache | {"EAS_TEST_MARK": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr is not None
    assert any(line == "loading\n" for line in waiting.stderr)
    waiting.send_signal(number)
    waiting.communicate(timeout=TIMEOUT)
    assert waiting.returncode == code
    assert proc.wait_until_gone(proc.marked(f"EAS_TEST_MARK={tmp_path}")) == []
