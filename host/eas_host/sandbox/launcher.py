"""
The launcher: takes rights away from its process, and then becomes the command, which does not get them back.

Its arguments are PLAN, the JSON that `confinement.Confinement` makes, and the command. The order of the steps matters:

1. If the launcher runs as root: new namespaces. So root can show a user files in folders that are closed to that user.
2. The change to the user.
3. If it does not run as root: new namespaces; else the user namespace.
4. no_new_privs, then Landlock, which requires it.
5. The capabilities are dropped.
6. The command.

With `"check"` in the plan there is no command. The launcher prints as JSON what is not enforced, and which paths the
command could not reach.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eas_host.sandbox import FAILED, kernel, landlock, namespaces
from eas_host.system.memory import prefer_as_oom_victim


@dataclass
class _Enforced:
    """
    What is enforced: a *root* folder of its own, with a network; a *user* namespace; a version of *landlock*.
    *missing* lists what is not enforced, each with the reason.
    """

    root: bool = False
    user: bool = False
    refusal: str = ""
    missing: list[str] = field(default_factory=list)
    landlock: int = 0


def main() -> int:
    """
    Become the command.
    """
    plan: dict[str, Any] = json.loads(sys.argv[1])
    command = sys.argv[2:]
    folder = Path.cwd()
    if plan["sandbox"]:
        # The front does so, too, but may come too late: after the change of the user it has no right to.
        prefer_as_oom_victim(os.getpid(), os.getppid())
    try:
        state = _confine(plan)
    except OSError as error:
        print(f"eas-host: the worker cannot be confined: {error.strerror}", file=sys.stderr)
        return FAILED
    try:
        os.chdir(folder)
    except OSError:
        os.chdir("/")  # the worker goes to its entry's folder
    if "check" in plan:
        blocked = [found for path in plan["check"] if (found := _find_blocked(path))]
        unprotected = plan["sandbox"] and not state.root and not state.landlock
        print(json.dumps({"missing": state.missing, "unprotected": unprotected, "blocked": blocked}))
        return 0
    try:
        os.execve(command[0], command, {**os.environ, **plan["environment"]})  # noqa: S606  the purpose of the launcher
    except OSError as error:
        print(f"eas-host: {command[0]}: {error.strerror}", file=sys.stderr)
    return FAILED


def _confine(plan: dict[str, Any]) -> _Enforced:
    state = _Enforced()
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    paths = namespaces.ResolvedPaths(plan["readable"], plan["writable"]) if plan["sandbox"] else None
    if paths is not None and os.geteuid() == 0:
        state.refusal = _try_in_child(lambda: namespaces.enter_as_root(paths))
        if not state.refusal:
            namespaces.enter_as_root(paths)
            state.root = True
    if plan["user"] is not None:
        _become(*plan["user"])
    if paths is not None:
        _take_namespaces(state, paths, proc)
    os.close(proc)
    kernel.set_no_new_privileges()
    if paths is not None:
        _restrict(state, plan)
        kernel.drop_capabilities()
    return state


def _try_in_child(action: Callable[[], None]) -> str:
    """
    Try *action* in a child process: if it fails halfway, since a security module allows its first step only, the
    process cannot go on.

    Returns:
        The reason why it fails; `""` if it succeeds.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        except OSError as error:
            code = error.errno or 1
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return os.strerror(code) if code > 0 else ""


def _become(user: int, group: int, groups: list[int]) -> None:
    for number in (1, 2):  # so that the user can open /dev/stdout
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            os.fchown(number, user, group)
    os.setgroups(groups)
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


def _take_namespaces(state: _Enforced, paths: namespaces.ResolvedPaths, proc: int) -> None:
    if state.root:
        if refusal := _try_in_child(lambda: namespaces.enter_user_namespace(proc)):
            state.missing.append(f"a user namespace ({refusal})")
        else:
            namespaces.enter_user_namespace(proc)
            state.user = True
    elif refusal := _try_in_child(lambda: namespaces.enter_as_user(paths, proc)):
        state.missing.append(
            f"namespaces ({state.refusal or refusal}): the system's /tmp and its network are open to it"
        )
    else:
        namespaces.enter_as_user(paths, proc)
        state.root = state.user = True


def _restrict(state: _Enforced, plan: dict[str, Any]) -> None:
    state.landlock = landlock.version()
    if not state.landlock:
        state.missing.append("Landlock (the kernel has none)")
        return
    readable = ["/"] if state.root else plan["readable"]
    lacking = landlock.restrict(state.landlock, readable, plan["writable"], network=state.root)
    if lacking and not state.user:
        state.missing.append(f"what is newer than version {state.landlock} of Landlock: {', '.join(lacking)}")


def _find_blocked(path: str) -> list[str] | None:
    """
    Find the first folder on the way to *path*, or *path* itself, that this user has no access to. Return *path*, that
    folder and its mode.
    """
    for place in (*reversed(Path(path).parents), Path(path)):
        wanted = os.R_OK if str(place) == path else os.X_OK
        if os.access(place, os.F_OK) and not os.access(place, wanted):
            return [path, str(place), f"{stat.S_IMODE(place.stat().st_mode):04o}"]
    return None


if __name__ == "__main__":
    sys.exit(main())
