"""
Nobody but the user can write to the cache, since its content decides what the host runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
from pathlib import Path

import pytest

from eas_host.deploy.python.requirements import install
from eas_host.deploy.workspace.workspace import remove_abandoned
from eas_host.errors import ConfigError
from eas_host.fetch.cache import content_digest
from eas_host.fetch.cache.entry import CacheEntry
from eas_host.system import safe_path
from support.fileserver import FileServer
from support.service import Services, describe, services
from support.users import NOBODY, STRANGER, acting_as, need_root, run_as
from support.wheel import make_wheel

__all__ = ["services"]

OTHERS = 32
ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, 0 if tag == OTHERS else 7, user)  # rwx
    for tag, user in ((1, 2**32 - 1), (2, STRANGER), (4, 2**32 - 1), (16, 2**32 - 1), (OTHERS, 2**32 - 1))
)
"""What `setfacl -m user:54321:rwx` sets."""


def poison(cache: Path, url: str) -> None:
    """Prepares what *cache* would have after a download of *url*."""
    folder = CacheEntry(cache, url).folder
    version = folder / hashlib.sha256(b"poison").hexdigest()
    version.mkdir(parents=True)
    (version / "app.py").write_bytes(b"poison")
    entry = {"version": version.name, "name": "app.py", "found": content_digest.file_stats(version / "app.py")}
    record = json.dumps({**entry, "validator": {"etag": '"1"'}, "fetched": 9e9})
    (folder / "entry.json").write_text(record, encoding="utf-8")


def refused(path: Path, *words: str) -> None:
    with pytest.raises(ConfigError) as error:
        safe_path.private_folder(path)
    for word in (*words, "--cache DIR"):
        assert word in error.value.message


# Folders.


def test_missing_folders_and_files_are_made_private(tmp_path: Path) -> None:
    """The umask makes no difference."""
    before = os.umask(0)
    try:
        safe_path.private_folder(tmp_path / "a" / "b")
        os.close(safe_path.open_private(tmp_path / "a" / "file", os.O_CREAT | os.O_RDWR))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "file").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o777, 0o702, 0o1777])
def test_folder_writable_by_all_is_refused(tmp_path: Path, mode: int) -> None:
    """A sticky folder is refused, too; the message has the folder, its owner, its mode, and what to type."""
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    refused(folder, f"{folder}: belongs to", f"user {os.geteuid()}", f"mode {mode:04o}: others could")
    folder.chmod(0o755)
    safe_path.private_folder(folder)


def test_folder_below_one_writable_by_all_is_refused(tmp_path: Path) -> None:
    """The cache could be exchanged there as a whole, unless the folder is sticky, as /tmp is."""
    shared = tmp_path / "shared"
    (shared / "cache").mkdir(parents=True)
    shared.chmod(0o777)
    refused(shared / "cache", f"{shared}: belongs to", "others could", f"chmod go-w {shared}")
    shared.chmod(0o1777)
    safe_path.private_folder(shared / "cache")


def test_folder_writable_by_a_group_is_refused(tmp_path: Path) -> None:
    """A user's own group is allowed; behind it, too, others can stand in an access control list."""
    need_root()
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o770)
    safe_path.private_folder(folder)  # root's own group
    os.chown(folder, 0, NOBODY)
    refused(folder, "mode 0770")
    os.chown(folder, 0, 0)
    os.setxattr(folder, "system.posix_acl_access", ACL)
    refused(folder, "mode 0770")


def test_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Root does not use a user's cache, nor one in a user's folder; a user may use what root owns."""
    need_root()
    theirs = tmp_path / "theirs"
    (theirs / "cache").mkdir(parents=True)
    os.chown(theirs / "cache", STRANGER, STRANGER)
    refused(theirs / "cache", f"belongs to user {STRANGER}, mode 0755: its owner could", "chown 0")
    os.chown(theirs / "cache", 0, 0)
    os.chown(theirs, STRANGER, STRANGER)
    refused(theirs / "cache", f"{theirs}: belongs to")
    os.chown(theirs, 0, 0)
    place = Path("/usr")
    with acting_as(NOBODY):
        safe_path.private_folder(place)


def test_only_links_of_trusted_owners_are_followed(tmp_path: Path) -> None:
    """
    A link of ours may lead up and through other links; one that another user put into a sticky folder is not followed.
    """
    (tmp_path / "real" / "cache").mkdir(parents=True)
    (tmp_path / "up").symlink_to("real/../real/./cache")
    (tmp_path / "link").symlink_to(tmp_path / "up")
    safe_path.private_folder(tmp_path / "link" / "below")
    assert (tmp_path / "real" / "cache" / "below").is_dir()
    (tmp_path / "circle").symlink_to("circle")
    refused(tmp_path / "circle", "in a circle")
    (tmp_path / "real" / "cache").chmod(0o777)
    refused(tmp_path / "link", f"{tmp_path}/real/cache: belongs to", "others could")
    need_root()
    (tmp_path / "real" / "cache").chmod(0o755)
    os.chown(tmp_path / "link", NOBODY, NOBODY, follow_symlinks=False)
    refused(tmp_path / "link", f"{tmp_path}/link: belongs to", "remove that link")


def test_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """The link is neither read nor written through."""
    (tmp_path / "secret").write_text("kept", encoding="utf-8")
    (tmp_path / "lock").symlink_to("secret")
    with pytest.raises(ConfigError, match=r"lock: is a link"):
        safe_path.open_private(tmp_path / "lock", os.O_RDWR | os.O_CREAT)


# The cache.


def test_download_that_another_user_prepared_is_refused(services: Services, server: FileServer, tmp_path: Path) -> None:
    """
    The cache was writable by all; the download is refused also once the folder's own mode is in order again, since what
    is in it stays theirs.
    """
    need_root()
    server.put("/app.py", b"print('as on the server')")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("test_", "pytest-", "popen-")):
            folder.chmod(0o755)  # pytest makes them for itself alone
    services.cache.mkdir()
    services.cache.chmod(0o777)
    run_as(NOBODY, lambda: poison(services.cache, server.url("/app.py")))
    description = describe(tmp_path, name="p", processor_path=server.url("/app.py"))
    services.run("test", description).fails_with(2, f"{services.cache}: belongs to", "mode 0777: others", "--cache DIR")
    services.cache.chmod(0o700)
    services.run("test", description).fails_with(2, f"{services.cache}/downloads: belongs to", "--cache DIR")
    os.chown(services.cache / "downloads", 0, 0)
    (services.cache / "downloads").chmod(0o700)
    services.run("test", description).fails_with(2, "/downloads/", "belongs to", "--cache DIR")
    folder = CacheEntry(services.cache, server.url("/app.py")).folder
    os.chown(folder, 0, 0)
    folder.chmod(0o700)
    services.run("test", description).fails_with(2, "entry.json", "belongs to", "--cache DIR")
    os.chown(folder / "entry.json", 0, 0)
    services.run("test", description).fails_with(2, str(folder), "belongs to", "--cache DIR")


def test_cached_file_with_another_content_is_not_used(services: Services, server: FileServer, tmp_path: Path) -> None:
    """The file has the same size, and the record says that it is right."""
    server.put("/model.bin", b"right")
    description = describe(tmp_path, name="m", processor_path="app.py", model_path=server.url("/model.bin"))
    (tmp_path / "app.py").touch()
    entry = CacheEntry(services.cache, server.url("/model.bin"))
    services.run("desc", description)
    kept = entry.cached_version()
    assert kept is not None
    assert kept.path.parent.name == hashlib.sha256(b"right").hexdigest()
    status = kept.path.stat()
    other = kept.path.with_name("other")
    other.write_bytes(b"wrong")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(kept.path)
    assert entry.cached_version() is None
    services.run("desc", description)
    assert kept.path.read_bytes() == b"right"


def test_requirements_that_another_user_may_change_are_refused(services: Services, tmp_path: Path) -> None:
    """Each file where pip's work would be is looked at."""
    need_root()
    make_wheel(tmp_path / "wheels", "small", "1.0")
    lines = [str(tmp_path / "wheels" / "small-1.0-py3-none-any.whl")]
    folder = install(lines, "", services.cache)
    assert folder is not None
    assert install(lines, "", services.cache) == folder
    (folder / "small.py").chmod(0o666)
    with pytest.raises(ConfigError, match=r"small.py: belongs to .*, mode 0666: others.*; remove .*/requirements/"):
        install(lines, "", services.cache)
    (folder / "small.py").chmod(0o644)
    os.chown(folder / "small.py", NOBODY, NOBODY)
    with pytest.raises(ConfigError, match=r"small.py: belongs to"):
        install(lines, "", services.cache)


def test_lock_of_another_user_removes_no_links(tmp_path: Path) -> None:
    """The lock of a workspace says which links go with it: one that is another user's says nothing."""
    need_root()
    workspaces = tmp_path / "workspaces"
    (workspaces / "a-1-1").mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.symlink_to("anything")
    lock = workspaces / "a-1-1.lock"
    lock.write_text(json.dumps([str(victim), "anything"]) + "\n", encoding="utf-8")
    os.chown(lock, NOBODY, NOBODY)
    remove_abandoned(workspaces)
    assert victim.is_symlink()
    os.chown(lock, 0, 0)
    remove_abandoned(workspaces)
    assert not victim.is_symlink()


PROGRAM = """\
import allspark

class A(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return data, 200
"""


def test_workspace_option_with_a_folder_writable_by_all_is_refused(services: Services, tmp_path: Path) -> None:
    """Others could exchange the links to the workspace, or bring a model; an owner who is named on purpose is told."""
    (tmp_path / "app.py").write_text(PROGRAM, "utf-8")
    description = describe(tmp_path, name="f", processor_path="app.py")
    fixed = tmp_path / "fixed"
    fixed.mkdir()
    fixed.chmod(0o777)
    refused = services.run("test", description, "--workspace", fixed)
    refused.fails_with(2, f"{fixed}: belongs to", "mode 0777: others", "--workspace DIR")
    need_root()
    fixed.chmod(0o755)
    os.chown(fixed, NOBODY, NOBODY)
    told = services.run("desc", description, "--workspace", fixed)
    assert told.code == 0
    assert f"--workspace {fixed}: user {NOBODY} owns it" in told.stderr
