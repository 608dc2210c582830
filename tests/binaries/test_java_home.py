"""
What is read from the home of a Java.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.binaries.java_home import UnusableJava, find_libjvm, java_version
from support.java import LAYOUTS_OF_JAVA_8, home_of, installed_home


@pytest.mark.parametrize(
    ("line", "version"), [('"1.8.0_392"', 8), ('"11.0.9.1"', 11), ('"25"', 25), ("unquoted", None)]
)
def test_java_version_is_read_from_the_release_file(tmp_path: Path, line: str, version: int | None) -> None:
    (tmp_path / "release").write_text(f"MODULES=x\nJAVA_VERSION={line}\nOS_NAME=Linux\n")
    assert java_version(tmp_path) == version
    assert java_version(tmp_path / "nowhere") is None


def test_installed_java_is_usable() -> None:
    home = installed_home()
    assert find_libjvm(home).is_relative_to(home)
    assert (java_version(home) or 0) >= 11


@pytest.mark.parametrize("variant", ["server", "zero"])
def test_jvm_is_found_whatever_its_variant(tmp_path: Path, variant: str) -> None:
    """zero is for machines without a compiler. A home need not tell its version."""
    home = home_of(tmp_path, layout=f"lib/{variant}")
    assert find_libjvm(home) == home / "lib" / variant / "libjvm.so"


def test_usual_jvm_is_preferred(tmp_path: Path) -> None:
    for variant in ("client", "minimal", "server", "zero"):
        home_of(tmp_path, layout=f"lib/{variant}")
    assert find_libjvm(tmp_path).parent.name == "server"


@pytest.mark.parametrize("layout", LAYOUTS_OF_JAVA_8)
def test_java_8_is_recognised_by_its_files(tmp_path: Path, layout: str) -> None:
    """Debian's has no file that tells the version."""
    with pytest.raises(UnusableJava, match="it is Java 8 or older; processors run on Java 11 and later"):
        find_libjvm(home_of(tmp_path, layout=layout))


@pytest.mark.parametrize(
    ("version", "layout", "number"),
    [("1.8.0_392", "jre/lib/amd64/server", 8), ("1.7.0_80", "jre/lib/amd64/server", 7), ("10.0.2", "lib/server", 10)],
)
def test_java_that_is_too_old_is_named(tmp_path: Path, version: str, layout: str, number: int) -> None:
    with pytest.raises(UnusableJava, match=f"it is Java {number}; processors run on Java 11 and later"):
        find_libjvm(home_of(tmp_path, version, layout))


def test_folder_without_a_jvm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableJava, match="there is no JVM in it; expected the home of a Java 11 or later"):
        find_libjvm(tmp_path)
