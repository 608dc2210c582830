"""
The command that starts a further Python process of the host: from the same source, and without searching the working
directory first, as `python -m` would.

On the host's own interpreter it can import what the host can. On another one, that of a package's `ENV`, it can import
what is installed there, and of the host's environment only what a worker needs.
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


def command(module: str, *args: object, interpreter: str = "", packages: Sequence[str] = ()) -> list[str]:
    """
    Return the command that runs `main` of *module*.

    Args:
        module: a module of the host.
        args: the arguments, which are converted to text.
        interpreter: the Python to use, by default the host's own. It must be able to load the host's native modules.
        packages: folders that are searched before `site-packages`.
    """
    if not interpreter and not packages:
        return [sys.executable, "-c", _LINES.format(module=module), _SOURCE_ROOT, *map(str, args)]
    from eas_host.python_env import shared_packages  # noqa: PLC0415  slow, and most hosts do not need it

    hook_args = (_IMPORT_HOOK, json.dumps(shared_packages.settings()), json.dumps(list(packages)))
    lines = _LINKED_LINES.format(module=module)
    return [interpreter or sys.executable, "-c", lines, *hook_args, *map(str, args)]


def reopen_missing_stdio() -> None:
    """
    Open /dev/null in place of standard streams that are closed. Otherwise sockets and pipes of the host would get their
    numbers, and child processes, or anything that prints, would write to them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number
