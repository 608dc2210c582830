"""
Downloads that are slow, silent or run in parallel, and what a user sees of them.
"""

from __future__ import annotations

import os
import pty
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eas_host.errors import EntryNotFound
from eas_host.fetch import FetchPolicy, fetch_all
from support import TIMEOUT
from support.fileserver import FileServer, PacedBody, announcing

BODY = bytes(range(256)) * 4000


def get(url: str, folder: Path, policy: FetchPolicy = FetchPolicy()) -> Path:  # noqa: B008 - frozen
    return fetch_all({"model_path": url}, folder, folder / "cache", policy=policy)["model_path"]


def ranges(server: FileServer) -> list[str | None]:
    return [seen.headers.get("Range") for seen in server.requests]


# Time.


def test_slow_stream_is_waited_for_and_written_at_once(server: FileServer, tmp_path: Path) -> None:
    """Each piece is on the disk before the next one is sent: nothing is collected in memory."""
    paced = PacedBody(len(BODY) // 4)
    server.put("/f", BODY).plan = [paced]
    with ThreadPoolExecutor() as pool:
        path = pool.submit(get, server.url("/f"), tmp_path)
        for _ in range(4):
            paced.wait()
            paced.send_piece()
        assert path.result(TIMEOUT).read_bytes() == BODY


def test_silent_stream_times_out_and_is_resumed(server: FileServer, tmp_path: Path) -> None:
    paced = PacedBody(1000)
    server.put("/f", BODY).plan = [paced, paced]
    paced.send_piece()
    assert get(server.url("/f"), tmp_path, FetchPolicy(read_timeout=0.2, first_pause=0.01)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=1000-", "bytes=1000-"]
    paced.close()


def test_downloads_run_in_parallel_up_to_the_bound(server: FileServer, tmp_path: Path) -> None:
    """The second is asked for while the first has not ended."""
    bodies = [PacedBody(len(BODY)) for _ in range(4)]
    for number, paced in enumerate(bodies):
        server.put(f"/{number}", BODY).plan = [paced]
    sources = {f"models[{n}].model_path": server.url(f"/{n}") for n in range(4)}
    policy = FetchPolicy(max_parallel=3)
    with ThreadPoolExecutor() as pool:
        done = pool.submit(fetch_all, sources, tmp_path, tmp_path / "cache", policy=policy)
        for paced in bodies[:3]:
            paced.wait()
        assert len(server.requests) == 3
        for paced in bodies:
            paced.send_piece()
        assert {path.read_bytes() for path in done.result(TIMEOUT).values()} == {BODY}


def test_failed_download_cancels_the_others(server: FileServer, tmp_path: Path) -> None:
    """A slow one is not waited for when there is no use for it."""
    paced = PacedBody(1000)
    server.put("/slow", BODY).plan = [paced]
    sources = {"model_path": server.url("/slow"), "processor_path": server.url("/missing")}
    with pytest.raises(EntryNotFound, match=r"^processor_path: .* 404"):
        fetch_all(sources, tmp_path, tmp_path / "cache")
    paced.close()


def test_two_hosts_download_one_file_once(server: FileServer, tmp_path: Path) -> None:
    paced = PacedBody(len(BODY))
    server.put("/f", BODY).plan = [paced]
    with ThreadPoolExecutor() as pool:
        first = pool.submit(get, server.url("/f"), tmp_path)
        paced.wait()
        second = pool.submit(get, server.url("/f"), tmp_path)
        paced.send_piece()
        assert first.result(TIMEOUT) == second.result(TIMEOUT)
    assert server.statuses() == [200, 304]


# The terminal and the disk.

PROGRAM = """
import sys
from pathlib import Path
from eas_host.fetch import fetch_all
print(fetch_all({"model_path": sys.argv[1]}, Path(sys.argv[2]), Path(sys.argv[2]) / "cache")["model_path"])
"""


def test_ctrl_c_ends_a_download_and_leaves_a_part_to_resume(server: FileServer, tmp_path: Path) -> None:
    paced = PacedBody(len(BODY) // 4)
    server.put("/f", BODY).plan = [paced]
    paced.send_piece()
    words = [sys.executable, "-c", PROGRAM, server.url("/f"), str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as host:
        while not any(part.stat().st_size for part in tmp_path.rglob("part")):
            assert host.poll() is None
        host.send_signal(signal.SIGINT)
        assert host.communicate(timeout=TIMEOUT)[1].splitlines()[-1] == "KeyboardInterrupt"
    paced.close()
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY
    assert server.statuses() == [200, 206]


def test_progress_bar_is_shown_only_on_a_terminal(server: FileServer, tmp_path: Path) -> None:
    """The bar has the file's name; elsewhere not a byte is written."""
    paced = PacedBody(len(BODY) // 4)
    server.put("/file.bin", BODY).plan = [paced]
    ours, theirs = pty.openpty()
    words = [sys.executable, "-c", PROGRAM, server.url("/file.bin"), str(tmp_path)]
    seen = b""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, "TERM": "xterm"}):
        os.close(theirs)
        paced.wait()
        while b"file.bin" not in seen:
            seen += os.read(ours, 65536)
        threading.Thread(target=paced.open).start()
        try:
            while os.read(ours, 65536):
                pass
        except OSError:
            pass  # the terminal's other end is closed
    os.close(ours)
    quiet = subprocess.run([*words[:-1], str(tmp_path / "other")], capture_output=True, check=True, timeout=TIMEOUT)
    assert quiet.stderr == b""


def test_download_that_cannot_fit_is_not_begun(server: FileServer, tmp_path: Path) -> None:
    server.put("/f", BODY).plan = [announcing(str(1 << 60))]
    with pytest.raises(
        EntryNotFound,
        match=r"^model_path: http.*: the cache \(.*\) is full: 1\.0 EiB are needed, .* are free; make room",
    ):
        get(server.url("/f"), tmp_path)
    assert list(tmp_path.rglob("entry.json")) == []


def test_full_disk_during_a_download_keeps_what_can_be_resumed(server: FileServer, tmp_path: Path) -> None:
    """One line names the folder and what is missing."""
    server.put("/f", BODY)
    words = [sys.executable, "-c", PROGRAM, server.url("/f"), str(tmp_path)]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = subprocess.run(words, capture_output=True, text=True, check=False, preexec_fn=limit)
    complaint = done.stderr.splitlines()[-1]
    assert "EntryNotFound: model_path: http://" in complaint
    assert f"the cache ({tmp_path}/cache) takes no file of that size" in complaint
    assert "707.0 KiB more are needed, 293.0 KiB are there" in complaint
    assert get(server.url("/f"), tmp_path).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=300000-"]
