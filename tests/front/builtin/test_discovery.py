"""
Service discovery, as the clients' DIRECT endpoints ask for it (docs/eas-compatibility.md, section 6.4): the one
instance there is, under the address at which the client has found it.
"""

from __future__ import annotations

import json

import pytest

from support.host import Host, StartHost
from support.network import need_ipv6
from support.wire import Client, Response, request

pytestmark = pytest.mark.shared_hosts

PYTHON = "/api/v1/servicediscovery/upstreams/"
GO = "/exported/apis/eas.alibaba-inc.k8s.io/v1/upstreams/"


def look_up(host: Host, target: str, address: str = "127.0.0.1", method: str = "GET") -> Response:
    with Client((address, host.address[1])) as client:
        return client.send(request(method, target)).read(method)


def found(answer: Response) -> dict[str, object]:
    assert (answer.status, answer.get("Content-Type")) == (200, "application/json"), answer
    (item,) = json.loads(answer.body)["endpoints"]["items"]
    assert isinstance(item, dict)
    return item


@pytest.mark.parametrize("prefix", [PYTHON, GO])
@pytest.mark.parametrize("query", ["", "?internal=true", "?internal="])
def test_service_is_found_at_the_address_of_the_clients_connection(start: StartHost, prefix: str, query: str) -> None:
    """The host listens on all addresses."""
    host = start(language="python", listen="0.0.0.0:0", name="my_service")
    port = host.address[1]
    for address in ("127.0.0.1", "127.0.0.2"):
        answer = look_up(host, f"{prefix}my_service{query}", address)
        assert found(answer) == {"ip": address, "port": port, "weight": 100}


def test_ipv6_address_is_in_brackets(start: StartHost) -> None:
    """Clients join ip and port with a colon to the start of a URL."""
    need_ipv6()
    host = start(language="python", listen="[::]:0", name="my_service")
    answer = look_up(host, f"{PYTHON}my_service", "::1")
    assert found(answer) == {"ip": "[::1]", "port": host.address[1], "weight": 100}


def test_service_name_beyond_ascii_is_found(start: StartHost) -> None:
    host = start(language="python", name="\u6a21\u578b a")
    assert found(look_up(host, f"{PYTHON}%E6%A8%A1%E5%9E%8B%20a"))["weight"] == 100


@pytest.mark.parametrize("name", ["other", "", "my_service/more", "my_servic", "%ff"])
def test_unknown_service_answers_404_with_a_text(start: StartHost, name: str) -> None:
    """The text says what is here: pollers take an empty one for a gateway that is not ready."""
    host = start(language="python", name="my_service")
    answer = look_up(host, PYTHON + name)
    assert answer.status == 404
    assert "my_service" in answer.text


def test_discovery_needs_no_token(start: StartHost) -> None:
    """The clients send none there."""
    host = start(language="python", token="t0ken", name="my_service")  # noqa: S106
    assert found(look_up(host, f"{PYTHON}my_service"))["ip"] == "127.0.0.1"
    assert look_up(host, f"{PYTHON}my_service", method="HEAD").status == 200
    answer = look_up(host, f"{PYTHON}my_service", method="POST")
    assert (answer.status, answer.get("Allow")) == (405, "GET, HEAD")
