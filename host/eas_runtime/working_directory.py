"""
The working directory of a worker.
"""

import os

from eas_runtime.worker_spec import WorkerSpec


def enter_folder(spec: WorkerSpec) -> None:
    """
    Make the entry's folder, or what *spec* names in its place, the working directory: `-rpath=.` and relative paths in
    user code count on it.
    """
    folder = spec.folder or (spec.entry if os.path.isdir(spec.entry) else os.path.dirname(spec.entry))
    if os.path.isdir(folder):
        os.chdir(folder)
