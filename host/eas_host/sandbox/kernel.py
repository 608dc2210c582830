"""
System calls for which Python has no function.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

_libc: Final = ctypes.CDLL(None, use_errno=True)
_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "loongarch64": 41, "ppc64le": 203, "s390x": 217}
_MOUNT_SETATTR: Final = 442  # since 5.0 a call has one number on all machines
_AT_RECURSIVE: Final = 0x8000
_AT_FDCWD: Final = -100
_MOUNT_ATTR_RDONLY: Final = 1

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_BIND: Final = 4096
MS_REC: Final = 16384
MS_PRIVATE: Final = 1 << 18
_MNT_DETACH: Final = 2
_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_READ: Final = 23
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_CAPABILITY_VERSION_3: Final = 0x20080522


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def syscall(number: int, *args: object) -> int:
    """
    Make the system call *number*. Integers in *args* are passed as long.

    Raises:
        OSError: the call failed.
    """
    result = int(_libc.syscall(ctypes.c_long(number), *(_as_long(arg) for arg in args)))
    return _checked(result)


def unshare(flags: int) -> None:
    """
    Move this process to new namespaces of the kinds in *flags*.
    """
    _checked(_libc.unshare(flags))


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """
    Mount *source* at *target*.
    """
    args = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _checked(_libc.mount(*args, ctypes.c_ulong(flags), None if options is None else options.encode()))


def make_read_only(target: str, *, recursive: bool) -> None:
    """
    Make the mount at *target* read-only and, if *recursive*, also those below it. Linux 5.12.
    """
    attributes = _MountAttr(attr_set=_MOUNT_ATTR_RDONLY)
    flags = _AT_RECURSIVE if recursive else 0
    syscall(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), flags, ctypes.byref(attributes), ctypes.sizeof(attributes))


def pivot_root(new: str, old: str) -> None:
    """
    Make *new* the root folder, with the former one at *old*, a folder in it.
    """
    machine = os.uname().machine
    if machine not in _PIVOT_ROOT:
        raise OSError(38, f"pivot_root is not known for {machine}")
    syscall(_PIVOT_ROOT[machine], os.fsencode(new), os.fsencode(old))


def unmount(target: str) -> None:
    """
    Detach what is mounted at *target*.
    """
    _checked(_libc.umount2(os.fsencode(target), _MNT_DETACH))


def set_no_new_privileges() -> None:
    """
    Make set-uid programs give no more rights to this process and its children, from here on.
    """
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def set_dumpable(*, on: bool) -> None:
    """
    Allow other processes of the same user to read this one's memory and to trace it, or only root.
    """
    _checked(_libc.prctl(_PR_SET_DUMPABLE, int(on), 0, 0, 0))


def drop_capabilities() -> None:
    """
    Drop all capabilities of this process for good.
    """
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    number = 0
    while _libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)  # fails without privileges; no_new_privs keeps it so
        number += 1
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()))


def _as_long(arg: object) -> object:
    return ctypes.c_long(arg) if isinstance(arg, int) else arg


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
