"""
The command line: what can be given, where, and what a user is told whose command is wrong.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.command import run
from support.host import Host, StartHost, program
from support.wire import command

FLAGS = """
    --processor-type --entry --mainclass --classpath --jvm-options --model-entry --model-config
    --name --listen --worker-threads --worker-processes --isolation --max-queue-size --keepalive
    --max-body --max-output --no-retry --grace-period --log-level --log-format --access-log
    --token --generate-token --rate-limit --decompressor
""".split()  # noqa: SIM905 - read as a list of words
PORT_0 = ("--listen", "127.0.0.1:0")


# Help.


def test_output_that_nobody_reads() -> None:
    """`eas-host schema | head -1` is no error of ours."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run([*program(), "schema"], stdout=theirs, stderr=subprocess.PIPE, text=True, check=False)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, "")


def test_help() -> None:
    """--help knows every option, groups them, and has an example for each language."""
    ended = run("--help")
    assert (ended.code, ended.stderr) == (0, "")
    missing = [flag for flag in FLAGS if not re.search(rf"^ +{flag}\b", ended.stdout, re.MULTILINE)]
    assert missing == []
    assert len(re.findall(r"^\S.*:$", ended.stdout, re.MULTILINE)) >= 4, "no groups"
    for ending in (".so", ".jar", ".py"):
        assert re.search(rf"^ +eas-host .*\S+\{ending}", ended.stdout, re.MULTILINE), f"no example with a {ending}"


def test_help_tells_defaults() -> None:
    text = run("--help").stdout
    for default in ("127.0.0.1:8080", "5000", "64MiB", "256MiB"):
        assert default in text


# Serving.


def test_announcement(start: StartHost) -> None:
    """The address is the real one, EAS's own line follows, and both are on standard output."""
    host = start()
    assert host.address[1] > 0
    host.log.wait(r"^\[INFO\] Service start successfully$", stream="stdout")
    assert host.call(b"x").body == b"x"


@pytest.mark.parametrize(("language", "ending"), [("cpp", "so"), ("java", "jar"), ("python", "py")])
def test_type_is_guessed(start: StartHost, builder: ProcessorBuilder, language: str, ending: str) -> None:
    """--processor-type may be left out where the ending tells; the name is the stem without lib."""
    entry = builder.contract(language)
    assert entry.suffix == f".{ending}"
    host = start(entry=entry, processor_type=None)
    assert host.path == "/api/predict/contract"
    assert host.call(b"x").body == b"x"


def test_type_is_given(start: StartHost, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """--processor-type is believed where the ending tells nothing."""
    entry = tmp_path / "processor.v1"
    shutil.copy(builder.cpp("contract"), entry)
    assert start("cpp", entry).call(b"x").body == b"x"


def test_name(start: StartHost) -> None:
    """--name is the service's name; one that needs it is quoted in the address."""
    assert start(name="scorecard").path == "/api/predict/scorecard"
    host = start(name="ключ 1")
    assert host.path.startswith("/api/predict/%")
    assert host.call(b"x").body == b"x"


def test_loopback_names(start: StartHost) -> None:
    """A name is as good as an address."""
    assert start(listen="localhost:0").call(b"x").body == b"x"


def test_ipv6(start: StartHost) -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    host = start(listen="[::1]:0")
    assert host.address[0] == "::1"
    assert host.call(b"x").body == b"x"


def test_only_loopback_by_default() -> None:
    """The default address is one that only this machine reaches."""
    assert re.search(r"--listen.*?\[127\.0\.0\.1:8080\]", run("--help").stdout, re.DOTALL)


def test_content_type_can_be_set(start: StartHost) -> None:
    """EAS's own type, for clients that look at it."""
    host = start(content_type="text/html; charset=utf-8")
    assert host.call(b"x").get("Content-Type") == "text/html; charset=utf-8"


# The environment.


def test_everything_from_the_environment(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Every option can be given as EAS_HOST_...; flags, numbers, sizes and switches alike."""
    variables = {
        "EAS_HOST_PROCESSOR_TYPE": "cpp",
        "EAS_HOST_ENTRY": str(builder.cpp("contract")),
        "EAS_HOST_LISTEN": "127.0.0.1:0",
        "EAS_HOST_NAME": "from-environment",
        "EAS_HOST_MODEL_CONFIG": "text",
        "EAS_HOST_MAX_BODY": "10",
        "EAS_HOST_WORKER_THREADS": "1",
        "EAS_HOST_NO_RETRY": "1",
        "EAS_HOST_ACCESS_LOG": "true",
    }
    with Host(tmp_path / "host", variables, listen=None) as host:
        assert host.path == "/api/predict/from-environment"
        assert host.call(b"x" * 10).status == 200
        assert host.call(b"x" * 11).status == 413
        host.wait_for_log(r'"POST /api/predict/from-environment')


def test_a_flag_wins(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """What is typed counts more than what is set."""
    variables = {"EAS_HOST_NAME": "set", "EAS_HOST_MAX_BODY": "nonsense that nobody reads"}
    with Host(tmp_path / "host", variables, entry=builder.cpp("contract"), name="typed", max_body="1MiB") as host:
        assert host.path == "/api/predict/typed"


def test_wrong_variable_is_named(builder: ProcessorBuilder) -> None:
    ended = run("--entry", builder.cpp("contract"), variables={"EAS_HOST_WORKER_THREADS": "many"})
    ended.fails_in_one_line(2, "EAS_HOST_WORKER_THREADS", "many")


# Wrong flags: exit code 2 and one line.

WRONG = {
    "an unknown flag": (["--worker-thread", "3"], ["--worker-thread", "--worker-threads"]),
    "an unknown type": (["--processor-type", "rust"], ["rust", "cpp", "java", "python"]),
    "no number": (["--worker-threads", "five"], ["--worker-threads", "five"]),
    "no threads": (["--worker-threads", "0"], ["--worker-threads"]),
    "less than none": (["--worker-processes", "-1"], ["--worker-processes"]),
    "no queue": (["--max-queue-size", "0"], ["--max-queue-size"]),
    "no time": (["--keepalive", "-5"], ["--keepalive"]),
    "a size that is none": (["--max-body", "64 apples"], ["--max-body", "64 apples"]),
    "a size above what a C int holds": (["--max-body", "2GiB"], ["--max-body", "2GiB"]),
    "a port that is none": (["--listen", "127.0.0.1:http"], ["--listen", "127.0.0.1:http"]),
    "a port too large": (["--listen", "127.0.0.1:70000"], ["--listen", "70000"]),
    "an address without a port": (["--listen", "127.0.0.1"], ["--listen"]),
    "an isolation that is none": (["--isolation", "docker"], ["--isolation", "docker", "process", "none"]),
    "a level that is none": (["--log-level", "loud"], ["--log-level", "loud"]),
    "a format that is none": (["--log-format", "xml"], ["--log-format", "xml"]),
    "a config file that is not there": (
        ["--model-config", "@/no/such/file"],
        ["--model-config", "/no/such/file"],
    ),
    "a flag without its value": (["--name"], ["--name"]),
    "a word too many": (["serve"], ["serve"]),
}


@pytest.mark.parametrize(("flags", "words"), WRONG.values(), ids=WRONG)
def test_wrong_flag(builder: ProcessorBuilder, flags: list[str], words: list[str]) -> None:
    """One line that says which flag, what was found, and what is expected; nothing is started."""
    run("--entry", builder.cpp("contract"), *PORT_0, *flags).fails_in_one_line(2, *words)


@pytest.mark.parametrize(("word", "said"), [("tset", "did you mean test?"), ("service.json", "there are test, serve")])
def test_no_such_command(word: str, said: str) -> None:
    """A first word that is no command is taken for one that is misspelt."""
    run(word, "--keepalive", "1").fails_in_one_line(2, word, said)


def test_nothing_given() -> None:
    run().fails_in_one_line(2, "--entry")


def test_type_cannot_be_guessed(tmp_path: Path) -> None:
    (tmp_path / "processor.bin").write_bytes(b"")
    run("--entry", tmp_path / "processor.bin", *PORT_0).fails_in_one_line(2, "--processor-type", "processor.bin")


# Sizes.


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("1KiB", 1024), ("1k", 1000), ("2MiB", 2 << 20), ("1MB", 10**6)]
)
def test_sizes(start: StartHost, text: str, size: int) -> None:
    """A size may have a unit, binary or decimal."""
    host = start(max_body=text)
    assert host.call(bytes(size)).status == 200
    assert host.call(bytes(size + 1)).status == 413


# Addresses that cannot be bound: exit code 4 and one line.


def test_address_in_use(builder: ProcessorBuilder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        run("--entry", builder.cpp("contract"), "--listen", address).fails_in_one_line(4, address)


def test_address_of_another_machine(builder: ProcessorBuilder) -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    run("--entry", builder.cpp("contract"), "--listen", "192.0.2.1:8080").fails_in_one_line(4, "192.0.2.1:8080")


def test_unknown_host_name(builder: ProcessorBuilder) -> None:
    run("--entry", builder.cpp("contract"), "--listen", "no-such-host.invalid:8080").fails_in_one_line(
        4, "no-such-host.invalid:8080"
    )


# The log.


def test_log_in_json(start: StartHost) -> None:
    """--log-format json: every line is one object, whatever was logged: requests, prints, traces."""
    host = start("python", log_format="json", access_log=True, log_level="debug")
    host.call(command("print", 'with "quotes"'))
    host.call(command("throw", "two\nlines"))
    host.expect_log("ValueError")
    host.wait_for_log(r"POST /api/predict/contract", times=2)
    host.stop()
    lines = host.log.since()
    for line in lines:
        entry = json.loads(line)
        assert isinstance(entry, dict)
        assert {"time", "level", "message"} <= set(entry), line
    assert any("user_code_that_throws" in line for line in lines)


def test_access_log(start: StartHost) -> None:
    """--access-log: one line per request, with method, path and status; without it none."""
    host = start(access_log=True)
    host.call(b"12345", "/some/path?q=1")
    host.call(b"", "/api/builtin/none", method="GET")
    assert " 200 " in host.wait_for_log(r"POST /some/path\?q=1").string
    assert " 404 " in host.wait_for_log(r"GET /api/builtin/none").string
    silent = start()
    silent.call(b"x", "/some/path")
    silent.stop()
    assert "/some/path" not in silent.log.text()


def test_log_level(start: StartHost) -> None:
    """--log-level error leaves the announcements and what the processor prints."""
    host = start(log_level="error", access_log=True)
    host.call(command("print", "still here"))
    host.wait_for_log("out still here")
    host.log.wait("Service start successfully", stream="stdout")
    host.stop()
    assert "[INFO]" not in host.log.text(stream="stderr")


def test_log_is_on_stderr(start: StartHost) -> None:
    """Standard output has the announcements only, so that a script can read them."""
    host = start(access_log=True)
    host.call(command("print", "printed"))
    host.wait_for_log("out printed", stream="stderr")
    host.wait_for_log("err printed", stream="stderr")
    host.wait_for_log("POST", stream="stderr")
    host.stop()
    assert all(line.startswith(("listening on ", "[INFO] ")) for line in host.log.since(stream="stdout"))
