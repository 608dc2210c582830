"""
The YAML in docs/cluster.md, which clusters other than that of the tests would read.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from eas_host.cluster.names import object_name
from eas_host.cluster.rollout import QPS_METRIC
from eas_host.front.observe.metric_definitions import METRICS
from support.build import ROOT

TEXT = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
SERIES = {name for metric in METRICS for name in metric.series}


def blocks() -> list[Any]:
    return [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)]


def test_each_metric_of_the_host_that_is_named_exists() -> None:
    named = set(re.findall(r"\beas_host_\w+", TEXT))
    assert {"eas_host_requests_total", "eas_host_queue_length"} <= named
    assert named <= SERIES


def test_adapter_offers_what_strategies_ask_for() -> None:
    (rules,) = [block["rules"] for block in blocks() if "rules" in block]
    assert [rule["name"]["as"] for rule in rules if "name" in rule] == [QPS_METRIC]
    assert all(rule["resources"]["overrides"].keys() == {"namespace", "pod"} for rule in rules)
    assert all({"seriesQuery", "metricsQuery"} <= rule.keys() for rule in rules)


def test_scaled_object_is_about_the_pods_of_one_service() -> None:
    """And of no other one, whose name begins in the same way."""
    (scaled,) = [block for block in blocks() if block.get("kind") == "ScaledObject"]
    base = scaled["spec"]["scaleTargetRef"]["name"]
    assert base == object_name("scorer")
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    pods = re.compile(query.partition('pod=~"')[2].partition('"')[0])
    assert pods.fullmatch(f"{base}-5d7c849f6b-x1z9q")
    assert not pods.fullmatch(f"{object_name('scorer-2')}-5d7c849f6b-x1z9q")
