"""
Run, debug and serve PAI-EAS custom processors anywhere.

The folders are the architecture: `cli` turns argv into a `config`; `front` speaks HTTP and runs no user code;
`dispatch` hands requests over to worker processes through the `ring`, which is shared memory; `workers` starts and
watches these processes; `worker` runs in them and calls the user's processor. docs/architecture.md has the whole list.
"""

__all__ = ["__version__"]

try:
    from eas_host._version import __version__  # written by each build
except ImportError:
    __version__ = "0.0"
