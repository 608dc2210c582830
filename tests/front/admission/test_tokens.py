"""
Tokens: how a host is given one, which requests it admits over HTTP, and that the token itself stays a secret.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from eas_host.cli.options import read_config
from eas_host.config import HostConfig
from eas_host.errors import ConfigError
from eas_host.front.listener import exposure_warning
from eas_host.make_spec import make_spec
from support import proc
from support.build import ProcessorBuilder
from support.columns import columns
from support.command import run
from support.host import Host, StartHost
from support.signing import DATE, OCTETS, TOKEN, VECTORS, Vector, md5, sign
from support.wire import Response, chunked, request

HOST_OPTIONS = {"token": TOKEN}

# Options.


def test_token_is_read_from_file_or_variable_and_stripped(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"\n {TOKEN} \n", encoding="utf-8")
    assert read_config(["--token", f"@{tmp_path}/token"], {}).token == TOKEN
    assert read_config([], {"EAS_HOST_TOKEN": f" {TOKEN} "}).token == TOKEN
    assert read_config([], {}).token is None


def test_generated_token_is_the_base64_of_20_random_bytes() -> None:
    """28 characters, and another one each time."""
    tokens = {read_config(["--generate-token"], {}).token or "" for _ in range(10)}
    assert len(tokens) == 10
    assert {len(base64.b64decode(token, validate=True)) for token in tokens} == {20}
    assert {len(token) for token in tokens} == {28}
    assert read_config([], {"EAS_HOST_GENERATE_TOKEN": "1"}).token
    assert read_config([], {"EAS_HOST_GENERATE_TOKEN": "0"}).token is None


def test_explicit_options_are_those_of_flags_and_environment() -> None:
    """Their values do not matter."""
    assert read_config([], {}).explicit == frozenset()
    config = read_config(["--keepalive", "5000"], {"EAS_HOST_TOKEN": "x", "EAS_HOST_NO_RETRY": "0", "OTHER": "1"})
    assert config.explicit == {"keepalive", "token", "no_retry"}
    assert "token" in read_config(["--generate-token"], {}).explicit
    with pytest.raises(ConfigError, match="no such option"):
        read_config(["--given", "x"], {})


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--token", ""], ["--token", "expected"]),
        (["--token", "  "], ["--token", "expected"]),
        (["--token", "a\nb"], ["--token", "expected"]),
        (["--token", "ключ"], ["--token", "expected"]),
        (["--token", "@/no/such/file"], ["--token", "/no/such/file"]),
        (["--token", "secret", "--generate-token"], ["--token", "--generate-token"]),
    ],
    ids=str,
)
def test_invalid_token_option_is_refused(builder: ProcessorBuilder, flags: list[str], words: list[str]) -> None:
    ended = run("--entry", builder.cpp("contract"), "--listen", "127.0.0.1:0", *flags)
    ended.fails_in_one_line(2, *words)


def test_invalid_token_option_is_not_shown() -> None:
    """A typo in a secret is no reason to print it."""
    for flags in (["--token", "secret\nsecret"], ["--tokne=secret"], ["--token", "secret", "--generate-token"]):
        with pytest.raises(ConfigError) as raised:
            read_config(flags, {})
        assert "secret" not in str(raised.value)


def test_token_is_neither_in_the_worker_spec_nor_in_the_repr_of_options() -> None:
    """A trace would show the latter."""
    config = HostConfig(entry="libx.so", token=TOKEN)
    assert TOKEN not in repr(config)
    assert TOKEN not in make_spec(config).to_json()


# Over the wire.


def ask(host: Host, *headers: tuple[str, str], body: bytes = b"x", target: str = "/api/predict/contract") -> Response:
    with host.connect() as client:
        return client.send(request("POST", target, body, headers)).read()


def check_refused(answer: Response, word: str) -> None:
    assert answer.status == 401, answer
    assert word in answer.text
    assert answer.text.count("\n") == 1
    assert answer.get("WWW-Authenticate")
    assert TOKEN not in str(answer)


@columns("cpp-process")
def test_request_without_the_right_token_answers_401(host: Host) -> None:
    for value in (TOKEN, f"Bearer {TOKEN}", f"  {TOKEN}  "):
        assert ask(host, ("Authorization", value)).body == b"x"
    check_refused(ask(host), "missing")
    check_refused(ask(host, ("Authorization", "other")), "wrong")
    check_refused(ask(host, ("Authorization", TOKEN), ("authorization", "other")), "wrong")
    assert ask(host, ("Authorization", TOKEN), ("authorization", TOKEN)).status == 200


@columns("cpp-process")
@pytest.mark.parametrize("vector", [vector for vector in VECTORS if vector.token == TOKEN], ids=lambda it: it.name)
def test_signature_of_vendors_clients_is_accepted_over_http(host: Host, vector: Vector) -> None:
    headers = [
        ("Content-MD5", vector.content_md5),
        ("Date", DATE),
        ("Content-Type", OCTETS),
        ("Authorization", f"EAS {vector.signature}"),
    ]
    assert ask(host, *headers, body=vector.body, target=vector.path).body == vector.body
    check_refused(ask(host, *headers, body=vector.body + b"!", target=vector.path), "Content-MD5")
    with host.connect() as client:
        head = request("POST", vector.path, None, [*headers, ("Transfer-Encoding", "chunked")])
        assert client.send(head + chunked(vector.body, 1)).read().body == vector.body


@columns("cpp-process")
@pytest.mark.parametrize("size", [0, 1, 70_000, 8 << 20])
def test_content_md5_is_verified_for_bodies_of_all_sizes(host: Host, size: int) -> None:
    """A body arrives in the piece of its head, in many, or byte by byte."""
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    headers = [("Content-MD5", md5(body)), ("Authorization", sign(TOKEN, "/x", md5(body), "", ""))]
    assert ask(host, *headers, body=body, target="/x").body == body
    if size:
        check_refused(ask(host, *headers, body=body[:-1] + b"\xaa", target="/x"), "Content-MD5")


@columns("cpp-process")
def test_each_request_of_a_connection_needs_the_token(host: Host) -> None:
    """A known head, then another token, then none, then the first again."""
    good = request(body=b"x", headers=[("Authorization", TOKEN)])
    with host.connect() as client:
        for _ in range(3):
            assert client.send(good).read().status == 200
        assert client.send(request(body=b"x", headers=[("Authorization", TOKEN[::-1])])).read().status == 401
        assert client.send(request(body=b"x")).read().status == 401
        assert client.send(good).read().status == 200


@columns("cpp-process")
def test_content_md5_is_verified_for_each_body_of_a_repeated_head(host: Host) -> None:
    headers = [("Content-MD5", md5(b"first")), ("Authorization", sign(TOKEN, "/x", md5(b"first"), "", ""))]
    with host.connect() as client:
        for _ in range(3):
            assert client.send(request("POST", "/x", b"first", headers)).read().status == 200
        check_refused(client.send(request("POST", "/x", b"other", headers)).read(), "Content-MD5")
        assert client.send(request("POST", "/x", b"first", headers)).read().status == 200


@columns("cpp-process")
def test_body_of_an_unauthorized_request_takes_no_memory(host: Host) -> None:
    before = proc.peak_memory(host.pid)
    with host.connect() as client:
        client.send_until_refused(request(body=bytes(48 << 20)))
        check_refused(client.read(), "missing")
    assert proc.peak_memory(host.pid) - before < 8 << 20


@columns("cpp-process")
def test_unauthorized_request_with_expect_is_refused_before_its_body(host: Host) -> None:
    """Expect: 100-continue with a wrong token."""
    with host.connect() as client:
        answer = client.send(request(headers=[("Expect", "100-continue"), ("Content-Length", "5")])).read()
        check_refused(answer, "missing")
        assert client.is_closed()


@columns("cpp-process")
def test_builtin_handlers_but_ping_need_the_token(host: Host) -> None:
    """ping is for probes, which have no token; the others are behind it, whether they exist or not."""
    with host.connect() as client:
        assert client.call(None, "/api/builtin/ping", "GET").status == 200
        for path in ("prop", "metrics", "no-such-handler"):
            assert client.call(None, f"/api/builtin/{path}", "GET").status == 401


@columns("cpp-process")
def test_builtin_handlers_take_the_token_from_behind_a_proxy_that_keeps_authorization(host: Host) -> None:
    """Only where there is no Authorization, and requests to the processor do not."""
    target = "/api/builtin/monitor"
    assert ask(host, ("X-Eas-Token", TOKEN), target=target).status == 405, "it is let in"
    check_refused(ask(host, ("X-Eas-Token", "other"), target=target), "wrong")
    check_refused(ask(host, ("X-Eas-Token", TOKEN), ("Authorization", "other"), target=target), "wrong")
    check_refused(ask(host, ("X-Eas-Token", TOKEN)), "missing")
    with host.connect() as client:
        for token, status in ((TOKEN, 200), (TOKEN, 200), ("other", 401), (TOKEN, 200)):
            client.send(request("GET", target, headers=[("X-Eas-Token", token)]))
            assert client.read("GET").status == status


def test_generated_token_is_printed_before_service_start(start: StartHost) -> None:
    """The line has EAS's own words."""
    host = start(generate_token=True)
    token = host.log.wait(r"^\[INFO\] Token: \[(\S{28})\]$", stream="stdout")[1]
    assert host.call(b"x").status == 401
    assert ask(host, ("Authorization", token)).body == b"x"
    lines = host.log.since(stream="stdout")
    order = [next(at for at, line in enumerate(lines) if word in line) for word in ("Token: [", "Service start")]
    assert order == sorted(order)


def test_given_token_is_not_printed_at_any_log_level(start: StartHost, tmp_path: Path) -> None:
    """A worker does not learn it from its command line, either."""
    (tmp_path / "token").write_text("se-cret", encoding="utf-8")
    host = start(token=f"@{tmp_path}/token", log_level="debug", access_log=True)
    assert ask(host, ("Authorization", "se-cret")).status == 200
    assert host.call(b"x").status == 401
    assert all("se-cret" not in proc.command_line(pid) for pid in [host.pid, *host.workers()])
    host.stop()
    assert "se-cret" not in host.log.text()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"])
def test_no_warning_for_a_loopback_address_without_a_token(address: str) -> None:
    assert exposure_warning([address], has_token=False) is None


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1"])
def test_warning_for_any_other_address_without_a_token(address: str) -> None:
    """One loopback address beside it changes nothing; one line says who can reach the host, and what to do."""
    warning = exposure_warning(["127.0.0.1", address], has_token=False)
    assert warning is not None
    for word in (address, "everybody", "--token", "--generate-token"):
        assert word in warning
    assert "\n" not in warning
    assert exposure_warning([address], has_token=True) is None


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_open_address_without_a_token_is_warned_of_in_the_log(start: StartHost, address: str) -> None:
    """With a token there is nothing to warn of."""
    host = start(listen=address)
    host.wait_for_log(r"\[WARNING\] .*(0\.0\.0\.0|::).*--token", stream="stderr")
    guarded = start(listen=address, token=TOKEN)
    guarded.stop()
    assert "--token" not in guarded.log.text()
