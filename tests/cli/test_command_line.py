"""
The command line: which options there are, where they may be given, and what the message for a wrong one says.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from support.build import ProcessorBuilder, need
from support.command import run
from support.host import Host, StartHost, program
from support.wire import command

pytestmark = pytest.mark.real_starts

FLAGS = """
    --processor-type --entry --mainclass --classpath --jvm-options --model-entry --model-config
    --name --listen --worker-threads --worker-processes --isolation --max-queue-size --keepalive
    --max-body --max-output --no-retry --grace-period --log-level --log-format --access-log
    --token --generate-token --rate-limit --decompressor
""".split()  # noqa: SIM905 - read as a list of words
PORT_0 = ("--listen", "127.0.0.1:0")


# Help.


def test_closed_stdout_ends_quietly_with_141() -> None:
    """`eas-host schema | head -1` closes it."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run([*program(), "schema"], stdout=theirs, stderr=subprocess.PIPE, text=True, check=False)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("words", [("schema",), ("--version",), ("check", __file__)], ids=lambda words: words[0])
def test_full_disk_behind_stdout_is_told_in_one_line(words: tuple[str, ...]) -> None:
    """`eas-host schema > FILE`. A short output is still in Python's buffer when the command ends."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*program(), *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "eas-host: standard output: No space left on device\n")


def test_help_all_lists_every_option_in_groups_with_examples() -> None:
    """An example for each language."""
    ended = run("--help-all")
    assert (ended.code, ended.stderr) == (0, "")
    missing = [flag for flag in FLAGS if not re.search(rf"^ +{flag}\b", ended.stdout, re.MULTILINE)]
    assert missing == []
    assert len(re.findall(r"^\S.*:$", ended.stdout, re.MULTILINE)) >= 4, "no groups"
    for ending in (".so", ".jar", ".py"):
        assert re.search(rf"^ +eas-host .*\S+\{ending}", ended.stdout, re.MULTILINE), f"no example with a {ending}"


def test_help_is_short_and_begins_with_what_the_command_is_for() -> None:
    """Usage, its own options, examples, the options that are used most, and where the others are."""
    for words in ((), ("test",), ("invoke",), ("check",), ("desc",), ("debug",), ("load",)):
        text = run(*words, "--help").stdout
        assert text.index("usage: ") < text.index("\nexamples:\n") < text.index("most used options; "), words
        assert len(text.splitlines()) < 75, words
        assert len(text.partition("\n\n")[0]) < 200, "the usage lists what stands below"
        assert f"{' '.join(('eas-host', *words))} --help-all lists all" in text
        for flag in ("--model-entry", "--worker-threads", "--env-file", "-v, --verbose, --debug"):
            assert f"  {flag} " in text or f"  {flag}\n" in text, (words, flag)
        has_port = words not in (("invoke",), ("check",), ("desc",))
        assert [flag for flag in ("--port N", "--reload ", "--workers N") if (flag in text) != has_port] == []


def test_help_has_colours_on_a_terminal_only() -> None:
    """Headings and names of options; NO_COLOR is honoured."""
    shown = shlex.join([*program(), "help", "invoke"])
    for variables, expected in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        environment = {**os.environ, "TERM": "xterm", **variables}
        if not variables:
            environment.pop("NO_COLOR", None)
        command = [need("script"), "-qec", shown, "/dev/null"]
        text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        assert ("\033[1mexamples:\033[0m" in text) == expected
        assert ("\033[36m--data\033[0m TEXT" in text) == expected
        assert ("\033" in text) == expected


def test_help_shows_the_default_values() -> None:
    text = run("--help-all").stdout
    for default in ("127.0.0.1:8080", "5000", "64MiB", "256MiB"):
        assert default in text


# Serving.


def test_address_and_service_start_line_are_on_stdout(start: StartHost) -> None:
    """The address is the one that is bound, and EAS's own line follows."""
    host = start()
    assert host.address[1] > 0
    host.log.wait(r"^\[INFO\] Service start successfully$", stream="stdout")
    assert host.call(b"x").body == b"x"


@pytest.mark.parametrize(("language", "ending"), [("cpp", "so"), ("java", "jar"), ("python", "py")])
def test_processor_type_and_name_follow_from_the_entry(
    start: StartHost, builder: ProcessorBuilder, language: str, ending: str
) -> None:
    """The ending tells the type; the name is the stem without lib."""
    entry = builder.contract(language)
    assert entry.suffix == f".{ending}"
    host = start(entry=entry, processor_type=None)
    assert host.path == "/api/predict/contract"
    assert host.call(b"x").body == b"x"


def test_processor_type_option_decides_where_the_ending_is_unknown(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    entry = tmp_path / "processor.v1"
    shutil.copy(builder.cpp("contract"), entry)
    assert start("cpp", entry).call(b"x").body == b"x"


def test_name_option_is_quoted_in_the_path(start: StartHost) -> None:
    """--name is the service's name; one that needs it is quoted in the address."""
    assert start(name="scorecard").path == "/api/predict/scorecard"
    host = start(name="ключ 1")
    assert host.path.startswith("/api/predict/%")
    assert host.call(b"x").body == b"x"


def test_listen_accepts_localhost(start: StartHost) -> None:
    assert start(listen="localhost:0").call(b"x").body == b"x"


def test_listen_accepts_an_ipv6_address(start: StartHost) -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    host = start(listen="[::1]:0")
    assert host.address[0] == "::1"
    assert host.call(b"x").body == b"x"


def test_default_address_is_loopback() -> None:
    assert re.search(r"--listen.*?\[127\.0\.0\.1:8080\]", run("--help").stdout, re.DOTALL)


def test_content_type_option_sets_the_header_of_answers(start: StartHost) -> None:
    """EAS's own type, for clients that look at it."""
    host = start(content_type="text/html; charset=utf-8")
    assert host.call(b"x").get("Content-Type") == "text/html; charset=utf-8"


# The environment.


def test_options_are_read_from_environment_variables(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Flags, numbers, sizes and switches alike, as EAS_HOST_..."""
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


def test_flag_wins_over_environment_variable(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The variable is then not even read."""
    variables = {"EAS_HOST_NAME": "set", "EAS_HOST_MAX_BODY": "nonsense that nobody reads"}
    with Host(tmp_path / "host", variables, entry=builder.cpp("contract"), name="typed", max_body="1MiB") as host:
        assert host.path == "/api/predict/typed"


def test_wrong_environment_variable_is_named(builder: ProcessorBuilder) -> None:
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
    "an unexpected argument": (["serve"], ["serve"]),
}


@pytest.mark.parametrize(("flags", "words"), WRONG.values(), ids=WRONG)
def test_wrong_flag_is_refused_in_one_line_with_what_is_expected(
    builder: ProcessorBuilder, flags: list[str], words: list[str]
) -> None:
    """Nothing is started."""
    run("--entry", builder.cpp("contract"), *PORT_0, *flags).fails_in_one_line(2, *words)


@pytest.mark.parametrize(("word", "said"), [("tset", "did you mean test?"), ("zebra", "there are test, serve")])
def test_unknown_command_suggests_the_nearest_one(word: str, said: str) -> None:
    run(word, "--keepalive", "1").fails_in_one_line(2, word, said)


def test_without_arguments_the_entry_option_is_asked_for() -> None:
    run().fails_in_one_line(2, "--entry")


def test_unknown_ending_asks_for_the_processor_type(tmp_path: Path) -> None:
    (tmp_path / "processor.bin").write_bytes(b"")
    run("--entry", tmp_path / "processor.bin", *PORT_0).fails_in_one_line(2, "--processor-type", "processor.bin")


# Sizes.


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("1KiB", 1024), ("1k", 1000), ("2MiB", 2 << 20), ("1MB", 10**6)]
)
def test_size_option_accepts_decimal_and_binary_units(start: StartHost, text: str, size: int) -> None:
    host = start(max_body=text)
    assert host.call(bytes(size)).status == 200
    assert host.call(bytes(size + 1)).status == 413


# Addresses that cannot be bound: exit code 4 and one line.


def test_address_in_use_exits_with_4(builder: ProcessorBuilder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        run("--entry", builder.cpp("contract"), "--listen", address).fails_in_one_line(4, address)


def test_address_of_another_machine_exits_with_4(builder: ProcessorBuilder) -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    run("--entry", builder.cpp("contract"), "--listen", "192.0.2.1:8080").fails_in_one_line(4, "192.0.2.1:8080")


def test_unknown_host_name_exits_with_4(builder: ProcessorBuilder) -> None:
    run("--entry", builder.cpp("contract"), "--listen", "no-such-host.invalid:8080").fails_in_one_line(
        4, "no-such-host.invalid:8080"
    )


# The log.


def test_json_log_has_one_object_a_line(start: StartHost) -> None:
    """Requests, prints and traces are logged."""
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


def test_access_log_has_a_line_for_each_request(start: StartHost) -> None:
    """A line has method, path and status; without the option there is none."""
    host = start(access_log=True)
    host.call(b"12345", "/some/path?q=1")
    host.call(b"", "/api/builtin/none", method="GET")
    assert " 200 " in host.wait_for_log(r"POST /some/path\?q=1").string
    assert " 404 " in host.wait_for_log(r"GET /api/builtin/none").string
    silent = start()
    silent.call(b"x", "/some/path")
    silent.stop()
    assert "/some/path" not in silent.log.text()


def test_log_level_error_keeps_announcements_and_processor_output(start: StartHost) -> None:
    host = start(log_level="error", access_log=True)
    host.call(command("print", "still here"))
    host.wait_for_log("out still here")
    host.log.wait("Service start successfully", stream="stdout")
    host.stop()
    assert "[INFO]" not in host.log.text(stream="stderr")


def test_log_goes_to_stderr_and_stdout_has_only_announcements(start: StartHost) -> None:
    """A script can read standard output."""
    host = start(access_log=True)
    host.call(command("print", "printed"))
    host.wait_for_log("out printed", stream="stderr")
    host.wait_for_log("err printed", stream="stderr")
    host.wait_for_log("POST", stream="stderr")
    host.stop()
    assert all(line.startswith(("listening on ", "[INFO] ")) for line in host.log.since(stream="stdout"))
