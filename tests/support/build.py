"""
Builds the small processors under tests/processors, once per test session, when a test first asks for one.

C++ files are compiled one by one, without any flag that a user would not need. All Java files are compiled by
one javac call, since starting the compiler costs more than all of them; jars are then packed from the classes
that a test names.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
SOURCES = TESTS / "processors"
INCLUDE = ROOT / "native" / "include"


def need(tool: str) -> str:
    """
    The path of *tool*; without it the test is skipped, which is a failure where CI says so (see conftest.py).
    """
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"{tool} is not installed")
    return path


def run(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"


class ProcessorBuilder:
    """
    Makes processors inside *folder*. Each is made once and must not be changed; a test that damages one takes
    a copy.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[tuple[str, ...], Path] = {}

    def contract(self, language: str) -> Path:
        """The contract processor in *language*."""
        if language == "cpp":
            return self.cpp("contract")
        return self.jar("Contract") if language == "java" else self.python("contract.py")

    def cpp(self, name: str, *flags: str, called: str | None = None) -> Path:
        """The library lib*name*.so in a folder of its own, from *name*.cc or .c, linked with *flags*."""
        key = ("cpp", name, *flags, called or "")
        if key not in self._made:
            target = self._new_folder(name) / f"lib{called or name}.so"
            source = next(
                path for path in (SOURCES / "cpp" / f"{name}.cc", SOURCES / "cpp" / f"{name}.c") if path.exists()
            )
            compiler = [need("g++"), "-std=c++17"] if source.suffix == ".cc" else [need("gcc"), "-std=gnu11"]
            # -w: some of them are wrong on purpose, and the compiler sees it.
            run(
                *compiler,
                "-w",
                "-g",
                "-shared",
                "-fPIC",
                f"-I{INCLUDE}",
                source,
                "-o",
                target,
                "-pthread",
                *flags,
            )
            self._made[key] = target
        return self._made[key]

    def classes(self) -> Path:
        """The folder with all compiled Java classes."""
        key = ("classes",)
        if key not in self._made:
            target = self._new_folder("classes")
            sources = sorted((SOURCES / "java").rglob("*.java"))
            run(need("javac"), "--release", "11", "-encoding", "UTF-8", "-d", target, *sources)
            self._made[key] = target
        return self._made[key]

    def compiled(self, source: Path, target: Path) -> Path:
        """The folder *target* with the classes of *source*."""
        run(need("javac"), "--release", "11", "-encoding", "UTF-8", "-d", target, source)
        return target

    def adopt_classes(self, folder: Path) -> None:
        """Packs jars from the classes in *folder*, which a test has changed, instead of compiling."""
        self._made[("classes",)] = folder

    def jar(self, *names: str, called: str | None = None) -> Path:
        """A jar, in a folder of its own, with the classes *names* and those inside them."""
        key = ("jar", *names, called or "")
        if key not in self._made:
            self._made[key] = self.pack(self._new_folder("jar") / f"{called or names[0].lower()}.jar", names)
        return self._made[key]

    def pack(self, target: Path, names: Iterable[str], manifest: str = "") -> Path:
        """
        Packs the classes *names* ("packaged.InPackage" has a package) into the jar *target*, with lines for its
        *manifest*.
        """
        classes = self.classes()
        with zipfile.ZipFile(target, "w") as jar:
            jar.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\r\n{manifest}\r\n")
            for name in names:
                stem = name.replace(".", "/")
                for path in [classes / f"{stem}.class", *classes.glob(f"{stem}$*.class")]:
                    jar.write(path, path.relative_to(classes))
        return target

    def python(self, name: str) -> Path:
        """A copy of a Python file; of its whole folder where it has one ("neighbours/app.py")."""
        key = ("python", name)
        if key not in self._made:
            target = self._new_folder("python")
            source = SOURCES / "python" / name
            if "/" in name:
                shutil.copytree(source.parent, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
            self._made[key] = target / source.name
        return self._made[key]

    def _new_folder(self, name: str) -> Path:
        folder = self.folder / f"{len(list(self.folder.iterdir()))}-{name}"
        folder.mkdir()
        return folder
