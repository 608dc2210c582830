"""
Landlock: rules that a process sets for itself and its children, and that nobody can lift.

Newer kernels can forbid more. The version ("ABI") tells what a kernel supports:

    1  Linux 5.13  files and folders       4  6.7   TCP ports
    2  5.19        renames across folders  5  6.10  ioctl on devices
    3  6.2         truncating              6  6.12  signals and abstract sockets to the outside

Below some folders, files may be read and run; below others every access is allowed; elsewhere none.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from eas_host.sandbox import kernel

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1  # a flag of the first
_PATH_BENEATH: Final = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_FILE: Final = (
    _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
)  # the rights that a rule for a file may have
_READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many bits of rights to files each version has
_TCP: Final = 3  # to bind and to connect
_SCOPES: Final = 3  # abstract sockets, signals
_ABI_TCP: Final = 4
_ABI_SCOPES: Final = 6


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """
    Return the version of the kernel's Landlock; 0 if it has none, or does not use it.
    """
    try:
        return kernel.syscall(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def restrict(abi: int, readable: Iterable[str], writable: Iterable[str], *, network: bool) -> list[str]:
    """
    Restrict this process to these files and folders, and what is below them; missing ones are skipped. The process must
    have set no_new_privs before. With *network* it may use TCP.

    Returns:
        What a kernel of this version cannot forbid.

    Raises:
        OSError: the kernel refuses.
    """
    rights = (1 << _RIGHTS[min(abi, max(_RIGHTS))]) - 1
    tcp = _TCP if abi >= _ABI_TCP and not network else 0
    scopes = _SCOPES if abi >= _ABI_SCOPES else 0
    size = 8 * (1 + (abi >= _ABI_TCP) + (abi >= _ABI_SCOPES))
    rules = kernel.syscall(_CREATE_RULESET, ctypes.byref(_Ruleset(rights, tcp, scopes)), size, 0)
    try:
        for path in readable:
            _allow(rules, path, _READ & rights)
        for path in writable:
            _allow(rules, path, rights)
        kernel.syscall(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
    return [] if scopes else ["signals to processes of the same user"]


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if Path(path).is_dir() else rights & _FILE
        kernel.syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(_PathBeneath(allowed, opened)), 0)
    finally:
        os.close(opened)
