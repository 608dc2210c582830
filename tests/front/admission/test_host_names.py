"""
The name in the Host header: every valid one reaches the processor, and on loopback without a token the builtin handlers
answer to names of this machine only. Names that are not valid are in front/http/test_malformed.py.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.columns import columns
from support.command import run
from support.host import Host, StartHost
from support.network import need_ipv6, own_address
from support.wire import Client, Response, request

HOST_OPTIONS = {"keepalive": 60_000, "worker_threads": 1}
PROP = "/api/builtin/prop"
TOKEN = "fOURsOg="  # noqa: S105
OURS = [
    "localhost",
    "localhost:8080",
    "LocalHost",
    "localhost.",
    "localhost:",
    "app.localhost:3000",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.1.2.3",
    "127.0.0.1.",
    "127.1",
    "[::1]",
    "[::1]:8080",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "0.0.0.0:8080",
    "[::]",
    socket.gethostname(),
    "",
]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "notlocalhost",
    "localhost..",
    "10.0.0.1",
    "128.0.0.1",
    "[2001:db8::1]",
    "[fe80::1%25eth0]",
    "%6c%6f%63%61%6c%68%6f%73%74",
]


def named(method: str, path: str, name: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    return request(method, path, body, headers).replace(b"Host: 127.0.0.1", b"Host: " + name.encode())


def ask(host: Host, name: str, path: str = PROP, *headers: tuple[str, str], method: str = "GET") -> Response:
    with host.connect() as client:
        return client.send(named(method, path, name, headers)).read(method)


@columns("cpp-process")
@pytest.mark.parametrize("name", [*OURS, *FOREIGN, "a_b.example", "xn--4ca.example", "a%20b", "tilde~,;=()"])
def test_processor_answers_to_every_host_name(host: Host, name: str) -> None:
    """A reverse proxy in front forwards names that the host cannot know."""
    with host.connect() as client:
        for _ in range(3):
            client.send(named("POST", "/api/predict/contract", name, body=b"body"))
            assert client.read().body == b"body"


@columns("cpp-process")
def test_http_10_request_needs_no_host_name(host: Host) -> None:
    with host.connect() as client:
        assert client.send(b"POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody").read().body == b"body"
    with host.connect() as client:
        assert client.send(b"GET /api/builtin/ping HTTP/1.0\r\n\r\n").read().body == b"pong\n"


@columns("cpp-process")
@pytest.mark.parametrize("name", OURS)
def test_builtin_handlers_answer_to_names_of_this_machine(host: Host, name: str) -> None:
    assert ask(host, name).status == 200


@columns("cpp-process")
@pytest.mark.parametrize("name", FOREIGN)
def test_builtin_handlers_answer_403_to_other_host_names(host: Host, name: str) -> None:
    """A page whose name leads here reads nothing of the host; the answer says what to do."""
    for path in (PROP, "/api/builtin/monitor", "/api/builtin/metrics", "/api/builtin/eastool", "/api/builtin/ping"):
        answer = ask(host, name, path)
        assert answer.status == 403
        assert "rpc" not in answer.text
        assert "--allow-host" in answer.text
    assert ask(host, name, "/api/builtin/tell", method="POST").status == 403
    assert ask(host, name, method="HEAD").status == 403


@columns("cpp-process")
def test_name_in_an_absolute_target_counts_instead_of_host(host: Host) -> None:
    """RFC 9112, section 3.2.2."""
    assert ask(host, "evil.example", f"http://localhost{PROP}").status == 200
    assert ask(host, "localhost", f"http://evil.example{PROP}").status == 403
    assert ask(host, "localhost", f"http://[::1]:80{PROP}?x=http://evil.example").status == 200


def test_allow_host_option_allows_names_and_wildcards(start: StartHost) -> None:
    host = start(allow_host=["Proxy.example,[10.0.0.1]", "*.corp.example"])
    for name in ("proxy.example", "PROXY.example:443", "10.0.0.1", "a.corp.example", "a.b.corp.example.", "localhost"):
        assert ask(host, name).status == 200, name
    for name in ("corp.example", "xcorp.example", "a.proxy.example", "10.0.0.2"):
        assert ask(host, name).status == 403, name


def test_refused_host_name_is_logged_once_a_minute(start: StartHost) -> None:
    """A proxy's check that fails shows no text."""
    host = start()
    for name in ("www.example", "other.example", "www.example"):
        assert ask(host, name, "/api/builtin/ping").status == 403
    host.wait_for_log(r"\[WARNING\] .*403: 127\.0\.0\.1: .* www\.example.*--allow-host www\.example")
    assert "other.example" not in host.new_log()


def test_allow_host_star_allows_every_name(start: StartHost) -> None:
    host = start(allow_host="*")
    assert ask(host, "evil.example").status == 200


def test_builtin_handlers_answer_to_the_address_that_is_listened_on(start: StartHost) -> None:
    """The address that the host prints works, whatever the system resolves it to."""
    host = start(listen="127.0.0.1:0", language="python")
    assert ask(host, f"127.0.0.1:{host.address[1]}").status == 200
    need_ipv6()
    host = start(listen="[::1]:0", language="python")
    assert ask(host, f"[::1]:{host.address[1]}").status == 200
    assert ask(host, "evil.example").status == 403


def test_with_a_token_every_host_name_is_allowed(start: StartHost) -> None:
    """The token keeps strangers out, whatever they call the host."""
    host = start(token=TOKEN)
    assert ask(host, "evil.example").status == 401
    assert ask(host, "evil.example", PROP, ("Authorization", TOKEN)).status == 200
    assert ask(host, "evil.example", "/api/builtin/ping").status == 200


def test_host_names_are_checked_on_loopback_only(start: StartHost) -> None:
    """Requests over the network have names that nobody here knows; those over loopback come from this machine."""
    address = own_address()
    host = start(language="python", listen="0.0.0.0:0")
    assert ask(host, "evil.example").status == 403
    with Client((address, host.address[1])) as client:
        for name in (address, "service.namespace"):
            assert client.send(named("GET", PROP, name)).read("GET").status == 200


def test_static_pages_answer_to_names_of_this_machine_only(start: StartHost, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>")
    host = start(static=tmp_path)
    assert ask(host, "localhost", "/api/builtin/static/").status == 200
    assert ask(host, "evil.example", "/api/builtin/static/").status == 403


@columns("cpp-process")
def test_request_of_another_site_answers_403_by_sec_fetch_site(host: Host) -> None:
    """Browsers send that header with every request, also where they name no origin."""
    for method in ("POST", "GET"):
        path = PROP if method == "POST" else "/api/builtin/eastool"
        for site, status in (
            ("cross-site", 403),
            ("Cross-Site", 403),
            ("same-site", 403),
            ("none, cross-site", 403),
            ("same-origin", 200),
            ("none", 200),
        ):
            headers = [("Sec-Fetch-Site", site)]
            with host.connect() as client:
                answer = client.send(request(method, path, b'{"a": 1}', headers)).read(method)
            assert answer.status == status, (method, site)
    assert ask(host, "localhost", "/api/builtin/ping", ("Sec-Fetch-Site", "cross-site")).status == 200
    with host.connect() as client:
        client.send(request(body=b"x", headers=[("Sec-Fetch-Site", "cross-site")]))
        assert client.read().body == b"x"


@pytest.mark.parametrize("name", ["http://a.example", "a.example:80", "a b", "a/b", "-a", "a..b", "*a", "**"])
def test_allow_host_option_refuses_an_invalid_name(builder: ProcessorBuilder, name: str) -> None:
    done = run("--entry", builder.contract("cpp"), "--allow-host", name)
    done.fails_in_one_line(2, "--allow-host", "expected a host name")
