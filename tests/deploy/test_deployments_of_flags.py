"""
Deployments that flags alone describe, and those of archives and models that are not unpacked.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eas_host.config import HostConfig
from eas_host.deploy.deployment import INSTALLED, LIBRARIES, PYTHON_FILES
from eas_host.deploy.from_options import prepare_from_options
from eas_host.errors import ConfigError, EntryNotFound
from eas_host.service.file_watcher import fingerprint
from support.build import ProcessorBuilder
from support.env import make_env
from support.service import Services, describe, tar


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = Services(tmp_path)
    yield made
    made.close()


@pytest.fixture
def config(tmp_path: Path) -> HostConfig:
    return HostConfig(cache=str(tmp_path / "cache"))


# Flags alone.


def test_files_of_flags_are_used_where_they_lie(config: HostConfig, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Nothing is made."""
    entry = builder.cpp("contract")
    made = prepare_from_options(replace(config, entry=str(entry), model_entry="m/", warm_up=str(entry)))
    assert (made.name, made.processors[0].name, made.processors[0].spec.entry) == ("contract", None, str(entry))
    assert made.warm_up == entry
    assert made.watched == ()
    assert not (tmp_path / "cache").exists()
    made.discard()


def test_missing_warm_up_file_is_refused(config: HostConfig, builder: ProcessorBuilder, tmp_path: Path) -> None:
    with pytest.raises(EntryNotFound, match=r"absent.txt: No such file; check --warm-up"):
        prepare_from_options(replace(config, entry=str(builder.cpp("contract")), warm_up=str(tmp_path / "absent.txt")))


def test_reload_with_isolation_none_is_refused(config: HostConfig) -> None:
    with pytest.raises(ConfigError, match="--isolation none and --reload"):
        prepare_from_options(replace(config, entry="app.py", isolation="none", reload=True))


def test_reload_loads_a_library_from_a_copy(config: HostConfig, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Beside the copy are copies of the libraries and links to the data; it is loaded in its own folder."""
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    shutil.copy(builder.cpp("beside"), tmp_path / "libb.so.1")
    (tmp_path / "libb.so").symlink_to("libb.so.1")
    (tmp_path / "data.txt").write_bytes(b"d")
    made = prepare_from_options(replace(config, entry=str(tmp_path / "liba.so"), model_entry="m/", reload=True))
    spec = made.processors[0].spec
    copy = Path(spec.entry)
    assert spec.folder == str(tmp_path)
    assert made.watched == (tmp_path / "liba.so", tmp_path / LIBRARIES, Path("m").absolute())
    assert copy.read_bytes() == (tmp_path / "liba.so").read_bytes()
    assert not copy.is_symlink()
    assert not (copy.parent / "libb.so.1").is_symlink()
    assert (copy.parent / "libb.so").resolve() == copy.parent / "libb.so.1"
    assert (copy.parent / "data.txt").resolve() == tmp_path / "data.txt"
    second = prepare_from_options(replace(config, entry=str(tmp_path / "liba.so"), reload=True))
    made.discard()
    assert not copy.exists()
    assert Path(second.processors[0].spec.entry).exists()
    second.discard()
    assert list((tmp_path / "cache" / "workspaces").iterdir()) == []


def test_reload_loads_jars_from_copies(config: HostConfig, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The jars are those of a folder, and those on the class path."""
    (tmp_path / "jars").mkdir()
    shutil.copy(builder.jar("UsesLibrary"), tmp_path / "jars" / "main.jar")
    part = builder.jar("LibraryPart")
    made = prepare_from_options(
        replace(config, entry=str(tmp_path / "jars"), classpath=(str(part), "/absent.jar"), reload=True)
    )
    spec = made.processors[0].spec
    assert Path(spec.entry) != tmp_path / "jars"
    assert (Path(spec.entry) / "main.jar").read_bytes() == (tmp_path / "jars" / "main.jar").read_bytes()
    assert spec.folder == str(tmp_path / "jars")
    assert Path(spec.classpath[0]).name == part.name
    assert Path(spec.classpath[0]) != part
    assert spec.classpath[1] == "/absent.jar"
    made.discard()


def test_reload_runs_python_files_in_place_and_watches_them(config: HostConfig, builder: ProcessorBuilder) -> None:
    """Python files are read once. The files beside the entry are watched, too, and an ENV that may be made later."""
    entry = builder.python("neighbours/app.py")
    made = prepare_from_options(replace(config, entry=str(entry), reload=True))
    assert made.processors[0].spec.entry == str(entry)
    assert set(made.watched) == {entry, entry.parent / PYTHON_FILES, entry.parent / "ENV" / INSTALLED}
    assert set(fingerprint(made.watched)) == set(map(str, entry.parent.rglob("*.py")))


def test_env_beside_a_program_runs_it(config: HostConfig, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """A program in the host's own process does not use its ENV."""
    shutil.copy(builder.python("contract.py"), tmp_path / "app.py")
    env = make_env(tmp_path)
    spec = prepare_from_options(replace(config, entry=str(tmp_path / "app.py"))).processors[0].spec
    assert spec.interpreter == str(env / "bin" / "python")
    local = prepare_from_options(replace(config, entry=str(tmp_path / "app.py"), isolation="none")).processors[0].spec
    assert local.interpreter == ""


# Archives.


def test_hostile_archive_is_refused_with_key_archive_and_member(services: Services, tmp_path: Path) -> None:
    """Nothing is written outside, and no workspace is left."""
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("../../../../escaped.py")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"evil"))
    ended = services.run("test", describe(tmp_path, name="e", processor_path="evil.tar.gz", processor_entry="app.py"))
    ended.fails_with(3, "processor_path", "evil.tar.gz", "escaped.py")
    assert services.workspaces == []
    assert list(tmp_path.rglob("escaped.py")) == []


def test_uncompress_false_leaves_the_models_archive_a_file(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """model_entry is then that file."""
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    tar(tmp_path / "m.tar.gz", {"x": "y"})
    keys = {"processor_path": "liba.so", "model_path": "m.tar.gz"}
    made = services.prepare(describe(tmp_path, name="u", uncompress=False, **keys))
    assert Path(made.processors[0].spec.model_entry).read_bytes() == (tmp_path / "m.tar.gz").read_bytes()
    assert made.processors[0].spec.model_entry.endswith("/model/m.tar.gz")
    made.discard()


def test_description_and_the_local_paths_that_it_names_are_watched(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """Archives and folders."""
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    (tmp_path / "m").mkdir()
    description = describe(tmp_path, name="w", processor_path="./liba.so", model_path="m/")
    made = services.prepare(description)
    assert set(made.watched) == {description, tmp_path / "liba.so", tmp_path / "m"}
    made.discard()


def test_files_edited_in_place_do_not_change_a_prepared_version(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    shutil.copy(builder.cpp("contract"), tmp_path / "code" / "liba.so")
    made = services.prepare(describe(tmp_path, name="v", processor_path="code", processor_entry="liba.so"))
    copy = Path(made.processors[0].spec.entry)
    with (tmp_path / "code" / "liba.so").open("r+b") as file:
        file.truncate(10)
    assert copy.stat().st_size == builder.cpp("contract").stat().st_size
    made.discard()
    assert not copy.exists()


def test_missing_processor_is_refused_by_its_key(services: Services, tmp_path: Path) -> None:
    """An entry beside the description needs no processor_path."""
    with pytest.raises((ConfigError, EntryNotFound), match="processor_path"):
        services.prepare(describe(tmp_path, name="n", processor_entry="absent.py", processor_type="python"))
    (tmp_path / "app.py").write_bytes(b"")
    made = services.prepare(describe(tmp_path, name="n", processor_entry="./app.py", processor_type="python"))
    assert made.processors[0].spec.entry.endswith("/app.py")
    made.discard()
