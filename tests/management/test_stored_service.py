"""
The state of a service, from its Deployment as a cluster reports it.
"""

from __future__ import annotations

from typing import Any

import pytest

from eas_host.management.rollout import RolloutState, readable
from eas_host.management.stored_service import StoredService

Object = dict[str, Any]


def deployment(replicas: int, status: Object, *, generation: int = 2, stopped: str = "") -> StoredService:
    return StoredService(
        {
            "metadata": {
                "name": "eas-scorer-v2-1234567890",
                "generation": generation,
                "creationTimestamp": "2026-01-29T07:04:21Z",
                "annotations": {"eas/service": "scorer_v2", "eas/version": "3"}
                | ({"eas/stopped-instances": stopped} if stopped else {}),
                "managedFields": [
                    {"manager": "eas-host", "time": "2026-01-29T07:30:00Z"},
                    {"manager": "eas-host-scaling", "time": "2026-01-29T08:00:01Z"},
                    {"manager": "kube-controller-manager", "time": "2026-01-29T09:00:00Z"},
                ],
            },
            "spec": {"replicas": replicas},
            "status": {"observedGeneration": 2} | status,
        }
    )


def counts(total: int, updated: int, ready: int) -> Object:
    return {"replicas": total, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": ready}


def overdue(when: str) -> Object:
    """Its time for progress was over at that time."""
    why = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastUpdateTime": when}
    return {"conditions": [why]}


OVERDUE = {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}
STATES: dict[str, tuple[StoredService, str]] = {
    "new": (deployment(2, {}), "Waiting"),
    "runs": (deployment(2, counts(2, 2, 2)), "Running"),
    "one-is-not-ready": (deployment(2, counts(2, 2, 1)), "Waiting"),
    "old-ones-serve": (deployment(2, counts(3, 1, 2)), "Waiting"),
    "old-one-is-still-there": (deployment(2, counts(3, 2, 3)), "Waiting"),
    "change-is-not-seen-yet": (deployment(2, counts(2, 2, 2), generation=3), "Waiting"),
    "overdue": (deployment(2, counts(3, 1, 2) | OVERDUE), "Failed"),
    "overdue-before-the-last-change": (deployment(2, counts(3, 1, 2) | overdue("2026-01-29T08:00:00Z")), "Waiting"),
    "overdue-after-the-last-change": (deployment(2, counts(3, 1, 2) | overdue("2026-01-29T08:00:01Z")), "Failed"),
    "overdue-and-changed-again": (
        deployment(2, counts(3, 1, 2) | overdue("2026-01-29T08:00:01Z"), generation=3),
        "Waiting",
    ),
    "stopped": (deployment(0, {}, stopped="2"), "Stopped"),
}


@pytest.mark.parametrize(("service", "status"), STATES.values(), ids=STATES)
def test_status_is_one_of_those_of_eas(service: StoredService, status: str) -> None:
    assert service.status == status


def test_note_of_a_share_hides_no_failure() -> None:
    service = deployment(2, counts(3, 1, 2) | overdue("2026-01-29T08:00:01Z"))
    service.deployment["metadata"]["managedFields"].append(
        {"manager": "eas-host-release", "time": "2026-01-29T09:00:00Z"}
    )
    assert service.status == "Failed"


def test_what_is_kept_in_annotations() -> None:
    service = deployment(0, {}, stopped="4")
    assert (service.name, service.version, service.total, service.instances) == ("scorer_v2", 3, 0, 4)


@pytest.mark.parametrize(
    ("running", "line"),
    [
        (0, "Waiting [Total: 2, Pending: 2, Running: 0]"),
        (1, "Waiting [Total: 2, Pending: 1, Running: 1]"),
        (2, "Running [Total: 2, Pending: 0, Running: 2]"),
    ],
)
def test_line_of_progress_is_that_of_eascmd(running: int, line: str) -> None:
    assert RolloutState(deployment(2, counts(3, 2, 2)), running, 0, None).line == line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"time": "2026-12-01T14:10:01.452Z", "level": "ERROR", "message": "no such file"}', "[ERROR] no such file"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ('{"other": 1}', '{"other": 1}'),
        ("5", "5"),
    ],
)
def test_line_of_the_log_is_shown_as_on_a_terminal(line: str, shown: str) -> None:
    assert readable(line) == shown


def test_cluster_that_makes_no_replica_set_says_why() -> None:
    message = 'admission webhook "policy" denied the request'
    why = {"type": "Progressing", "status": "False", "reason": "ReplicaSetCreateError", "message": message}
    assert deployment(2, {"conditions": [why]}).failure == f"the cluster makes no instance: {message}"


def test_time_of_the_last_change_is_told_in_seconds() -> None:
    service = deployment(1, {})
    service.deployment["metadata"]["annotations"]["eas/updated"] = "2026-01-29T08:00:01.123456Z"
    assert service.updated == "2026-01-29T08:00:01Z"
