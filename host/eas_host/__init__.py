"""
Run, debug and serve PAI-EAS custom processors anywhere.

The folders are the architecture: `cli` turns argv into a `config`; `front` speaks HTTP and runs no user code; `ring` is
the shared memory between it and the `workers`, which call the user's program through one of the `processors`.
"""

__version__ = "0.1.0"
