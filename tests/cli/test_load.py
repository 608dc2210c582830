"""
The command `eas-host load`: a report on standard output, the steps on standard error, and an exit code.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from support import TIMEOUT, proc
from support.build import ProcessorBuilder
from support.columns import LANGUAGES
from support.command import Ended, run
from support.echo import echo
from support.host import Host, StartHost, clean_environment, program
from support.service import describe
from support.wire import command

__all__ = ["echo"]

BRIEF = ("--seconds", "0.1")
TOKEN = "s3cret"  # noqa: S105  of no service but this test's

SLOW_IN_BATCHES = """
import time
import allspark

class Slow(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        time.sleep(0.002)
        return data, 200

    def batch_process(self, batch):
        time.sleep(0.002)
        return [(data, 200) for data in batch]
"""
IN_PARTS = """
import time
import allspark

class Parts(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        yield b"first"
        time.sleep(0.02)  # in the place of a computation
        yield b"last"
"""


def load(*words: str | Path) -> Ended:
    return run("load", *words, *([] if "--seconds" in words else BRIEF))


def load_json(*words: str | Path, code: int = 0) -> dict[str, Any]:
    ended = load(*words, "--json")
    assert ended.code == code, ended.stderr
    printed: dict[str, Any] = json.loads(ended.stdout)
    return printed


def url(host: Host) -> str:
    return f"http://{host.address[0]}:{host.address[1]}{host.path}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_processor_is_served_measured_and_advised(builder: ProcessorBuilder, language: str) -> None:
    """Each request was answered once, with the times that the host knows."""
    printed = load_json(builder.contract(language), "-d", "hello", "--concurrency", "1,3")
    assert [step["concurrency"] for step in printed["steps"]] == [1, 3]
    for step in printed["steps"]:
        assert step["sent"] == step["answered"] == step["succeeded"] == step["statuses"]["200"] > 0
        assert step["errors"] == step["lost"] == step["unanswered"] == 0
        assert step["call_ms"]["max"] <= step["latency_ms"]["max"]
        assert step["cpu_seconds"]["workers"] is not None
    assert printed["workers"] == {"type": language, "threads": 5, "processes": 1}
    assert printed["advice"]["worker_threads"] >= 1
    assert printed["advice"]["reason"].startswith("a call takes ")


@pytest.mark.every_python
def test_report_is_all_that_standard_output_has(echo: Path) -> None:
    ended = load(echo, "-d", "hello", "--rate", "40,80")
    assert ended.code == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("rate  requests/s")
    assert [line.split()[0] for line in lines[1:3]] == ["40", "80"]
    assert re.search(r"^most: [\d.]+ requests/s at rate \d+/s, p99 [\d.]+ ms$", ended.stdout, re.MULTILINE)
    assert re.search(r"^advice: worker_threads \d+, worker_processes \d+ \(now 5 and 1\): ", ended.stdout, re.MULTILINE)
    assert re.search(r"^rate 40/s: [\d.]+ requests/s, p99 [\d.]+ ms$", ended.stderr, re.MULTILINE)


def test_description_is_served_with_its_token_and_its_workers(echo: Path) -> None:
    """The first of its models is asked."""
    keys: dict[str, object] = {"processor_type": "python", "processor_path": ".", "processor_entry": "echo.py"}
    path = describe(echo.parent, name="echo", token=TOKEN, metadata={"rpc": {"worker_threads": 2}}, **keys)
    printed = load_json(path, "-d", "hello", "--concurrency", "1")
    assert printed["steps"][0]["errors"] == 0
    assert printed["workers"]["threads"] == 2
    generated = load_json(echo, "--generate-token", "--concurrency", "1")
    assert generated["steps"][0]["errors"] == 0


def test_service_that_runs_is_loaded_by_its_url(start: StartHost) -> None:
    """Without the headers of --explain only the whole time is known, and never the CPU time of its workers."""
    printed = load_json(url(start("python", token=TOKEN)), "--token", TOKEN, "--concurrency", "2")
    (step,) = printed["steps"]
    assert step["sent"] == step["answered"] == step["succeeded"] > 0
    assert (step["queue_ms"], step["call_ms"], printed["advice"]) == (None, None, None)
    explained = load_json(url(start("cpp", explain=True)), "--rate", "50")
    assert explained["steps"][0]["queue_ms"]["max"] >= 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_batches_are_counted_by_their_size(builder: ProcessorBuilder, language: str) -> None:
    """Four clients fill batches of two. Each request is in exactly one."""
    words = ("--batching", "fixed", "--max-batch-size", "2", "-d", "hello", "--concurrency", "4")
    (step,) = load_json(builder.contract(language), *words)["steps"]
    assert set(step["batch"]["requests"]) <= {"1", "2"}
    assert sum(step["batch"]["requests"].values()) == step["succeeded"]
    assert 1.5 < step["batch"]["mean"] <= 2
    printed = load_json(builder.contract(language), "-d", "hello", "--concurrency", "4")
    assert printed["steps"][0]["batch"] is None


def test_batches_are_suggested_to_a_processor_whose_requests_wait(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(SLOW_IN_BATCHES, encoding="utf-8")
    ended = load(app, "--concurrency", "16", "--worker-threads", "1")
    assert re.search(
        r"^batching: \d+ requests waited for one thread at concurrency 16, and the processor has batch_process: try"
        " --batching adaptive$",
        ended.stdout,
        re.MULTILINE,
    ), ended.stdout
    adaptive = load(app, "--concurrency", "1,16", "--worker-threads", "1", "--batching", "adaptive", "--seconds", "0.3")
    assert re.search(r"^batching: [\d.]+ requests in a call at concurrency 16; ", adaptive.stdout, re.MULTILINE)


def test_answers_in_parts_are_timed_to_their_first_byte_and_to_their_last(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(IN_PARTS, encoding="utf-8")
    (step,) = load_json(app, "--concurrency", "1")["steps"]
    assert step["sent"] == step["succeeded"] > 0
    assert step["latency_ms"]["p50"] - step["first_ms"]["p50"] >= 10  # half of it: this client may have read late
    assert step["call_ms"] is None


def test_bodies_of_a_folder_are_sent_in_turn(echo: Path, tmp_path: Path) -> None:
    """At a fixed rate a known number is sent: every second one is answered 503."""
    folder = tmp_path / "bodies"
    (folder / "no file").mkdir(parents=True)
    (folder / "1").write_text("hello", encoding="utf-8")
    (folder / "2").write_text("busy", encoding="utf-8")
    printed = load_json(echo, "--bodies", folder, "--rate", "100", "--seconds", "0.2", code=22)
    (step,) = printed["steps"]
    assert (step["sent"], step["statuses"]) == (20, {"200": 10, "503": 10})
    assert step["first_error"] == {"status": 503, "body": "busy"}


def test_errors_are_exit_code_22(echo: Path) -> None:
    ended = load(echo, "-d", "busy", "--concurrency", "1")
    assert ended.code == 22, ended.stderr
    assert re.search(r"^errors: \d+ x status 503\nthe first: 503: busy$", ended.stdout, re.MULTILINE)


def test_exception_of_many_requests_is_logged_once(builder: ProcessorBuilder, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(command("throw", "no such word"))
    ended = load(builder.contract("cpp"), "--data-binary", f"@{body}", "--concurrency", "1")
    assert re.search(r"^errors: ([2-9]|\d\d+) x status 400$", ended.stdout, re.MULTILINE), ended.stdout
    assert ended.stderr.count("process threw std::runtime_error: no such word") == 1


def test_limit_that_is_not_kept_is_exit_code_1(echo: Path) -> None:
    ended = load(echo, "--slo", "0.001")
    assert ended.code == 1, ended.stderr
    assert "no load was answered with p99 within 0.001 ms" in ended.stdout
    assert load(echo, "--slo", "60000", "--concurrency", "1").code == 0


def test_advice_is_tried(echo: Path) -> None:
    """A second host has the workers that are advised."""
    printed = load_json(echo, "-d", "hello", "--concurrency", "1", "--try", "--worker-processes", "3")
    assert printed["workers"]["processes"] == 3
    assert printed["trial"]["succeeded"] == printed["trial"]["sent"] > 0


def test_plot_is_written(echo: Path, tmp_path: Path) -> None:
    assert load(echo, "--concurrency", "1,2", "--plot", tmp_path / "load.svg").code == 0
    root = ET.parse(tmp_path / "load.svg").getroot()  # noqa: S314  our own
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 5


def test_plot_that_cannot_be_written_is_refused_before_the_run(echo: Path, tmp_path: Path) -> None:
    """A disk that is full is seen at the end only; the report is printed all the same."""
    load(echo, "--plot", tmp_path / "absent" / "load.svg").fails_in_one_line(2, "--plot: ", "there is no folder")
    load(echo, "--plot", tmp_path).fails_in_one_line(2, "--plot: ", "is a folder")
    ended = load(echo, "--concurrency", "1", "--plot", "/dev/full")
    ended.fails_with(2, "--plot: /dev/full: No space left on device")
    assert "most: " in ended.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "x"], "--rate: 'x': expected a number from 0.01 to 1e+06"),
        (["--rate", "10,,20"], "--rate: '10,,20': expected"),
        (["--rate", "nan"], "--rate: 'nan': expected"),
        (["--concurrency", "0"], "--concurrency: '0': expected a whole number from 1 to 10000"),
        (["--rate", "1", "--concurrency", "1"], "--rate and --concurrency: both are given"),
        (["--slo", "-1"], "--slo"),
        (["--seconds", "0"], "--seconds: '0': expected a number from 0.01 to 3600"),
        (["--timeout", "x"], "--timeout: 'x': expected"),
        (["-d", "a", "--data-binary", "b"], "not allowed with argument"),
        (["-d", "@absent"], "absent: No such file or directory; name a file with the body after @"),
        (["-d", "a", "--bodies", "."], "--bodies: the body is given twice"),
        (["--bodies", "absent"], "--bodies: absent: No such file or directory"),
        (["--isolation", "none"], "--isolation none: the workers are measured apart from the front"),
        (["--consurrency", "2"], "--consurrency: there is no such option"),
        (["-D", "name=x"], "-D name=x: overrides a field of a service.json"),
    ],
)
def test_wrong_argument_is_named_in_one_line(echo: Path, words: list[str], said: str) -> None:
    load(echo, *words).fails_in_one_line(2, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--worker-threads", "2"], "--worker-threads: is for a processor that is served here"),
        (["-D", "name=x"], "-D: is for a processor"),
        (["--try"], "--try: is for a processor"),
        (["--", "x"], "--: is for a processor"),
    ],
)
def test_option_of_a_host_does_not_fit_a_url(words: list[str], said: str) -> None:
    run("load", "http://127.0.0.1:1/", *words).fails_in_one_line(2, said)


def test_empty_folder_of_bodies_is_refused(echo: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    load(echo, "--bodies", tmp_path / "none").fails_in_one_line(2, "there is no file in it")


def test_processor_that_cannot_be_loaded_is_exit_code_3(builder: ProcessorBuilder, tmp_path: Path) -> None:
    load(builder.cpp("throws_in_initialize")).fails_with(3, "initialize threw")
    load(tmp_path / "absent.so").fails_in_one_line(3, "absent.so", "No such file")


def test_service_that_does_not_answer_is_exit_code_3() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        load(address).fails_in_one_line(3, f"eas-host: {address}: does not answer: Connection refused")
        nobody.listen()
        load(address, "--timeout", "0.1").fails_in_one_line(3, f"{address}: does not answer: no answer within 0.1 s")


def start_load(*words: str | Path) -> subprocess.Popen[str]:
    command = [*program(), "load", *map(str, words)]
    return subprocess.Popen(
        command,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_ctrl_c_prints_what_was_measured_so_far(echo: Path) -> None:
    """It does not wait for answers, and the host is gone."""
    loading = start_load(echo, "--concurrency", "1,2", "--seconds", "2", "--json")
    assert loading.stderr is not None
    assert any("concurrency 1: " in line for line in loading.stderr)
    hosts = proc.children(loading.pid)
    everyone = [*hosts, *(pid for host in hosts for pid in proc.children(host))]
    assert len(everyone) >= 2
    loading.send_signal(signal.SIGINT)
    out, _ = loading.communicate(timeout=TIMEOUT)
    steps = json.loads(out)["steps"]
    assert loading.returncode == 130
    assert (steps[0]["concurrency"], steps[0]["interrupted"]) == (1, False)
    assert all(step["sent"] == step["answered"] for step in steps)
    assert proc.wait_until_gone(everyone, TIMEOUT) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_its_host_ends_with_it(echo: Path, number: signal.Signals) -> None:
    """However it ends, also while no request was answered yet."""
    loading = start_load(echo, "-d", "late")
    assert loading.stderr is not None
    assert any("waiting" in line for line in loading.stderr)
    hosts = proc.children(loading.pid)
    everyone = [*hosts, *(pid for host in hosts for pid in proc.children(host))]
    loading.send_signal(number)
    out, _ = loading.communicate(timeout=TIMEOUT)
    assert (loading.returncode, out) == (-9 if number == signal.SIGKILL else 130, "")
    assert proc.wait_until_gone(everyone, TIMEOUT) == []
