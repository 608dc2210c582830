"""
Lets a Python environment import `allspark` and `eas_runtime` from this host, and nothing else of it.

The file imports nothing of the host and is used in two ways. A copy of it in `ENV`, called `_eas_host_link`, makes
`import allspark` work there. And a worker process on the Python of an `ENV` loads it first, whether that has a link or
not. A finder at the end of `sys.meta_path` looks the two names up in one folder. So a package that is installed in the
environment has precedence, and no other package of the host, such as numpy, is visible: a package that the environment
lacks is missing here, too.
"""

import os
import site
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

NAMES = ("allspark", "eas_runtime")


class HostFinder:
    """
    Finds the two packages in *folder*.

    Attributes:
        folder: the folder that contains them.
        python: the host's own Python, which runs the front of `python app.py`.
    """

    def __init__(self, folder: str, python: str) -> None:
        self.folder = folder
        self.python = python

    def find_spec(
        self,
        fullname: str,
        path: "Sequence[str] | None" = None,
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        """
        Find the module *fullname*; part of the interface of `importlib.abc.MetaPathFinder`.

        Raises:
            ImportError: it is one of the two, and is not there.
        """
        if path is not None or fullname not in NAMES:
            return None
        found = PathFinder.find_spec(fullname, [self.folder], target)
        if found is None:
            raise ImportError(
                f"{fullname} comes from the eas-host that was installed in {self.folder}, and is not there any more:"
                " renew the link with `eas-host pysdk init --link DIR`, or install eas-host into this environment",
                name=fullname,
            )
        return found


def install(folder: str, python: str, prefer: bool = False) -> None:
    """
    Find the two packages in *folder* from now on; this replaces an earlier call. See `HostFinder` for the arguments.

    With *prefer* they have precedence over those that are installed in the environment.
    """
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != HostFinder.__name__]
    sys.meta_path.insert(0 if prefer else len(sys.meta_path), HostFinder(folder, python))


def host_python() -> str:
    """
    Return the path of the host's own Python: where this environment is linked to a host, that host's.
    """
    linked = (finder for finder in sys.meta_path if type(finder).__name__ == HostFinder.__name__)
    return getattr(next(linked, None), "python", sys.executable)


def put_before_site(packages: "Sequence[str]") -> None:
    """
    Search the folders *packages* before `site-packages`, but after the standard library. Their `.pth` files are used.
    """
    count = len(sys.path)
    for folder in packages:
        site.addsitedir(folder)
    added, sys.path[count:] = sys.path[count:], []
    first = (
        number for number, entry in enumerate(sys.path) if os.path.basename(entry) in ("site-packages", "dist-packages")
    )
    index = next(first, count)
    sys.path[index:index] = added
