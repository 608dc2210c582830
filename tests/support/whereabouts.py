"""
The program processors/python/whereabouts.py, which tells where it runs, and reads and writes there.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from support.build import ProcessorBuilder
from support.host import Host


def ask(host: Host, **what: str) -> dict[str, Any]:
    """Has the program write and read the files that *what* names; returns what it says about its folders."""
    seen: dict[str, Any] = json.loads(host.call(json.dumps(what).encode()).body)
    return seen


def project(folder: Path, builder: ProcessorBuilder) -> Path:
    """A folder with a program, in which the user goes on working."""
    folder.mkdir(parents=True)
    shutil.copy(builder.python("whereabouts.py"), folder / "app.py")
    return folder
