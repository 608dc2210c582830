"""
What the service's page asks the host: the stream of updates, the last failures, and changes; who may ask; and that a
page that nobody looks at costs nothing.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from eas_host.config import HostConfig
from eas_host.dispatch.exchange import Exchange, RequestHead
from eas_host.front.admission.access import Access
from eas_host.front.admission.cors import Cors
from eas_host.front.admission.host_names import Hosts
from eas_host.front.admission.tokens import Auth
from eas_host.front.detached_requests import DetachedResponder
from eas_host.front.observe.throttled_log import ThrottledLog
from eas_host.front.service_state import ServiceState
from eas_host.front.ui import events
from eas_host.front.ui.events import Events
from support.build import ProcessorBuilder
from support.gate import Gate
from support.host import Host, StartHost
from support.network import own_address
from support.planes import StartPlane
from support.wire import Client, Response, command, request

AT = "/api/builtin/ui/"
EVENTS = AT + "events"
FAILURES = AT + "failures"
PROP = "/api/builtin/prop"
TOKEN = "fOURsOg="  # noqa: S105  no secret
FAR = ("Sec-Fetch-Site", "cross-site")
SAME = ("Sec-Fetch-Site", "same-origin")
MOST = 16


@pytest.fixture(scope="module")
def host(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    entry = builder.contract("cpp")
    with Host(tmp_path_factory.mktemp("updates"), entry=entry, processor_type="cpp", keepalive=60_000) as running:
        yield running


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    """Opens streams, which are closed after the test."""
    with ExitStack() as stack:
        yield lambda host, *headers: Watcher(stack.enter_context(host.connect()), *headers)


class Watcher:
    """A stream of updates."""

    def __init__(self, client: Client, *headers: tuple[str, str], version: str = "HTTP/1.1") -> None:
        self.client = client.send(request("GET", EVENTS, None, headers, version))
        head = client._until(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.fields = dict(line.lower().split(": ", 1) for line in head[1:])

    def update(self) -> dict[str, Any]:
        """The next one."""
        kind, _, data = self.client._until(b"\n\n").partition(b": ")
        assert kind == b"data"
        value: dict[str, Any] = json.loads(data)
        return value


def ask(
    host: Host, path: str, *headers: tuple[str, str], body: bytes | None = None, name: bytes = b"127.0.0.1"
) -> Response:
    method = "GET" if body is None else "POST"
    with host.connect() as client:
        data = request(method, path, body, headers).replace(b"Host: 127.0.0.1", b"Host: " + name)
        return client.send(data).read(method)


def failures(host: Host, *headers: tuple[str, str]) -> list[dict[str, Any]]:
    answer = ask(host, FAILURES, *headers)
    assert answer.status == 200
    found: list[dict[str, Any]] = json.loads(answer.body)
    return found


# The page.


def test_page_is_served_with_a_strict_policy(host: Host) -> None:
    """No script or style of elsewhere or inline, no frame around it; and its files are what it says that they are."""
    page = ask(host, AT)
    assert page.status == 200
    assert page.get("Content-Type") == "text/html; charset=utf-8"
    policy = page.get("Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert " style=" not in page.text
    assert page.text.count("<script") == page.text.count('<script type="module" src="page.js"></script>') == 1
    script = ask(host, AT + "page.js")
    assert (script.status, script.get("Content-Type")) == (200, "text/javascript; charset=utf-8")
    assert "no-cache" in (script.get("Cache-Control") or "")
    assert ask(host, AT + "page.css", name=b"evil.example").status == 403


def test_address_without_the_slash_leads_to_the_page(host: Host) -> None:
    answer = ask(host, AT.rstrip("/"))
    assert (answer.status, answer.get("Location")) == (308, "ui/")


@pytest.mark.parametrize("name", ["x", "../ui/", "entry.py", "page/page.js", "%2e%2e/entry.py", "events/"])
def test_other_paths_below_the_page_answer_404(host: Host, name: str) -> None:
    answer = ask(host, AT + name)
    assert answer.status == 404
    assert "import" not in answer.text


# The stream.


def test_each_second_has_an_update(begin: StartPlane, watch: Callable[..., Watcher]) -> None:
    """On each data plane; the counters are those of `monitor`."""
    host = begin()
    watcher = watch(host)
    assert watcher.status == 200
    assert watcher.fields["content-type"] == "text/event-stream"
    assert watcher.fields["connection"] == "close"
    assert "content-length" not in watcher.fields
    first = watcher.update()
    assert (first["service"], first["not_ready"], first["waiting"]) == ("contract", None, 0)
    assert first["models"] == [
        {"name": None, "path": "/api/predict/contract", "not_ready": None, "waiting": 0, "room": 64}
    ]
    assert [worker["pid"] for worker in first["workers"]] == host.workers()
    assert host.call(b"once").status == 200
    second, third = watcher.update(), watcher.update()
    assert 0.9 < third["uptime"] - second["uptime"] < 60
    assert third["requests"] == {"200": 1}
    assert sum(third["buckets"]) == 1
    assert len(third["buckets"]) == len(third["bounds"]) + 1


def test_watchers_see_the_same_update(host: Host, watch: Callable[..., Watcher]) -> None:
    """It is made once: a watcher that comes in between begins with that of the last second."""
    first, second = watch(host), watch(host)
    assert first.update() == second.update()
    assert first.update() == second.update()


def test_client_of_http_10_may_watch(host: Host) -> None:
    with host.connect() as client:
        watcher = Watcher(client, version="HTTP/1.0")
        assert watcher.update()["uptime"] < watcher.update()["uptime"]


def test_watchers_are_bounded_and_those_that_are_gone_make_room(host: Host) -> None:
    """Whether they close, reset, or end their half of the connection. The log says nothing of them."""
    with ExitStack() as stack:

        def more(watchers: list[Watcher]) -> list[Watcher]:
            """As many as may watch; those of before are forgotten within a second."""
            while len(watchers) < MOST:
                another = Watcher(stack.enter_context(host.connect()))
                watchers += [another] if another.status == 200 else []
            return watchers

        first, second, third, *others = more([])
        answer = ask(host, EVENTS)
        assert (answer.status, answer.text) == (503, "16 pages watch already, the most that may\n")
        first.client.close()
        second.client.reset()
        third.client.half_close()
        third.client.read_to_end()
        for watcher in more(others):
            watcher.update()
        assert ask(host, EVENTS).status == 503
    assert "499" not in host.new_log()


def test_watcher_that_does_not_read_is_reset(start: StartHost, tmp_path: Path) -> None:
    """Long before what it is sent piles up in the host. It has sent requests ahead, too."""
    model = tmp_path.joinpath(*["long" * 50] * 16)  # makes updates long
    model.mkdir(parents=True)
    host = start(model_entry=model)
    with Client(host.address, receive_buffer=2048) as client:
        client.send(request("GET", EVENTS) + request("GET", EVENTS) * 100)
        assert client.wait_hang_up()
    assert host.call(b"next").body == b"next"


class Updates:
    """Counts how many are made."""

    def __init__(self) -> None:
        self.made = 0

    def make(self) -> bytes:
        self.made += 1
        return b"{}"


def test_nothing_is_left_to_do_when_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """No timer, no update and no memory of one, before the first watcher and after the last."""
    monkeypatch.setattr(events, "_SECONDS", 0)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        access = Access(Auth(TOKEN), Hosts("127.0.0.1", ()), Cors(()), ThrottledLog(loop), lambda: ())
        updates = Updates()
        stream = Events(access, ServiceState(loop, HostConfig()), updates.make)
        assert (stream._timer, updates.made) == (None, 0)
        head = RequestHead()
        head.method, head.url, head.fields = b"GET", EVENTS.encode(), {b"authorization": TOKEN.encode()}
        watchers = [Exchange(DetachedResponder(lambda _: None), 0.0, head) for _ in range(3)]  # none reads an update
        answers = [stream(watcher, b"") for watcher in watchers]
        assert [answer and answer.body for answer in answers] == [b"data: {}\n\n"] * 3
        assert (stream._timer is None, updates.made) == (False, 1)
        while stream._timer is not None:  # noqa: ASYNC110  nothing tells of its end
            await asyncio.sleep(0)
        assert (stream._watchers, stream._last, updates.made) == ([], b"", 2)

    asyncio.run(run())


def test_open_stream_does_not_keep_the_host_from_stopping(
    start: StartHost, watch: Callable[..., Watcher], gate: Gate
) -> None:
    """It ends at once, while a request that runs is still answered."""
    host = start(worker_threads=1, keepalive=60_000)
    watcher = watch(host)
    watcher.update()
    with host.ask(gate.command()) as client:
        gate.wait_entered()
        host.send_signal(signal.SIGTERM)
        watcher.client.read_to_end()
        assert client.is_silent()
        gate.release()
        assert client.read().status == 200
    host.ends_with(0)


# Who may ask.


def test_pages_of_others_read_nothing(host: Host) -> None:
    """Neither a page of another origin, nor one whose name leads here."""
    for path in (EVENTS, FAILURES):
        assert ask(host, path, FAR).status == 403
        assert ask(host, path, ("Sec-Fetch-Site", "same-site")).status == 403
        assert ask(host, path, ("Origin", "http://evil.example")).status == 403
        assert ask(host, path, SAME, name=b"evil.example").status == 403
        assert ask(host, path, body=b"").status == 405


def test_token_is_asked_for_and_a_new_one_ends_the_stream(start: StartHost, watch: Callable[..., Watcher]) -> None:
    """The page itself has no secret, and a browser no token for it."""
    host = start(token=TOKEN)
    assert ask(host, AT).status == ask(host, AT + "stream.js").status == 200
    for path in (EVENTS, FAILURES):
        assert ask(host, path).status == 401
    ours = ("Authorization", TOKEN)
    watcher = watch(host, ours)
    watcher.update()
    watcher.update()
    answer = ask(host, PROP, ours, body=b'{"rpc.token": "another"}')
    assert answer.status == 200
    watcher.client.read_to_end()
    assert watch(host, ours).status == 401
    assert watch(host, ("Authorization", "another")).status == 200


def test_only_this_machine_may_watch_without_a_token(start: StartHost) -> None:
    address = own_address()
    host = start(listen=f"{address}:0")
    assert ask(host, AT, name=address.encode()).status == 200
    answer = ask(host, EVENTS, name=address.encode())
    assert answer.status == 403
    assert "only programs on this machine" in answer.text


# Changes by the page.


def put(host: Host, *headers: tuple[str, str]) -> int:
    return ask(host, PROP, *headers, body=b'{"my.own": "1"}').status


def test_own_page_may_change_the_service(host: Host) -> None:
    """Its origin is the name in Host; a browser that tells where a page is from must say the same."""
    ours = ("Origin", "http://127.0.0.1")
    assert put(host, ours) == put(host, ours, SAME) == 200
    assert put(host, ours, FAR) == put(host, ours, ("Sec-Fetch-Site", "same-site")) == 403
    for origin in ("http://127.0.0.1:1", "http://localhost", "null", "", "127.0.0.1"):
        assert put(host, ("Origin", origin)) == 403
    rebound = ("Origin", "http://evil.example")
    assert ask(host, PROP, rebound, SAME, body=b'{"my.own": "1"}', name=b"evil.example").status == 403


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("text/plain; charset=utf-8", 200),
        ("image/png", 200),
        ("text/html", 403),
        ("TEXT/HTML; charset=utf-8", 403),
        ("image/svg+xml", 403),
        ("application/xhtml+xml", 403),
        ("application/xml", 403),
        ("text/xml", 403),
        ("application/json; a, text/html", 403),
        ("nonsense", 403),
    ],
)
def test_own_page_is_not_believed_where_an_answer_may_be_a_page(host: Host, kind: str, status: int) -> None:
    """A client could have had the processor answer with a script, which has the origin of the host."""
    name = "rpc.http.default_headers"
    assert ask(host, PROP, body=json.dumps({name: f"Content-Type: {kind}"}).encode()).status == 200
    ours = ("Origin", "http://127.0.0.1")
    assert put(host, ours, SAME) == status
    assert ask(host, PROP, body=json.dumps({name: "Content-Type: text/plain"}).encode()).status == 200


def test_own_page_is_not_believed_beside_pages_of_the_service(start: StartHost, tmp_path: Path) -> None:
    """Nor where the answers of injected handlers, which have the type that was given, may be pages."""
    (tmp_path / "pages").mkdir()
    for options in ({"static": tmp_path / "pages"}, {"content_type": "text/html"}):
        host = start(**options)
        answer = ask(host, PROP, ("Origin", "http://127.0.0.1"), SAME, body=b'{"my.own": "1"}')
        assert answer.status == 403
        assert "--static" in answer.text


# The last failures.


def test_failures_have_cause_request_and_frames(start: StartHost) -> None:
    """Of crashes, exceptions, wrong outputs and late requests."""
    host = start(keepalive=60_000)
    assert failures(host) == []
    assert host.call(command("die", "abort")).status == 500
    host.expect_log("SIGABRT")
    for _ in range(3):
        assert host.call(command("throw", "no such thing")).status == 400
    host.expect_log("no such thing")
    assert host.call(command("null-size", "5")).status == 500
    host.allow_log(".")
    wrong, thrown, crash = failures(host)
    assert "POST /api/predict/contract" in wrong["request"]
    assert "no such thing" in thrown["cause"]
    assert thrown["times"] == 3
    assert crash["cause"].startswith("the worker process died of SIGABRT (abort)")
    assert "crash " in crash["request"]
    for failure in (thrown, crash):
        assert "  at " in failure["frames"]
        assert "+0x" not in failure["frames"]
    assert [one["frames"] for one in failures(host, ("X-Forwarded-For", "192.0.2.1"))] == ["", "", ""]


def test_late_requests_and_a_full_queue_are_failures(start: StartHost, gate: Gate) -> None:
    host = start(keepalive=500, worker_threads=1, max_queue_size=1)
    with host.ask(gate.command()) as first:
        gate.wait_entered()
        with host.ask(b"waits") as second:
            host.wait_queue(1)
            assert host.call(b"one too many").status == 450
            assert first.read().status == second.read().status == 408
    gate.release()
    causes = {failure["cause"] for failure in failures(host)}
    assert "450: the queue is full (--max-queue-size)" in causes
    assert any(cause.startswith("408: a request took longer than 500 ms") for cause in causes)
