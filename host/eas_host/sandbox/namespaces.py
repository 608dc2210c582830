"""
Namespaces: a root folder with only what a processor needs, no network except for a loopback interface of its own, and a
user namespace in which it has no rights over anything outside, not even over processes of the same user.

The new root is a tmpfs. What is needed is mounted into it under the same names that it has outside, links included, so
that no path changes for the processor. Then the old root is detached. `/tmp` and `/dev/shm` are new and empty.

If the launcher runs as root, it does the mounting as root, so it can show a user files in folders that are closed to
that user. Any other user does it in the user namespace.
"""

# ruff: noqa: PTH102, PTH103, PTH106, PTH110, PTH115, PTH116, PTH120, PTH211 - paths stay text: a name in the old root is one in the new root with something before it

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host.sandbox import kernel

_NAMESPACES: Final = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC
_OLD: Final = "/.old"
_MAX_LINKS: Final = 40  # the kernel's own limit, MAXSYMLINKS
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 1
_OWN: Final = ("/tmp", "/dev/shm")  # noqa: S108  these are the processor's own
_ALIASES: Final = {
    "/var/tmp": "/tmp",  # noqa: S108  as above
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}


class ResolvedPaths:
    """
    Where paths lead, looked up while the old root is still there.

    Attributes:
        links: the symbolic links on the paths, with their targets.
        real: the real paths at their ends, each with whether it is writable.
    """

    def __init__(self, readable: Sequence[str], writable: Sequence[str]) -> None:
        self.links: dict[str, str] = {}
        self.real: dict[str, bool] = {}
        for path in readable:
            self._add(path, writable=False)
        for path in set(writable) - set(_OWN):
            self._add(path, writable=True)

    def _add(self, path: str, *, writable: bool) -> None:
        names = [*reversed(Path(path).parts[1:])]
        way: list[str] = []
        links = 0
        while names:
            name = names.pop()
            if name == "..":
                del way[-1:]
                continue
            here = "/" + "/".join([*way, name])
            try:
                text = os.readlink(here)
            except OSError:
                way.append(name)
                continue
            links += 1
            if links > _MAX_LINKS:
                return
            self.links[here] = text
            if text.startswith("/"):
                way = []
            names += [part for part in reversed(text.split("/")) if part not in {"", "."}]
        real_path = "/" + "/".join(way)
        if os.path.exists(real_path):
            self.real[real_path] = self.real.get(real_path, False) or writable


def enter_as_root(paths: ResolvedPaths) -> None:
    """
    Enter new namespaces as root, without a user namespace: that follows after the change of the user.

    Raises:
        OSError: the kernel refuses.
    """
    kernel.unshare(_NAMESPACES)
    _set_up_root(paths)


def enter_as_user(paths: ResolvedPaths, proc: int) -> None:
    """
    Enter new namespaces as another user than root, together with a user namespace that allows it. *proc* is as below.

    Raises:
        OSError: the kernel refuses.
    """
    enter_user_namespace(proc, _NAMESPACES)
    _set_up_root(paths)


def enter_user_namespace(proc: int, more: int = 0) -> None:
    """
    Enter a new user namespace, in which this user keeps his number and no other user exists, and the namespaces *more*
    with it. *proc* is the folder /proc as it was outside, since the one inside is read-only.

    Raises:
        OSError: the kernel refuses.
    """
    user, group = os.geteuid(), os.getegid()
    kernel.set_dumpable(on=True)  # after a change of the user, its files in /proc would else be root's
    kernel.unshare(kernel.CLONE_NEWUSER | more)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        file = os.open(f"self/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def _set_up_root(paths: ResolvedPaths) -> None:
    """
    Set up the loopback interface and the root folder.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    # It is mounted at /tmp, which every system has. The files there are visible again below the old root.
    base = "/tmp"  # noqa: S108  mounted over
    kernel.mount("tmpfs", base, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755")
    os.mkdir(base + _OLD, 0o700)
    kernel.pivot_root(base, base + _OLD)
    os.chdir("/")
    for path in _OWN:
        os.makedirs(path, exist_ok=True)
        kernel.mount("tmpfs", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
    for path in sorted(paths.real):  # folders before what is in them
        _bind_mount(path, paths)
    for link, text in (*paths.links.items(), *_ALIASES.items()):
        with contextlib.suppress(OSError):  # it exists already, in a folder that was mounted
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(text, link)
    kernel.unmount(_OLD)
    os.rmdir(_OLD)
    kernel.make_read_only("/", recursive=False)


def _bind_mount(path: str, paths: ResolvedPaths) -> None:
    """
    Mount *path* of the old root into the new one, unless a folder above it has been mounted in the same way.
    """
    writable = paths.real[path]
    above = next((str(folder) for folder in Path(path).parents if str(folder) in paths.real), None)
    if above is not None and paths.real[above] == writable:
        return
    source = _OLD + path
    if above is None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if stat.S_ISDIR(os.stat(source).st_mode):
            os.makedirs(path, exist_ok=True)
        else:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    kernel.mount(source, path, None, kernel.MS_BIND | kernel.MS_REC)
    if not writable:
        kernel.make_read_only(path, recursive=True)
