"""
The handlers under /api/builtin/: who may ask them, and what each does. Properties and metrics have files of their own.
"""

from __future__ import annotations

import json
import signal

import pytest

from eas_host.front.admission.access import is_local
from support.columns import columns
from support.gate import Gate
from support.host import Host, StartHost
from support.network import own_address
from support.wire import Client, Response, command, request

HOST_OPTIONS = {"keepalive": 60_000, "worker_threads": 1}
BUILTIN = "/api/builtin/"
TOKEN = "fOURsOg="  # noqa: S105
METHODS = {
    "call": "GET, HEAD, POST",
    "eastool": "GET, HEAD, POST",
    "metrics": "GET, HEAD",
    "monitor": "GET, HEAD",
    "ping": "GET, HEAD, POST",
    "prop": "GET, HEAD, POST",
    "realtime_metrics": "GET, HEAD, POST",
    "tell": "POST",
    "term": "POST",
}
CHANGES = [("POST", "prop"), ("POST", "realtime_metrics"), ("POST", "term"), ("POST", "eastool"), ("GET", "eastool")]


def ask(host: Host, method: str, name: str, *headers: tuple[str, str], body: bytes = b"") -> Response:
    with host.connect() as client:
        return client.send(request(method, BUILTIN + name, body, headers)).read(method)


# What there is.


@columns("python-process")
@pytest.mark.parametrize("name", ["", "nothing", "ping/", "ping/more", "PING", "%70ing"])
def test_unknown_handler_answers_404_with_the_list(host: Host, name: str) -> None:
    answer = ask(host, "GET", name)
    assert answer.status == 404
    for known in METHODS:
        assert known in answer.text


@columns("python-process")
def test_path_that_only_begins_like_a_handler_reaches_the_processor(host: Host) -> None:
    assert host.call(b"x", "/api/builtins/ping").body == b"x"


@columns("python-process")
@pytest.mark.parametrize("name", METHODS)
def test_wrong_method_answers_405_with_allow(host: Host, name: str) -> None:
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE"} - set(METHODS[name].split(", ")):
        answer = ask(host, method, name)
        assert (answer.status, answer.get("Allow")) == (405, METHODS[name]), method


@columns("python-process")
def test_head_answers_like_get_without_a_body(host: Host) -> None:
    with host.connect() as client:
        get = client.send(request("GET", f"{BUILTIN}ping")).read("GET")
        head = client.send(request("HEAD", f"{BUILTIN}ping")).read("HEAD")
        assert (head.status, head.body, head.get("Content-Length")) == (200, b"", get.get("Content-Length"))
        assert client.call(b"x").body == b"x"


@columns("python-process")
def test_absolute_target_reaches_the_handler(host: Host) -> None:
    with host.connect() as client:
        assert client.send(request("GET", "http://localhost/api/builtin/ping?x=1")).read("GET").body == b"pong\n"


# Who may ask.


def test_every_handler_but_ping_needs_the_token(start: StartHost) -> None:
    """Unknown names and wrong methods too."""
    host = start(language="python", token=TOKEN)
    assert ask(host, "GET", "ping").body == b"pong\n"
    for name in [*METHODS, "nothing"]:
        for method in ("GET", "POST", "DELETE"):
            if name != "ping":
                assert ask(host, method, name).status == 401, (method, name)
    assert ask(host, "GET", "monitor", ("Authorization", TOKEN)).status == 200
    assert ask(host, "GET", "monitor", ("Authorization", f"Bearer {TOKEN}")).status == 200


def test_changes_from_another_machine_without_a_token_answer_403(start: StartHost) -> None:
    """Without a token only programs on this machine may change something; all may read."""
    address = own_address()
    host = start(language="python", listen="0.0.0.0:0")
    port = host.address[1]
    host.address = (address, port)
    for method, name in CHANGES:
        answer = ask(host, method, name, body=b'{"rpc.keepalive": 1}')
        assert answer.status == 403, (method, name)
        assert "--token" in answer.text
    assert ask(host, "GET", "monitor").status == 200
    assert json.loads(ask(host, "GET", "prop").body)["rpc.keepalive"] == "5000"
    host.address = ("127.0.0.1", port)
    assert ask(host, "POST", "prop", body=b'{"rpc.keepalive": 6000}').status == 200


def test_changes_from_another_machine_with_the_token_are_accepted(start: StartHost) -> None:
    address = own_address()
    host = start(language="python", listen="0.0.0.0:0", token=TOKEN)
    host.address = (address, host.address[1])
    headers = [("Authorization", TOKEN), ("Origin", "http://a.page")]
    assert ask(host, "POST", "prop", *headers, body=b'{"rpc.keepalive": 6000}').status == 200


@columns("python-process")
def test_changes_from_a_web_page_answer_403(host: Host) -> None:
    """A browser on this machine sends what any page wants; it says which page that is."""
    for method, name in CHANGES:
        answer = ask(host, method, name, ("Origin", "http://a.page"), body=b'{"rpc.keepalive": 1}')
        assert answer.status == 403, (method, name)
    assert ask(host, "GET", "ping", ("Origin", "http://a.page")).status == 200


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:7f00:1", True),
        ("128.0.0.1", False),
        ("0.0.0.0", False),
        ("192.168.0.1", False),
        ("::", False),
        ("::2", False),
        ("::ffff:10.0.0.1", False),
        ("::127.0.0.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_loopback_addresses_are_local(address: str, local: bool) -> None:
    assert is_local(address) is local


# ping


@columns("python-process")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_ping_answers_pong(host: Host, method: str) -> None:
    answer = ask(host, method, "ping")
    assert (answer.status, answer.body, answer.get("Content-Type")) == (200, b"pong\n", "text/plain; charset=utf-8")


@columns("python-process")
def test_ping_answers_while_all_threads_are_busy(host: Host, gate: Gate) -> None:
    with host.ask(gate.command()) as busy:
        gate.wait_entered()
        assert ask(host, "GET", "ping?ready=true").body == b"pong\n"
        gate.release()
        assert busy.read().status == 200


# call and tell


@columns("cpp-process", "python-process")
def test_call_answers_as_the_predict_path_does(host: Host) -> None:
    """The processor's answer, whatever it is."""
    for body in (b"", b"hello", bytes(3_000_000)):
        answer = ask(host, "POST", "call", body=body)
        assert (answer.status, answer.body) == (200, body)
    answer = ask(host, "POST", "call", body=command("status", "404:nothing"))
    assert (answer.status, answer.body) == (404, b"nothing")
    with host.connect() as client:
        assert client.send(request("GET", f"{BUILTIN}call")).read("GET").status == 200


@columns("python-process")
def test_call_mixed_with_other_requests_gets_its_own_answers(host: Host) -> None:
    """All requests come on one connection."""
    with host.connect() as client:
        for number in range(20):
            path = (f"{BUILTIN}call", host.path, f"{BUILTIN}ping")[number % 3]
            expected = b"pong\n" if "ping" in path else b"%d" % number
            assert client.call(b"%d" % number, path).body == expected


@columns("python-process")
def test_call_in_a_pipeline_is_answered_in_order(host: Host, gate: Gate) -> None:
    """The processor and builtin handlers answer by turns."""
    with host.connect() as client:
        client.send(request(path=f"{BUILTIN}call", body=gate.command(b"first")))
        client.send(request("GET", f"{BUILTIN}ping") + request(body=b"third"))
        gate.wait_entered()
        gate.release()
        assert [client.read().body for _ in range(3)] == [b"first", b"pong\n", b"third"]


@columns("python-process")
def test_tell_answers_202_before_the_processor_runs(host: Host, gate: Gate) -> None:
    """The processor's answer goes nowhere."""
    with host.connect() as client:
        answer = client.call(gate.command(b"told"), f"{BUILTIN}tell")
        assert answer.status == 202
        assert [event.body for event in gate.wait_entered()] == ["told"]
        gate.release()
        gate.wait_left()
        assert client.call(b"x").body == b"x"


@columns("python-process")
def test_error_of_a_tell_request_is_only_logged(host: Host) -> None:
    assert ask(host, "POST", "tell", body=command("status", "500:it broke")).status == 202
    host.wait_for_log(r"tell: the processor answered 500: it broke")
    assert ask(host, "POST", "tell", body=command("status", "500:two\n[x] lines")).status == 202
    host.wait_for_log(r"tell: the processor answered 500: two\\n\[x\] lines$")


def test_crash_of_a_tell_request_is_logged(start: StartHost) -> None:
    host = start(language="cpp")
    assert ask(host, "POST", "tell", body=command("die", "segv")).status == 202
    host.wait_for_log(r"tell: 500: .*SIGSEGV")
    host.allow_log("SIGSEGV")
    assert host.call(b"x").body == b"x"


def test_tell_requests_are_finished_before_the_host_stops(start: StartHost, gate: Gate) -> None:
    """One of them still waits when the stop begins."""
    host = start(language="python", worker_threads=1)
    with host.connect() as client:
        assert client.call(gate.command(b"1"), f"{BUILTIN}tell").status == 202
        assert client.call(gate.command(b"2"), f"{BUILTIN}tell").status == 202
    gate.wait_entered()
    host.send_signal(signal.SIGTERM)
    host.wait_for_log("shutting down context")
    gate.release(2)
    gate.wait_left(2)
    host.ends_with(0)


def test_tell_with_a_full_queue_answers_450(start: StartHost, gate: Gate) -> None:
    host = start(language="python", worker_threads=1, max_queue_size=1)
    with host.ask(gate.command()) as running:
        gate.wait_entered()
        with host.ask(b"waits") as waiting:
            host.wait_queue(1)
            assert ask(host, "POST", "tell", body=b"x").status == 450
            gate.release()
            assert (running.read().status, waiting.read().body) == (200, b"waits")


# eastool


@columns("python-process")
def test_eastool_reports_configuration_and_running_requests(host: Host, gate: Gate) -> None:
    """The report says since when a request runs."""
    with host.ask(gate.command(b"busy"), "/api/predict/contract/slow") as busy:
        gate.wait_entered()
        with host.ask(b"waits") as waiting:
            while "1 requests wait" not in (report := ask(host, "GET", "eastool").text):
                pass
            for words in (
                "service contract: ready",
                "* keepalive = 60000",
                "  max_queue_size = 64",
                "  rpc.keepalive = '60000'",
                "1 of 1 worker threads are busy",
                "  POST /api/predict/contract/slow: runs on worker 0, ",
                "  POST /api/predict/contract: waits, ",
            ):
                assert words in report
            host.wait_for_log(r"busy worker threads? .*\(/api/builtin/eastool\)")
            gate.release()
            assert (busy.read().status, waiting.read().body) == (200, b"waits")


def test_eastool_hides_the_token(start: StartHost) -> None:
    host = start(language="python", token=TOKEN, model_config="m" * 1000)
    report = ask(host, "GET", "eastool", ("Authorization", TOKEN)).text
    assert TOKEN not in report
    assert "* token = ****" in report
    assert "(1002 characters)" in report


# term


def test_term_answers_200_and_ends_the_host_as_sigterm_does(start: StartHost, gate: Gate) -> None:
    """A running request is still answered."""
    host = start(language="python", keepalive=60_000)
    with host.ask(gate.command(b"runs")) as running, host.connect() as client:
        gate.wait_entered()
        answer = client.call(b"", f"{BUILTIN}term")
        assert (answer.status, answer.get("Connection")) == (200, "close")
        assert client.is_closed()
        host.wait_for_log("builtin/term: the host stops")
        gate.release()
        assert running.read().body == b"runs"
    host.ends_with(0)


def test_second_term_does_not_force_the_stop(start: StartHost, gate: Gate) -> None:
    """A second Ctrl+C would."""
    host = start(language="python", keepalive=60_000)
    with host.ask(gate.command(b"runs")) as running, host.connect() as client, host.connect() as other:
        gate.wait_entered()
        client.send(request(path=f"{BUILTIN}term", body=b""))
        other.send(request(path=f"{BUILTIN}term", body=b""))
        assert client.read().status == 200
        host.wait_for_log("builtin/term: the host stops")
        gate.release()
        assert running.read().body == b"runs"
    host.ends_with(0)


# What handlers read.


@columns("python-process")
@pytest.mark.parametrize("name", ["prop", "realtime_metrics", "ping", "term"])
def test_handler_body_above_256_kib_answers_413(host: Host, name: str) -> None:
    """The body is not read first; bodies for the processor may be larger."""
    with host.connect() as client:
        announced = [("Content-Length", str(256 * 1024 + 1))]
        client.send(request("POST", BUILTIN + name, headers=announced))
        assert client.read().status == 413
        assert client.is_closed()


@columns("python-process")
@pytest.mark.parametrize("name", ["ping", "prop", "monitor", "eastool"])
def test_handlers_keep_the_connection_open(host: Host, name: str) -> None:
    with host.connect() as client:
        for _ in range(3):
            assert one(client, name).status == 200
        assert client.call(b"x").body == b"x"


def one(client: Client, name: str) -> Response:
    return client.send(request("GET", BUILTIN + name)).read("GET")
