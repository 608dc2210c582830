"""
The memory that decompression takes: a body is in memory once, and one that is too large when decompressed costs neither
memory nor the service.
"""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cramjam
import pytest

from support import proc
from support.compression import PACKERS
from support.gate import Gate
from support.host import StartHost
from support.wire import request

pytestmark = pytest.mark.real_starts

MIB = 1 << 20
LIMIT = 64 * MIB
MEASURE = """
import sys
from pathlib import Path
import cramjam
from eas_host.front.admission.decompression import TooLarge, decompress

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024

coding, limit, packed = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_bytes()
before = peak()
try:
    size = len(decompress(coding, packed, limit))
except TooLarge:
    size = -1
print(size, peak() - before)
"""


def measure(coding: str, packed: bytes, limit: int, folder: Path) -> tuple[int, int]:
    """What comes of it in a process of its own (-1: too large), and how much memory that took at most."""
    (folder / "packed").write_bytes(packed)
    command = [sys.executable, "-c", MEASURE, coding, str(limit), str(folder / "packed")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    size, memory = map(int, done.stdout.split())
    return size, memory


@pytest.fixture(scope="module")
def packed_64_mib() -> Callable[[str], tuple[str, bytes]]:
    """64 MiB that are neither trivial nor random, packed by whatever of PACKERS is named."""
    quarter = b"".join(b"%d %d;" % (number, number * number % 9973) for number in range(1_500_000))[: LIMIT // 4]
    data = 4 * quarter  # no packer looks back so far
    assert len(data) == LIMIT
    return lambda name: (PACKERS[name][0], PACKERS[name][1](data))


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("name", PACKERS)
def test_decompressed_body_is_in_memory_once(
    name: str, packed_64_mib: Callable[[str], tuple[str, bytes]], tmp_path: Path
) -> None:
    """zstd remembers up to 8 MiB of it."""
    coding, packed = packed_64_mib(name)
    size, memory = measure(coding, packed, LIMIT, tmp_path)
    assert size == LIMIT
    assert memory < LIMIT + 12 * MIB


@cache
def bomb(name: str) -> bytes:
    """256 MiB of zeros in few bytes. Whoever packs them piece by piece cannot say beforehand how many there are."""
    if name in ("snappy", "lz4, raw", "zstd, with its size"):
        return PACKERS[name.removesuffix(", with its size")][1](bytes(256 * MIB))
    if name in ("gzip", "gzip, that lies", "zlib"):
        engine = zlib.compressobj(wbits=zlib.MAX_WBITS + (0 if name == "zlib" else 16))
        packed = b"".join([*(engine.compress(bytes(MIB)) for _ in range(256)), engine.flush()])
        return packed[:-4] + bytes(4) if name == "gzip, that lies" else packed
    compressor = {
        "snappy, framed": cramjam.snappy.Compressor,
        "lz4": cramjam.lz4.Compressor,
        "zstd": cramjam.zstd.Compressor,
    }[name]()
    for _ in range(256):
        compressor.compress(bytes(MIB))
    return bytes(compressor.finish())


SAYS_ITS_SIZE = ("gzip", "snappy", "zstd, with its size")
BOMBS = (*SAYS_ITS_SIZE, "gzip, that lies", "zlib", "snappy, framed", "lz4", "lz4, raw", "zstd")


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("name", BOMBS)
def test_bomb_takes_no_more_memory_than_the_limit(name: str, tmp_path: Path) -> None:
    """A little more at most, and nothing at all where it says its size."""
    limit = 16 * MIB
    coding = name.partition(",")[0]
    packed = bomb(name)
    size, memory = measure(coding, packed, limit, tmp_path)
    assert size == -1
    assert memory < (MIB if name in SAYS_ITS_SIZE else limit + 12 * MIB)


def test_bomb_answers_413_and_leaves_the_hosts_memory_alone(start: StartHost) -> None:
    """Within the limit and a little; the next request is answered."""
    host = start(max_body="16MiB", keepalive=60_000)
    host.call(b"x")
    before = proc.peak_memory(host.pid)
    for name in [*BOMBS, *BOMBS]:
        packed = bomb(name)
        if len(packed) <= 16 * MIB:
            with host.connect() as client:
                headers = [("Content-Encoding", name.partition(",")[0])]
                answer = client.send(request(body=packed, headers=headers)).read()
            assert (answer.status, "larger" in answer.text) == (413, True), (name, answer)
    assert host.call(b"x").body == b"x"
    assert proc.peak_memory(host.pid) - before < 4 * 16 * MIB  # packed in shared memory and out of it, and unpacked


def test_full_queue_answers_450_before_the_body_is_decompressed(start: StartHost, gate: Gate) -> None:
    """The host does not find out that this body is broken."""
    host = start("cpp", worker_threads=1, max_queue_size=1)
    with host.ask(gate.command(b"a")) as running, host.connect() as client:
        gate.wait_entered()
        with host.ask(b"b") as waiting:
            host.wait_queue(1)
            broken = request(body=b"no gzip", headers=[("Content-Encoding", "gzip")])
            assert client.send(broken).read().status == 450
            gate.release()
            assert (running.read().body, waiting.read().body) == (b"a", b"b")
        assert client.send(broken).read().status == 400
