"""
The working directory of a worker.
"""

from __future__ import annotations

import os
from pathlib import Path

from eas_host.worker_spec import WorkerSpec


def enter_folder(spec: WorkerSpec) -> None:
    """
    Make the entry's folder, or what *spec* names in its place, the working directory: `-rpath=.` and relative paths in
    user code count on it.
    """
    folder = spec.folder or (spec.entry if Path(spec.entry).is_dir() else str(Path(spec.entry).parent))
    if Path(folder).is_dir():
        os.chdir(folder)
