"""
How this project starts further Python processes: from the same source, and without looking into the working directory
first, as `python -m` would.

On the host's own interpreter they see what the host sees. On another one, that of a package's `ENV`, they see what is
installed there, and of the host's environment only what a worker needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_SOURCE_ROOT: Final = str(Path(__file__).parents[2])
_IMPORT_HOOK: Final = str(Path(__file__).with_name("import_hook.py"))
_LINES: Final = (
    "import sys; sys.path[:1] == [''] and sys.path.pop(0); root = sys.argv.pop(1); "
    "root in sys.path or sys.path.append(root); "
    "from {module} import main; sys.exit(main())"
)
_LINKED_LINES: Final = (
    "import sys; sys.path[:1] == [''] and sys.path.pop(0); import json; from importlib import util; "
    "spec = util.spec_from_file_location('_eas_host_import_hook', sys.argv.pop(1)); "
    "hook = util.module_from_spec(spec); "
    "spec.loader.exec_module(hook); hook.install(**json.loads(sys.argv.pop(1)), prefer=True); "
    "hook.put_before_site(json.loads(sys.argv.pop(1))); "
    "from {module} import main; sys.exit(main())"
)


def command(module: str, *words: object, interpreter: str = "", packages: Sequence[str] = ()) -> list[str]:
    """
    The command that runs `main` of *module* with *words* as its arguments.

    Args:
        module: a module of the host.
        words: are turned into text.
        interpreter: the Python that runs it, able to load the host's native modules; by default the host's own.
        packages: folders that are imported from before `site-packages`.
    """
    if not interpreter and not packages:
        return [sys.executable, "-c", _LINES.format(module=module), _SOURCE_ROOT, *map(str, words)]
    from eas_host.python_env import shared_packages  # noqa: PLC0415  reads metadata of packages, which most hosts have no use for

    told = (_IMPORT_HOOK, json.dumps(shared_packages.settings()), json.dumps(list(packages)))
    lines = _LINKED_LINES.format(module=module)
    return [interpreter or sys.executable, "-c", lines, *told, *map(str, words)]


def fill_standard_streams() -> None:
    """
    Open /dev/null in place of standard streams that are closed: sockets and pipes of ours must not get their numbers,
    where processes that are started, and all that prints, look for something else.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
