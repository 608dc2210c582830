"""
podman with settings and a storage of its own, in the user's cache folder: the machine's are neither used nor changed,
and what was built once is there for the next run.

The image is built by `eas-host image`. Its base is made of Debian's packages where mmdebstrap is installed
(scripts/base_image.sh), and pulled elsewhere.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.build import ROOT, need
from support.host import program

if TYPE_CHECKING:
    from typing_extensions import Self

BUILD_SECONDS = 1200
SECONDS = 120
_WEEK_SECONDS = 7 * 24 * 3600
CONFINED = ("--read-only", "--tmpfs", "/tmp:exec", "--cap-drop=all", "--security-opt=no-new-privileges")  # noqa: S108
NETAVARK = tuple(Path(folder, "netavark") for folder in ("/usr/lib/podman", "/usr/libexec/podman"))
SETTINGS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "{runtime}"
{network}
"""
"""No more open files than any user may have; and nothing that needs systemd."""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


def _build_options() -> list[str]:
    """The network of this machine, and its settings of pip."""
    options = ["--network", "host"]
    if index := os.environ.get("PIP_INDEX_URL"):
        options += ["--build-arg", f"PIP_INDEX_URL={index}"]
    if certificates := os.environ.get("PIP_CERT"):
        options += [
            "--volume",
            f"{certificates}:/run/certificates.pem:ro",
            "--build-arg",
            "PIP_CERT=/run/certificates.pem",
        ]
    return options


class Podman:
    """
    The command, and the image.

    Attributes:
        own: the variables with which podman uses its own settings and storage.
    """

    def __init__(self) -> None:
        need("podman")
        runtime = next((name for name in ("runc", "crun") if shutil.which(name)), None)
        if runtime is None:
            pytest.skip("neither runc nor crun is installed")
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(cache) / "eas-host-containers"
        folder.mkdir(parents=True, exist_ok=True)
        # Debian's podman has settings of an older network, and prefers that.
        network = '[network]\nnetwork_backend = "netavark"' if any(path.exists() for path in NETAVARK) else ""
        (folder / "containers.conf").write_text(SETTINGS.format(runtime=runtime, network=network))
        (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
        self.own = {
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            # Of this week: `prune` would take those of 1980 for old ones, and what is kept of them for the next run.
            "SOURCE_DATE_EPOCH": str(int(time.time()) // _WEEK_SECONDS * _WEEK_SECONDS),
        }

    def run(self, *words: str | Path, seconds: float = SECONDS) -> str:
        """What podman prints, which must succeed."""
        done = self.try_run(*words, seconds=seconds)
        assert done.returncode == 0, f"podman {shlex.join(map(str, words))}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def try_run(self, *words: str | Path, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
        return self._ended(["podman", *words], seconds)

    def _ended(self, command: list[str | Path], seconds: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=os.environ | self.own,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def build(self, name: str) -> None:
        """Builds the image of the Containerfile, and its base if there is none; forgets what old builds have left."""
        self.run("image", "prune", "-f", "--filter", "until=168h")
        base = self.base
        if self.try_run("image", "exists", base).returncode != 0:
            if shutil.which("mmdebstrap"):
                command = [str(ROOT / "scripts" / "base_image.sh"), base]
                subprocess.run(command, env=os.environ | self.own, timeout=BUILD_SECONDS, check=True)
            elif self.try_run("pull", "-q", base, seconds=BUILD_SECONDS).returncode != 0:
                pytest.skip(f"{base} cannot be pulled, and mmdebstrap, which makes it, is not installed")
        self.image("-t", name)

    def image(self, *words: str | Path) -> str:
        """What `eas-host image` prints, which must succeed."""
        command = [*program(), "image", *words, "--tool", "podman", "--", *_build_options()]
        done = self._ended(command, BUILD_SECONDS)
        assert done.returncode == 0, f"eas-host image {shlex.join(map(str, words))}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def base(self) -> str:
        """The base of the Containerfile."""
        text = (ROOT / "Containerfile").read_text(encoding="utf-8")
        return text.partition("\nARG BASE=")[2].split()[0]

    def shell_prelude(self) -> str:
        """What a script begins with that calls podman as a user does: its builds get what this machine needs."""
        options = shlex.join(_build_options())
        return (
            'podman() { if [ "$1" = build ]; then shift; command podman build '
            f'{options} "$@"; else command podman "$@"; fi; }}\n'
            'eas-host() { if [ "$1" = image ]; then command eas-host "$@" --tool podman -- '
            f'{options}; else command eas-host "$@"; fi; }}\n'
        )

    def inspect(self, container: str, what: str) -> str:
        return self.run("inspect", "--format", "{{" + what + "}}", container)


class Container:
    """
    A container of *image* that serves on *port* of this machine, confined as the documentation advises, with *options*
    for podman and *words* for the host: `with Container(...) as container`.
    """

    def __init__(self, podman: Podman, image: str, port: int, options: list[str], words: list[str]) -> None:
        self.podman = podman
        self._publish = ("-p", f"127.0.0.1:{port}:8080")
        self.name = podman.run("run", "-d", *CONFINED, *self._publish, *options, image, *words)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.podman.run("rm", "-f", "-t", "0", self.name)

    def log(self) -> str:
        done = self.podman.try_run("logs", self.name)
        return done.stdout + done.stderr

    def state(self) -> dict[str, Any]:
        """What podman says of its process."""
        state: dict[str, Any] = json.loads(self.podman.run("inspect", "--format", "{{json .State}}", self.name))
        return state
