"""
The command that runs a module of the host on the host's own Python, from the same source as this file, and without
searching the working directory first, as `python -m` would.
"""

from eas_runtime.linking import places

# Imports make no garbage, so the search for it waits until they are done.
_LINES = (
    "import gc, sys; gc.disable(); sys.path[:1] == [''] and sys.path.pop(0); root = sys.argv.pop(1); "
    "root in sys.path or sys.path.append(root); "
    "from {module} import main; gc.enable(); sys.exit(main())"
)


def host_command(python: str, module: str, *args: object) -> "list[str]":
    """
    Return the command that runs `main` of *module* on *python*. The arguments are converted to text.
    """
    return [python, "-c", _LINES.format(module=module), places.FOLDER, *map(str, args)]
