"""
Where a disk is full, one line says which folder is on it and what to do.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import TIMEOUT
from support.build import SOURCES, ProcessorBuilder
from support.command import Ended
from support.fileserver import FileServer, chunked
from support.host import Host, clean_environment, program
from support.service import Services, describe, services, tar  # noqa: F401  a fixture
from support.wire import Client, request

KIB = 1 << 10
MakeDisk = Callable[..., Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[MakeDisk]:
    """Makes small disks: `disk("size=64k")`. Only root may."""
    with ExitStack() as mounted:

        def make(options: str, name: str = "disk") -> Path:
            place = tmp_path / name
            place.mkdir(mode=0o700)
            words = ["mount", "-t", "tmpfs", "-o", f"mode=700,{options}", "tmpfs", str(place)]
            if os.getuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode != 0:
                pytest.skip("no tmpfs can be mounted here")
            mounted.callback(subprocess.run, ["umount", "-l", str(place)], check=True)
            return place

        yield make


def fill(folder: Path, but: int = 0) -> Path:
    """Fills the disk at *folder*, but for as many bytes."""
    filler = folder / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(folder).free - but))
    return filler


def assert_reported(ended: Ended, cache: Path, *words: str, code: int = 3) -> None:
    ended.fails_in_one_line(code, f"the cache ({cache})", "--cache DIR", *words)
    assert "None" not in ended.stderr
    assert "Errno" not in ended.stderr


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A service whose package has 256 KiB that cannot be packed to less, and twenty files."""
    files: dict[str, Path | str | bytes] = {f"file{number}": "x" for number in range(20)}
    files |= {"app.py": SOURCES / "python" / "counts.py", "large.bin": os.urandom(256 * KIB)}
    tar(tmp_path / "service" / "package.tar.gz", files)
    return describe(
        tmp_path / "service",
        metadata={"instance": 1},
        name="s",
        processor_type="python",
        processor_path="package.tar.gz",
        processor_entry="app.py",
    )


def run_with(services: Services, cache: Path, *words: str | Path) -> Ended:  # noqa: F811
    services.cache = cache
    return services.run(*words)


def test_full_disk_is_reported_when_a_library_is_copied(
    services: Services,  # noqa: F811
    disk: MakeDisk,
    builder: ProcessorBuilder,
) -> None:
    """With --reload a library is loaded from a copy; the system does not say which write has failed."""
    cache = disk("size=64k")
    ended = run_with(services, cache, "--entry", builder.cpp("contract"), "--reload", "--listen", "127.0.0.1:0")
    assert_reported(ended, cache, "is full; make room there")


def test_full_disk_is_reported_when_a_package_is_unpacked(services: Services, disk: MakeDisk, package: Path) -> None:  # noqa: F811
    cache = disk("size=128k")
    assert_reported(run_with(services, cache, "serve", package), cache, "processor_path", "is full; make room there")


def test_full_disk_is_reported_when_a_nested_jar_is_unpacked(
    services: Services,  # noqa: F811
    disk: MakeDisk,
    tmp_path: Path,
) -> None:
    jar = tmp_path / "processor.jar"
    with zipfile.ZipFile(jar, "w") as file:
        file.writestr("lib/large.jar", os.urandom(256 * KIB))
    cache = disk("size=128k")
    assert_reported(run_with(services, cache, "--entry", jar, "--mainclass", "P"), cache, "is full; make room there")


def test_disk_without_inodes_is_reported(services: Services, disk: MakeDisk, package: Path) -> None:  # noqa: F811
    """There is room, but not for one file more."""
    cache = disk("size=16m,nr_inodes=16")
    assert_reported(run_with(services, cache, "serve", package), cache, "processor_path", "no more files (inodes)")


@pytest.mark.parametrize("free", [0, 4 * KIB])
def test_full_disk_is_reported_when_the_workspace_is_made(
    services: Services,  # noqa: F811
    disk: MakeDisk,
    package: Path,
    free: int,
) -> None:
    """Nothing fits any more, or hardly anything."""
    cache = disk("size=64k")
    filler = fill(cache, but=free)
    ended = run_with(services, cache, "serve", package)
    assert ended.code in (2, 3)
    assert_reported(ended, cache, "is full; make room there", code=ended.code)
    filler.unlink()


def test_read_only_disk_is_reported(services: Services, disk: MakeDisk, package: Path) -> None:  # noqa: F811
    cache = disk("size=64k")
    subprocess.run(["mount", "-o", "remount,ro", str(cache)], check=True)
    assert_reported(run_with(services, cache, "serve", package), cache, "is on a read-only file system", code=2)


@pytest.mark.parametrize("announced", [True, False])
def test_full_disk_is_reported_when_a_file_is_downloaded(
    services: Services,  # noqa: F811
    disk: MakeDisk,
    package: Path,
    server: FileServer,
    announced: bool,
) -> None:
    """Whether its size was announced or not."""
    cache = disk("size=128k")
    body = package.with_name("package.tar.gz").read_bytes()
    file = server.put("/package.tar.gz", body)
    if not announced:
        file.plan = [chunked(len(body))]
    url = f"processor_path={server.url('/package.tar.gz')}"
    ended = run_with(services, cache, "serve", package, "-D", url)
    assert_reported(ended, cache, "processor_path", "is full", "needed")


def test_limit_on_file_size_is_reported(tmp_path: Path, package: Path) -> None:
    cache = tmp_path / "cache"
    limit = 100 * KIB
    done = subprocess.run(
        [*program(), "serve", str(package), "--cache", str(cache)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert_reported(Ended(done.returncode, done.stdout, done.stderr), cache, "no file of that size (`ulimit -f`")


def test_reload_on_a_full_disk_keeps_the_old_version(disk: MakeDisk, tmp_path: Path, builder: ProcessorBuilder) -> None:
    """The log says why, and with room the new one takes over."""
    cache = disk("size=16m")
    entry = tmp_path / "libcontract.so"
    shutil.copy(builder.cpp("contract"), entry)
    with Host(tmp_path / "host", entry=entry, reload=True, cache=cache) as host:
        filler = fill(cache, but=16 * KIB)
        os.utime(entry)
        host.expect_log(r"\[ERROR\] .*the cache \(.*disk\) is full; make room there")
        assert host.call(b"x").body == b"x"
        filler.unlink()
        os.utime(entry)
        host.wait_for_log("Service reload successfully")
        assert host.call(b"x").body == b"x"


def test_log_lines_wait_for_room_on_a_full_disk(disk: MakeDisk, builder: ProcessorBuilder) -> None:
    """Lines that have not found a place are counted."""
    place = disk("size=64k")
    log = place / "log"
    words = [*program(), "--entry", str(builder.cpp("contract")), "--listen", "127.0.0.1:0", "--access-log"]
    with log.open("wb") as file:
        host = subprocess.Popen(words, env=clean_environment(), stdout=subprocess.PIPE, stderr=file)
    assert host.stdout is not None
    with host.stdout as output:
        try:
            line = next(line for line in output if b"listening on" in line).decode()
            port = int(line.split(":")[2].split("/")[0])
            filler = fill(place)
            with Client(("127.0.0.1", port)) as client:
                for _ in range(3000):
                    assert client.send(request("POST", f"/?{'x' * 1000}", b"x")).read().status == 200
                filler.unlink()
                subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
                while b"lines were dropped here" not in log.read_bytes():
                    assert client.send(request("POST", "/", b"x")).read().status == 200
        finally:
            host.terminate()
            host.wait(TIMEOUT)
    text = log.read_text(encoding="utf-8")
    assert all(line.startswith("[2") for line in text.splitlines()), "a line is torn"
