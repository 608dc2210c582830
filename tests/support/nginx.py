"""
A real nginx that runs a file of the documentation, and clients of it.
"""

from __future__ import annotations

import http.client
import os
import shutil
import ssl
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import TIMEOUT
from support.build import need, run
from support.log import Log

if TYPE_CHECKING:
    from typing_extensions import Self

MAIN = """\
{user}
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {content}
}}
"""


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for *name*, and its key."""
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    words = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={name}")
    run(need("openssl"), *words, "-addext", f"subjectAltName=DNS:{name}", "-out", paths[0], "-keyout", paths[1])
    return paths


class Nginx:
    """An nginx in *folder*, whose `http` has *content*: `with Nginx(...) as nginx`."""

    def __init__(self, folder: Path, content: str) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if program is None:
            pytest.skip("nginx is not installed")
        # Started by root, its workers would be another user's, who may not enter the folder of the tests.
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user, content=content))
        self.log = Log()
        self._process = subprocess.Popen(
            [program, "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"], stderr=subprocess.PIPE
        )
        assert self._process.stderr is not None
        self.log.follow(self._process.stderr, "stderr")

    def __enter__(self) -> Self:
        self.log.wait("start worker process", times=2)  # it listens before it starts them
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        assert self._process.wait(TIMEOUT) == 0


class TlsConnection(http.client.HTTPSConnection):
    """A connection to *port* of this machine, which is called *name* in the certificate of the file *trusted*."""

    def __init__(self, port: int, name: str, trusted: Path) -> None:
        super().__init__("127.0.0.1", port, timeout=TIMEOUT)
        self._name = name
        self._trusted = ssl.create_default_context(cafile=str(trusted))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._trusted.wrap_socket(self.sock, server_hostname=self._name)

    def call(self, body: bytes, path: str, method: str = "POST") -> tuple[int, bytes]:
        """Sends *body* and returns the status and the body of the answer."""
        self.request(method, path, body, {"Host": self._name})
        answer = self.getresponse()
        return answer.status, answer.read()


class Callers:
    """
    Threads that each send one request after the other on a connection of their own, until they are stopped.

    Attributes:
        answered: how many answers were the right ones.
        wrong: what else came.
    """

    def __init__(self, connections: list[TlsConnection], path: str) -> None:
        self.answered = 0
        self.wrong: list[object] = []
        self._path = path
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(connection,)) for connection in connections]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _call(self, connection: TlsConnection) -> None:
        number = 0
        while not self._stopped.is_set():
            body = b"%d" % (number := number + 1)
            try:
                answer: object = connection.call(body, self._path)
            except (OSError, http.client.HTTPException) as error:
                answer = error
            with self._lock:
                if answer == (200, body):
                    self.answered += 1
                else:
                    self.wrong.append(answer)
        connection.close()
