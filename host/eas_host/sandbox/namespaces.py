"""
Namespaces: a root folder that has nothing but what a processor needs, no network but a loopback of its own, and a user
namespace in which it has no rights over anything outside, not even over processes of the same user.

The new root is a tmpfs. What is needed is mounted into it under the very names that it has outside, links included, so
that no path changes for the processor; then the old root goes. `/tmp` and `/dev/shm` are empty and its own.

Root does the mounting as root, and can so show a user files in folders that are closed to that user. Anybody else does
it in the user namespace.
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


class Places:
    """
    Where paths lead, while the old root is still there.

    Attributes:
        links: the symbolic links on the way, with their texts.
        real: the places at their ends, each with whether it may be written to.
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
        place = "/" + "/".join(way)
        if os.path.exists(place):
            self.real[place] = self.real.get(place, False) or writable


def enter_as_root(places: Places) -> None:
    """
    Take new namespaces, as root and without a user namespace: that comes once the user is another.

    Raises:
        OSError: the kernel refuses.
    """
    kernel.unshare(_NAMESPACES)
    _furnish(places)


def enter_as_user(places: Places, proc: int) -> None:
    """
    Take new namespaces as whoever this is, with a user namespace to do so in. *proc* is as below.

    Raises:
        OSError: the kernel refuses.
    """
    take_user_namespace(proc, _NAMESPACES)
    _furnish(places)


def take_user_namespace(proc: int, more: int = 0) -> None:
    """
    Take a new user namespace, in which this user is who he was, and nobody else exists; and *more* with it. *proc* is
    the folder /proc as it was outside: the one inside is read-only.

    Raises:
        OSError: the kernel refuses.
    """
    user, group = os.geteuid(), os.getegid()
    kernel.set_dumpable(on=True)  # else its files in /proc are root's, after a change of the user
    kernel.unshare(kernel.CLONE_NEWUSER | more)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        file = os.open(f"self/{name}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def _furnish(places: Places) -> None:
    """
    Set up the loopback interface and the root folder.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    # At /tmp, which every system has. What is in it can be seen again below the old root.
    base = "/tmp"  # noqa: S108  mounted over
    kernel.mount("tmpfs", base, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755")
    os.mkdir(base + _OLD, 0o700)
    kernel.pivot_root(base, base + _OLD)
    os.chdir("/")
    for place in _OWN:
        os.makedirs(place, exist_ok=True)
        kernel.mount("tmpfs", place, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
    for place in sorted(places.real):  # folders before what is in them
        _show(place, places)
    for link, text in (*places.links.items(), *_ALIASES.items()):
        with contextlib.suppress(OSError):  # it is there: in a folder that is shown
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(text, link)
    kernel.unmount(_OLD)
    os.rmdir(_OLD)
    kernel.make_read_only("/", recursive=False)


def _show(place: str, places: Places) -> None:
    """
    Mount *place* of the old root into the new one, unless a folder that it is in has brought it.
    """
    writable = places.real[place]
    above = next((str(folder) for folder in Path(place).parents if str(folder) in places.real), None)
    if above is not None and places.real[above] == writable:
        return
    source = _OLD + place
    if above is None:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if stat.S_ISDIR(os.stat(source).st_mode):
            os.makedirs(place, exist_ok=True)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    kernel.mount(source, place, None, kernel.MS_BIND | kernel.MS_REC)
    if not writable:
        kernel.make_read_only(place, recursive=True)
