"""
`eas-host wait [URL]` returns as soon as the service there takes requests.
"""

from __future__ import annotations

import socket
import subprocess

import pytest

from support import TIMEOUT
from support.command import run
from support.host import Host, StartHost, clean_environment, program

pytestmark = pytest.mark.real_starts

TOKEN = "s3cret"  # noqa: S105  of no service but this test's


def url(host: Host) -> str:
    return f"http://{host.address[0]}:{host.address[1]}{host.path}"


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_it_returns_at_once_if_the_service_is_there(start: StartHost) -> None:
    """It needs no token."""
    ended = run("wait", url(start("python", token=TOKEN)))
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")


def test_it_has_the_address_of_hosts_as_its_default(start: StartHost) -> None:
    """That of EAS_HOST_LISTEN, which a host that starts here takes, too."""
    port = start("python").address[1]
    assert run("wait", "--timeout", "0", variables={"EAS_HOST_LISTEN": f"0.0.0.0:{port}"}).code == 0


def test_its_old_form_is_a_synonym(free_port: int) -> None:
    for words in (("wait",), ("--wait",)):
        run(*words, f"http://127.0.0.1:{free_port}/", "--timeout", "0").fails_in_one_line(1, "takes no requests")


def test_it_waits_for_a_service_that_is_not_there(start: StartHost) -> None:
    """What was there first has not answered."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        waiting = subprocess.Popen(
            [*program(), "wait", f"http://127.0.0.1:{port}/"],
            env=clean_environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        other.accept()[0].close()
    assert waiting.poll() is None
    host = start("python", listen=f"127.0.0.1:{port}")
    assert waiting.communicate(timeout=TIMEOUT)[1] == ""
    assert waiting.returncode == 0
    assert host.call(b"x").status == 200


def test_it_waits_while_the_processor_takes_no_requests(start: StartHost) -> None:
    host = start("python")
    host.call(b"", "/api/builtin/prop?name=model.ready&value=0")
    run("wait", url(host), "--timeout", "0").fails_in_one_line(1, "takes no requests after 0 s: it answers 503")
    host.call(b"", "/api/builtin/prop?name=model.ready&value=1")
    assert run("wait", url(host), "--timeout", "0").code == 0


def test_it_gives_up_after_the_timeout(free_port: int) -> None:
    address = f"http://127.0.0.1:{free_port}/"
    ended = run("wait", address, "--timeout", "0.2")
    ended.fails_in_one_line(1, f"eas-host: {address}: takes no requests after 0.2 s: Connection refused")


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8080", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:x/", "http://["]
)
def test_wrong_url_is_refused(address: str) -> None:
    run("wait", address).fails_in_one_line(2, address, "expected http://HOST:PORT/")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(("http://h/", "--timeout", "x"), "--timeout: 'x'"), (("http://h/", "--time", "1"), "--timeout")],
)
def test_wrong_arguments_are_refused(words: tuple[str, ...], complaint: str) -> None:
    run("wait", *words).fails_in_one_line(2, complaint)
