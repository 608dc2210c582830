"""
What pyproject.toml cannot say: the package also holds a C++ module, a Java bridge and a public C header.

cffi builds the module `eas_host._native` from native/build_native.py. `BuildJava` has java/build_java.py compile the
bridge. A wheel carries the header, too, as `eas_host/include/eas/processor.h`: whoever installs the host can build
processors for it. An editable install has the jar beside the sources that need it, and the header in native/.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from setuptools import Command, setup
from setuptools.command.build import build
from setuptools.errors import ExecError

HEADER = Path("native", "include", "eas", "processor.h")
BRIDGE = Path("eas_host", "java", "bridge.jar")


class BuildJava(Command):
    """
    The step of `build` that makes the bridge's jar and, for a wheel, adds the public header.

    It has what setuptools asks of such a step: https://setuptools.pypa.io/en/latest/userguide/extension.html
    """

    description = "compile the Java bridge"
    user_options: ClassVar[list[tuple[str, str | None, str]]] = []

    def initialize_options(self) -> None:
        """
        Declare what setuptools fills in.
        """
        self.build_lib = ""
        self.editable_mode = False

    def finalize_options(self) -> None:
        """
        Take the folder in which `build` gathers the package.
        """
        self.set_undefined_options("build", ("build_lib", "build_lib"))

    def run(self) -> None:
        """
        Write the outputs.
        """
        root = Path("host") if self.editable_mode else Path(self.build_lib)
        _compile_bridge(root / BRIDGE)
        if not self.editable_mode:
            target = root / "eas_host" / "include" / "eas" / HEADER.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(HEADER, target)

    def get_source_files(self) -> list[str]:
        """
        List what a source distribution must hold.
        """
        return [str(HEADER), *map(str, sorted(Path("java").rglob("*.java"))), *map(str, Path("java").glob("*.py"))]

    def get_outputs(self) -> list[str]:
        """
        List what `run` writes into the package.
        """
        root = Path(self.build_lib)
        return [str(root / BRIDGE), str(root / "eas_host" / "include" / "eas" / HEADER.name)]

    def get_output_mapping(self) -> dict[str, str]:
        """
        Map outputs to sources that an editable install could link to. There are none: all of it is made.
        """
        return {}


class Build(build):
    """
    The usual build, and the bridge.
    """

    sub_commands: ClassVar = [*build.sub_commands, ("build_java", None)]


def _compile_bridge(target: Path) -> None:
    if shutil.which("javac") is None:
        raise ExecError("javac is not found: install a JDK, 11 or later (on Debian or Ubuntu: default-jdk-headless)")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run([sys.executable, "java/build_java.py", str(target)], check=True)
    except subprocess.CalledProcessError as error:
        raise ExecError(f"the Java bridge does not compile; javac's messages are above (exit {error.returncode})") from error


setup(
    cffi_modules=["native/build_native.py:ffibuilder"],
    cmdclass={"build": Build, "build_java": BuildJava},
)
