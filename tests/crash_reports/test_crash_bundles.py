"""
`--crash-dir`: a folder for each crash and each hang, with what it takes to have it again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from support import TIMEOUT
from support.gate import Gate
from support.host import Host, StartHost, clean_environment
from support.wire import command


def bundles(host: Host, folder: Path, count: int) -> list[Path]:
    """The bundles in *folder*, once the last files of *count* are there."""
    while len(list(folder.glob("*/report.json"))) < count or any(not whole(path) for path in folder.glob("*/*.json")):
        host.call(None, "/api/builtin/ping", "GET")
    return sorted(folder.iterdir())


def whole(path: Path) -> bool:
    return path.read_bytes().endswith(b"}\n")


def test_bundle_has_the_input_and_the_command_that_crashes_again(start: StartHost, tmp_path: Path) -> None:
    host = start(crash_dir=tmp_path / "crashes", model_config="a 'quoted' text")
    host.allow_log("SIGSEGV")
    body = command("die", "segv")
    answer = host.call(body).text
    (bundle,) = bundles(host, tmp_path / "crashes", 1)
    found = re.search(r"\(crash (\w+)\)", answer)
    assert found
    assert bundle.name.endswith(f"-{found[1]}")
    assert bundle.stat().st_mode & 0o077 == 0
    assert (bundle / "input").read_bytes() == body
    report = json.loads((bundle / "report.json").read_text())
    assert report["id"] == found[1]
    assert report["requests"][0]["request"] == "POST /api/predict/contract"
    assert (report["requests"][0]["size"], report["requests"][0]["input"]) == (len(body), "input")
    assert "SIGSEGV" in report["cause"]
    assert report["frames"]
    first, line, *_ = (bundle / "report.txt").read_text().splitlines()
    assert first == "To run it again:"
    assert line.strip() == report["command"]
    environment = clean_environment() | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    again = subprocess.run(
        ["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert again.returncode == 4, again.stderr
    assert "SIGSEGV" in again.stderr


def test_bundle_has_the_report_of_a_jvm(start: StartHost, tmp_path: Path) -> None:
    """Whole, from its first line to its last."""
    host = start("java", crash_dir=tmp_path / "crashes")
    host.allow_log("SIGSEGV")
    assert host.call(command("die", "segv")).status == 500
    (bundle,) = bundles(host, tmp_path / "crashes", 1)
    text = (bundle / "hs_err.log").read_text()
    assert text.startswith("# A fatal error has been detected by the Java Runtime Environment")
    assert "\nJava frames:" in text
    assert "\nEND.\n" in text


def test_newest_twenty_are_kept(start: StartHost, tmp_path: Path) -> None:
    host = start(crash_dir=tmp_path)
    host.allow_log("SIGABRT")
    numbers = [re.findall(r"\(crash (\w+)\)", host.call(command("die", "abort")).text)[0] for _ in range(22)]
    while not any(path.name.endswith(numbers[-1]) for path in tmp_path.iterdir()):
        host.call(None, "/api/builtin/ping", "GET")
    host.stop()
    assert len([path for path in tmp_path.iterdir() if path.name[-8:] in numbers]) == 20


def test_folder_that_cannot_be_written_is_named_once(start: StartHost, tmp_path: Path) -> None:
    """The answers are those without the option."""
    (tmp_path / "file").write_text("")
    host = start(crash_dir=tmp_path / "file" / "crashes")
    host.allow_log("SIGABRT")
    for _ in range(3):
        assert host.call(command("die", "abort")).status == 500
        assert host.call(b"next").body == b"next"
    host.wait_for_log(r"Not a directory; reports of crashes cannot be written \(--crash-dir\)")
    host.stop()
    assert host.log.text().count("--crash-dir") == 1


def test_hang_has_a_bundle_with_its_input(start: StartHost, gate: Gate, tmp_path: Path) -> None:
    host = start(worker_threads=2, keepalive=300, hang_timeout=0.2, crash_dir=tmp_path / "crashes")
    host.allow_log("hang-timeout")
    body = gate.command(b"for ever")
    with host.ask(body) as client:
        assert client.read().status == 408
    (bundle,) = bundles(host, tmp_path / "crashes", 1)
    assert (bundle / "input").read_bytes() == body
    assert "the host has killed the worker process" in (bundle / "report.txt").read_text()
