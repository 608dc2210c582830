"""
Workspaces: one folder for each version of a service, in the shape that EAS's containers have
(docs/eas-compatibility.md, section 8.1).

```text
<cache>/workspaces/<service>-<pid>-<version>/
    model/                  what model_path has
    predictor/<package>/    what processor_path has; the working directory
    config/config.json      the description
```

A description with `models[]` has one such tree per model, each in a folder of the model's name.

A workspace is removed with its version. After `kill -9` the next start does it: beside each workspace lies a file that
its host keeps locked, and the kernel unlocks it whatever way the host ends. Process numbers would not do, since they
are used again. In the file stand the links that the workspace needed elsewhere.
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
from eas_host.deploy import links
from eas_host.deploy.removal import remove_tree
from eas_host.errors import ConfigError
from eas_host.system import safe_path
from eas_host.system.shortage import in_cache, is_refused

_NAME_MAX: Final = 48
"""Characters of a service's name in a folder's: with 4 bytes each, a file name (255 bytes) has room for more."""
WORKSPACES: Final = "workspaces"
REQUIREMENTS: Final = "requirements"
_FOR_USERS: Final = "/var/cache/eas-host"
"""The cache of root whose workers are another user: that one cannot get through root's home folder."""
_versions: Final = itertools.count(1)


def cache_folder(config: HostConfig) -> Path:
    """
    The folder for downloads and workspaces. It is made if need be; what the user of `--user` must get through is open
    to that.

    Raises:
        ConfigError: it cannot be written to, or somebody else can change what is in it.
    """
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(config.cache or (_FOR_USERS if config.user else Path(home).expanduser() / "eas-host"))
    try:
        safe_path.private_folder(folder)
        if config.user:
            for passed in (folder, folder / WORKSPACES, folder / REQUIREMENTS):
                safe_path.private_folder(passed)
                passed.chmod(passed.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)  # to go through, not to look around
        if not os.access(folder, os.W_OK | os.X_OK):
            number = errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(number, os.strerror(number))
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and is_refused(error):
            raise ConfigError(in_cache(error, folder)) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{folder}: {reason}; name a folder for downloads with --cache DIR") from error
    return folder


def safe_name(text: str) -> str:
    """
    Make *text* fit for one folder's name.
    """
    return re.sub(r"[^\w.-]+", "_", text)[:_NAME_MAX].lstrip(".") or "unnamed"


class Workspace:
    """
    The folder of one version.

    Args:
        cache: where workspaces are.
        service: the service's name.

    Attributes:
        folder: the workspace, absolute.

    Raises:
        ConfigError: it cannot be made.
    """

    def __init__(self, cache: Path, service: str) -> None:
        root = cache / WORKSPACES
        self._undo: list[Callable[[], None]] = []
        try:
            safe_path.private_folder(root)
            sweep(root)
            while True:
                self.folder = root / f"{safe_name(service)}-{os.getpid()}-{next(_versions)}"
                self._lock_file = _beside(self.folder)
                self._lock = _lock_new(self._lock_file)
                if self._lock is not None:
                    break
            self.folder.mkdir(mode=0o700)  # the description in it may hold a token
        except OSError as error:
            if is_refused(error):
                raise ConfigError(in_cache(error, cache)) from error
            raise ConfigError(f"{root}: {error.strerror}; name another folder with --cache DIR") from error

    def remember(self, link: Path, target: Path) -> None:
        """
        Note that *link* is to be removed with this workspace.
        """
        assert self._lock is not None  # noqa: S101  discard comes last
        os.write(self._lock, f"{json.dumps([str(link), str(target)])}\n".encode())

    def on_discard(self, undo: Callable[[], None]) -> None:
        """
        Call *undo* before the workspace is removed.
        """
        self._undo.append(undo)

    def discard(self) -> None:
        """
        Remove it.
        """
        if self._lock is None:
            return
        for undo in reversed(self._undo):
            undo()
        remove_tree(self.folder)
        self._lock_file.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None


def sweep(root: Path) -> None:
    """
    Remove the workspaces in *root* whose hosts are dead, and their links.
    """
    for lock_file in sorted(root.glob("*.lock")):
        lock = _try_lock(lock_file, os.O_RDWR)
        if lock is None:
            continue
        try:
            for line in _read_all(lock).splitlines():
                with contextlib.suppress(OSError, ValueError, TypeError):  # a line that was cut by the kill
                    link, target = json.loads(line)
                    links.remove(Path(link), Path(target))
            remove_tree(lock_file.with_suffix(""))
            lock_file.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _lock_new(path: Path) -> int | None:
    """
    Make the file *path* and lock it; None if it is there already, or was taken by a sweep in between.
    """
    return _try_lock(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)


def _try_lock(path: Path, flags: int) -> int | None:
    """
    Open *path* with *flags* and lock it; None if it is locked, or not this file any more.
    """
    try:
        lock = safe_path.open_private(path, flags)
    except FileExistsError:
        return None
    except safe_path.UnsafePath as error:  # what stands in it would be removed
        log.warning("%s", error)
        return None
    except (FileNotFoundError, PermissionError):
        if flags & os.O_CREAT:
            raise
        return None  # gone by now, or another user's
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
