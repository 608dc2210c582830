"""
The files of deploy/kubernetes: valid, and about metrics and labels that the host has. That the rights suffice is tested
in tests/management/test_rbac.py, and that the alerts fire in tests/management/test_alerts.py.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import validate

from eas_host.front.observe.metric_definitions import METRICS
from support.build import ROOT
from support.manifests import PLAIN, VERSIONS, make_manifest

FOLDER = ROOT / "deploy" / "kubernetes"
SERIES = {name: metric for metric in METRICS for name in metric.series}
OF_PROMETHEUS = {"namespace", "pod", "eas_service"}
"""Labels that a scrape adds: by the PodMonitor, the last one by its relabelling."""


def read(name: str) -> Any:  # noqa: ANN401  any YAML
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def expressions() -> list[str]:
    """All that are computed of metrics, in the alerts and on the dashboard."""
    rules = [rule for group in read("alerts.yaml")["spec"]["groups"] for rule in group["rules"]]
    board = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    choices = [one["definition"] for one in board["templating"]["list"] if "definition" in one]
    return [*(rule["expr"] for rule in rules), *shown, *choices]


def test_metrics_of_alerts_and_dashboard_are_those_of_the_host() -> None:
    found = {name for text in expressions() for name in re.findall(r"\beas_host_\w+", text)}
    assert len(found) > 10
    assert found - SERIES.keys() == set()
    for path in FOLDER.iterdir():  # also where texts name them
        assert set(re.findall(r"\beas_host_\w+", path.read_text(encoding="utf-8"))) <= SERIES.keys(), path


def test_labels_in_expressions_are_those_of_the_metrics() -> None:
    pairs = [pair for text in expressions() for pair in re.findall(r"\b(eas_host_\w+|up)\{([^}]*)\}", text)]
    assert len(pairs) > 10
    for name, matchers in pairs:
        labels = set(re.findall(r"(\w+)[=!]", matchers))
        own = {label for label, _ in SERIES[name].labels} if name in SERIES else set()
        assert labels <= own | OF_PROMETHEUS, name


def test_statuses_in_expressions_are_those_that_the_host_answers() -> None:
    text = "\n".join(expressions())
    assert re.findall(r'status=~?"([^"]+)"', text)
    assert set(re.findall(r'status=~?"([^"]+)"', text)) == {"450", "408|5.."}


def test_each_alert_says_what_to_do() -> None:
    (group,) = read("alerts.yaml")["spec"]["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert names == ["EasHostCrashLoop", "EasHostQueueFull", "EasHostErrors", "EasHostNoReadyPod"]
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description"}


def test_panels_of_the_dashboard_have_places_of_their_own() -> None:
    board = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels) > 10
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = {(x, y) for x in columns for y in rows}
        assert max(columns) < 24
        assert not cells & taken
        taken |= cells
        assert panel["targets"]
        assert all(target["legendFormat"] for target in panel["targets"])
    names = {one["name"] for one in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(board))) - {"__rate_interval", "__all"}
    assert used == names == {"source", "namespace", "service"}


def test_monitor_and_policy_find_what_a_manifest_makes(tmp_path: Path) -> None:
    """Labels, the port and its path, and the Secret with the key that has the token alone."""
    objects = make_manifest(tmp_path, PLAIN | {"name": "scorer", "token": "s3cret"}, "--network-policy")
    template = objects["Deployment"]["spec"]["template"]
    labels, (container,) = template["metadata"]["labels"], template["spec"]["containers"]
    monitor = read("podmonitor.yaml")["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert endpoint["path"] == template["metadata"]["annotations"]["prometheus.io/path"]
    assert endpoint["port"] in {port["name"] for port in container["ports"]}
    credentials = endpoint["authorization"]["credentials"]
    assert credentials["name"] == objects["Secret"]["metadata"]["name"]
    assert credentials["key"] in objects["Secret"]["data"]
    (relabelling,) = endpoint["relabelings"]
    source = re.sub(r"\W", "_", "__meta_kubernetes_pod_label_eas/service")
    assert (relabelling["sourceLabels"], relabelling["targetLabel"]) == ([source], "eas_service")
    assert "eas/service" in labels
    policy = read("scrape-policy.yaml")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    (rule,) = policy["ingress"]
    assert rule["ports"] == objects["NetworkPolicy"]["spec"]["ingress"][0]["ports"]


@pytest.mark.parametrize("name", ["rbac.yaml", "scrape-policy.yaml"])
def test_file_is_valid_for_several_kubernetes(name: str) -> None:
    """Those kinds of which Kubernetes knows nothing itself are of Prometheus's operator."""
    for version in VERSIONS:
        validate(read(name), version, strict=True)
    assert "namespace" not in read(name)["metadata"]
