"""
Processors that are built with a sanitizer of GCC: they are served as they are, and a report is the error of its request
or, if the process goes on, one entry of the log.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path

import pytest

from support import proc
from support.build import ProcessorBuilder
from support.command import run
from support.failures import Failure, build, check_failure
from support.host import Host, StartHost
from support.under_load import OPTIONS, bad_request, check_each_costs_itself, switchboard

SOURCE = "broken/sanitized"
ADDRESS = "-fsanitize=address"
UNDEFINED = "-fsanitize=undefined"
THREAD = "-fsanitize=thread"
PYTHON = {"worker": "python"}
OVERFLOW = r"AddressSanitizer: heap-buffer-overflow, READ of size 4 in score"
AT_SCORE = r"  at score \(.*sanitized\.cc:14\b"
OF_OUTPUT = r"the host was reading or freeing the output"
ADDED = r"UndefinedBehaviorSanitizer: signed integer overflow: .* cannot be represented in type 'int' in add"


def row(
    name: str, body: bytes, *answer: str, log: tuple[str, ...] = (), flag: str = ADDRESS, **options: str
) -> Failure:
    status = 500 if answer else 200
    patterns = [*answer, r"\(crash \w{8}\)"] if answer else []
    return Failure(
        name,
        SOURCE,
        status,
        patterns,
        [*answer[:1], *log],
        lines=8,
        bodies=[body],
        options=options,
        flags=[flag, "-O0"],
    )


ROWS = [
    row("overflow", b"overflow", OVERFLOW, AT_SCORE, log=(r"40-byte region", r"at initialize \(.*sanitized\.cc:41\b")),
    row("overflow-python", b"overflow", OVERFLOW, AT_SCORE, log=(r"at initialize \(",), worker="python"),
    row("fault", b"null", r"AddressSanitizer: SEGV, READ of address 0x10, a NULL pointer, in process"),
    row(
        "freed",
        b"freed",
        rf"heap-use-after-free, READ of size 5 .*{OF_OUTPUT}",
        r"freed by",
        r"at process \(.*\.cc:63",
    ),
    row("too-large", b"too-large", rf"heap-buffer-overflow, READ of size 10 .*{OF_OUTPUT}", r"9-byte region"),
    row(
        "interior", b"interior", rf"attempting free on address .*{OF_OUTPUT}", r"0 bytes to the right of 8-byte region"
    ),
    row("undefined", b"add", log=(ADDED, r"at add \(.*sanitized\.cc:16\b"), flag=UNDEFINED),
    row("undefined-python", b"add", log=(ADDED, r"at add \(.*sanitized\.cc:16\b"), flag=UNDEFINED, worker="python"),
    row("undefined-in-address", b"add", log=(ADDED,), flag="-fsanitize=address,undefined"),
    row("fault-under-thread", b"null", r"SIGSEGV.*: NULL pointer dereference \(address 0x10\)", flag=THREAD),
]


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_report(builder: ProcessorBuilder, case: Failure, tmp_path: Path) -> None:
    seen = check_failure(case, build(builder, case, "cpp"), "cpp", tmp_path)
    assert len(re.findall(r"\[ERROR\]", "\n".join(seen.log))) == 1


@pytest.mark.parametrize("flag", [ADDRESS, UNDEFINED])
def test_report_costs_its_own_request_under_load(start: StartHost, builder: ProcessorBuilder, flag: str) -> None:
    """
    What the host finds in an output is asked for by one call alone: AddressSanitizer lets such an error pass in a
    process that another one is ending.
    """
    rows = [row for row in ROWS if row.flags[0] == flag and not row.options]
    host = start("cpp", **switchboard(builder, {"sanitized": build(builder, rows[0], "cpp")}, flag), **OPTIONS)
    of_output = {row.id for row in rows if OF_OUTPUT in "".join(row.answer)}
    check_each_costs_itself(
        host, [bad_request(row, "sanitized", at_once=1 if row.id in of_output else 2) for row in rows]
    )


def test_error_while_loading(builder: ProcessorBuilder, tmp_path: Path) -> None:
    said = rf"libsanitized\.so: {OVERFLOW} while loading it"
    options = {"model_config": "overflow"}
    case = Failure("", SOURCE, 0, (), [said, r"at initialize \("], lines=8, options=options, flags=[ADDRESS, "-O0"])
    check_failure(case, build(builder, case, "cpp"), "cpp", tmp_path)


def test_undefined_behaviour_that_is_not_to_go_on(builder: ProcessorBuilder, tmp_path: Path) -> None:
    flags = [UNDEFINED, "-fno-sanitize-recover=all", "-O0"]
    case = Failure("", SOURCE, 500, [ADDED, r"\(crash \w{8}\)"], [ADDED], bodies=[b"add"], flags=flags, lines=6)
    seen = check_failure(case, build(builder, case, "cpp"), "cpp", tmp_path)
    assert len(re.findall(r"\[ERROR\]", "\n".join(seen.log))) == 1


def test_two_sanitizers_in_one_request(start: StartHost, builder: ProcessorBuilder) -> None:
    """What goes on and what ends the process are two entries."""
    host = start(entry=builder.cpp(SOURCE, "-fsanitize=address,undefined"), processor_type="cpp")
    host.allow_log("Sanitizer")
    assert re.match(OVERFLOW, host.call(b"add, overflow").text)
    host.wait_for_log(ADDED)
    host.wait_for_log(OVERFLOW)


def test_data_race_is_one_entry(start: StartHost, builder: ProcessorBuilder) -> None:
    """Each request is answered; the host's own threads race for nothing."""
    host = start(entry=builder.cpp(SOURCE, THREAD), processor_type="cpp")
    host.allow_log("ThreadSanitizer")
    while "ThreadSanitizer: data race" not in host.new_log():
        with contextlib.ExitStack() as clients:
            asked = [host.ask(b"count") for _ in range(8)]
            for client in asked:
                clients.callback(client.close)
            assert [client.read().status for client in asked] == [200] * 8
    host.wait_for_log(r"ThreadSanitizer: data race on global 'counter' of size 8 in process \(report \w{8}\)")
    host.wait_for_log(r"  at process \(.*sanitized\.cc:54\b")
    assert host.new_log().count("[ERROR]") == 1


def test_same_again_is_counted(start: StartHost, builder: ProcessorBuilder) -> None:
    host = start(entry=builder.cpp(SOURCE, ADDRESS), processor_type="cpp")
    host.allow_log("AddressSanitizer")
    for _ in range(2):
        assert host.call(b"overflow").status == 500
    host.wait_for_log(r"AddressSanitizer: heap-buffer-overflow.*(as|like) crash \w+, 2 in all")
    assert len(re.findall(AT_SCORE, host.new_log())) == 1
    assert host.call(b"fine").text == "fine"


@pytest.mark.parametrize("kind", ["native", "python"])
def test_only_the_worker_is_started_for_it(builder: ProcessorBuilder, tmp_path: Path, kind: str) -> None:
    """Neither the front, nor what stands beside a worker, nor what the processor starts has the runtime, or options."""
    variables = {"LD_PRELOAD": "libm.so.6", "UBSAN_OPTIONS": "print_stacktrace=1"}
    host = Host(tmp_path, variables, entry=builder.cpp(SOURCE, ADDRESS), processor_type="cpp", worker=kind)
    with host:
        check_processes(host)


def check_processes(host: Host) -> None:
    seen = host.call(b"env").text
    assert "LD_PRELOAD=libm.so.6\n" in seen
    assert "UBSAN_OPTIONS=print_stacktrace=1\n" in seen
    assert "ASAN_OPTIONS" not in seen
    host.allow_log("AddressSanitizer")
    assert host.call(b"overflow").status == 500  # so there is a symbolizer
    assert host.call(b"fine").status == 200
    (worker,) = host.workers()
    everything = {host.pid, *proc.children(host.pid), *proc.group(worker)}
    assert len(everything) >= 4  # with the guardian and the symbolizer
    assert {pid for pid in everything if has_runtime(pid)} == {worker}


def has_runtime(pid: int) -> bool:
    return "/libasan." in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize(
    ("options", "variables", "found"),
    [
        (["--leaks"], {}, True),
        ([], {}, False),
        ([], {"ASAN_OPTIONS": "detect_leaks=1"}, True),
        (["--leaks"], {"ASAN_OPTIONS": "detect_leaks=0"}, False),
    ],
    ids=["asked-for", "not-asked-for", "by-variable", "not-by-variable"],
)
def test_leaks(builder: ProcessorBuilder, options: list[str], variables: dict[str, str], *, found: bool) -> None:
    ended = run("invoke", builder.cpp(SOURCE, ADDRESS), "-d", "forget", *options, variables=variables)
    assert (ended.code, ended.stdout) == (0, "forget")
    assert ended.stderr.count("[ERROR]") == int(found), ended.stderr
    if found:
        assert re.search(r"LeakSanitizer: 123 byte\(s\) leaked in 1 allocation\(s\) \(report \w{8}\)", ended.stderr)
        assert re.search(r"at forget.* \(.*sanitized\.cc:19\b", ended.stderr)


def test_leaks_of_a_service(builder: ProcessorBuilder, tmp_path: Path) -> None:
    host = Host(tmp_path, {}, entry=builder.cpp(SOURCE, ADDRESS), processor_type="cpp", leaks=True)
    host.allow_log("LeakSanitizer")
    with host:
        assert host.call(b"forget").status == 200
        assert host.call(b"forget").status == 200
    assert (
        len(re.findall(r"LeakSanitizer: 246 byte\(s\) leaked in 2 allocation\(s\)", "\n".join(host.log.since()))) == 1
    )


def test_leaks_need_a_native_worker(builder: ProcessorBuilder) -> None:
    ended = run("--entry", builder.cpp(SOURCE, ADDRESS), "--leaks", "--worker", "python")
    ended.fails_in_one_line(2, "--leaks is for processors in C++ in a native worker")


def test_leaks_of_a_library_without_a_sanitizer(builder: ProcessorBuilder) -> None:
    ended = run("invoke", builder.cpp(SOURCE), "-d", "fine", "--leaks")
    assert ended.code == 0
    assert re.search(r"--leaks is not used: .*libsanitized\.so was not built with -fsanitize=address", ended.stderr)


def test_bundle_has_the_whole_report(start: StartHost, builder: ProcessorBuilder, tmp_path: Path) -> None:
    folder = tmp_path / "crashes"
    host = start(entry=builder.cpp(SOURCE, ADDRESS), processor_type="cpp", crash_dir=folder)
    host.allow_log("AddressSanitizer")
    assert host.call(b"overflow").status == 500
    while not (written := list(folder.glob("*/report.json"))):
        assert host.call(b"fine").status == 200
    report = written[0].with_name("sanitizer.txt").read_text()
    assert re.match(r"==\d+==ERROR: AddressSanitizer: heap-buffer-overflow", report)
    assert re.search(r"^    score \(.*sanitized\.cc:14\)$", report, re.MULTILINE)
    assert "Shadow bytes around the buggy address" in report


@pytest.mark.parametrize(
    ("flag", "body", "options", "said"),
    [
        (UNDEFINED, "add", [], "signed integer overflow: .*add"),
        (ADDRESS, "forget", ["--leaks"], r"LeakSanitizer: 369 byte\(s\) leaked"),
    ],
    ids=["undefined", "leak"],
)
def test_report_that_ends_nothing_has_a_bundle(
    builder: ProcessorBuilder, tmp_path: Path, flag: str, body: str, options: list[str], said: str
) -> None:
    """Of each kind the first: it has no request, since a sanitizer does not name one."""
    folder = tmp_path / "crashes"
    ended = run("invoke", builder.cpp(SOURCE, flag), "-d", body, "-n", "3", "--crash-dir", folder, *options)
    assert ended.code == 0, ended.stderr
    (bundle,) = folder.iterdir()
    assert {path.name for path in bundle.iterdir()} == {"report.txt", "report.json", "sanitizer.txt"}
    described = json.loads((bundle / "report.json").read_text())
    assert f"(report {described['id']})" in ended.stderr
    assert re.search(said, described["cause"])
    assert re.search(rf"{said}.*\(report {described['id']}, eas-host ", (bundle / "report.txt").read_text())
    assert re.search(r"sanitized\.cc:\d+", (bundle / "sanitizer.txt").read_text())


def test_memory_check_is_left_to_the_sanitizer(start: StartHost, builder: ProcessorBuilder) -> None:
    host = start(entry=builder.cpp(SOURCE, ADDRESS), processor_type="cpp", check_memory=True)
    host.wait_for_log(r"--check-memory is not used: .*libsanitized\.so was built with AddressSanitizer")
    assert host.call(b"fine").text == "fine"


def test_reload_to_and_from_a_sanitizer(start: StartHost, builder: ProcessorBuilder, tmp_path: Path) -> None:
    entry = tmp_path / "service" / "libone.so"
    entry.parent.mkdir()
    shutil.copy(builder.cpp(SOURCE), entry)
    host = start(entry=entry, processor_type="cpp", reload=True)
    for flags, answer in (([ADDRESS], "with a runtime"), ([], "without")):
        host.mark()
        shutil.copy(builder.cpp(SOURCE, *flags), tmp_path / "new.so")
        (tmp_path / "new.so").rename(entry)
        host.wait_for_log("Service reload successfully")
        assert host.call(b"runtime").text == answer
