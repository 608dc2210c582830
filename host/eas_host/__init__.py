"""
Run, debug and serve PAI-EAS custom processors anywhere.

The folders are the architecture: `cli` turns argv into a `config`; `front` speaks HTTP and runs no user code;
`dispatch` hands requests over to worker processes through the `ring`, which is shared memory; `workers` starts and
watches these processes; `worker` runs in them and calls the user's processor. docs/architecture.md has the whole list.
"""

__version__ = "0.1.0"
