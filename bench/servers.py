"""
The rows of the benchmark: how each server is built and started, on a port of its own.

A server is started in a process group of its own, answers one request before it counts as started, and is
killed as a group: a benchmark that fails leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from varying import TOKEN

from eas_host.deploy.python import installed

BENCH: Final = Path(__file__).resolve().parent
BUILD: Final = BENCH.parent / "build" / "bench"
BASELINE: Final = "uvloop + httptools, bare"
_METRICS: Final = "/api/builtin/metrics"
START_SECONDS: Final = 30.0  # a JVM on a busy machine; only ever waited for in full when a server is broken

_NGINX_CONF: Final = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 2m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{text}"; }} }}
}}
"""
"""keepalive_requests: nginx would otherwise close each connection after 1,000 requests."""


class BenchError(Exception):
    """
    The benchmark cannot be run; the text says what to do.
    """


class Row(NamedTuple):
    """
    One server: its *name* in the table, its *command* with what that adds to the environment, where it listens, and
    whether it *echoes* what it is sent. *prepare* is called before it is first started; *probe* is a file with a
    request that it answers, if it does not answer any other body; *metrics* is where its counters are.
    """

    name: str
    command: list[str]
    port: int
    echoes: bool = True
    path: str = "/"
    environment: Mapping[str, str] = {}
    prepare: Callable[[], None] = lambda: None
    probe: Path | None = None
    metrics: str = ""

    @property
    def url(self) -> str:
        """
        The URL of its echo.
        """
        return f"http://127.0.0.1:{self.port}{self.path}"


def rows(*, token: bool = False) -> list[Row]:
    """
    Build what has to be built and describe every server, the baseline second. With *token* the host asks for one.
    """
    asks = ("--token", TOKEN) if token else ()
    BUILD.mkdir(parents=True, exist_ok=True)
    processors = _build_processors()
    nginx, bare = free_port(), free_port()
    conf = BUILD / "nginx.conf"
    conf.write_text(_NGINX_CONF.format(folder=BUILD, port=nginx, text="x" * 32))
    result = [
        Row("nginx, return 200", [tool("nginx"), "-p", str(BUILD), "-c", str(conf)], nginx, echoes=False),
        Row(BASELINE, [sys.executable, str(BENCH / "bare.py"), str(bare)], bare),
    ]
    isolations = ("process", "none")
    result += [host(language, entry, how, "", *asks) for language, entry in processors.items() for how in isolations]
    oldest = min(installed.releases())
    if oldest < sys.version_info[:2]:
        version = ".".join(map(str, oldest))
        result.append(host("python", processors["python"], "process", f"python {version}", "--python", version, *asks))
    return [*result, program("eas-host, python app.py", processors["python"], token=token)]


def host(language: str, entry: Path, isolation: str, name: str = "", *more: str) -> Row:
    """
    Describe the host with the processor *entry*; its row has the *language* as a name, if no other is given.
    """
    port = free_port()
    command = [sys.executable, "-m", "eas_host", "--entry", str(entry), "--isolation", isolation]
    command += ["--listen", f"127.0.0.1:{port}", "--log-level", "warning", *more]
    return Row(f"eas-host, {name or language}, {isolation}", command, port, metrics=_METRICS)


def program(name: str, entry: Path, *, token: bool = False) -> Row:
    """
    Describe the program *entry*, which serves itself, and with *token* asks for one.
    """
    port = free_port()
    environment = {"EAS_HOST_LISTEN": f"127.0.0.1:{port}", "EAS_HOST_LOG_LEVEL": "warning"}
    environment |= {"EAS_HOST_TOKEN": TOKEN} if token else {}
    return Row(name, [sys.executable, str(entry)], port, environment=environment, metrics=_METRICS)


def _build_processors() -> dict[str, Path]:
    sources = BENCH / "processors"
    library, jar, classes = BUILD / "libecho.so", BUILD / "echo.jar", BUILD / "classes"
    include = BENCH.parent / "native" / "include"
    flags = ["-std=c++17", "-O2", "-fPIC", "-shared", f"-I{include}"]
    run(tool("g++"), *flags, sources / "echo.cc", "-o", library)
    run(tool("javac"), "--release", "11", "-d", classes, sources / "Echo.java")
    run(tool("jar"), "--create", "--file", jar, "-C", classes, ".")
    return {"cpp": library, "java": jar, "python": sources / "echo.py"}


def tool(name: str) -> str:
    """
    Find the program *name*, also where a user's PATH does not look.
    """
    for folder in [*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/sbin"]:
        path = Path(folder) / name
        if os.access(path, os.X_OK):
            return str(path)
    raise BenchError(f"{name} is not installed: scripts/bootstrap.sh bench installs what the benchmark needs")


def run(*command: str | Path) -> str:
    """
    Run *command* and return what it prints.
    """
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def free_port() -> int:
    """
    Take a port that was free a moment ago.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def started(row: Row) -> Iterator[int]:
    """
    Start the server of *row*, wait until it answers, and yield its process id.
    """
    with tempfile.TemporaryDirectory(prefix="eas-bench-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "log"
        environment = {**os.environ, "TMPDIR": folder, **row.environment}
        with log.open("wb") as output:
            server = subprocess.Popen(
                row.command, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        try:
            _wait_until_it_answers(row, server, log)
            yield server.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait_until_it_answers(row: Row, server: subprocess.Popen[bytes], log: Path) -> None:
    sent = b"\x00is this an echo?\xff" if row.probe is None else row.probe.read_bytes()
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            received = _ask(row, sent)
            break
        except (OSError, http.client.HTTPException) as error:
            if server.poll() is not None or time.monotonic() > end:
                raise BenchError(f"{row.name} does not answer: {error}\n{log.read_text()}") from error
            time.sleep(0.05)
    if row.echoes and received != sent:
        raise BenchError(f"{row.name} does not echo: it was sent {sent!r} and answered {received!r}")


def _ask(row: Row, body: bytes) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", row.port, timeout=5)
    with contextlib.closing(connection):
        connection.request("POST", row.path, body, {"Content-Type": "application/octet-stream", "Authorization": TOKEN})
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"status {response.status}")
        return response.read()
