"""
Where the version comes from, and what the source distribution holds. `make dist` tries what it builds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.build import ROOT, need
from support.repository import tracked

NAMES = {f"GIT_{role}_{what}": "x@y" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [need("git"), *words], cwd=folder, env=os.environ | NAMES, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def version(folder: Path) -> str:
    """The version that a build in *folder* has."""
    command = (sys.executable, "-m", "setuptools_scm")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def commit(folder: Path) -> str:
    """Makes a commit, and returns its number."""
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with the files that say where the version comes from."""
    folder = tmp_path / "sources"
    folder.mkdir()
    for name in ("pyproject.toml", ".gitattributes", ".git_archival.txt"):
        shutil.copy2(ROOT / name, folder)
    return folder


@pytest.fixture
def repository(sources: Path) -> Path:
    """A repository of one commit."""
    git(sources, "init", "-q")
    commit(sources)
    return sources


def test_tag_is_the_version(repository: Path) -> None:
    """A later commit leads to the next version, and has its number in the version."""
    git(repository, "tag", "v0.1.0")
    assert version(repository) == "0.1.0"
    number = commit(repository)
    assert version(repository).startswith("0.1.1.dev1+g")
    assert number.startswith(version(repository).partition("+g")[2])


def test_clone_without_tags_has_a_version(repository: Path, tmp_path: Path) -> None:
    """A shallow one, too, which lacks the tags and the number of commits."""
    commit(repository)
    assert version(repository).startswith("0.1.dev2+g")
    git(repository, "tag", "v0.1.0", "HEAD~")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", "shallow")
    assert version(tmp_path / "shallow").startswith("0.1.dev1+g")


def test_archive_of_a_tag_has_its_version(repository: Path, tmp_path: Path) -> None:
    git(repository, "tag", "v0.1.0")
    git(repository, "archive", "-o", str(tmp_path / "archive.tar"), "HEAD")
    (tmp_path / "archive").mkdir()
    with tarfile.open(tmp_path / "archive.tar") as archive:
        archive.extractall(tmp_path / "archive", filter="data")
    assert version(tmp_path / "archive") == "0.1.0"


def test_sources_without_a_history_have_a_version(sources: Path) -> None:
    """Those of a source distribution have it in their metadata; nothing tells that of others."""
    assert version(sources) == "0.0"
    (sources / ".git_archival.txt").unlink()
    (sources / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: eas-host\nVersion: 0.1.0\n", encoding="utf-8")
    assert version(sources) == "0.1.0"


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources, without what was built in them, and without their history."""
    folder = tmp_path_factory.mktemp("copied")
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def test_source_distribution_holds_the_repository(copied: Path, tmp_path: Path) -> None:
    """Also where git cannot say what that is."""
    code = f"from setuptools.build_meta import build_sdist; build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=copied, capture_output=True, check=True)
    [sdist] = tmp_path.glob("eas_host-*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in tracked() if not name.startswith(".git")} - names == set()


def test_build_names_all_that_is_missing(copied: Path, tmp_path: Path) -> None:
    """Before it compiles anything."""
    variables = {"PATH": str(tmp_path), "CXX": "no-such-compiler -O2"}
    build = (sys.executable, "setup.py", "build")
    done = subprocess.run(build, cwd=copied, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    told = done.stderr.partition("error: ")[2].splitlines()
    assert told[0] == "eas-host cannot be built without:"
    assert [line.partition(":")[0].strip() for line in told[1:]] == ["a C++ compiler", "a JDK, 11 or later"]
    assert "no-such-compiler is not found" in told[1]
