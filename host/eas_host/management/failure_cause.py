"""
Why an instance does not run: read from its pod, in the words of whoever wrote the description.

A cause is *final* if waiting does not help: a second crash, an image that the registry does not have or give, an object
that is missing. The other ones, such as no node with enough memory, may pass, and are told once while the wait goes on;
of those with a *grace* time, such as a registry that does not answer, it is waited for that long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_NO_PULL: Final = frozenset({"InvalidImageName", "ErrImageNeverPull", "ImageInspectError"})
_PULL: Final = "ImagePullBackOff"
"""Not ErrImagePull: that is the first try, and a second one follows."""
_REFUSED_PULL: Final = re.compile(
    r"not ?found|manifest unknown|does not exist|no match for platform|denied|unauthorized|forbidden|authoriz",
    re.IGNORECASE,
)
"""What a registry has answered, in the words of containerd, CRI-O and Docker; all else is no answer."""
_PULL_GRACE_SECONDS: Final = 120.0
"""A kubelet has tried four times by then: it waits 10, 20, 40 s and so on in between."""
_PULL_PREFIX: Final = re.compile(r'^Back-off pulling image "[^"]*": (ErrImagePull: )?')
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
        grace: seconds after which it does not help any more, since this was first seen; 0: it may pass at any time.
        pod: the instance; empty if there is none because of this.
        container: whose last log lines tell more; empty for none.
        previous: whether they are those of before its last restart.
    """

    text: str
    final: bool
    pod: str = ""
    container: str = ""
    previous: bool = False
    grace: float = 0.0


def find_cause(replica_set: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> FailureCause | None:
    """
    Return why the pods of a version do not run; None if nothing hinders them. A final cause comes before others. The
    *replica_set* of the version may say why there are no pods; its Deployment may say it of an older version.
    """
    causes = [*_causes_of(pods), *_refused(replica_set)]
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


def _refused(replica_set: Mapping[str, Any]) -> Iterator[FailureCause]:
    """
    A quota or a policy lets no pod be made.
    """
    status = replica_set.get("status") or {}
    if status.get("observedGeneration", 0) < replica_set.get("metadata", {}).get("generation", 0):
        return  # it is about what was asked for before
    for condition in status.get("conditions", ()):
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
    if reason in _NO_PULL or reason == _PULL:
        why = _PULL_PREFIX.sub("", message) or reason
        final = reason in _NO_PULL or _REFUSED_PULL.search(why) is not None
        text = f"the image {container['image']} cannot be pulled: {why}"
        return FailureCause(text, final, where, grace=0.0 if final else _PULL_GRACE_SECONDS)
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
