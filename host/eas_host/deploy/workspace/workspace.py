"""
A workspace: the folder of one version of a service, in the shape that EAS's containers have
(docs/eas-compatibility.md, section 8.1).

```text
<cache>/workspaces/<service>-<pid>-<version>/
    model/                  the files of model_path
    predictor/<package>/    the files of processor_path; the working directory
    config/config.json      the description
```

A description with `models[]` has these three folders for each model, in a folder of the model's name.

A workspace is removed with its version. After `kill -9` the next start removes it: each workspace has a lock file,
which its host keeps locked, and which the kernel unlocks however the host ends. A process number in its place would not
do, since these are reused. The lock file also lists the links outside of the workspace.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.config import HostConfig
from eas_host.deploy.workspace import external_links
from eas_host.deploy.workspace.removal import remove_tree
from eas_host.errors import ConfigError
from eas_host.system import safe_path
from eas_host.system.disk_errors import describe_cache_error, is_write_refused

_MAX_NAME: Final = 48
"""Characters of the service's name in the folder's. With 4 bytes each they still fit into a file name (255 bytes)."""
WORKSPACES: Final = "workspaces"
REQUIREMENTS: Final = "requirements"
_SHARED_CACHE: Final = "/var/cache/eas-host"
"""Root's cache if workers run as another user, who has no access to root's home folder."""
_versions: Final = itertools.count(1)


def cache_folder(config: HostConfig) -> Path:
    """
    Return the folder for downloads and workspaces, and make it if it is missing. With `--user`, the folders on the way
    to a workspace can be passed by other users.

    Raises:
        ConfigError: the folder cannot be written to, or other users can change its content.
    """
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(config.cache or (_SHARED_CACHE if config.user else Path(home).expanduser() / "eas-host"))
    try:
        safe_path.private_folder(folder)
        if config.user:
            for parent in (folder, folder / WORKSPACES, folder / REQUIREMENTS):
                safe_path.private_folder(parent)
                parent.chmod(parent.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)  # to pass, not to list
        if not os.access(folder, os.W_OK | os.X_OK):
            number = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(number, os.strerror(number))
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and is_write_refused(error):
            raise ConfigError(describe_cache_error(error, folder)) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{folder}: {reason}; name a folder for downloads with --cache DIR") from error
    return folder


def safe_name(text: str) -> str:
    """
    Turn *text* into a valid name of a folder.
    """
    return re.sub(r"[^\w.-]+", "_", text)[:_MAX_NAME].lstrip(".") or "unnamed"


class Workspace:
    """
    The folder of one version.

    Args:
        cache: the cache folder.
        service: the service's name.

    Attributes:
        folder: the path, absolute.

    Raises:
        ConfigError: it cannot be made.
    """

    def __init__(self, cache: Path, service: str) -> None:
        root = cache / WORKSPACES
        self._cleanups: list[Callable[[], None]] = []
        try:
            safe_path.private_folder(root)
            remove_abandoned(root)
            while True:
                self.folder = root / f"{safe_name(service)}-{os.getpid()}-{next(_versions)}"
                self._lock_file = _lock_path(self.folder)
                self._lock = _lock_new(self._lock_file)
                if self._lock is not None:
                    break
            self.folder.mkdir(mode=0o700)  # the description in it may hold a token
        except OSError as error:
            if is_write_refused(error):
                raise ConfigError(describe_cache_error(error, cache)) from error
            raise ConfigError(f"{root}: {error.strerror}; name another folder with --cache DIR") from error

    def record_link(self, link: Path, target: Path) -> None:
        """
        Record in the lock file that *link* is to be removed with this workspace.
        """
        assert self._lock is not None  # noqa: S101  it has not been discarded
        os.write(self._lock, f"{json.dumps([str(link), str(target)])}\n".encode())

    def add_cleanup(self, cleanup: Callable[[], None]) -> None:
        """
        Call *cleanup* before the workspace is removed.
        """
        self._cleanups.append(cleanup)

    def discard(self) -> None:
        """
        Remove the workspace, once.
        """
        if self._lock is None:
            return
        for cleanup in reversed(self._cleanups):
            cleanup()
        remove_tree(self.folder)
        self._lock_file.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None


def remove_abandoned(root: Path) -> None:
    """
    Remove the workspaces in *root* whose hosts have ended, and their links.
    """
    for lock_file in sorted(root.glob("*.lock")):
        lock = _try_lock(lock_file, os.O_RDWR)
        if lock is None:
            continue
        try:
            for line in _read_all(lock).splitlines():
                with contextlib.suppress(OSError, ValueError, TypeError):  # a line that was cut by the kill
                    link, target = json.loads(line)
                    external_links.remove_link(Path(link), Path(target))
            remove_tree(lock_file.with_suffix(""))
            lock_file.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _lock_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _lock_new(path: Path) -> int | None:
    """
    Make the file *path* and lock it; None if it exists already, or another host has just removed it as abandoned.
    """
    return _try_lock(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)


def _try_lock(path: Path, flags: int) -> int | None:
    """
    Open *path* with *flags* and lock it; None if it is locked, or the path leads to another file by now.
    """
    try:
        lock = safe_path.open_private(path, flags)
    except FileExistsError:
        return None
    except safe_path.UnsafePath as error:  # the links that it lists would be removed
        log.warning("%s", error)
        return None
    except (FileNotFoundError, PermissionError):
        if flags & os.O_CREAT:
            raise
        return None  # removed meanwhile, or another user's
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(lock).st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _read_all(lock: int) -> str:
    size = os.fstat(lock).st_size
    return os.pread(lock, size, 0).decode("utf-8", "replace")
