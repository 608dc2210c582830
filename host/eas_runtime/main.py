"""
The program of a worker process whose processor is in Python. `eas_host.worker.main` is that for other languages.
"""

from eas_runtime.python.make import make
from eas_runtime.worker_process import read_arguments, serve


def main() -> int:
    """
    Load the processor that the spec names and serve with it.

    Returns:
        The process's exit code.
    """
    return serve(*read_arguments(), make)
