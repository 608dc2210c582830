"""
Takes rights away from a process before the first line of a processor runs in it.

The host starts a worker through a launcher, another program in the same process, which becomes the worker by exec. So
code of the package, such as the site module of an `ENV`, never runs with more rights.

In reading order:

- `confinement`: what the host tells the launcher.
- `launcher`: takes the rights away, in the right order.
- `namespaces`: a file system with only what is needed, no network, a user namespace of its own.
- `landlock`: the same rules once more, enforced by another part of the kernel, and no signals to other processes.
- `kernel`: the system calls.

All but `confinement` needs the standard library only: the launcher runs without any `site-packages`.
"""

from typing import Final

FAILED: Final = 126
"""Exit code of the launcher if the command cannot be run; shells use the same."""
