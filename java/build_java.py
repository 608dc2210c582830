"""
Compiles the Java bridge, a jar, and beside it the launcher. Usage: python java/build_java.py TARGET.jar.

The launcher is a small library that starts the JVM and has the bridge's native methods. It needs the headers of the
compiler's JDK.

The jar is reproducible: the same sources and compiler give the same bytes, because its entries are sorted and
have a fixed time and mode. Therefore this script packs it, and not `jar`, which writes the current time
into it. The file gets its name only when it is complete.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).resolve().parent / "src"
LAUNCHER_SOURCES: Final = tuple(
    SOURCES.with_name("native") / name for name in ("launcher.cc", "natives.cc", "parts_natives.cc")
)
NATIVE_HEADERS: Final = SOURCES.parent.with_name("native") / "src"
LAUNCHER: Final = "eas-host-launcher.so"
# Without exceptions and C++'s own library, whose symbols would become global with the launcher's.
LAUNCHER_OPTIONS: Final = (
    *("-std=c++17", "-O2", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti"),
    *("-Wall", "-Wextra", "-Wl,--as-needed"),
)
OPTIONS: Final = (
    "--release=11",  # the oldest Java that the host supports (docs/java.md); its class files run on every later one
    "-encoding",
    "UTF-8",
    "-g",
    "-proc:none",
    "-XDstringConcat=inline",  # else the first "a" + b of a JVM takes 40 ms of CPU, also in one that is about to end
    "-Xlint:all,-options",  # -options: a future compiler's warning that 11 is old must not stop an installation
    "-Werror",
)
MANIFEST: Final = b"Manifest-Version: 1.0\r\nImplementation-Title: eas-host bridge\r\n\r\n"
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can have."""


def main(arguments: list[str]) -> int:
    """
    Build the jar that the only argument names.
    """
    if len(arguments) != 1:
        print(f"usage: {Path(__file__).name} TARGET.jar", file=sys.stderr)
        return 2
    javac = find_javac()
    if javac is None:
        print(
            "build_java: javac is not found: install a JDK, 11 or later"
            " (on Debian or Ubuntu: default-jdk-headless), or set JAVA_HOME",
            file=sys.stderr,
        )
        return 1
    with tempfile.TemporaryDirectory() as folder:
        sources = map(str, sorted(SOURCES.rglob("*.java")))
        done = subprocess.run([javac, *OPTIONS, "-d", folder, *sources], check=False)
        if done.returncode == 0:
            pack(Path(folder), Path(arguments[0]))
    return done.returncode or build_launcher(javac, Path(arguments[0]).with_name(LAUNCHER))


def build_launcher(javac: str, target: Path) -> int:
    """
    Compile the launcher against the headers of *javac*'s JDK.
    """
    compiler = shlex.split(os.environ.get("CXX", "")) or [shutil.which("c++") or "g++"]
    settings = subprocess.run(
        [javac, "-J-XshowSettings:properties", "-version"], capture_output=True, text=True, check=False
    )
    home = re.search(r"^\s*java\.home = (.*)$", settings.stderr + settings.stdout, re.MULTILINE)
    headers = Path(home[1] if home else "", "include")
    if not (headers / "jni.h").is_file():
        print(f"build_java: {headers}/jni.h is missing: install a complete JDK, or set JAVA_HOME", file=sys.stderr)
        return 1
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    includes = [f"-I{headers}", f"-I{headers / 'linux'}", f"-I{NATIVE_HEADERS}"]
    try:
        done = subprocess.run(
            [*compiler, *LAUNCHER_OPTIONS, *includes, *LAUNCHER_SOURCES, "-o", partial, "-ldl"], check=False
        )
        if done.returncode == 0:
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return done.returncode


def find_javac() -> str | None:
    """
    Find the compiler: in JAVA_HOME, else on the PATH.
    """
    home = os.environ.get("JAVA_HOME")
    return (home and shutil.which(f"{home}/bin/javac")) or shutil.which("javac")


def pack(classes: Path, target: Path) -> None:
    """
    Write all files under *classes* into the jar *target*.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(partial, "w") as jar:
            add(jar, "META-INF/MANIFEST.MF", MANIFEST)
            for path in sorted(classes.rglob("*.class")):
                add(jar, path.relative_to(classes).as_posix(), path.read_bytes())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def add(jar: zipfile.ZipFile, name: str, data: bytes) -> None:
    """
    Add *data* to *jar* as the entry *name*.
    """
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    jar.writestr(entry, data)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
