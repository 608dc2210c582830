"""
The reader of the log may be slow, stop, or go: that costs lines, which are counted, but no answer, and the host can
still end.
"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from eas_runtime.log.writer import MAX_QUEUED_BYTES, BackgroundWriter
from support import TIMEOUT
from support.app import RUN, Apps, apps  # noqa: F401  a fixture
from support.build import ProcessorBuilder
from support.host import Host, clean_environment, program
from support.log import Log
from support.network import free_port
from support.program import Program
from support.wire import Client, command, request

DROPPED = re.compile(r"\[WARNING\] (\d+) lines? (?:was|were) dropped here")
ACCESS = re.compile(r'\[INFO\] \S+ "POST /(\d+)\?')
MANY = 3000  # lines of access log, of a kilobyte each: more than all buffers hold


class HostWithUnreadLog(Host):
    """A host whose log nobody reads at first."""

    followed = ("stdout",)


class ProgramWithUnreadLog(Program):
    followed = ("stdout",)


Hosts = Callable[..., Host]


@pytest.fixture
def unread(builder: ProcessorBuilder, tmp_path: Path) -> Iterator[Hosts]:
    with ExitStack() as running:

        def make(language: str = "cpp", **options: object) -> Host:
            host = HostWithUnreadLog(tmp_path / "host", entry=builder.contract(language), **options)  # type: ignore[arg-type]
            return running.enter_context(host)

        yield make


def ask_many(client: Client, count: int, body: bytes = b"x") -> None:
    """Sends *count* requests, to /0?xxx, /1?xxx ..., a hundred at a time, and reads the answers."""
    query = "x" * 1000
    for first in range(0, count, 100):
        client.send(b"".join(request("POST", f"/{number}?{query}", body) for number in range(first, first + 100)))
        for _ in range(100):
            assert client.read().status == 200


@pytest.mark.parametrize("isolation", ["process", "none"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_requests_are_answered_while_nobody_reads_the_log(unread: Hosts, isolation: str, form: str) -> None:
    """SIGTERM ends the host as ever."""
    host = unread(isolation=isolation, access_log=True, log_format=form)
    with host.connect() as client:
        ask_many(client, MANY)
    host.stop()


def test_python_program_answers_while_nobody_reads_the_log(tmp_path: Path, apps: Apps) -> None:  # noqa: F811
    app = apps.write(RUN)
    with ProgramWithUnreadLog(tmp_path / "run", app, (), {"EAS_HOST_ACCESS_LOG": "1"}) as host:
        host.log.wait("Service start successfully", stream="stdout")
        with host.connect() as client:
            ask_many(client, MANY)


@pytest.mark.parametrize("language", ["cpp", "python"])
def test_prints_are_dropped_while_nobody_reads_the_log(unread: Hosts, language: str) -> None:
    """They keep no request waiting for long."""
    host = unread(language)
    with host.connect() as client:
        for _ in range(1500):
            assert client.call(command("print", "p" * 1000)).body == b"printed"
    host.stop()


def test_second_ctrl_c_ends_the_host_while_nobody_reads_the_log(unread: Hosts) -> None:
    host = unread(access_log=True, keepalive=120_000)
    with host.connect() as client, host.ask(command("die", "hang")):
        ask_many(client, MANY)
        host.send_signal(signal.SIGINT)
        host.log.wait("shutting down", stream="stdout")
        host.send_signal(signal.SIGINT)
        host.ends_with(130)


def test_dropped_lines_are_counted_where_they_are_missing(unread: Hosts) -> None:
    """A reader that goes on finds each line, or the number of missing ones, and then all that come."""
    host = unread(access_log=True)
    with host.connect() as client:
        ask_many(client, MANY)
        host.follow("stderr")
        host.log.wait(DROPPED.pattern)
        ask_many(client, 100)
    host.stop()
    expected = 0
    for line in host.log.since(stream="stderr"):
        if found := DROPPED.search(line):
            expected += int(found[1])
        elif found := ACCESS.search(line):
            assert int(found[1]) == expected % MANY, line
            expected += 1
    assert expected == MANY + 100


def test_no_line_is_lost_while_the_log_is_read(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The lines come in order, up to the end."""
    with Host(tmp_path / "host", entry=builder.cpp("contract"), access_log=True) as host, host.connect() as client:
        ask_many(client, MANY)
        host.stop()
    numbers = [int(found[1]) for line in host.log.since() if (found := ACCESS.search(line))]
    assert numbers == list(range(MANY))


PRINTS = """\
import allspark

class Prints(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        for number in range(int(data)):
            print(number, "x" * 100)
        return b"printed", 200
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_printed_line_of_a_burst_is_lost(tmp_path: Path, form: str) -> None:
    """Lines that come faster than they are read wait in the processor: the burst is five times the queue."""
    entry = tmp_path / "prints.py"
    entry.write_text(PRINTS, encoding="utf-8")
    count = 5 * MAX_QUEUED_BYTES // 100
    with Host(tmp_path / "host", entry=entry, log_format=form, keepalive=120_000) as host:
        assert host.call(b"%d" % count).body == b"printed"
        host.stop()
    numbers = re.findall(r"\b(\d+) x{100}", host.log.text(stream="stderr"))
    assert numbers == [str(number) for number in range(count)]


# Other readers.


@pytest.fixture
def begin(builder: ProcessorBuilder) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], Client]]]:
    """Starts a host with an access log on the descriptors *out* and *log*."""
    begun: list[subprocess.Popen[bytes]] = []

    def make(out: int, log: int, *words: str, entry: Path | None = None) -> tuple[subprocess.Popen[bytes], Client]:
        port = free_port()
        entry = entry or builder.cpp("contract")
        words = (*program(), "--entry", str(entry), "--listen", f"127.0.0.1:{port}", "--access-log", *words)
        host = subprocess.Popen(
            words,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
        )
        begun.append(host)
        while host.poll() is None:
            try:
                return host, Client(("127.0.0.1", port))
            except ConnectionRefusedError:
                continue
        raise AssertionError(f"the host ended with {host.returncode}")

    yield make
    for host in begun:
        host.kill()
        host.wait()


Begin = Callable[..., "tuple[subprocess.Popen[bytes], Client]"]


def end(host: subprocess.Popen[bytes], client: Client) -> None:
    with client:
        ask_many(client, MANY)
    host.terminate()
    assert host.wait(TIMEOUT) == 0


def test_host_serves_with_both_streams_on_an_unread_pipe(begin: Begin) -> None:
    """`eas-host 2>&1 | program`, which has stopped: the line that says so cannot be written, either."""
    read, write = os.pipe()
    try:
        end(*begin(write, write))
    finally:
        os.close(read)
        os.close(write)


def test_both_streams_on_one_pipe_keep_their_order(begin: Begin) -> None:
    read, write = os.pipe()
    log = Log()
    log.follow(open(read, "rb"), "both")  # noqa: SIM115, PTH123  it is closed at its end
    host, client = begin(write, write, "--log-level", "debug")
    os.close(write)
    end(host, client)
    assert log.wait_end()
    lines = log.since()
    ready = next(at for at, line in enumerate(lines) if line.endswith("worker 0: ready"))
    listening = next(at for at, line in enumerate(lines) if line.startswith("listening on"))
    first = next(at for at, line in enumerate(lines) if ACCESS.search(line))
    stopping = next(at for at, line in enumerate(lines) if "shutting down" in line)
    assert ready < listening < first < stopping


def test_host_serves_on_when_the_reader_of_its_log_has_gone(begin: Begin) -> None:
    """`eas-host 2>&1 | head -1`"""
    read, write = os.pipe()
    host, client = begin(write, write)
    os.close(write)
    os.close(read)
    end(host, client)


def test_host_serves_on_when_its_log_cannot_be_written(begin: Begin) -> None:
    with Path("/dev/full").open("wb") as full:
        end(*begin(full.fileno(), full.fileno()))


def test_host_serves_on_while_its_terminal_is_stopped(begin: Begin) -> None:
    """Ctrl+S: output stops until Ctrl+Q."""
    ours, terminal = pty.openpty()
    try:
        host, client = begin(terminal, terminal)
        os.write(ours, b"\x13")
        end(host, client)
    finally:
        os.close(ours)
        os.close(terminal)


def test_lines_held_by_a_stopped_terminal_come_when_it_goes_on(begin: Begin) -> None:
    """Ctrl+Q lets the terminal go on."""
    ours, terminal = pty.openpty()
    try:
        host, client = begin(terminal, terminal)
        with client:
            os.write(ours, b"\x13")
            ask_many(client, 100)
        os.write(ours, b"\x11")
        seen = b""
        while b"POST /99?" not in seen:
            seen += os.read(ours, 65536)
        host.terminate()
        assert host.wait(TIMEOUT) == 0
    finally:
        os.close(ours)
        os.close(terminal)


# A processor in the host's own process prints for itself.

STUCK = """\
import allspark

class Prints(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        while data == b"print":
            print("x" * 1000)
        return b"printed", 200
"""


@pytest.mark.parametrize("language", ["python", "cpp"])
@pytest.mark.parametrize("how", ["stop", "force"])
def test_blocked_print_costs_only_its_request_and_thread(
    begin: Begin, tmp_path: Path, builder: ProcessorBuilder, language: str, how: str
) -> None:
    """The others are answered, and the host ends."""
    entry = tmp_path / "prints.py"
    entry.write_text(STUCK, encoding="utf-8")
    if language == "cpp":
        entry = builder.cpp("contract")
    read, write = os.pipe()
    try:
        grace = "0.2" if how == "stop" else "120"
        words = ["--isolation", "none", "--keepalive", "120000", "--grace-period", grace]
        host, client = begin(write, write, *words, entry=entry)
        body = b"print" if language == "python" else command("print", "x" * 100_000)
        with client, Client(client.socket.getpeername()) as stuck:
            stuck.send(request(body=body))
            ask_many(client, 1000)
            host.send_signal(signal.SIGINT)
            if how == "force":
                assert client.is_closed()
                host.send_signal(signal.SIGINT)
            assert host.wait(TIMEOUT) == (0 if how == "stop" else 130)
    finally:
        os.close(read)
        os.close(write)


# The writer itself.


def make_lost_record(count: int) -> bytes:
    return b"lost %d\n" % count


def test_lines_of_each_thread_are_written_whole_and_in_order() -> None:
    """No line is missing."""
    read, write = os.pipe()
    writer = BackgroundWriter(write, make_lost_record)

    def log(number: int) -> None:
        for line in range(2000):
            writer.put(b"%d %d %s\n" % (number, line, b"x" * (line % 200)))
            if line % 100 == 0:
                writer.flush(TIMEOUT)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    seen: list[list[int]] = [[] for _ in threads]
    with open(read, "rb") as lines:  # noqa: PTH123  a descriptor
        for _ in range(8 * 2000):
            number, line, rest = lines.readline().split(b" ")
            assert rest == b"x" * (int(line) % 200) + b"\n"
            seen[int(number)].append(int(line))
    for thread in threads:
        thread.join()
    os.close(write)
    assert seen == [list(range(2000))] * 8


def test_next_reader_of_a_named_pipe_reads_how_many_lines_are_lost(tmp_path: Path) -> None:
    """The lines that the first reader has not read are lost."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    first = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write = os.open(path, os.O_WRONLY)
    writer = BackgroundWriter(write, make_lost_record)
    writer.put(b"one\n")
    assert writer.flush(TIMEOUT)
    assert os.read(first, 100) == b"one\n"
    os.close(first)
    for _ in range(3):
        writer.put(b"two\n")
        assert writer.flush(TIMEOUT)
    second = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer.put(b"three\n")
    assert writer.flush(TIMEOUT)
    assert os.read(second, 100) == b"lost 3\nthree\n"
    os.close(second)
    os.close(write)


def test_forked_child_writes_with_a_thread_of_its_own() -> None:
    """The child has neither its parent's thread nor what its parent has not written yet."""
    read, write = os.pipe()
    writer = BackgroundWriter(write, make_lost_record)
    writer.put(b"p" * 100_000 + b"\n")  # more than a pipe holds: the thread is in the midst of it
    pid = os.fork()
    if pid == 0:
        other, mine = os.pipe()
        os.dup2(mine, write)
        writer.put(b"child\n")
        right = writer.flush(TIMEOUT) and os.read(other, 100) == b"child\n"
        os._exit(0 if right else 1)
    assert os.waitpid(pid, 0)[1] == 0
    with open(read, "rb") as lines:  # noqa: PTH123  a descriptor
        assert lines.readline() == b"p" * 100_000 + b"\n"
    assert writer.flush(TIMEOUT)
    os.close(write)
