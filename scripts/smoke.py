"""
Tries an installation as its user would, in an environment with nothing but pip, and outside of the tree.

A processor in each language is served and answers. Meanwhile each library and each program that the package has must
be in use by a process: so each of them has been found, fits this machine, and has found what it needs.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from eas_host.binaries import elf

ROOT: Final = Path(__file__).resolve().parent.parent
_ECHO: Final = ROOT / "examples" / "echo"
_CRASHING: Final = """\
#include <eas/processor.h>

void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return nullptr;
}

int process(void*, const void*, int, void**, int*) {
  volatile int* nowhere = nullptr;
  return *nowhere;
}
"""
_CRASHING_PLACE: Final = "crashing.cc:10"
_STOP_SECONDS: Final = 60
_FOREIGN: Final = ("EAS_HOST_", "MAKE", "MFLAGS", "PYTHON", "SETUPTOOLS", "VIRTUAL_ENV")
"""How the names of variables begin that a user's shell does not have."""


class Failed(Exception):
    """
    Something does not do what it should.
    """


class Times(NamedTuple):
    """
    The seconds from the start of pip to the first answer of a processor.
    """

    pip: float
    answer: float


class Bare:
    """
    An environment with nothing but pip, and a folder to work in.
    """

    def __init__(self, folder: Path, python: str) -> None:
        """
        Make it in *folder*, which must be outside of the tree, for the interpreter *python*.
        """
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        self._venv = folder / "venv"
        programs = [path for path in os.environ["PATH"].split(os.pathsep) if not Path(path).is_relative_to(ROOT)]
        self.variables = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self.variables |= {
            "PATH": os.pathsep.join([str(self._venv / "bin"), *programs]),
            "EAS_HOST_CACHE": str(folder / "cache"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        self.run(python, "-m", "venv", self._venv)
        self.run("pip", "uninstall", "-q", "-y", "setuptools")  # before 3.12 `venv` brings it along

    @property
    def site(self) -> Path:
        """
        The folder that packages are installed into.
        """
        [site] = self._venv.glob("lib/python3*/site-packages")
        return site

    def run(self, *command: str | Path) -> str:
        """
        Run *command*, which must succeed, and return all that it has printed.
        """
        program = shutil.which(command[0], path=self.variables["PATH"]) or command[0]
        done = subprocess.run(
            [program, *command[1:]],
            cwd=self.work,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def expect(self, pattern: str, *command: str | Path) -> None:
        """
        Run *command*, which must print the regular expression *pattern*.
        """
        printed = self.run(*command)
        if not re.search(pattern, printed, re.MULTILINE):
            raise Failed(f"{' '.join(map(str, command))}: {pattern!r} is not in\n{printed}")

    def binaries(self) -> set[Path]:
        """
        The libraries and programs of the package.
        """
        [record] = self.site.glob("eas_host-*.dist-info/RECORD")
        paths = [self.site / line.split(",")[0] for line in record.read_text(encoding="utf-8").splitlines()]
        return {path for path in paths if path.is_file() and elf.is_elf(path)}

    def in_use(self) -> set[Path]:
        """
        The files of this environment that are in the memory of a process.
        """
        found = set()
        for maps in Path("/proc").glob("[0-9]*/maps"):
            try:
                found |= set(re.findall(rf"{re.escape(str(self.site))}/.*", maps.read_text("utf-8", "replace")))
            except OSError:
                continue  # it has ended, or belongs to somebody else
        return set(map(Path, found))


def install(bare: Bare, archive: Path) -> Times:
    """
    Install *archive* with pip, and have a processor answer.
    """
    shutil.copy2(_ECHO / "python" / "app.py", bare.work)
    begin = time.monotonic()
    bare.run("pip", "install", "-q", archive)
    installed = time.monotonic()
    bare.expect("^hello", "eas-host", "invoke", "app.py", "-d", "hello")
    return Times(installed - begin, time.monotonic() - installed)


def smoke(bare: Bare, version: str) -> None:
    """
    Try what is installed in *bare*.

    Raises:
        Failed: something does not do what it should.
    """
    bare.run("pip", "check")
    bare.expect(f"^eas-host {re.escape(version)}$", "eas-host", "--version")
    for path in bare.binaries():
        if "not found" in (printed := bare.run("ldd", path)):
            raise Failed(f"{path} lacks libraries:\n{printed}")
    _build(bare)
    for processor in ("app.py", "libecho.so", "echo.jar"):
        bare.expect(f"^{re.escape(processor)}: ok$", "eas-host", "check", processor)
    bare.run("eas-host", "init", "--type", "python", "service")
    bare.expect("service", "eas-host", "desc", "service")
    bare.run("bash", "-ec", "source <(eas-host completion bash); complete -p eas-host")

    used = _answer_of_each(bare)
    if unused := bare.binaries() - used:
        raise Failed(f"no process has used {', '.join(str(path.relative_to(bare.site)) for path in sorted(unused))}")


def _build(bare: Bare) -> None:
    """
    Build the processors with what a user has: the header of the package, and the JDK.
    """
    shutil.copy2(_ECHO / "cpp" / "processor.cc", bare.work)
    (bare.work / "crashing.cc").write_text(_CRASHING, encoding="utf-8")
    for source, library in (("processor.cc", "libecho.so"), ("crashing.cc", "libcrashing.so")):
        bare.run("bash", "-ec", f"g++ -g $(eas-host --cflags) {source} -o {library}")
    bare.run("javac", "--release", "11", "-d", "classes", _ECHO / "java/src/com/example/Echo.java")
    bare.run("jar", "--create", "--file", "echo.jar", "-C", "classes", ".")


def _answer_of_each(bare: Bare) -> set[Path]:
    """
    Serve each processor, which must answer. Returns the files of the environment that processes have used meanwhile.
    """
    used = set()
    echoes = (("app.py",), ("libecho.so", "--worker", "native", "--check-memory"), ("echo.jar",))
    for options in echoes:
        with _service(bare, *options) as url:
            status, answer = _post(url, b"hello")
            if status != HTTPStatus.OK or "hello" not in answer:
                raise Failed(f"{options[0]} answered {status}: {answer}")
            used |= bare.in_use()
    with _service(bare, "libcrashing.so") as url:
        status, answer = _post(url, b"hello")
        if status != HTTPStatus.INTERNAL_SERVER_ERROR or _CRASHING_PLACE not in answer:
            raise Failed(f"a crash was to be answered with its place, {_CRASHING_PLACE}, not with {status}: {answer}")
        used |= bare.in_use()
    return used


@contextmanager
def _service(bare: Bare, *options: str) -> Iterator[str]:
    """
    Serve in the background. Yields the URL.
    """
    printed = bare.run("eas-host", "serve", *options, "--port", "0", "--detach")
    url, pid = (re.search(pattern, printed, re.MULTILINE) for pattern in (r"listening on (\S+)$", r"^kill (\d+)$"))
    if pid is None:
        raise Failed(f"eas-host serve --detach has not printed how to stop it:\n{printed}")
    try:
        if url is None:
            raise Failed(f"eas-host serve has not printed where it listens:\n{printed}")
        yield url[1]
    finally:
        host = os.pidfd_open(int(pid[1]))
        signal.pidfd_send_signal(host, signal.SIGTERM)
        ended, _, _ = select.select([host], [], [], _STOP_SECONDS)
        os.close(host)
        if not ended:
            raise Failed(f"the host of {options[0]} does not stop")


def _post(url: str, body: bytes) -> tuple[int, str]:
    address = urlsplit(url)
    with closing(HTTPConnection(address.netloc)) as connection:
        connection.request("POST", address.path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
