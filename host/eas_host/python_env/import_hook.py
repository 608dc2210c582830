"""
Lets a Python environment import this host, and nothing else of the environment that the host is installed in.

The file imports nothing of the host and is used in two ways. A copy of it in `ENV`, called `_eas_host_link`, makes
`import allspark` work there, and through it a worker process on the Python of an `ENV` imports the host's own modules.
A finder at the end of `sys.meta_path` looks up a fixed set of names in a fixed set of folders. So a package that is
installed in the environment has precedence, and other packages of the host, such as numpy, are not visible: a package
that the environment lacks is missing here, too.

It must load in any Python from 3.7 on, even in one that cannot load the host's modules: then it says why.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from types import ModuleType

ABI = EXTENSION_SUFFIXES[0]
"""The ending of native modules, such as `.cpython-311-x86_64-linux-gnu.so`: implementation, version and machine."""

OLDEST = (3, 10)
"""The oldest Python that the host supports; pyproject.toml has the same."""


class HostFinder:
    """
    Finds the top-level modules *names* in *folders*.

    Args:
        names: the modules that may be imported.
        folders: the folders that contain them.
        ours: those of *names* that must be there; the error for a missing one says what to do.
        abi: for which Python the native modules in *folders* are built, in the form of `ABI`.
        python: the same for messages: `3.11`.
    """

    def __init__(
        self, names: Sequence[str], folders: Sequence[str], ours: Sequence[str], abi: str, python: str
    ) -> None:
        self.names = frozenset(names)
        self.folders = list(folders)
        self.ours = frozenset(ours)
        self.abi = abi
        self.python = python

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """
        Find the module *fullname*; part of the interface of `importlib.abc.MetaPathFinder`.

        Raises:
            ImportError: it is one of the host's modules, and cannot be imported here.
        """
        if path is not None or fullname not in self.names:
            return None
        found = PathFinder.find_spec(fullname, self.folders, target) if self.abi == ABI else None
        if found is None and fullname in self.ours:
            raise ImportError(f"{fullname} {self._obstacle()}", name=fullname)
        return found

    def _obstacle(self) -> str:
        host = self.folders[0]
        if self.abi != ABI:
            return (
                f"comes from the eas-host in {host}, which is built for Python {self.python} ({self.abi}); this is"
                f" Python {sys.version_info[0]}.{sys.version_info[1]} ({ABI}): make this environment with Python"
                f" {self.python}{', or install eas-host into it' if sys.version_info >= OLDEST else ''}"
            )
        gone = next((folder for folder in self.folders if not os.path.isdir(folder)), host)  # noqa: PTH112  see the top
        return (
            f"comes from the eas-host that was installed in {gone}, and is not there any more: renew the link with"
            " `eas-host pysdk init --link DIR`, or install eas-host into this environment"
        )


def install(
    names: Sequence[str],
    folders: Sequence[str],
    ours: Sequence[str],
    abi: str,
    python: str,
    prefer: bool = False,
) -> None:
    """
    Find *names* in *folders* from now on; this replaces an earlier call. See `HostFinder` for the arguments.

    With *prefer* the modules in *ours* have precedence over those that are installed in the environment.
    """
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != HostFinder.__name__]
    sys.meta_path.append(HostFinder(names, folders, ours, abi, python))
    if prefer:
        sys.meta_path.insert(0, HostFinder(ours, folders, ours, abi, python))


def put_before_site(packages: Sequence[str]) -> None:
    """
    Search the folders *packages* before `site-packages`, but after the standard library. Their `.pth` files are used.
    """
    count = len(sys.path)
    for folder in packages:
        site.addsitedir(folder)
    added, sys.path[count:] = sys.path[count:], []
    first = (
        number
        for number, entry in enumerate(sys.path)
        if os.path.basename(entry) in ("site-packages", "dist-packages")  # noqa: PTH119  pathlib would double the time
    )
    index = next(first, count)
    sys.path[index:index] = added
