"""
nginx in front of two hosts, with exactly the file that docs/deploy/nginx.md shows: ports and certificate are this
machine's.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from eas_host.config import HostConfig
from eas_host.front.limits import LAST_REQUESTS_SECONDS
from support.build import ROOT, ProcessorBuilder
from support.documents import fenced
from support.gate import Gate
from support.host import Host
from support.network import free_port
from support.nginx import Callers, Nginx, TlsConnection, certificate
from support.wire import command

PATH = "/api/predict/contract"
NAME = "scorer.example.com"
PORTS = (8081, 8082)
(FILE,) = fenced(ROOT / "docs" / "deploy" / "nginx.md", "nginx")


class TwoHosts:
    """Two hosts, and nginx in front of them."""

    def __init__(self, folder: Path, entry: Path) -> None:
        self._folder = folder
        self._entry = entry
        self._running = ExitStack()
        self._started = 0
        self._tls = free_port()
        self._certificate, key = certificate(folder, NAME)
        self.hosts = [self._start(free_port()) for _ in PORTS]
        places = {
            f"127.0.0.1:{port}": f"127.0.0.1:{host.address[1]}" for port, host in zip(PORTS, self.hosts, strict=True)
        }
        places |= {
            "listen 443 ssl": f"listen 127.0.0.1:{self._tls} ssl",
            "/etc/nginx/scorer.crt": str(self._certificate),
            "/etc/nginx/scorer.key": str(key),
        }
        content = FILE
        for documented, here in places.items():
            assert content.count(documented) == 1, documented
            content = content.replace(documented, here)
        self.nginx = self._running.enter_context(Nginx(folder, content))

    def _start(self, port: int) -> Host:
        self._started += 1
        folder = self._folder / f"host-{self._started}"
        return self._running.enter_context(
            Host(folder, entry=self._entry, processor_type="cpp", listen=f"127.0.0.1:{port}")
        )

    def restart(self, number: int) -> Host:
        """Starts a host in place of one that has ended or is to stop now, and returns it."""
        old = self.hosts[number]
        if old.process.poll() is None:
            old.stop()
        self.hosts[number] = self._start(old.address[1])
        return self.hosts[number]

    def connect(self) -> TlsConnection:
        return TlsConnection(self._tls, NAME, self._certificate)

    def close(self) -> None:
        self._running.close()


@pytest.fixture(scope="module")
def two(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    made = TwoHosts(tmp_path_factory.mktemp("nginx"), builder.contract("cpp"))
    yield made
    made.close()


def answers(host: Host) -> int:
    """How many requests *host* has answered with 200."""
    count: int = json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["requests"].get("200", 0)
    return count


def test_limits_of_the_file_fit_those_of_the_host() -> None:
    """Sizes, and the times that must be shorter or longer than the host's own."""
    defaults = HostConfig()
    settings = dict(re.findall(r"^\s+(\w+) (\w+);$", FILE, re.MULTILINE))
    assert int(settings["client_max_body_size"].removesuffix("m")) << 20 == defaults.max_body
    assert int(settings["proxy_read_timeout"].removesuffix("s")) * 1000 > defaults.keepalive
    assert int(settings["keepalive_timeout"].removesuffix("ms")) / 1000 <= LAST_REQUESTS_SECONDS / 2


def test_rolling_restart_loses_no_request(two: TwoHosts) -> None:
    """Each host is restarted twice, as soon as the other one has started, while eight clients send."""
    with Callers([two.connect() for _ in range(8)], PATH) as callers:
        for number in (0, 1, 0, 1):
            two.restart(number)
        for host in two.hosts:
            while answers(host) == 0:
                assert callers.wrong == []
    assert callers.wrong == []
    assert callers.answered > 80


def test_request_that_may_have_run_is_not_sent_to_the_other_host(two: TwoHosts, gate: Gate) -> None:
    """Its host is killed while it runs; its client is told so."""
    with two.connect() as client:
        client.request("POST", PATH, gate.command(b"once"), {"Host": NAME})
        gate.wait_entered()
        (number,) = [number for number, host in enumerate(two.hosts) if gate.entries()[0].pid in host.workers()]
        two.hosts[number].send_signal(signal.SIGKILL)
        two.hosts[number].ends_with(-signal.SIGKILL)
        assert client.getresponse().status == 502
    assert len([event for event in gate.catch_up() if event.kind == "enter"]) == 1
    two.restart(number)


def test_call_that_takes_too_long_is_answered_by_the_host(two: TwoHosts, gate: Gate) -> None:
    """With its 408 and its reason."""
    for host in two.hosts:
        assert host.call(b"", "/api/builtin/prop?name=rpc.keepalive&value=200").status == 200
    with two.connect() as client:
        status, body = client.call(gate.command(b"late"), PATH)
    assert (status, b"took longer than 200 ms" in body) == (408, True)
    gate.release()
    for host in two.hosts:
        assert host.call(b"", "/api/builtin/prop?name=rpc.keepalive&value=5000").status == 200


def test_large_bodies_pass_up_to_the_limit(two: TwoHosts) -> None:
    body = bytes(8 << 20)
    with two.connect() as client:
        assert client.call(body, PATH) == (200, body)
    with two.connect() as client:
        client.putrequest("POST", PATH)
        client.putheader("Content-Length", str((64 << 20) + 1))
        client.endheaders()
        answer = client.getresponse()
        assert (answer.status, answer.getheader("Server", "")[:5]) == (413, "nginx")


def test_clients_see_no_frames_and_no_builtin_handlers(two: TwoHosts) -> None:
    """They are not on this machine, though nginx is."""
    for host in two.hosts:
        host.allow_log("secret place")
    with two.connect() as client:
        status, body = client.call(command("throw", "secret place"), PATH)
        assert (status, body) == (400, b"secret place")
        for handler in ("term", "prop?name=rpc.token&value=x", "ui/", "monitor"):
            assert client.call(b"", f"/api/builtin/{handler}")[0] == 404
    for host in two.hosts:
        assert b"\n  at " in host.call(command("throw", "secret place")).body
