"""
An autoscaler as a cluster has it, in the words of a description.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eas_host.management.autoscaler import StoredAutoscaler, nested, report, row
from support.manifests import PLAIN, make_manifest

Object = dict[str, Any]

DESCRIBED: dict[str, Object] = {
    "cpu": {"min": 2, "max": 5, "strategies": {"cpu": 60}},
    "qps": {"min": 1, "max": 3, "strategies": {"qps": 10.5}},
    "many": {"min": 1, "max": 3000, "strategies": {"qps": 0.001, "custom[eas_host_queue_length]": 2000}},
    "windows": {
        "min": 1,
        "max": 2,
        "strategies": {"cpu": 1},
        "behavior": {"scaleUp": {"stabilizationWindowSeconds": 9}, "scaleDown": {"stabilizationWindowSeconds": 0}},
    },
}


@pytest.mark.parametrize("wanted", DESCRIBED.values(), ids=DESCRIBED)
def test_what_is_made_of_a_description_is_read_back_as_one(tmp_path: Path, wanted: Object) -> None:
    objects = make_manifest(tmp_path, PLAIN | {"metadata": {"cpu": 1}, "autoscaler": wanted})
    assert StoredAutoscaler(objects["HorizontalPodAutoscaler"]).description == wanted


def scaler(status: Object) -> StoredAutoscaler:
    metrics = [
        {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
        },
        {
            "type": "Pods",
            "pods": {
                "metric": {"name": "eas_requests_per_second"},
                "target": {"type": "AverageValue", "averageValue": "2k"},
            },
        },
    ]
    return StoredAutoscaler({"spec": {"minReplicas": 1, "maxReplicas": 3, "metrics": metrics}, "status": status})


def test_row_tells_the_bounds_the_aims_and_what_is_now() -> None:
    cpu = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 7, "averageValue": "7m"}}}
    name = {"name": "eas_requests_per_second"}
    qps = {"type": "Pods", "pods": {"metric": name, "current": {"averageValue": "4200m"}}}
    told = report(scaler({"currentMetrics": [cpu, qps]}))
    assert row(told) == "1 to 3 instances by cpu 60 (7 now), qps 2000 (4.2 now)"
    assert json.loads(json.dumps(told)) == {
        "MinReplica": 1,
        "MaxReplica": 3,
        "Behavior": {},
        "ScaleStrategies": [{"metricName": "cpu", "threshold": 60}, {"metricName": "qps", "threshold": 2000}],
        "CurrentMetrics": [{"metricName": "cpu", "value": 7}, {"metricName": "qps", "value": 4.2}],
        "Message": "",
    }


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("50Mi", 50 * 2**20),
        ("3T", 3 * 10**12),
        ("5u", 5e-06),
        ("3E", 3 * 10**18),
        ("3E2", 300),
        ("1.5", 1.5),
        ("-2k", -2000),
    ],
)
def test_quantities_of_other_metrics_are_read(quantity: str, number: float) -> None:
    assert scaler({"currentMetrics": [current(quantity)]}).currents == {"custom[x]": number}


@pytest.mark.parametrize("quantity", ["", "5x", "Mi", "1.2.3", "NaN"])
def test_what_is_no_quantity_is_left_out(quantity: str) -> None:
    assert scaler({"currentMetrics": [current(quantity)]}).currents == {}


def current(quantity: str) -> Object:
    return {"type": "Pods", "pods": {"metric": {"name": "x"}, "current": {"averageValue": quantity}}}


def condition(kind: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": "False", "reason": reason, "message": message}


def test_row_tells_why_it_does_not_scale() -> None:
    message = "the HPA was unable to compute the replica count: no metrics API"
    told = report(scaler({"conditions": [condition("ScalingActive", "FailedGetPodsMetric", message)]}))
    assert row(told).splitlines() == ["1 to 3 instances by cpu 60, qps 2000", message]


def test_stopped_service_is_no_fault() -> None:
    stopped = condition("ScalingActive", "ScalingDisabled", "scaling is disabled since the replica count is zero")
    assert scaler({"conditions": [stopped]}).fault == ""


def test_bracket_ends_the_path_of_a_key() -> None:
    """The name of a metric may have a dot."""
    assert nested({"min": 1, "strategies.custom[a.b]": 2}) == {"min": 1, "strategies": {"custom[a.b]": 2}}
