"""
Why an instance does not run, from pods as a cluster reports them.
"""

from __future__ import annotations

from typing import Any

import pytest

from eas_host.management.failure_cause import find_cause
from eas_host.management.rollout import GraceTimes

Object = dict[str, Any]
ENDED = {"exitCode": 3, "reason": "Error", "finishedAt": "2026-01-01T00:00:10Z", "startedAt": "2026-01-01T00:00:05Z"}
BACK_OFF = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=host"}
NO_CPU = (
    "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3"
    " No preemption victims found for incoming pod."
)


def pod(status: Object, name: str = "eas-scorer-5d-x1") -> Object:
    resources = {"requests": {"cpu": "64", "memory": "2000Mi"}, "limits": {"cpu": "64", "memory": "2000Mi"}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "host", "image": "example.com/eas-host:1", "resources": resources}]},
        "status": status,
    }


def container(state: Object, last: Object | None = None, restarts: int = 0) -> Object:
    return {
        "containerStatuses": [
            {
                "name": "host",
                "image": "example.com/eas-host:1",
                "restartCount": restarts,
                "ready": False,
                "state": state,
                "lastState": {"terminated": last} if last else {},
            }
        ]
    }


def unscheduled(message: str) -> Object:
    return {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}],
    }


CASES: dict[str, tuple[Object, bool, str]] = {
    "image": (
        container({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image: not found"}}),
        True,
        "the image example.com/eas-host:1 cannot be pulled: Back-off pulling image: not found",
    ),
    "image-name": (
        container({"waiting": {"reason": "InvalidImageName", "message": "couldn't parse image name"}}),
        True,
        "the image example.com/eas-host:1 cannot be pulled: couldn't parse image name",
    ),
    "image-after-a-prefix": (
        container(
            {
                "waiting": {
                    "reason": "ImagePullBackOff",
                    "message": 'Back-off pulling image "example.com/eas-host:1": ErrImagePull: pull access denied',
                }
            }
        ),
        True,
        "the image example.com/eas-host:1 cannot be pulled: pull access denied",
    ),
    "registry-is-silent": (
        container({"waiting": {"reason": "ImagePullBackOff", "message": "dial tcp 192.0.2.7:443: i/o timeout"}}),
        False,
        "the image example.com/eas-host:1 cannot be pulled: dial tcp 192.0.2.7:443: i/o timeout",
    ),
    "registry-of-an-older-cluster": (
        container({"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "example.com/x"'}}),
        False,
        'the image example.com/eas-host:1 cannot be pulled: Back-off pulling image "example.com/x"',
    ),
    "no-secret": (
        container({"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "t" not found'}}),
        True,
        'it cannot be started: secret "t" not found',
    ),
    "first-crash": (container({"terminated": ENDED}), False, "it has ended with the exit code 3"),
    "crash-loop": (container({"waiting": BACK_OFF}, ENDED, 1), True, "it ends again and again with the exit code 3"),
    "signal": (
        container({"waiting": BACK_OFF}, {**ENDED, "exitCode": 139}, 1),
        True,
        "it ends again and again by the signal 11",
    ),
    "memory": (
        container({"waiting": BACK_OFF}, {**ENDED, "exitCode": 137, "reason": "OOMKilled"}, 1),
        True,
        "OOMKilled: it needs more memory than its limit, 2000Mi",
    ),
    "memory-once": (
        container({"terminated": {**ENDED, "exitCode": 137, "reason": "OOMKilled"}}),
        False,
        "OOMKilled: it needs more memory than its limit, 2000Mi",
    ),
    "no-cpu": (unscheduled(NO_CPU), False, f"no node has room for cpu 64: {NO_CPU}"),
    "taint": (
        unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint(s)."),
        False,
        "no node takes it: 0/1 nodes are available: 1 node(s) had untolerated taint(s).",
    ),
    "evicted": (
        {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."},
        False,
        "its node has ended it: Evicted: The node was low on resource: ephemeral-storage.",
    ),
}


@pytest.mark.parametrize(("status", "final", "text"), CASES.values(), ids=CASES)
def test_cause_is_read_from_the_pod(status: Object, final: bool, text: str) -> None:
    cause = find_cause({}, [pod(status)])
    assert cause is not None
    assert (cause.text, cause.final, cause.pod) == (text, final, "eas-scorer-5d-x1")


HARMLESS: dict[str, Object] = {
    "no-status": {},
    "starting": container({"waiting": {"reason": "ContainerCreating"}}),
    "first-try-of-image": container({"waiting": {"reason": "ErrImagePull", "message": "timeout"}}),
    "runs-again": container({"running": {"startedAt": "2026-01-01T00:00:30Z"}}, ENDED, 1),
    "prepared": {
        "initContainerStatuses": [
            {"name": "own-folder", "image": "x", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
        ]
    },
}


@pytest.mark.parametrize("status", HARMLESS.values(), ids=HARMLESS)
def test_nothing_hinders_a_pod_that_starts(status: Object) -> None:
    assert find_cause({}, [pod(status)]) is None


@pytest.mark.parametrize(("name", "previous"), [("crash-loop", True), ("first-crash", False)])
def test_log_of_a_crash_is_that_of_the_process_that_crashed(name: str, previous: bool) -> None:
    """While the container waits for its next start, the log of the one that ended is the previous one."""
    cause = find_cause({}, [pod(CASES[name][0])])
    assert cause is not None
    assert (cause.container, cause.previous) == ("host", previous)


def test_final_cause_comes_first() -> None:
    """Whatever the order of the pods."""
    pods = [pod(CASES["no-cpu"][0], "a"), pod(CASES["crash-loop"][0], "b")]
    for order in (pods, pods[::-1]):
        cause = find_cause({}, order)
        assert cause is not None
        assert (cause.pod, cause.final) == ("b", True)


def test_quota_that_lets_no_pod_be_made_is_a_cause() -> None:
    message = 'pods "x" is forbidden: exceeded quota: small, requested: cpu=64'
    conditions = [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]
    cause = find_cause({"status": {"conditions": conditions}}, [])
    assert cause is not None
    assert (cause.text, cause.final) == (f"the cluster makes no instance: {message}", True)


def test_quota_of_before_the_last_change_is_none() -> None:
    conditions = [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]
    for seen, told in ((1, False), (2, True)):
        status = {"observedGeneration": seen, "conditions": conditions}
        assert (find_cause({"metadata": {"generation": 2}, "status": status}, []) is not None) is told


def test_registry_that_does_not_answer_is_waited_for() -> None:
    """Two minutes, from the first time that it was seen, also if there was a try in between."""
    silent = find_cause({}, [pod(CASES["registry-is-silent"][0])])
    other = find_cause({}, [pod(CASES["registry-is-silent"][0], "another")])
    assert silent is not None
    assert other is not None
    grace = GraceTimes()
    assert [grace.is_over(silent, now) for now in (1000.0, 1060.0, 1119.9, 1120.0)] == [False, False, False, True]
    assert not grace.is_over(other, 1120.0)


@pytest.mark.parametrize(("name", "over"), [("image", True), ("crash-loop", True), ("no-cpu", False)])
def test_other_causes_have_no_grace_time(name: str, over: bool) -> None:
    cause = find_cause({}, [pod(CASES[name][0])])
    assert cause is not None
    grace = GraceTimes()
    assert [grace.is_over(cause, now) for now in (0.0, 1e6)] == [over, over]
