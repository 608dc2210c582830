"""
The launcher: takes rights away from its process and becomes the command, which has them no more.

Its arguments are PLAN and the command; the plan is the JSON of `plan.Confinement`. The order matters:

1. namespaces: root sets them up as root, so that a user is shown what lies in folders that are closed to him
2. the user
3. namespaces, for who is not root; for root, the user namespace
4. no new privileges, then Landlock, which demands them
5. capabilities
6. the command

With `"check"` in the plan there is no command: what stands in force then, and what the command could not reach, is
printed as JSON.
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
from eas_host.system.memory import kill_first


@dataclass
class _State:
    """
    What is in force: a *root* folder of its own, with a network; a *user* namespace; a version of *landlock*.
    *missing* has what is not, each with the reason.
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
        kill_first(os.getpid(), os.getppid())  # the front may be late, when this process is not its own to change
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
        blocked = [found for path in plan["check"] if (found := _blocked(path))]
        bare = plan["sandbox"] and not state.root and not state.landlock
        print(json.dumps({"missing": state.missing, "bare": bare, "blocked": blocked}))
        return 0
    try:
        os.execve(command[0], command, {**os.environ, **plan["environment"]})  # noqa: S606  that is what it is for
    except OSError as error:
        print(f"eas-host: {command[0]}: {error.strerror}", file=sys.stderr)
    return FAILED


def _confine(plan: dict[str, Any]) -> _State:
    state = _State()
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    places = namespaces.Places(plan["readable"], plan["writable"]) if plan["sandbox"] else None
    if places is not None and os.geteuid() == 0:
        state.refusal = _attempt(lambda: namespaces.enter_as_root(places))
        if not state.refusal:
            namespaces.enter_as_root(places)
            state.root = True
    if plan["user"] is not None:
        _become(*plan["user"])
    if places is not None:
        _take_namespaces(state, places, proc)
    os.close(proc)
    kernel.take_no_new_privileges()
    if places is not None:
        _restrict(state, plan)
        kernel.drop_capabilities()
    return state


def _attempt(action: Callable[[], None]) -> str:
    """
    Try *action* in a child: one that fails half-way, since a security module allows the first step only, leaves
    nothing to go on with.

    Returns:
        Why it fails; `""` where it does not.
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
    for number in (1, 2):  # so that /dev/stdout can be opened, too
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            os.fchown(number, user, group)
    os.setgroups(groups)
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


def _take_namespaces(state: _State, places: namespaces.Places, proc: int) -> None:
    if state.root:
        if refusal := _attempt(lambda: namespaces.take_user_namespace(proc)):
            state.missing.append(f"a user namespace ({refusal})")
        else:
            namespaces.take_user_namespace(proc)
            state.user = True
    elif refusal := _attempt(lambda: namespaces.enter_as_user(places, proc)):
        state.missing.append(
            f"namespaces ({state.refusal or refusal}): the system's /tmp and its network are open to it"
        )
    else:
        namespaces.enter_as_user(places, proc)
        state.root = state.user = True


def _restrict(state: _State, plan: dict[str, Any]) -> None:
    state.landlock = landlock.version()
    if not state.landlock:
        state.missing.append("Landlock (the kernel has none)")
        return
    readable = ["/"] if state.root else plan["readable"]
    lacking = landlock.restrict(state.landlock, readable, plan["writable"], network=state.root)
    if lacking and not state.user:
        state.missing.append(f"what is newer than version {state.landlock} of Landlock: {', '.join(lacking)}")


def _blocked(path: str) -> list[str] | None:
    """
    The first of the folders that lead to *path*, or *path* itself, that this user cannot get through; with its mode.
    """
    for place in (*reversed(Path(path).parents), Path(path)):
        wanted = os.R_OK if str(place) == path else os.X_OK
        if os.access(place, os.F_OK) and not os.access(place, wanted):
            return [path, str(place), f"{stat.S_IMODE(place.stat().st_mode):04o}"]
    return None


if __name__ == "__main__":
    sys.exit(main())
