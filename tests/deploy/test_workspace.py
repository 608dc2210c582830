"""
The workspace has the folders that EAS has, with the right owners, and is removed however its host ends.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from eas_host.deploy.workspace import staging
from eas_host.deploy.workspace.external_links import ExternalLinks
from eas_host.deploy.workspace.workspace import Workspace, safe_name
from eas_host.errors import ConfigError
from support import proc
from support.build import ProcessorBuilder
from support.fileserver import FileServer
from support.service import Services, describe, services, tar
from support.whereabouts import ask, project

__all__ = ["services"]

NOBODY = 65534


# Whose files.


def test_program_writes_into_the_workspace_and_not_into_the_users_folder(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The program sees all files of the user's folder."""
    folder = project(tmp_path / "code", builder)
    (folder / "data").mkdir()
    (folder / "data" / "small.txt").write_text("as it was", encoding="utf-8")
    host = services.start(describe(tmp_path, name="local", processor_path="code", processor_entry="app.py"))
    seen = ask(host, write="data/small.txt", read="data/small.txt")
    assert seen["read"] == "written by the processor"
    ask(host, write="new.txt")
    assert (folder / "data" / "small.txt").read_text(encoding="utf-8") == "as it was"
    assert sorted(path.name for path in folder.iterdir()) == ["app.py", "data"]


def test_program_that_overwrites_its_model_does_not_change_the_download(
    services: Services, server: FileServer, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The next start gets what was downloaded."""
    server.put("/weights.bin", b"as downloaded")
    project(tmp_path / "code", builder)
    description = describe(
        tmp_path, name="d", processor_path="code", processor_entry="app.py", model_path=server.url("/weights.bin")
    )
    for _ in range(2):
        host = services.start(description)
        assert ask(host, read="../../model/weights.bin")["read"] == "as downloaded"
        ask(host, write="../../model/weights.bin")
        host.stop()


def test_env_and_hidden_folders_are_links_and_bytecode_is_left_out(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    folder = project(tmp_path / "code", builder)
    for name in ("ENV/lib", ".git/objects", "__pycache__", "package"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_bytes(bytes(staging.MAX_SMALL_FILE + 1))
    host = services.start(describe(tmp_path, name="env", processor_path="code", processor_entry="app.py"))
    package = Path(ask(host)["folder"])
    assert [(package / name).is_symlink() for name in ("ENV", ".git", "package", "package/file")] == [
        True,
        True,
        False,
        True,
    ]
    assert not (package / "__pycache__" / "file").exists()
    host.wait_for_log("ENV has no bin/python")


# Mirrors.


def mirrored(source: Path, target: Path) -> Path:
    target.mkdir()
    staging.mirror_folder(source, target, staging.code_or_small, target.parent / "cache")
    return target


def test_links_inside_a_mirrored_folder_stay_links(tmp_path: Path) -> None:
    """Two names of one library must not become two libraries; a link that leads out still leads there."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "libx.so.1").write_bytes(bytes(staging.MAX_SMALL_FILE + 1))
    (source / "libx.so").symlink_to("libx.so.1")
    (tmp_path / "outside").write_bytes(b"o")
    (source / "out").symlink_to("../outside")
    copy = mirrored(source, tmp_path / "copy")
    assert (copy / "libx.so").resolve() == copy / "libx.so.1"
    assert not (copy / "libx.so.1").is_symlink()
    assert (copy / "out").read_bytes() == b"o"


def test_folder_behind_too_many_files_is_linked_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files of the folder are still there."""
    monkeypatch.setattr(staging, "MAX_FILES", 10)
    source = tmp_path / "source"
    for name in ("a/b", "c"):
        (source / name).mkdir(parents=True)
    for number in range(9):
        (source / "a" / "b" / f"{number}").write_bytes(b"x")
    (source / "app.py").write_bytes(b"pass")
    copy = mirrored(source, tmp_path / "copy")
    assert not (copy / "a").is_symlink()
    assert (copy / "a" / "b").is_symlink()
    assert len(list((copy / "a" / "b").iterdir())) == 9
    assert not (copy / "app.py").is_symlink()


def test_cache_inside_the_package_is_not_mirrored(tmp_path: Path) -> None:
    source = tmp_path / "source"
    copy = source / "cache" / "copy"
    copy.parent.mkdir(parents=True)
    copy.mkdir()
    (source / "app.py").write_bytes(b"pass")
    staging.mirror_folder(source, copy, staging.code_or_small, source / "cache")
    assert [path.name for path in copy.iterdir()] == ["app.py"]


# Its end.


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "ключ", "." * 300])
def test_workspace_lies_in_workspaces_whatever_the_service_is_called(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path, name)
    assert workspace.folder.parent == tmp_path / "workspaces"
    assert workspace.folder.name.startswith(safe_name(name))
    workspace.discard()
    assert list((tmp_path / "workspaces").iterdir()) == []


def test_workspace_of_a_killed_host_is_removed_by_the_next_start(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """Its links are removed, too; the workspace of a host that lives stays."""
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    (tmp_path / "data").mkdir()
    mount = tmp_path / "mounts" / "data"
    storage = [{"mount_path": str(mount), "local": {"path": "data"}}]
    killed = services.start(describe(tmp_path, name="killed", processor_path="liba.so", storage=storage))
    description = describe(tmp_path / "other", name="living", processor_path="../liba.so")
    living = services.start(description)
    assert mount.is_symlink()
    watch = proc.Watch(killed.pid)
    os.kill(killed.pid, signal.SIGKILL)
    assert watch.wait()
    killed.ends_with(-signal.SIGKILL)
    assert any(name.startswith("killed-") for name in services.workspaces)
    assert mount.is_symlink()
    services.run("desc", description)
    assert [name.partition("-")[0] for name in services.workspaces] == ["living", "living"]
    assert not mount.is_symlink()
    assert living.call(b"x").body == b"x"


def test_truncated_line_in_the_lock_of_a_killed_host_is_survived(tmp_path: Path) -> None:
    first = Workspace(tmp_path, "a")
    assert first._lock is not None
    os.write(first._lock, b'["/no/such/link", "/no')
    os.close(first._lock)  # what the kernel does with a process that dies
    second = Workspace(tmp_path, "b")
    assert not first.folder.exists()
    second.discard()


def test_unwritable_cache_is_reported_with_the_option(builder: ProcessorBuilder, tmp_path: Path) -> None:
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    (tmp_path / "file").write_bytes(b"")
    services = Services(tmp_path)
    description = describe(tmp_path, name="x", processor_path="liba.so")
    services.run("test", description, "--cache", tmp_path / "file" / "cache").fails_in_one_line(2, "--cache", "file")


def test_shared_cache_without_write_permission_is_refused() -> None:
    """The host does not try again for ever."""
    with tempfile.TemporaryDirectory() as shared:  # other users may enter it, unlike pytest's folders
        cache = Path(shared)
        cache.chmod(0o755)
        (cache / "workspaces").mkdir(mode=0o555)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        try:
            with pytest.raises(ConfigError, match=r"workspaces: Permission denied; .*--cache DIR"):
                Workspace(cache, "s")
        finally:
            os.seteuid(os.getuid())


# Links outside of the workspaces.


def test_external_link_goes_back_to_the_older_version_when_the_newest_ends(tmp_path: Path) -> None:
    """While versions overlap the newest has it."""
    links = ExternalLinks()
    one, two = Workspace(tmp_path, "s"), Workspace(tmp_path, "s")
    link = tmp_path / "fixed" / "model"
    links.add(one, link, tmp_path / "one")
    links.add(two, link, tmp_path / "two")
    assert link.readlink() == tmp_path / "two"
    links.remove_all(two)
    assert link.readlink() == tmp_path / "one"
    links.remove_all(one)
    assert not link.is_symlink()
    one.discard()
    two.discard()


def test_external_link_stays_with_the_newest_when_the_older_version_ends(tmp_path: Path) -> None:
    links = ExternalLinks()
    one, two = Workspace(tmp_path, "s"), Workspace(tmp_path, "s")
    link = tmp_path / "fixed" / "model"
    links.add(one, link, tmp_path / "one")
    links.add(two, link, tmp_path / "two")
    links.remove_all(one)
    assert link.readlink() == tmp_path / "two"
    links.remove_all(two)
    assert not link.is_symlink()
    one.discard()
    two.discard()


# A fixed place.


def test_workspace_option_shows_model_predictor_and_config_there(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """Nothing of them is left."""
    project(tmp_path / "code", builder)
    tar(tmp_path / "m.tar.gz", {"w.txt": "weights"})
    fixed = tmp_path / "fixed"
    description = describe(tmp_path, name="f", processor_path="code", processor_entry="app.py", model_path="m.tar.gz")
    host = services.start(description, workspace=fixed)
    assert ask(host, read=f"{fixed}/model/w.txt")["read"] == "weights"
    assert json.loads((fixed / "config" / "config.json").read_text(encoding="utf-8"))["name"] == "f"
    services.run("test", description, "--workspace", fixed).fails_with(2, "--workspace", str(fixed), "config")
    host.stop()
    assert list(fixed.iterdir()) == []


def test_workspace_option_uses_a_mounted_model_and_overwrites_nothing(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """A file that would have to be overwritten is refused."""
    project(tmp_path / "code", builder)
    fixed = tmp_path / "fixed"
    (fixed / "model").mkdir(parents=True)
    (fixed / "model" / "w.txt").write_text("mounted", encoding="utf-8")
    keys = {"name": "f", "processor_path": "code", "processor_entry": "app.py"}
    host = services.start(describe(tmp_path, **keys), workspace=fixed)
    assert ask(host, read="../../model/w.txt")["read"] == "mounted"
    host.stop()
    assert [path.name for path in fixed.iterdir()] == ["model"]
    description = describe(tmp_path, **keys, model_path="code")
    services.run("test", description, "--workspace", fixed).fails_with(2, "--workspace", "model", "has not made it")
    assert (fixed / "model" / "w.txt").read_text(encoding="utf-8") == "mounted"
