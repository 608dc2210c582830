"""
How this project starts further Python processes: with the same interpreter, from the same source, and without looking
into the working directory first, as `python -m` would.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

_SOURCE_ROOT: Final = str(Path(__file__).parents[1])
_LINES: Final = (
    "import sys; sys.path[:1] == [''] and sys.path.pop(0); root = sys.argv.pop(1); "
    "root in sys.path or sys.path.append(root); "
    "from {module} import main; sys.exit(main())"
)


def command(module: str, *words: object) -> list[str]:
    """
    The command that runs `main` of *module* with *words* as its arguments.
    """
    return [sys.executable, "-c", _LINES.format(module=module), _SOURCE_ROOT, *map(str, words)]
