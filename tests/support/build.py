"""
Builds the small processors under tests/processors, once per test session, when a test first asks for one.

C++ files are compiled one by one, without any flag that a user would not need. All Java files are compiled by
one javac call, since starting the compiler costs more than all of them; jars are then packed from the classes
that a test names.

The processes of one run share what the compilers make, and so does the next run: it lies in build/, in a folder that
is named after all that went in.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sysconfig
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
SOURCES = TESTS / "processors"
INCLUDE = ROOT / "native" / "include"
COMPILED = ROOT / "build" / "test-processors"
PYTHON_LIBRARIES = sysconfig.get_config_var("LIBDIR")
JAVAC = ("javac", "-J-XX:TieredStopAtLevel=1", "--release", "11", "-encoding", "UTF-8")
"""So short a program takes less time where the JVM does not optimise it: two thirds."""


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


def javac(*words: str | Path) -> None:
    """Compiles for the oldest Java that processors may be built for."""
    run(need(JAVAC[0]), *JAVAC[1:], *words)


def compiled_once(name: str, command: list[str | Path], sources: Iterable[Path], make: Callable[[Path], None]) -> Path:
    """
    A folder with what *make* puts there, made once for all runs with the same *command*, its program as it is now, and
    the same *sources*. Nothing in it may be changed.
    """
    compiler = Path(command[0]).stat()
    digest = hashlib.sha256("\0".join(map(str, (*command, compiler.st_mtime_ns))).encode())
    for source in sources:
        digest.update(source.read_bytes())
    folder = COMPILED / f"{name}-{digest.hexdigest()[:16]}"
    COMPILED.mkdir(parents=True, exist_ok=True)
    with (COMPILED / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes want most of them at the same moment
        if not folder.exists():
            unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
            unfinished.mkdir()
            try:
                make(unfinished)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)  # the compiler has failed, or was not to be started
    return folder


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
        """The library lib*name*.so in a folder of its own, from *name*.cc or .c ("broken/x"), linked with *flags*."""
        key = ("cpp", name, *flags, called or "")
        if key not in self._made:
            last = Path(name).name
            target = self._new_folder(last) / f"lib{called or last}.so"
            source = next(
                path for path in (SOURCES / "cpp" / f"{name}.cc", SOURCES / "cpp" / f"{name}.c") if path.exists()
            )
            compiler = [need("g++"), "-std=c++17"] if source.suffix == ".cc" else [need("gcc"), "-std=gnu11"]
            # -w: some of them are wrong on purpose, and the compiler sees it.
            command: list[str | Path] = [
                *compiler,
                "-w",
                "-g",
                "-shared",
                "-fPIC",
                f"-I{INCLUDE}",
                source,
                "-pthread",
                *flags,
            ]
            if any(flag.startswith("-L") and flag[2:] != PYTHON_LIBRARIES for flag in flags):
                # With a library that a test has made, which is another one each time.
                run(*command, "-o", target)
            else:
                sources = [source, *INCLUDE.rglob("*.h")]
                made = compiled_once(last, command, sources, lambda folder: run(*command, "-o", folder / "made.so"))
                shutil.copy(made / "made.so", target)
            self._made[key] = target
        return self._made[key]

    def classes(self) -> Path:
        """The folder with all compiled Java classes."""
        key = ("classes",)
        if key not in self._made:
            sources = sorted((SOURCES / "java").rglob("*.java"))
            command: list[str | Path] = [need(JAVAC[0]), *JAVAC[1:], *sources]
            self._made[key] = compiled_once("classes", command, sources, lambda folder: run(*command, "-d", folder))
        return self._made[key]

    def compiled(self, source: Path, target: Path) -> Path:
        """The folder *target* with the classes of *source*."""
        javac("-d", target, source)
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
