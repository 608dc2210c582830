"""
Why an instance does not run: read from its pod, in the words of whoever wrote the description.

A cause is *final* if waiting does not help: a second crash, an image that cannot be pulled, an object that is missing.
The other ones, such as no node with enough memory, may pass, and are told once while the wait goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_PULL: Final = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
"""Not ErrImagePull: that is the first try, and a second one follows."""
_SETUP: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_CRASH_LOOP: Final = "CrashLoopBackOff"
_OUT_OF_MEMORY: Final = "OOMKilled"
_SIGNALS: Final = 128
"""An exit code above it tells a signal, as in shells."""


@dataclass(frozen=True)
class FailureCause:
    """
    Why an instance does not run.

    Attributes:
        text: one sentence without the name of the instance.
        final: whether waiting does not help.
        pod: the instance; empty if there is none because of this.
        container: whose last log lines tell more; empty for none.
        previous: whether they are those of before its last restart.
    """

    text: str
    final: bool
    pod: str = ""
    container: str = ""
    previous: bool = False


def find_cause(deployment: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> FailureCause | None:
    """
    Return why the pods of a version do not run; None if nothing hinders them. A final cause comes before others.
    *deployment* may say why there are no pods.
    """
    causes = [*_causes_of(pods), *_refused(deployment)]
    return next((one for one in causes if one.final), causes[0] if causes else None)


def _causes_of(pods: Iterable[Mapping[str, Any]]) -> Iterator[FailureCause]:
    for pod in sorted(pods, key=lambda one: str(one["metadata"]["name"])):
        status = pod.get("status") or {}
        yield from _unscheduled(pod, status)
        yield from _evicted(pod, status)
        for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
            cause = _cause_of(pod, container)
            if cause is not None:
                yield cause


def _refused(deployment: Mapping[str, Any]) -> Iterator[FailureCause]:
    """
    A quota or a policy lets no pod be made.
    """
    for condition in (deployment.get("status") or {}).get("conditions", ()):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            yield FailureCause(f"the cluster makes no instance: {condition.get('message', '')}", final=True)


def _unscheduled(pod: Mapping[str, Any], status: Mapping[str, Any]) -> Iterator[FailureCause]:
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            message = str(condition.get("message", ""))
            asked = _asked(pod, message)
            wants = f"no node has room for {asked}: " if asked else "no node takes it: "
            yield FailureCause(wants + message, final=False, pod=pod["metadata"]["name"])


def _asked(pod: Mapping[str, Any], message: str) -> str:
    """
    What the pod asks for and the scheduler did not find, such as `cpu 64`.
    """
    requests = pod["spec"]["containers"][0].get("resources", {}).get("requests", {})
    return ", ".join(f"{name} {amount}" for name, amount in requests.items() if f"Insufficient {name}" in message)


def _evicted(pod: Mapping[str, Any], status: Mapping[str, Any]) -> Iterator[FailureCause]:
    """
    The node has ended the whole pod, as one that filled its disk. Another one takes its place, perhaps elsewhere.
    """
    if status.get("phase") == "Failed" and status.get("reason"):
        text = f"its node has ended it: {status['reason']}: {status.get('message', '')}"
        yield FailureCause(text, final=False, pod=pod["metadata"]["name"])


def _cause_of(pod: Mapping[str, Any], container: Mapping[str, Any]) -> FailureCause | None:
    """
    Why a container does not run.
    """
    name, where = container["name"], pod["metadata"]["name"]
    waiting = container.get("state", {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _PULL:
        return FailureCause(f"the image {container['image']} cannot be pulled: {message or reason}", True, where)
    if reason in _SETUP:
        return FailureCause(f"it cannot be started: {message or reason}", True, where)
    ended = _last_end(container)
    if ended is None:
        return None
    looping = reason == _CRASH_LOOP
    if ended.get("reason") == _OUT_OF_MEMORY:
        limit = _memory_limit(pod, name)
        return FailureCause(f"OOMKilled: it needs more memory than its limit, {limit}", looping, where, name, looping)
    if ended.get("exitCode") == 0 and not looping:
        return None  # of the container that only prepares
    return FailureCause(_ending(ended, looping=looping), looping, where, name, looping)


def _last_end(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """
    How a container has ended that does not run now.
    """
    state = container.get("state", {})
    if "running" in state:
        return None
    found: Mapping[str, Any] | None = state.get("terminated") or container.get("lastState", {}).get("terminated")
    return found


def _ending(ended: Mapping[str, Any], *, looping: bool) -> str:
    code = int(ended.get("exitCode", 0))
    signal = int(ended.get("signal", 0)) or (code - _SIGNALS if code > _SIGNALS else 0)
    how = f"by the signal {signal}" if signal else f"with the exit code {code}"
    return f"it ends again and again {how}" if looping else f"it has ended {how}"


def _memory_limit(pod: Mapping[str, Any], container: str) -> str:
    spec = pod["spec"]
    for one in (*spec.get("initContainers", ()), *spec["containers"]):
        if one["name"] == container:
            return str(one.get("resources", {}).get("limits", {}).get("memory", "that of its node"))
    return "that of its node"
