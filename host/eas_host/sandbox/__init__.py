"""
Taking rights away from a process before the first line of a processor runs in it.

The host starts a worker through a launcher (`launch`): another program of the same process number, which becomes the
worker by exec. So there is no moment at which code of the package, such as an `ENV`'s site module, runs with more.

    plan         what the host tells the launcher
    launch       the launcher: in which order rights are taken away
    namespaces   a file system with nothing but what is needed, no network, a user namespace of its own
    landlock     the same rules once more, by another part of the kernel, and no signals to processes outside
    kernel       the system calls

All but `plan` runs on the standard library alone, before any `site-packages` is looked at.
"""

from typing import Final

FAILED: Final = 126
"""Exit code of the launcher where the command cannot be run, as shells have it."""
