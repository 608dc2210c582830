"""
podman, buildah or docker: builds images, and pushes them with its own login.

What the tool prints goes to standard error as it comes, since a build takes minutes; so what a failure ends with stands
above its message.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from eas_host.errors import ConfigError, ImageFailed

NAME: Final = "Containerfile"
"""The file of a context that says what is done."""
TOOLS: Final = ("podman", "buildah", "docker")
"""The first that is there is used. The first two set the times of all files, so the same files make the same image."""


class ImageTool:
    """
    The tool *wanted*, by default the first of `TOOLS` that is installed.

    Attributes:
        name: which of `TOOLS` it is.

    Raises:
        ConfigError: there is none.
    """

    def __init__(self, wanted: str | None = None) -> None:
        found = next((name for name in ([wanted] if wanted else TOOLS) if shutil.which(name)), None)
        if found is None:
            missing = f"--tool: {wanted} is not installed" if wanted else "podman, buildah or docker is needed"
            raise ConfigError(f"{missing}; on Debian or Ubuntu: apt-get install {wanted or TOOLS[0]}")
        self.name = found

    def build(self, context: Path, tag: str, time: int, arguments: Mapping[str, str], words: Sequence[str]) -> str:
        """
        Build the image *tag* of the folder *context*.

        Args:
            context: has a Containerfile.
            tag: the name of the image.
            time: when it and its files were made, in seconds since 1970.
            arguments: those of the Containerfile.
            words: more for the command line of the tool.

        Returns:
            The identity of the image, `sha256:...`.

        Raises:
            ImageFailed: the tool failed.
        """
        made = context / ".identity"
        command = ["build", "-f", str(context / NAME), "-t", tag, "--iidfile", str(made)]
        if self.name != "docker":
            command += ["--timestamp", str(time)]
        if arguments or self.name == "docker":  # which has no other option for the time
            arguments = {**arguments, "SOURCE_DATE_EPOCH": str(time)}
        for name, value in arguments.items():
            command += ["--build-arg", f"{name}={value}"]
        self._run(*command, *words, str(context))
        return made.read_text(encoding="utf-8").strip()

    def push(self, tag: str) -> None:
        """
        Push the image *tag* to its registry.

        Raises:
            ImageFailed: the tool failed.
        """
        self._run("push", tag)

    def need(self, image: str, key: str) -> None:
        """
        Have *image*, which *key* names, on this machine.

        Raises:
            ImageFailed: it cannot be pulled.
        """
        shown = subprocess.run(
            [self.name, "inspect", "--type", "image", image], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if shown.returncode == 0:
            return
        pulled = subprocess.run(
            [self.name, "pull", "-q", image], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if pulled.returncode != 0:
            lines = pulled.stderr.strip().splitlines() or ["it does not say why"]
            raise ImageFailed(f"{key}: {image}: is not on this machine, and {self.name} cannot pull it: {lines[-1]}")

    def _run(self, *words: str) -> None:
        try:
            done = subprocess.run([self.name, *words], stdin=subprocess.DEVNULL, stdout=2, check=False)
        except OSError as error:
            raise ImageFailed(f"{self.name}: cannot be started: {error.strerror}") from error
        if done.returncode != 0:
            raise ImageFailed(
                f"{self.name} {words[0]}: ended with exit code {done.returncode}; its last lines are above"
            )
