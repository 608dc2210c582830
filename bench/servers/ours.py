"""
nginx, which runs nothing, the baseline, and this host in its languages and forms.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from eas_host.deploy.python import installed
from servers import builds
from servers.server import Server
from servers.tools import BENCH, TOKEN, tool

BASELINE: Final = "uvloop + httptools, bare"
LANGUAGES: Final = ("cpp", "java", "python")
_METRICS: Final = "/api/builtin/metrics"
_ADDRESS: Final = "127.0.0.1:{port}"
_NGINX_CONF: Final = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_buffer_size 2m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server { listen 127.0.0.1:{port}; location / { return 200 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"; } }
}
"""
"""keepalive_requests: nginx would otherwise close each connection after 1,000 requests."""


class Workers(NamedTuple):
    """
    How this host is to be set up: *threads* and *processes* of workers, and the length of its *queue*, None being the
    default; the microseconds of CPU time that a call of the processor takes, and whether a *token* is asked for.
    """

    threads: int | None = None
    processes: int | None = None
    queue: int | None = None
    work_us: int = 0
    token: bool = False

    @property
    def options(self) -> list[str]:
        """
        The options of the host.
        """
        given = {
            "--worker-threads": self.threads,
            "--worker-processes": self.processes,
            "--max-queue-size": self.queue,
        }
        words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
        return [*words, *(["--token", TOKEN] if self.token else [])]

    @property
    def environment(self) -> dict[str, str]:
        """
        What processors read.
        """
        return {"BENCH_WORK_US": str(self.work_us)}


_DEFAULT: Final = Workers()


def nginx() -> Server:
    """
    Describe nginx with a constant answer.
    """
    command = (tool("nginx"), "-p", "{folder}", "-c", "{folder}/nginx.conf")
    settings = "return 200 with 32 bytes; one worker, no log"
    return Server("nginx, return 200", settings, command, files={"nginx.conf": _NGINX_CONF}, echoes=False)


def bare(work_us: int = 0) -> Server:
    """
    Describe the baseline.
    """
    command = (sys.executable, str(BENCH / "servers" / "bare.py"), "{port}")
    return Server(BASELINE, "one thread", command, Workers(work_us=work_us).environment)


def echoes(workers: Workers, languages: Sequence[str] = LANGUAGES) -> list[Server]:
    """
    Describe the host with the echo in each of *languages*, as it serves by default.
    """
    return [_echo(language, "process", workers) for language in languages]


def other_forms(workers: Workers, languages: Sequence[str] = LANGUAGES) -> list[Server]:
    """
    Describe the host without isolation, on the oldest Python that is here, and as a part of a program.
    """
    result = [_echo(language, "none", workers) for language in languages]
    if "python" not in languages:
        return result
    oldest = min(installed.releases())
    if oldest < sys.version_info[:2]:
        version = ".".join(map(str, oldest))
        result.append(_echo("python", "process", workers, "--python", version, name=f"python {version}"))
    return [*result, program("eas-host, python app.py", builds.SOURCES / "echo.py", workers)]


def _echo(language: str, isolation: str, workers: Workers, *more: str, name: str = "") -> Server:
    entries = {"cpp": builds.library("echo"), "java": builds.jar("Echo"), "python": builds.SOURCES / "echo.py"}
    prepared = {"cpp": partial(builds.build_library, "echo"), "java": partial(builds.build_jar, "Echo")}
    return host(
        f"{name or language}, {isolation}",
        entries[language],
        *("--isolation", isolation, *workers.options, *more),
        environment=workers.environment,
        prepare=prepared.get(language, lambda: None),
    )


def host(
    name: str,
    entry: Path,
    *more: str,
    environment: Mapping[str, str] = MappingProxyType({}),
    prepare: Callable[[], None] = lambda: None,
) -> Server:
    """
    Describe the host with the processor *entry*.
    """
    command = [sys.executable, "-m", "eas_host", "--entry", str(entry), "--listen", _ADDRESS]
    command += ["--log-level", "warning", *more]
    settings = " ".join(more) or "default options"
    return Server(f"eas-host, {name}", settings, command, environment, metrics=_METRICS, prepare=prepare)


def program(name: str, entry: Path, workers: Workers = _DEFAULT) -> Server:
    """
    Describe the program *entry*, which serves itself.
    """
    environment = {"EAS_HOST_LISTEN": _ADDRESS, "EAS_HOST_LOG_LEVEL": "warning", **workers.environment}
    options = workers.options
    for flag, value in zip(options[::2], options[1::2], strict=True):
        environment["EAS_HOST_" + flag[2:].upper().replace("-", "_")] = value
    settings = " ".join(options) or "default options"
    return Server(name, settings, (sys.executable, str(entry)), environment, metrics=_METRICS)
