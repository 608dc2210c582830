"""
The command `eas-host invoke`: output on standard output, everything else on standard error, and an exit code that says
how the call ended.
"""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from support import TIMEOUT, proc
from support.build import ProcessorBuilder
from support.columns import LANGUAGES
from support.command import Ended, run
from support.echo import echo
from support.gate import Gate
from support.host import clean_environment, program
from support.service import describe
from support.wire import command

__all__ = ["echo"]


def invoke(*words: str | Path) -> Ended:
    return run("invoke", *words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_output_is_all_that_standard_output_has(builder: ProcessorBuilder, language: str) -> None:
    ended = invoke(builder.contract(language), "-d", "hello")
    assert (ended.code, ended.stdout) == (0, "hello"), ended.stderr
    assert re.search(r"^status 200; 5 bytes; [\d.]+ ms; loaded in [\d.]+ s; [\d.]+ MiB in memory$", ended.complaint)


@pytest.mark.parametrize("words", [[], ["-D", "name=echoes"]])
def test_target_may_be_a_description_or_its_folder(echo: Path, words: list[str]) -> None:
    path = describe(echo.parent, name="echo", processor_type="python", processor_entry="echo.py", processor_path=".")
    for target in (path, path.parent):
        ended = invoke(target, *words, "-d", "hello")
        assert (ended.code, ended.stdout) == (0, "hello"), ended.stderr


def test_body_comes_from_text_file_or_standard_input(echo: Path, tmp_path: Path) -> None:
    """As curl does, -d takes newlines out of a file, and --data-binary does not."""
    body = tmp_path / "body"
    body.write_bytes(b"a\r\nb\n")
    assert invoke(echo, "-d", f"@{body}").stdout == "ab"
    assert invoke(echo, "--data-binary", f"@{body}").stdout == "a\nb\n"
    assert invoke(echo, "--data-binary", "text").stdout == "text"
    assert invoke(echo).stdout == ""
    words = [*program(), "invoke", str(echo), "-"]
    done = subprocess.run(
        words, input=b"\0\xff", env=clean_environment(), capture_output=True, timeout=TIMEOUT, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"\0\xff"), done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-d", "@absent"], "absent: No such file or directory; name a file with the body after @"),
        (["-d", "a", "-"], "the body is given twice"),
        (["-d", "a", "--data-binary", "b"], "not allowed with argument"),
        (["body"], "body: is an unexpected argument (see eas-host invoke --help)"),
        (["-n", "0"], "-n: '0'"),
        (["-n", "many"], "-n: 'many'"),
        (["--at-once", "0"], "--at-once: '0'"),
        (["--at-once", "2", "-d", "a", "-d", "b", "-n", "3"], "-n 3: --at-once compares two answers at least"),
        (["--entry", "other.py"], "--entry other.py"),
        (["-D", "name=x"], "-D name=x: overrides a field of a service.json"),
        (["--keepalife", "5"], "did you mean --keepalive?"),
    ],
)
def test_wrong_argument_is_named_in_one_line(echo: Path, words: list[str], said: str) -> None:
    invoke(echo, *words).fails_in_one_line(2, said)


def test_error_status_is_exit_code_22(echo: Path) -> None:
    ended = invoke(echo, "-d", "busy")
    assert (ended.code, ended.stdout) == (22, "busy")
    assert ended.complaint.startswith("status 503; ")


def test_processor_that_cannot_be_loaded_is_exit_code_3(builder: ProcessorBuilder, tmp_path: Path) -> None:
    invoke(builder.cpp("throws_in_initialize")).fails_with(3, "initialize threw")
    invoke(tmp_path / "absent.so").fails_in_one_line(3, "absent.so", "No such file")


def test_package_of_requirements_that_nobody_has_installed_is_explained(tmp_path: Path) -> None:
    """For a file by itself nothing is installed; another missing module has no such advice."""
    (tmp_path / "requirements.txt").write_text("# what it needs\nno-such-package==1.0\n", encoding="utf-8")
    for module, advised in (("no_such_package.core", True), ("no_such", False)):
        (tmp_path / "app.py").write_text(f"import {module}\n", encoding="utf-8")
        ended = invoke(tmp_path / "app.py")
        assert ended.code == 3, ended.stderr
        assert f"no module named {module.partition('.')[0]!r}; install it into" in ended.complaint
        assert ("here, pip install -r requirements.txt" in ended.complaint) == advised


@pytest.mark.parametrize("how", ["segv", "_exit:3"])
def test_crash_is_exit_code_4_and_runs_once(builder: ProcessorBuilder, tmp_path: Path, how: str) -> None:
    body = tmp_path / "body"
    body.write_bytes(command("die", how))
    ended = invoke(builder.contract("cpp"), "--data-binary", f"@{body}", "-n", "5")
    assert ended.code == 4, ended.stderr
    ran = r"while it ran POST /api/predict/contract \(\d+ bytes\)(?:: [^;]+)?; it stays down"
    assert len(re.findall(ran, ended.stderr)) == 1
    assert ended.complaint.startswith("status 500: the processor crashed; ")


def test_several_calls_are_summed_up(echo: Path) -> None:
    """The output is printed once; memory is compared with that after the first call."""
    ended = invoke(echo, "-n", "20", "-d", "hello")
    assert (ended.code, ended.stdout) == (0, "hello")
    assert re.search(
        r"^status 200 20 times; 5 bytes; [\d.]+ ms \([\d.]+ ms to [\d.]+ ms\); .* MiB since the first", ended.complaint
    )


def test_several_bodies_take_turns(echo: Path) -> None:
    """Each once, unless -n says how many calls there are; the last output is printed."""
    ended = invoke(echo, "-d", "hello", "-d", "busy")
    assert (ended.code, ended.stdout) == (22, "busy")
    assert ended.complaint.startswith("status 200 1 times, status 503 1 times; 4 bytes; ")
    assert invoke(echo, "-d", "hello", "-d", "busy", "-n", "3").stdout == "hello"


def test_call_takes_as_long_as_it_likes_unless_an_option_ends_it(echo: Path) -> None:
    ended = invoke(echo, "--keepalive", "200", "-d", "late")
    assert ended.code == 22
    assert "the call took longer than 0.2 s (--keepalive)" in ended.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_late_call_is_located(builder: ProcessorBuilder, tmp_path: Path, language: str) -> None:
    """As the log of a host has it, though the worker is to end at once."""
    body = tmp_path / "body"
    with Gate(tmp_path) as gate:
        body.write_bytes(gate.command())
        ended = invoke(builder.contract(language), "--keepalive", "200", "--data-binary", f"@{body}")
    assert ended.code == 22
    said, _, where = ended.stderr.partition("(408: the call took longer than 0.2 s (--keepalive)):")
    assert "where the busy worker thread" in said, ended.stderr
    assert re.search(r"\n +(at .*process|File .*in process)\b", where, re.IGNORECASE), ended.stderr


def test_ctrl_c_ends_a_call(echo: Path) -> None:
    """Its worker is gone, and nothing is printed that was no output."""
    words = [*program(), "invoke", str(echo), "-d", "late"]
    host = subprocess.Popen(
        words, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert host.stderr is not None
    assert any(b"waiting" in line for line in host.stderr)
    workers = proc.children(host.pid)
    host.send_signal(signal.SIGINT)
    out, _ = host.communicate(timeout=TIMEOUT)
    assert (host.returncode, out) == (130, b"")
    assert proc.wait_until_gone(workers, TIMEOUT) == []
