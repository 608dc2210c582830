"""
With --user, links that the user exchanges while root is at work on his files do not lead root elsewhere.

Each case is tried at each step that root takes: there is no moment at which it works.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sysconfig
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from eas_host.deploy import confinement
from eas_host.deploy.python import requirements
from eas_host.deploy.workspace import staging
from eas_host.deploy.workspace.removal import remove_tree
from eas_host.errors import EntryInvalid
from eas_host.sandbox.confinement import Confinement
from eas_host.system.user import find_user
from support.env import script
from support.meanwhile import meanwhile
from support.users import NOBODY, acting_as, need_root, public, run_as

__all__ = ["public"]


@pytest.fixture
def victim(public: Path) -> Path:
    """A folder of root's, in the shape of what is in a package."""
    need_root()
    folder = public / "etc"
    (folder / "sub" / "deep").mkdir(parents=True)
    for name in ("shadow", "sub/deep/key"):
        (folder / name).write_text("root's", encoding="utf-8")
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture
def package(public: Path) -> Path:
    folder = public / "workspace" / "predictor" / "lib"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "shadow").write_text("the package's", encoding="utf-8")
    (folder / "sub" / "deep" / "key").write_text("the package's", encoding="utf-8")
    return folder


def link_instead(place: Path, target: Path, *written: Path) -> Callable[[], None]:
    """Makes the files *written*, renames *place*, and has a link to *target* there; as the user, where he may."""

    def act() -> None:
        for file in written:
            with contextlib.suppress(OSError):
                file.touch()
        with contextlib.suppress(OSError):
            place.rename(place.with_name("aside"))
            place.symlink_to(target)

    return lambda: run_as(NOBODY, act)


def facts(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Of everything in *folder*: whose it is, and who may do what with it."""
    for path in sorted((folder, *folder.rglob("*"))):
        status = path.lstat()
        yield str(path), status.st_uid, status.st_mode


@pytest.mark.parametrize("name", ["", "sub"])
def test_handing_over_a_folder_does_not_follow_exchanged_links(victim: Path, package: Path, name: str) -> None:
    """A folder that the user has already is not looked into again."""
    workspace = package.parent.parent
    before = list(facts(victim))
    place = package / name
    for step in count(1):
        act = link_instead(place, victim / name)
        work = lambda: confinement.hand_over(Confinement(find_user("nobody")), workspace, [workspace / "predictor"])  # noqa: E731
        more = meanwhile(step, act, work)
        assert list(facts(victim)) == before, f"at step {step}"
        assert package.parent.lstat().st_uid == NOBODY
        if not more:
            break
        aside = place.with_name("aside")
        if aside.exists():
            place.unlink()
            aside.rename(place)
        for path in (workspace, *workspace.rglob("*")):
            os.chown(path, 0, 0)
    assert step > len(list(workspace.rglob("*"))), "so few steps are none between the files"


def test_removing_a_folder_does_not_follow_exchanged_links(victim: Path, package: Path) -> None:
    """The folder may fill again meanwhile."""
    workspace = package.parent.parent
    predictor = package.parent
    before = list(facts(victim))
    exchanged = 0
    for step in count(1):
        (package / "sub" / "deep").mkdir(parents=True, exist_ok=True)
        (package / "sub" / "deep" / "key").touch()
        for path in (predictor, *predictor.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        act = link_instead(package, victim, package / "sub" / "deep" / "new")
        more = meanwhile(step, act, lambda: remove_tree(workspace))
        assert list(facts(victim)) == before, f"at step {step}"
        assert not workspace.exists()
        if not more:
            break
        exchanged += 1
    assert exchanged > len(before)


def test_folder_without_permissions_is_removed_and_its_link_targets_stay(public: Path) -> None:
    """The owner himself may not look into the folder."""
    kept = public / "kept"
    kept.write_text("", encoding="utf-8")
    folder = public / "folder"
    (folder / "a" / "b" / "c").mkdir(parents=True)
    (folder / "a" / "link").symlink_to(public)
    (folder / "a" / "b" / "c" / "file").write_text("", encoding="utf-8")
    closed = (folder / "a" / "b" / "c", folder / "a" / "b", folder / "a", folder)
    for path in closed:
        path.chmod(0)
    if os.geteuid() != 0:
        remove_tree(folder)
    else:  # whom nothing is closed to
        for path in (*closed, public):
            os.chown(path, NOBODY, NOBODY)
        with acting_as(NOBODY):
            remove_tree(folder)
    assert [*public.iterdir()] == [kept]


def test_deeply_nested_folders_are_removed(tmp_path: Path) -> None:
    """A program may nest them as deep as it likes."""
    folder = tmp_path / "folder"
    folder.mkdir()
    at = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    remove_tree(folder)
    assert not folder.exists()


def test_reading_requirements_follows_no_exchanged_link_and_waits_for_no_pipe(victim: Path, package: Path) -> None:
    secret = victim / "shadow"
    file = package / "requirements.txt"
    link = link_instead(file, secret)

    def pipe() -> None:
        file.unlink()
        os.mkfifo(file)

    exchanged = 0
    for act in (link, pipe):
        for step in count(1):
            file.unlink(missing_ok=True)
            file.write_text("numpy\n", encoding="utf-8")
            os.chown(package, NOBODY, NOBODY)

            def read() -> None:
                with contextlib.suppress(EntryInvalid):
                    assert requirements.read_requirements(package) in {(), ("numpy",), ("-r ./requirements.txt",)}

            if not meanwhile(step, act, read):
                break
            exchanged += 1
    assert exchanged >= 2


def test_installed_requirements_are_handed_over_without_following_links(victim: Path, public: Path) -> None:
    """The folder that pip installs to is the user's once all that is in it is."""
    before = list(facts(victim))
    said = json.dumps(
        [platform.python_implementation(), platform.python_version(), sysconfig.get_config_var("EXT_SUFFIX"), ""]
    )
    python = script(public / "python", f"""case "$*" in *pip*) ;; *) echo '{said}';; esac""")
    cache = public / "cache"
    cache.mkdir()
    exchanged = 0

    def act() -> None:
        for made in (cache / "requirements").glob(".*"):
            link_instead(made / "requirements.txt", victim / "shadow")()
            link_instead(made / "packages", victim)()

    def install() -> None:
        requirements.install(["small"], str(python), cache, public, user=find_user("nobody"))

    for step in count(1):
        (cache / "requirements").mkdir()
        more = meanwhile(step, act, install)
        assert list(facts(victim)) == before, f"at step {step}"
        if not more:
            break
        exchanged += 1
        remove_tree(cache / "requirements")
    assert exchanged > len(before)


@pytest.mark.parametrize("name", ["", "sub", "shadow"])
def test_copying_a_folder_that_changes_copies_only_what_is_in_it(
    victim: Path, package: Path, public: Path, name: str
) -> None:
    """The user goes on changing it while root copies."""
    target = public / "copy"
    place = package / name
    exchanged = 0
    for path in (package.parent, *package.parent.rglob("*")):
        os.chown(path, NOBODY, NOBODY)

    def copy() -> None:
        target.mkdir()
        with contextlib.suppress(OSError):
            staging.mirror_folder(package.parent, target, staging.code_or_small, public / "cache")

    for step in count(1):
        more = meanwhile(step, link_instead(place, victim / name), copy)
        for file in target.rglob("*"):
            assert file.is_symlink() or file.is_dir() or file.read_text("utf-8") == "the package's", f"at step {step}"
        if not more:
            break
        remove_tree(target)
        if place.is_symlink():
            place.unlink()
            place.with_name("aside").rename(place)
            exchanged += 1
    assert exchanged > 2
