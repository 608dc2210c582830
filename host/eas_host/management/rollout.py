"""
How far a rollout is, and the wait for its end.

The cluster goes on by itself: who waits only looks. So a wait that ends early, by Ctrl+C or by its time limit, changes
nothing, and old instances serve until new ones are ready.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from eas_host.cluster.names import object_name
from eas_host.errors import ClusterError, RolloutFailed
from eas_host.management import failure_cause
from eas_host.management.console import Console
from eas_host.management.failure_cause import FailureCause
from eas_host.management.kubernetes_api import KubernetesApi, NoSuchObject, NotAllowed
from eas_host.management.stored_service import StoredService, get_service, labels_of, newest_replica_set, pods_of

_Answer = TypeVar("_Answer")

_INTERVAL: Final = 0.5
"""Seconds between two looks: EAS's own SDK looks every 3 s."""
_REPEAT_SECONDS: Final = 10.0
"""A line of progress that is the same is printed again after so long, so that nobody takes the command for dead."""
_PATIENCE_SECONDS: Final = 30.0
"""How long a cluster may not answer while a rollout is waited for: an API server that is replaced is away for less."""
_LOG_LINES: Final = 6
"""Of a crashed instance: with what is said beside them, the reason is within the first ten lines."""


@dataclass(frozen=True)
class RolloutState:
    """
    What one look at a rollout has found.

    Attributes:
        service: the service.
        running: instances of the version that is to run that take requests.
        others: other instances that take requests.
        cause: what hinders the rollout.
    """

    service: StoredService
    running: int
    others: int
    cause: FailureCause | None

    @property
    def line(self) -> str:
        """
        EASCMD's line of progress.
        """
        total = self.service.total
        word = "Running" if self.running == total else "Waiting"
        return f"{word} [Total: {total}, Pending: {max(0, total - self.running)}, Running: {self.running}]"


def look(api: KubernetesApi, name: str) -> RolloutState:
    """
    Look at the rollout of the service *name*.
    """
    service = get_service(api, name)
    replica_set = newest_replica_set(api, service) if service.is_observed else None
    ready = int((replica_set or {}).get("status", {}).get("readyReplicas", 0))
    pods = pods_of(api, service, replica_set)
    is_hindered = replica_set is not None and not service.is_complete
    cause = failure_cause.find_cause(replica_set or {}, pods) if is_hindered else None
    return RolloutState(service, ready, max(0, service.running - ready), cause)


def wait_until_running(api: KubernetesApi, name: str, console: Console, seconds: float) -> StoredService:
    """
    Wait until all instances of the service *name* are of its newest version and take requests, and tell the progress.

    Raises:
        RolloutFailed: they do not within so many *seconds*, or they cannot; the error says why. Or another command has
            made a newer version meanwhile.
        KeyboardInterrupt: by Ctrl+C, after a line that says how to look again.
    """
    progress = _Progress(console)
    deadline = time.monotonic() + seconds
    patience = Patience(console)
    grace = GraceTimes()
    version = None
    try:
        while True:
            state = patience.ask(lambda: look(api, name))
            if version not in (None, state.service.version):
                raise _superseded(state.service)
            version = state.service.version
            progress.tell(state)
            if state.service.is_complete:
                return state.service
            if state.cause is not None and grace.is_over(state.cause, time.monotonic()):
                raise _failed(api, state, state.cause)
            if state.service.failure:
                raise _failed(api, state, state.cause or FailureCause(state.service.failure, final=True))
            if time.monotonic() >= deadline:
                raise _failed(api, state, state.cause, f"has not ended after {seconds:g} s; it goes on")
            time.sleep(_INTERVAL)
    except KeyboardInterrupt:
        console.say(f"The rollout goes on without this command; `eas-host desc {name}` and `eas-host w {name}` show it")
        raise


def wait_until_gone(api: KubernetesApi, name: str, console: Console, seconds: float) -> None:
    """
    Wait until the deleted service *name* has no pods any more.

    Raises:
        ClusterError: it still has some after so many *seconds*.
    """
    deadline = time.monotonic() + seconds
    told = -_REPEAT_SECONDS
    patience = Patience(console)
    while pods := patience.ask(lambda: api.find("Pod", labels_of(object_name(name)))):
        if time.monotonic() >= deadline:
            names = ", ".join(str(pod["metadata"]["name"]) for pod in pods)
            raise ClusterError(f"after {seconds:g} s there are still instances that end: {names}")
        if time.monotonic() - told >= _REPEAT_SECONDS:
            told = time.monotonic()
            console.ok("Service is terminating")
        time.sleep(_INTERVAL)


class GraceTimes:
    """
    How long causes are seen that are final after a while.
    """

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def is_over(self, cause: FailureCause, now: float) -> bool:
        """
        Tell whether waiting does not help any more. *now*: seconds of a clock that only goes on. What comes and goes,
        as between two tries, counts from when it came first.
        """
        if cause.final or not cause.grace:
            return cause.final
        return now - self._seen.setdefault(cause.pod, now) >= cause.grace


class Patience:
    """
    Asks a cluster, and asks again if it does not answer for a while.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def ask(self, question: Callable[[], _Answer]) -> _Answer:
        """
        Return the answer to a *question*.

        Raises:
            ClusterError: there is none for too long, or one that stays: who asks may not, or there is no such thing.
        """
        until = None
        while True:
            try:
                return question()
            except (NoSuchObject, NotAllowed):
                raise
            except ClusterError as error:
                if until is None:
                    until = time.monotonic() + _PATIENCE_SECONDS
                    self._console.warn(error.message)
                elif time.monotonic() >= until:
                    raise
            time.sleep(_INTERVAL)


class _Progress:
    """
    Prints what has changed since the last look.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""
        self._told = 0.0
        self._warned = ""

    def tell(self, state: RolloutState) -> None:
        now = time.monotonic()
        if state.line != self._last or now - self._told >= _REPEAT_SECONDS:
            self._last, self._told = state.line, now
            self._console.ok(state.line)
        cause = state.cause
        if cause is not None and not cause.final and cause.text != self._warned:
            self._warned = cause.text
            self._console.warn(f"{cause.pod}: {cause.text}" if cause.pod else cause.text)


def _failed(
    api: KubernetesApi, state: RolloutState, cause: FailureCause | None, how: str = "has failed"
) -> RolloutFailed:
    """
    Make the error that says why a rollout has failed, or *how* else it is, with the last lines of the log.
    """
    text = f"{state.service.name}: the rollout {how}"
    if cause is not None:
        text += f": {cause.pod}: " if cause.pod else ": "
        text += cause.text.rstrip(".")
    if state.others:
        text += f"; {_instances(state.others)} of another version still serve"
    return RolloutFailed(text, "\n".join(_log(api, cause)) if cause is not None else "")


def _superseded(service: StoredService) -> RolloutFailed:
    return RolloutFailed(
        f"{service.name}: somebody else has made version {service.version} of it meanwhile, which the cluster runs now;"
        f" look at it with `eas-host desc {service.name}`"
    )


def _log(api: KubernetesApi, cause: FailureCause) -> list[str]:
    if not cause.container:
        return []
    try:
        lines = api.log(cause.pod, cause.container, _LOG_LINES, previous=cause.previous)
    except ClusterError as error:  # the pod may be gone by now; the cause is told all the same
        return [f"(no log: {error.message})"]
    return [readable(line) for line in lines]


def readable(line: str) -> str:
    """
    Write a line of a host's log, which is JSON in a cluster, as it is on a terminal; any other line as it is.
    """
    try:
        record = json.loads(line)
        return f"[{record['level']}] {record['message']}"
    except (ValueError, KeyError, TypeError):
        return line


def _instances(number: int) -> str:
    return f"{number} instance{'s' if number > 1 else ''}"
