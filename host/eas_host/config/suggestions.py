"""
What a user most likely meant by a name that does not exist: a name that is near, the one that other tools use for the
same, or nothing. An advice that is not near helps nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_NEAR: Final = 0.75
"""How similar names must be, by difflib's measure: `wroker-threads` is; `port` and `no-retry` are not."""
_SHORTEST: Final = 3
_OF_OTHER_TOOLS: Final = {
    "-p": "--port",
    "-b": "--listen",
    "-w": "--workers",
    "-m": "--model-entry",
    "-c": "--model-config",
    "-e": "--env-file",
    "-t": "--worker-threads",
    "address": "--listen",
    "addr": "--listen",
    "bind": "--listen",
    "ip": "--host",
    "concurrency": "--worker-threads",
    "threads": "--worker-threads",
    "processes": "--worker-processes",
    "replicas": "--worker-processes",
    "queue": "--max-queue-size",
    "backlog": "--max-queue-size",
    "timeout": "--keepalive",
    "timeout-graceful-shutdown": "--grace-period",
    "timeout-keep-alive": "--keepalive",
    "main-class": "--mainclass",
    "class": "--mainclass",
    "config": "--model-config",
    "model": "--model-entry",
    "model-path": "--model-entry",
    "jvm-opts": "--jvm-options",
    "java-opts": "--jvm-options",
    "type": "--processor-type",
    "language": "--processor-type",
    "env": "--env-file",
    "watch": "--reload",
    "auto-reload": "--reload",
    "service-name": "--name",
    "loglevel": "--log-level",
    "warmup": "--warm-up",
    "auth": "--token",
    "token-file": "--token",
    "origin": "--cors",
}
"""What Docker, uvicorn, gunicorn, functions-framework and EASCMD call the same, or something near."""


def near(word: str, known: Iterable[str]) -> str | None:
    """
    Return the one of *known* that *word* is near to, if there is one.
    """
    names = {_bare(name): name for name in known}
    bare = _bare(word)
    if bare in names:
        return names[bare]
    other = _OF_OTHER_TOOLS.get(word) or _OF_OTHER_TOOLS.get(bare)
    if other in names.values():
        return other
    # Imported late: most command lines are right.
    import difflib  # noqa: PLC0415

    if found := difflib.get_close_matches(bare, names, 1, _NEAR):
        return names[found[0]]
    parts = [name for name in names if len(bare) >= _SHORTEST and f"-{bare}" in f"-{name}"]
    return names[parts[0]] if len(parts) == 1 else None


def _bare(name: str) -> str:
    return name.lstrip("-").lower().replace("_", "-")
