"""
What a Java processor's entry and --classpath stand for on the JVM's class path.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from eas_host.config import HostConfig
from eas_host.errors import EntryInvalid, EntryNotFound, LoadError
from eas_host.make_spec import make_spec
from eas_host.worker.java.classpath import resolve


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Folders with files that nobody opens."""
    for name in ("app.jar", "lib/b.jar", "lib/a.jar", "lib/sub/deep.jar", "lib/notes.txt", "empty/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def found(folder: Path, entry: str, classpath: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The class path, both halves as paths from *folder*."""
    config = HostConfig(
        entry=str(folder / entry),
        processor_type="java",
        classpath=tuple(f"{folder}/{path}" for path in classpath),
    )
    path = resolve(make_spec(config))
    assert str(path) == ":".join([*path.own, *path.libraries])
    own, libraries = ([str(Path(one).relative_to(folder)) for one in half] for half in (path.own, path.libraries))
    return own, libraries


def test_class_path_is_entry_then_libraries_without_repetition(files: Path) -> None:
    """Each --classpath follows in turn; the jars of a folder are in the order of their names."""
    assert found(files, "app.jar") == (["app.jar"], [])
    assert found(files, "lib") == (["lib", "lib/a.jar", "lib/b.jar"], [])
    own, libraries = found(files, "app.jar", ["lib/b.jar", "lib", "app.jar", "empty/"])
    assert own == ["app.jar"]
    assert libraries == ["lib/b.jar", "lib", "lib/a.jar", "empty"]


def test_star_names_the_jars_without_their_folder(files: Path) -> None:
    """`folder/*`, as the java command has it."""
    assert found(files, "lib/*") == (["lib/a.jar", "lib/b.jar"], [])
    assert found(files, "app.jar", ["lib/*", "empty/*"])[1] == ["lib/a.jar", "lib/b.jar"]


@pytest.mark.parametrize(
    ("entry", "classpath", "kind", "words"),
    [
        ("gone.jar", [], EntryNotFound, "/gone.jar: No such file or directory; check --entry"),
        ("app.jar", ["y.jar"], EntryNotFound, "--classpath .*/y.jar: No such file or directory; check --classpath"),
        ("app.jar", ["a.jar:b.jar"], EntryNotFound, "a.jar:b.jar: No such file.*give --classpath once for each path"),
        ("empty/*", [], EntryInvalid, "there is no .jar in it; --entry must name a .jar or a folder of jars"),
        ("a:b/app.jar", [], EntryInvalid, "/a:b/app.jar: a class path cannot have a ':'; rename it"),
    ],
)
def test_impossible_class_path_is_refused(
    files: Path, entry: str, classpath: list[str], kind: type[LoadError], words: str
) -> None:
    """One line says so, before a JVM is started."""
    (files / "a:b").mkdir()
    (files / "a:b" / "app.jar").touch()
    with pytest.raises(kind, match=words):
        found(files, entry, classpath)
