"""
The memory that clients can make the host hold stays within --memory-budget, whatever they do: those who hold most are
evicted, and small requests are answered all the time.
"""

from __future__ import annotations

import gzip
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from support import LONG, proc
from support.cgroup import control_group
from support.gate import Gate
from support.host import Host, StartHost
from support.wire import Client, command, request

pytestmark = pytest.mark.real_starts

MIB = 1 << 20
BUDGET = 64 * MIB
SMALL = 300_000  # in several pieces, so that it is held while it arrives


@contextmanager
def memory_stays_bounded(host: Host, beside: int = 4 * MIB, budget: int = BUDGET) -> Iterator[None]:
    """Demands that the front holds no more than its *budget* meanwhile, and *beside* for what is on its way."""
    host.call(bytes(SMALL))
    before = proc.peak_memory(host.pid)
    yield
    assert proc.peak_memory(host.pid) - before < budget + beside


def is_served(host: Host, body: bytes = bytes(SMALL)) -> None:
    answer = host.call(body)
    assert (answer.status, answer.body == body) == (200, True), answer


def begin_body_buffer(host: Host, size: int) -> Client:
    """Sends all but the end of a body."""
    client = host.connect()
    client.send_until_refused(request(headers=[("Content-Length", str(size + 1))]) + bytes(size))
    return client


def ask_and_read_nothing(host: Host, size: int) -> Client:
    client = Client(host.address, receive_buffer=4096)
    client.send(request(body=command("size", str(size))))
    return client


def test_uploads_beyond_the_budget_answer_503_with_retry_after(start: StartHost) -> None:
    """The uploads do not end: those that hold most are refused."""
    host = start(memory_budget="64MiB", keepalive=LONG)
    with ExitStack() as clients, memory_stays_bounded(host):
        uploads = []
        for _ in range(10):
            uploads.append(clients.enter_context(begin_body_buffer(host, 12 * MIB)))
            is_served(host)
        answer = uploads[0].read()
        assert (answer.status, answer.get("Retry-After")) == (503, "1")
        host.wait_for_log("memory budget of 64 MiB is used up")
        assert uploads[-1].is_silent()
        uploads[-1].send(b"x")
        assert uploads[-1].read().status == 200
    is_served(host, bytes(12 * MIB))


def test_refused_upload_behind_another_request_frees_its_memory_at_once(start: StartHost, gate: Gate) -> None:
    """The refusal is sent when the older request is answered."""
    host = start(memory_budget="64MiB", worker_threads=1, keepalive=LONG)
    with ExitStack() as clients, memory_stays_bounded(host):
        held = clients.enter_context(host.ask(gate.command(b"held")))
        gate.wait_entered()
        for _ in range(10):
            client = clients.enter_context(host.connect()).send(request(body=b"first"))
            upload = request(headers=[("Content-Length", str(12 * MIB + 1))]) + bytes(12 * MIB)
            client.send_until_refused(upload)
        host.wait_for_log("memory budget of 64 MiB is used up")
        gate.release()
        assert held.read().body == b"held"
    is_served(host)


def test_bodies_outside_of_shared_memory_count_against_the_budget(start: StartHost) -> None:
    """There are more uploads than slots to lend; the others are in the front's own memory."""
    host = start(memory_budget="64MiB", keepalive=LONG)
    with ExitStack() as clients, memory_stays_bounded(host):
        for _ in range(80):
            clients.enter_context(begin_body_buffer(host, 2 * MIB))
        is_served(host)


def test_clients_that_do_not_read_large_answers_are_cut_off(start: StartHost) -> None:
    """They are cut off as the answers are written, not some time later; a client that reads has its answer."""
    host = start(memory_budget="64MiB", worker_threads=1, keepalive=LONG)
    beside = 3 * 16 * MIB  # one is written by the worker, one copied, one cut off and not yet forgotten
    with ExitStack() as clients, memory_stays_bounded(host, beside):
        silent = []
        for _ in range(24):
            silent.append(clients.enter_context(ask_and_read_nothing(host, 16 * MIB)))
            is_served(host)
        assert silent[0].wait_hang_up()
        answer = host.call(command("size", str(16 * MIB)))
        assert (answer.status, len(answer.body)) == (200, 16 * MIB)


def test_requests_sent_ahead_count_against_the_budget(start: StartHost, gate: Gate) -> None:
    """Their heads count, too; the requests wait behind another on their connection."""
    host = start(memory_budget="16MiB", worker_threads=1, keepalive=LONG)
    ahead = request(body=bytes(900), headers=[("Authorization", "x" * 12_000)]) * 60
    with ExitStack() as clients, memory_stays_bounded(host, budget=16 * MIB):
        held = clients.enter_context(host.ask(gate.command(b"held")))
        gate.wait_entered()
        for _ in range(60):
            client = clients.enter_context(host.connect())
            client.send(request(body=b"first"))
            client.send_until_refused(ahead)
        assert host.call(None, "/api/builtin/ping", "GET").body == b"pong\n"
        gate.release()
        assert held.read().body == b"held"


def test_large_bodies_in_a_full_queue_are_refused_before_small_ones(start: StartHost, gate: Gate) -> None:
    """Complete bodies in the queue are counted."""
    host = start(memory_budget="64MiB", worker_threads=1, keepalive=LONG)
    with ExitStack() as clients, memory_stays_bounded(host):
        clients.enter_context(host.ask(gate.command(b"held")))
        gate.wait_entered()
        large = [clients.enter_context(host.ask(bytes(8 * MIB))) for _ in range(12)]
        small = [clients.enter_context(host.ask(bytes(SMALL))) for _ in range(8)]
        host.wait_queue(3 + len(small))  # three large ones have room beside what is kept for small ones
        gate.release()
        answers = [client.read() for client in large]
        told = sorted((answer.status, answer.get("Retry-After") or "") for answer in answers)
        assert told == [(200, "")] * 3 + [(503, "1")] * 9
        assert {client.read().status for client in small} == {200}


def test_only_as_many_bodies_are_decompressed_at_once_as_fit(start: StartHost) -> None:
    """Compressed bodies wait their turn where bodies arrive."""
    host = start(memory_budget="64MiB", keepalive=LONG)
    packed = gzip.compress(os.urandom(1) * (24 * MIB), 6)
    headers = [("Content-Encoding", "gzip")]
    with ExitStack() as clients, memory_stays_bounded(host, 2 * 24 * MIB):  # an output, and its copy
        sent = [clients.enter_context(host.connect()).send(request(body=packed, headers=headers)) for _ in range(12)]
        is_served(host, gzip.decompress(packed)[:SMALL])
        statuses = {client.read().status for client in sent}
    assert 200 in statuses
    assert statuses <= {200, 503}


def test_body_answers_503_where_no_thread_can_decompress_it(start: StartHost) -> None:
    """The system lets no thread be started: the body is gone; once there may be threads, all is as before."""
    host = start(memory_budget="64MiB", keepalive=LONG)
    packet = request(body=gzip.compress(bytes(10 * MIB), 0), headers=[("Content-Encoding", "gzip")])
    with control_group("pids") as group:
        group.join([host.pid])
        group.limit_processes(0)
        with memory_stays_bounded(host):
            for _ in range(10):
                with host.connect() as client:
                    answer = client.send(packet).read()
                assert (answer.status, answer.get("Retry-After"), "can't start" in answer.text) == (503, "1", True)
        group.limit_processes(None)
        with host.connect() as client:
            assert client.send(packet).read().status == 200
        host.stop()


TOO_LARGE: dict[str, Callable[[], bytes]] = {
    "announced": lambda: request(headers=[("Content-Length", str(33 * MIB))]),
    "in chunks": lambda: request(headers=[("Transfer-Encoding", "chunked")]) + b"%x\r\n" % (33 * MIB) + bytes(33 * MIB),
    "unpacked": lambda: request(body=gzip.compress(bytes(33 * MIB)), headers=[("Content-Encoding", "gzip")]),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_body_larger_than_the_budget_answers_413_and_names_the_option(start: StartHost, name: str) -> None:
    """The host has said so at its start."""
    host = start(memory_budget="64MiB", keepalive=LONG)
    host.wait_for_log("bodies above 33554432 bytes will answer 413.*--memory-budget")
    with host.connect() as client:
        client.send_until_refused(TOO_LARGE[name]())
        answer = client.read()
    assert (answer.status, "--memory-budget" in answer.text) == (413, True), answer
    is_served(host, bytes(30 * MIB))


def test_output_larger_than_the_budget_answers_500_with_the_reason(start: StartHost) -> None:
    """The processor's author finds it in the log."""
    host = start(memory_budget="64MiB", keepalive=LONG)
    answer = host.call(command("size", str(50 * MIB)))
    assert (answer.status, "--memory-budget" in answer.text) == (500, True), answer
    host.wait_for_log("the processor's output has 52428800 bytes.*--memory-budget")
    assert len(host.call(command("size", str(40 * MIB))).body) == 40 * MIB


def test_output_that_cannot_be_copied_answers_500_with_the_reason(start: StartHost) -> None:
    """The system has no memory for it; the other requests are answered, and so is the next one."""
    host = start(memory_budget="512MiB", keepalive=LONG)
    whole = command("size", str(48 * MIB))
    assert len(host.call(whole).body) == 48 * MIB
    soft, hard = resource.prlimit(host.pid, resource.RLIMIT_AS)
    resource.prlimit(host.pid, resource.RLIMIT_AS, (proc.address_space(host.pid) + 16 * MIB, hard))
    for _ in range(3):
        answer = host.call(whole)
        assert (answer.status, "no memory for the processor's output" in answer.text) == (500, True), answer
        assert host.call(b"small").body == b"small"
    host.wait_for_log("no memory for an output of 50331648 bytes")
    resource.prlimit(host.pid, resource.RLIMIT_AS, (soft, hard))
    assert len(host.call(whole).body) == 48 * MIB


def test_memory_of_free_slots_is_given_back_before_a_request_is_refused(start: StartHost) -> None:
    """Slots keep it for their next requests."""
    host = start(memory_budget="16MiB", worker_threads=8, keepalive=LONG)
    people = 8
    for _ in range(3):
        crowd = [host.ask(command("meet", f"{people}:here") + bytes(MIB - 100)) for _ in range(people)]
        for client in crowd:
            client.read()
            client.close()
    with begin_body_buffer(host, 7 * MIB) as upload:
        upload.send(b"x")
        assert upload.read().status == 200


@pytest.mark.parametrize("text", ["0", "1023KiB", "2000GiB", "lots"])
def test_wrong_memory_budget_is_refused(text: str) -> None:
    from eas_host.cli.options import read_config  # noqa: PLC0415
    from eas_host.errors import ConfigError  # noqa: PLC0415

    with pytest.raises(ConfigError, match="expected an amount of memory from 1MiB"):
        read_config(["--memory-budget", text])


def test_default_budget_fits_a_small_container(start: StartHost) -> None:
    """Uploads that do not end, together with answers that are not read, have no process killed."""
    with control_group("memory") as group:
        group.limit_memory(300 * MIB)
        with group.inside():
            host = start(worker_threads=1, keepalive=LONG)
        with ExitStack() as clients:
            for _ in range(14):
                clients.enter_context(begin_body_buffer(host, 40 * MIB))
                clients.enter_context(ask_and_read_nothing(host, 16 * MIB))
                is_served(host)
        assert group.kills() == 0
        is_served(host)
        host.stop()
