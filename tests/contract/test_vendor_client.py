"""
The vendor's own client from PyPI, `eas-prediction` (docs/eas-compatibility.md, section 6.1), works with the host.

What the client itself cannot do is not asked of it. It keeps the headers of all requests in one dict, whichever thread
sends them: with a token, one thread may send its body under the digest, the signature and even the Content-Length of
another's. So threads that share a client must send no token, or show it unsigned (`custom_url`) with bodies of one
length, or have a client each. One test lets threads share a client that signs, with bodies of one length: what the
client mixes up must be refused, and never answered as if it were somebody else's.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import cramjam
import pytest

from support import TIMEOUT, seeded_rng
from support.build import ProcessorBuilder
from support.gate import Gate
from support.host import Host, StartHost, Value
from support.program import PROGRAMS, Program
from support.vendor import DIRECT, PredictException, Vendor, ask, refusal

MIB = 1 << 20
THREADS = 100  # as many as the client keeps connections
TOKEN = "MDEyMzQ1Njc4OWFiY2RlZmdoaWo="  # noqa: S105 - 20 bytes in base64, as `eascmd test` makes them
OTHER = "bm90IHRoZSB0b2tlbiwgYnV0IGE="

# The client of the DIRECT endpoint asks for URLs without a scheme.
direct = pytest.mark.filterwarnings("ignore:URLs without a scheme")


class Service(NamedTuple):
    """A host with the contract processor, and the token that it asks for, if any."""

    host: Host
    token: str


@pytest.fixture(scope="module", params=["", TOKEN], ids=["no-token", "token"])
def service(
    request: pytest.FixtureRequest, builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    options: dict[str, Value] = {"entry": builder.contract("cpp"), "processor_type": "cpp"}
    options |= {"max_queue_size": 2 * THREADS, "token": request.param or None}
    with Host(tmp_path_factory.mktemp("host"), **options) as host:
        yield Service(host, request.param)


guarded = pytest.mark.parametrize("service", [TOKEN], indirect=True, ids=["token"])
unguarded = pytest.mark.parametrize("service", [""], indirect=True, ids=["no-token"])


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as running:
        yield running


MakeClient = Callable[..., Any]


@pytest.fixture
def connect(vendor: Vendor) -> Iterator[MakeClient]:
    """Makes clients for one test: `connect(host, token)`."""
    yield vendor.connect
    vendor.silence()


# One request after the other.


@pytest.mark.parametrize("size", [0, 1, 1000, 65536, MIB, 8 * MIB])
def test_bodies_of_all_sizes_come_back_on_one_connection(service: Service, connect: MakeClient, size: int) -> None:
    """Signed or not."""
    client = connect(*service)
    body = seeded_rng(size).randbytes(size)
    assert [ask(client, body) == body for _ in range(3)] == [True] * 3
    assert ask(client, None) == b""
    assert ask(client, "текст") == "текст".encode()


def test_signature_with_another_token_counts_only_where_a_token_is_set(service: Service, connect: MakeClient) -> None:
    """A signed request to a host without a token is served; with one, it must be the right one."""
    client = connect(service.host, OTHER)
    if service.token:
        assert refusal(client, b"signed").code == 401
    else:
        assert ask(client, b"signed") == b"signed"


@guarded
@pytest.mark.parametrize("token", ["", OTHER, TOKEN[:-1]], ids=["none", "other", "shorter"])
@pytest.mark.parametrize("url", ["", "/api/predict/contract"], ids=["signed", "raw"])
def test_wrong_token_answers_401_without_a_retry(
    service: Service, connect: MakeClient, gate: Gate, token: str, url: str
) -> None:
    """The processor never sees the request."""
    client = connect(service.host, token, url=url)
    error = refusal(client, gate.command(b"never"))
    assert error.code == 401
    assert error.message  # a body: an empty one means to some callers that the gateway is not ready
    assert gate.catch_up() == []


@pytest.mark.parametrize("url", ["/api/predict/contract", "/api/predict/contract/below?with=query", "/anything"])
def test_custom_url_works_with_the_raw_token(service: Service, connect: MakeClient, url: str) -> None:
    """With a URL of its own the client shows the raw token."""
    assert ask(connect(*service, url=url), b"by a URL") == b"by a URL"


@pytest.mark.parametrize("token", ["", TOKEN], ids=["no-token", "token"])
def test_documented_program_answers_the_documented_client(connect: MakeClient, tmp_path: Path, token: str) -> None:
    """The sample is started with `python app.py`."""
    sample = Path(shutil.copytree(PROGRAMS / "sample", tmp_path / "sample"))
    variables = {"EAS_HOST_TOKEN": token} if token else {}
    with Program(tmp_path / "host", sample / "app.py", variables=variables) as program:
        client = connect(program, token)
        assert ask(client, "10 20") == b"True"
        error = refusal(client, b"2 105")
        assert (error.code, error.message) == (400, b"False")


# Statuses, attempts and time.


@pytest.fixture(scope="module")
def counting(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host whose processor counts how often it is asked for the same key."""
    folder = tmp_path_factory.mktemp("counting")
    with Host(folder, entry=builder.python("counts.py"), processor_type="python") as host:
        yield host


@pytest.mark.parametrize("status", [201, 204, 400, 404, 408, 429, 450, 502, 503, 504])
def test_statuses_other_than_500_are_not_retried(counting: Host, connect: MakeClient, status: int) -> None:
    """Every status but 200 is an error for the client."""
    client = connect(counting)
    assert refusal(client, b"once-%d %d 1" % (status, status)).code == status
    assert ask(client, b"once-%d 200 0" % status) == b"2"


def test_500_is_retried_until_another_answer_comes(counting: Host, connect: MakeClient) -> None:
    """The client tries five times in all unless told otherwise."""
    client = connect(counting)
    assert ask(client, b"better 500 4") == b"5"
    assert refusal(client, b"worse 500 5").code == 500
    assert ask(client, b"worse 200 0") == b"6"
    client.set_retry_count(2)
    assert refusal(client, b"worst 500 9").code == 500
    assert ask(client, b"worst 200 0") == b"3"


def test_full_queue_answers_450_at_once(start: StartHost, connect: MakeClient, gate: Gate) -> None:
    """Two requests come while one runs, and only one of them may wait."""
    host = start("cpp", worker_threads=1, max_queue_size=1)
    client = connect(host)
    with ThreadPoolExecutor(3) as pool:
        running = pool.submit(ask, client, gate.command(b"first"))
        gate.wait_entered()
        others = [pool.submit(ask, client, gate.command(b"later")) for _ in range(2)]
        [refused], [waiting] = wait(others, TIMEOUT, FIRST_COMPLETED)
        gate.release(2)
        assert running.result(TIMEOUT) == b"first"
        assert waiting.result(TIMEOUT) == b"later"
        error = refused.exception(TIMEOUT)
    assert isinstance(error, PredictException)
    assert error.code == 450


def test_client_time_out_is_retried_and_logged_as_499(service: Service, connect: MakeClient, gate: Gate) -> None:
    """The log has a 499 for each time."""
    client = connect(*service)
    client.set_timeout(500)
    client.set_retry_count(3)
    service.host.mark()
    error = refusal(client, gate.command(b"slow"))
    assert error.code == 500  # so the client calls its own time-out
    assert "timed out" in error.message
    gate.wait_entered(3)
    gate.release(3)
    service.host.wait_for_log("499", times=3)
    client.set_timeout(TIMEOUT * 1000)
    assert ask(client, b"patient") == b"patient"


def test_408_closes_the_connection_without_a_retry(start: StartHost, connect: MakeClient, gate: Gate) -> None:
    """The next request of the client is served."""
    host = start("cpp", keepalive=1000)
    client = connect(host)
    assert refusal(client, gate.command(b"slow")).code == 408
    assert len(gate.wait_entered()) == 1
    gate.release()
    assert ask(client, b"next") == b"next"
    assert len(gate.catch_up()) <= 2  # in and, perhaps, out again


def test_client_reconnects_after_a_restart_of_the_host(start: StartHost, connect: MakeClient) -> None:
    """The user sees no error, though the connection that the client keeps is gone."""
    first = start("cpp")
    client = connect(first)
    assert ask(client, b"before") == b"before"
    first.stop()
    host = start("cpp", listen=f"{first.address[0]}:{first.address[1]}")
    assert host.address == first.address
    assert ask(client, b"after") == b"after"


# The direct endpoint.


@direct
@pytest.mark.parametrize("internal", [False, True], ids=["outside", "inside"])
def test_direct_client_discovers_the_host_and_asks_there(
    service: Service, connect: MakeClient, monkeypatch: pytest.MonkeyPatch, internal: bool
) -> None:
    """The client asks where the service is without a token."""
    if internal:  # it then adds ?internal=true
        monkeypatch.setenv("NAMESPACE", "somewhere")
        monkeypatch.setenv("POD_NAME", "some-pod")
    client = connect(*service, kind=DIRECT)
    assert ask(client, b"directly") == b"directly"
    address, port = service.host.address
    assert [place for place, _ in client.endpoint.endpoints] == [{"ip": address, "port": port}]


@direct
def test_direct_client_needs_the_token_for_requests(service: Service, connect: MakeClient) -> None:
    """Everybody may ask where the service is."""
    client = connect(service.host, OTHER, kind=DIRECT)
    if service.token:
        assert refusal(client, b"directly").code == 401
    else:
        assert ask(client, b"directly") == b"directly"


# Packed bodies.

PACKERS: dict[str, Callable[[bytes], Any]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "snappy": cramjam.snappy.compress_raw,
    "lz4": cramjam.lz4.compress,
    "zstd": cramjam.zstd.compress,
}


@pytest.mark.parametrize("size", [0, 1, 100_000, 8 * MIB])
@pytest.mark.parametrize("coding", PACKERS)
def test_compressed_body_is_decompressed_for_the_processor(
    service: Service, connect: MakeClient, coding: str, size: int
) -> None:
    """The signature is that of the compressed body."""
    client = connect(*service)
    client.add_extra_headers({"Content-Encoding": coding})
    body = seeded_rng(size).randbytes(size // 2) + bytes(size - size // 2)
    assert ask(client, bytes(PACKERS[coding](body))) == body


@pytest.mark.parametrize("coding", PACKERS)
def test_wrongly_compressed_body_answers_400_without_a_retry(
    service: Service, connect: MakeClient, coding: str
) -> None:
    client = connect(*service)
    client.add_extra_headers({"Content-Encoding": coding})
    assert refusal(client, b"this is not packed at all").code == 400


def test_unknown_content_encoding_answers_415(service: Service, connect: MakeClient) -> None:
    client = connect(*service)
    client.add_extra_headers({"Content-Encoding": "rot13"})
    assert refusal(client, b"guvf").code == 415


def test_body_that_decompresses_beyond_the_maximum_answers_413(start: StartHost, connect: MakeClient) -> None:
    client = connect(start("cpp", max_body="1MiB"))
    client.add_extra_headers({"Content-Encoding": "gzip"})
    assert ask(client, gzip.compress(bytes(MIB))) == bytes(MIB)
    assert refusal(client, gzip.compress(bytes(MIB + 1))).code == 413


def test_default_decompressor_serves_clients_without_content_encoding(start: StartHost, connect: MakeClient) -> None:
    """The Go client compresses without saying so."""
    client = connect(start("cpp", decompressor="zlib"))
    assert ask(client, zlib.compress(b"unlabelled")) == b"unlabelled"


# Many threads.


def at_once(function: Callable[[int], None]) -> None:
    """Calls *function* in 100 threads that start together, each with its number; what any of them raises is raised."""
    gathered = threading.Barrier(THREADS)

    def run(number: int) -> None:
        gathered.wait(TIMEOUT)
        function(number)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(run, number) for number in range(THREADS)]:
            done.result(TIMEOUT)


@unguarded
def test_threads_that_share_a_client_get_their_own_answers(service: Service, connect: MakeClient) -> None:
    """100 threads, each with bodies of sizes of its own."""
    client = connect(*service)

    def run(number: int) -> None:
        for turn in range(5):
            body = b"%d in turn %d;" % (number, turn) * (number * 7 + turn + 1)
            assert ask(client, body) == body

    at_once(run)


@guarded
def test_threads_that_share_a_client_with_the_raw_token_get_their_own_answers(
    service: Service, connect: MakeClient
) -> None:
    """The client shares Content-Length between its threads, so all bodies have one length."""
    client = connect(*service, url=service.host.path)
    ask(client, own_body(0, 0))  # puts into the client's dict what its threads will only change

    def run(number: int) -> None:
        for turn in range(5):
            assert ask(client, own_body(number, turn)) == own_body(number, turn)

    at_once(run)


@guarded
def test_threads_that_sign_with_clients_of_their_own_get_their_own_answers(
    service: Service, connect: MakeClient
) -> None:
    """100 threads, with bodies of all sizes."""
    clients = [connect(*service) for _ in range(THREADS)]

    def run(number: int) -> None:
        for turn in range(5):
            body = b"%d in turn %d;" % (number, turn) * (number * 7 + turn + 1)
            assert ask(clients[number], body) == body

    at_once(run)


@guarded
def test_body_under_the_signature_of_another_thread_answers_401(service: Service, connect: MakeClient) -> None:
    """100 threads sign with one client, which mixes up their headers; what is answered is right."""
    client = connect(*service)
    ask(client, own_body(0, 0))
    refused: list[int] = []

    def run(number: int) -> None:
        for turn in range(5):
            try:
                assert ask(client, own_body(number, turn)) == own_body(number, turn)
            except PredictException as error:
                refused.append(error.code)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # lets the threads meet within the client
    try:
        at_once(run)
    finally:
        sys.setswitchinterval(interval)
    assert set(refused) <= {401}
    assert ask(client, own_body(0, 0)) == own_body(0, 0)


def own_body(number: int, turn: int) -> bytes:
    """A body that no other thread and turn has, as long as all others."""
    return b"%6d %6d;" % (number, turn) * 50
