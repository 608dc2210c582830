"""
The command that starts a further Python process of the host: from the same source, and without searching the working
directory first, as `python -m` would.

On the host's own interpreter it can import what the host can. On another one, that of a package's `ENV`, it can import
what is installed there, and of the host `eas_runtime` and `allspark`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Final

from eas_host.python_env import link
from eas_runtime.linking import import_hook
from eas_runtime.linking.host_command import host_command

_LINKED_LINES: Final = (
    "import gc, sys; gc.disable(); sys.path[:1] == [''] and sys.path.pop(0); import json; from importlib import util; "
    "spec = util.spec_from_file_location('_eas_host_import_hook', sys.argv.pop(1)); "
    "hook = util.module_from_spec(spec); "
    "spec.loader.exec_module(hook); hook.install(**json.loads(sys.argv.pop(1)), prefer=True); "
    "hook.put_before_site(json.loads(sys.argv.pop(1))); "
    "from {module} import main; gc.enable(); sys.exit(main())"
)


def command(module: str, *args: object, interpreter: str = "", packages: Sequence[str] = ()) -> list[str]:
    """
    Return the command that runs `main` of *module*.

    Args:
        module: a module of the host; of `eas_runtime`, if an interpreter or packages are given.
        args: the arguments, which are converted to text.
        interpreter: the Python to use, by default the host's own.
        packages: folders that are searched before `site-packages`.
    """
    if not interpreter and not packages:
        return host_command(sys.executable, module, *args)
    return [interpreter or sys.executable, *linked_arguments(module, *args, packages=packages)]


def linked_arguments(module: str, *args: object, packages: Sequence[str] = ()) -> list[str]:
    """
    Return the arguments of a Python, of whichever environment, that run `main` of *module*, part of `eas_runtime`.
    """
    hook_args = (import_hook.__file__, json.dumps(link.settings()), json.dumps(list(packages)))
    return ["-c", _LINKED_LINES.format(module=module), *hook_args, *map(str, args)]
