"""
Which file of a package is the processor, and what `initialize` gets for its model.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from eas_host.deploy.package import entries, model_entry
from eas_host.deploy.package.entries import ProcessorPackage
from eas_host.description import Processor
from eas_host.errors import ConfigError, EntryInvalid, EntryNotFound, HostError
from support.build import ProcessorBuilder


def package(folder: Path, *names: str) -> ProcessorPackage:
    """A package with empty files."""
    root = folder / "predictor" / "package"
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return ProcessorPackage(root, "package.tar.gz")


def found(wanted: ProcessorPackage, **keys: Any) -> str:  # noqa: ANN401  those of Processor
    """The entry, from the package's folder."""
    entry = entries.find_entry(wanted, Processor(**keys))
    return str(entry.path.relative_to(wanted.folder))


# processor_entry.


@pytest.mark.parametrize("text", ["app.py", "./app.py", "app.py:Main"])
def test_entry_is_found_by_its_path(tmp_path: Path, text: str) -> None:
    wanted = package(tmp_path, "app.py", "sub/app.py")
    entry = entries.find_entry(wanted, Processor(entry=text))
    assert (entry.path, entry.type) == (wanted.folder / "app.py", "python")
    assert entry.python_class == ("Main" if ":" in text else None)


@pytest.mark.parametrize(
    ("text", "there", "expected"),
    [
        ("sub/app.py", ("app.py", "sub/app.py"), "sub/app.py"),
        ("libecho.so", ("release/lib/libecho.so",), "release/lib/libecho.so"),
        ("lib/libecho.so", ("release/lib/libecho.so", "libecho.so"), "release/lib/libecho.so"),
        ("app.py", ("a/app.py", "b/c/app.py"), "a/app.py"),
        ("app.py", ("ENV/lib/app.py", ".git/app.py", "x/y/app.py"), "x/y/app.py"),
        ("package/app.py", ("app.py",), "app.py"),
    ],
)
def test_entry_is_found_by_name_in_the_shallowest_folder(
    tmp_path: Path, text: str, there: tuple[str, ...], expected: str
) -> None:
    """The name is tried as a path first. Environments and hidden folders do not count."""
    assert found(package(tmp_path, *there), entry=text) == expected


@pytest.mark.parametrize(
    ("text", "there", "expected"),
    [
        ("work/b/run.py", ("a/run.py", "b/run.py", "run.py"), "b/run.py"),
        ("work/b/run.py", ("run.py", "x/b/run.py"), "x/b/run.py"),
        ("work/run.py", ("run.py", "a/run.py"), "run.py"),
    ],
)
def test_container_path_is_matched_by_dropping_leading_folders(
    tmp_path: Path, text: str, there: tuple[str, ...], expected: str
) -> None:
    """Only folders that the package does not have are dropped, as few of them as possible."""
    named = {"entry": text, "path": "package.tar.gz"}
    assert found(package(tmp_path, *there), **named, entry_key="containers[0].script") == expected
    with pytest.raises(EntryNotFound, match="processor_entry is 'work/"):
        found(package(tmp_path / "other", *there), **named)


def test_two_entries_at_one_depth_are_refused(tmp_path: Path) -> None:
    """The name does not say which of them is meant."""
    with pytest.raises(EntryInvalid, match=r"'app.py'.*package.tar.gz has several: a/app.py, b/app.py"):
        found(package(tmp_path, "a/app.py", "b/app.py"), entry="app.py")


def test_missing_entry_lists_what_the_package_has(tmp_path: Path) -> None:
    """Twelve names at most."""
    wanted = package(tmp_path, *(f"{number:02}.txt" for number in range(20)))
    with pytest.raises(
        EntryNotFound, match=r"'app.py', but package.tar.gz has no such file; it has 00.txt, .* 11.txt and 8 more$"
    ):
        found(wanted, entry="app.py")


@pytest.mark.parametrize("text", ["../other.py", "/etc/passwd", "a/../../other.py"])
def test_entry_outside_of_the_package_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "predictor").mkdir()
    (tmp_path / "predictor" / "other.py").write_bytes(b"")
    with pytest.raises(EntryNotFound, match="in the package"):
        found(package(tmp_path, "app.py"), entry=text)


def test_unknown_ending_asks_for_processor_type(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"processor_type is missing, and the name run.bin does not show it"):
        found(package(tmp_path, "run.bin"), entry="run.bin")


def test_message_names_the_model_by_its_index(tmp_path: Path) -> None:
    wanted = ProcessorPackage(package(tmp_path, "a.txt").folder, "p.zip", key_prefix="models[1].")
    with pytest.raises(EntryNotFound, match=r"^models\[1\]\.processor_entry is 'x.so'"):
        found(wanted, entry="x.so")


# No processor_entry.


def test_only_python_file_at_the_top_is_the_entry(tmp_path: Path) -> None:
    assert found(package(tmp_path, "main.py", "lib/other.py")) == "main.py"
    assert found(package(tmp_path / "2", "main.py", "app.py")) == "app.py"


def test_several_or_no_python_files_at_the_top_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EntryInvalid, match=r"several: a.py, b.py; name one"):
        found(package(tmp_path, "a.py", "b.py"), type="python")
    with pytest.raises(EntryNotFound, match=r"which has sub/x.py"):
        found(package(tmp_path / "2", "sub/x.py"), type="python")


def test_only_library_that_exports_a_processor_is_the_entry(tmp_path: Path, builder: ProcessorBuilder) -> None:
    wanted = package(tmp_path, "readme.txt")
    shutil.copy(builder.cpp("beside"), wanted.folder)
    with pytest.raises(EntryNotFound, match=r"exports initialize and process; it has libbeside.so"):
        found(wanted, type="cpp")
    shutil.copy(builder.cpp("contract"), wanted.folder)
    assert found(wanted, type="cpp") == "libcontract.so"
    assert found(wanted) == "libcontract.so"
    shutil.copy(builder.cpp("contract"), wanted.folder / "libsecond.so")
    with pytest.raises(EntryInvalid, match=r"several processors: libcontract.so, libsecond.so; name one"):
        found(wanted)


def test_all_jars_of_a_package_are_on_the_class_path(tmp_path: Path) -> None:
    """The folder nearest to the top that has jars, the others behind it; with an entry the rest is behind that."""
    wanted = package(tmp_path, "main.jar", "lib/a.jar", "lib/deep/b.jar", "ENV/c.jar")
    entry = entries.find_entry(wanted, Processor(type="java"))
    names = [str(path.relative_to(wanted.folder)) for path in entry.classpath]
    assert (entry.path, names) == (wanted.folder, ["lib/a.jar", "lib/deep/b.jar"])
    entry = entries.find_entry(wanted, Processor(entry="lib/a.jar", mainclass="A"))
    names = [str(path.relative_to(wanted.folder)) for path in entry.classpath]
    assert names == ["main.jar", "lib/deep/b.jar"]


def test_java_package_without_a_jar_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EntryNotFound, match=r"no .jar in it; it has x.txt"):
        found(package(tmp_path, "x.txt"), mainclass="A")


def test_package_without_any_processor_asks_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(EntryNotFound, match=r"name the processor in package.tar.gz, which has x.txt"):
        found(package(tmp_path, "x.txt"))


# model_entry.


@pytest.fixture
def place(tmp_path: Path) -> model_entry.ModelLocation:
    folder = tmp_path / "model"
    (folder / "1").mkdir(parents=True)
    (folder / "w.bin").write_bytes(b"")
    (tmp_path / "base").mkdir()
    return model_entry.ModelLocation(folder, "model.zip", None, tmp_path / "base")


def test_model_entry_defaults_to_the_model_folder_or_its_only_file(place: model_entry.ModelLocation) -> None:
    """Without any model the entry is empty, and never missing."""
    assert model_entry.resolve(None, place) == str(place.folder)
    bare = place.folder / "w.bin"
    assert model_entry.resolve(None, model_entry.ModelLocation(place.folder, "w.bin", bare, place.base)) == str(bare)
    empty = place.folder / "1"
    assert model_entry.resolve(None, model_entry.ModelLocation(empty, "", None, place.base)) == ""
    assert model_entry.resolve("", model_entry.ModelLocation(empty, "", None, place.base)) == ""


@pytest.mark.parametrize(
    ("entry", "expected"), [("./1/", "1/"), ("1", "1"), ("w.bin", "w.bin"), ("1/../w.bin", "w.bin")]
)
def test_relative_model_entry_is_a_path_in_the_model(
    place: model_entry.ModelLocation, entry: str, expected: str
) -> None:
    """The entry's final slash stays."""
    assert model_entry.resolve(entry, place) == f"{place.folder}/{expected}"


def test_absolute_model_entry_is_passed_unchanged(place: model_entry.ModelLocation) -> None:
    """Whether it exists or not."""
    assert model_entry.resolve("/eas/workspace/model//x/", place) == "/eas/workspace/model//x/"


def test_model_entry_that_is_not_in_the_model_is_refused(place: model_entry.ModelLocation) -> None:
    with pytest.raises(
        HostError, match=r"model_entry is '2/', but model.zip has no such file; it has 1/, w.bin"
    ) as caught:
        model_entry.resolve("2/", place)
    assert caught.value.exit_code == 3


def test_model_entry_without_a_model_path_is_in_storage_or_beside_the_description(
    place: model_entry.ModelLocation,
) -> None:
    """A file that is in neither of them is a path in the workspace all the same."""
    bare = model_entry.ModelLocation(place.folder, "", None, place.base)
    (place.base / "beside").mkdir()
    assert model_entry.resolve("1/", bare) == f"{place.folder}/1/"
    assert model_entry.resolve("beside/", bare) == f"{place.base}/beside/"
    assert model_entry.resolve("later.bin", bare) == f"{place.folder}/later.bin"
