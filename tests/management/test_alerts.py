"""
The alerts and the dashboard of deploy/kubernetes, by Prometheus's own promtool: their expressions are valid, and each
alert fires when it must, and not before. `tests/cluster/up build` takes promtool from Debian's package.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from support.build import ROOT, run
from support.kubernetes import PROGRAMS

FOLDER = ROOT / "deploy" / "kubernetes"


def series(name: str, pod: str = "a", **labels: str) -> str:
    """A series of a pod of the service."""
    all_labels = {"namespace": "models", "eas_service": "scorer", "pod": pod} | labels
    return f"{name}{{{', '.join(f'{label}={json.dumps(value)}' for label, value in all_labels.items())}}}"


def requests(status: str) -> str:
    return series("eas_host_requests_total", status=status)


def deaths(cause: str) -> str:
    return series("eas_host_worker_deaths_total", cause=cause)


MEMORY = "eas_host_worker_resident_bytes"
CASES: dict[str, tuple[str, dict[str, str], int | None]] = {
    "crashes": ("EasHostCrashLoop", {deaths("crash"): "0 1 2 3 4 5 6 7 8 9"}, 4),
    "few-crashes": ("EasHostCrashLoop", {deaths("crash"): "0 1 2 2 2 2 2 2 2 2"}, None),
    "killed": ("EasHostCrashLoop", {deaths("killed"): "0+1x9"}, None),
    "queue": ("EasHostQueueFull", {requests("450"): "0+6x9"}, 2),
    "no-queue": ("EasHostQueueFull", {requests("200"): "0+60x9", requests("450"): "7x9"}, None),
    "errors": ("EasHostErrors", {requests("200"): "0+90x9", requests("500"): "0+4x9", requests("408"): "0+6x9"}, 3),
    "few-errors": (
        "EasHostErrors",
        {requests("200"): "0+96x9", requests("500"): "0+4x9", requests("400"): "0+50x9"},
        None,
    ),
    "down": ("EasHostNoReadyPod", {series("up"): "0x9"}, 2),
    "no-worker": ("EasHostNoReadyPod", {series("up"): "1x9"}, 2),
    "one-of-two": (
        "EasHostNoReadyPod",
        {series("up"): "0x9", series("up", "b"): "1x9", series(MEMORY, "b"): "5x9"},
        None,
    ),
    "no-service": ("EasHostNoReadyPod", {'up{namespace="models", pod="a"}': "0x9"}, None),
}
"""An alert, what Prometheus sees minute by minute, and from which minute on it fires; None: never."""


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool", path=f"{PROGRAMS}:/usr/bin")
    if found is None:
        pytest.skip(f"{PROGRAMS} has no promtool; tests/cluster/up build takes it from Debian's package prometheus")
    return found


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """As Prometheus itself reads them."""
    file = tmp_path / "rules.yaml"
    content = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(content["spec"]), encoding="utf-8")
    return file


def test_rules_are_valid(promtool: str, rules: Path) -> None:
    run(promtool, "check", "rules", "--lint-fatal", rules)


def test_expressions_of_the_dashboard_are_valid(promtool: str, tmp_path: Path) -> None:
    board = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(shown) > 10
    recorded = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "1m")}
        for number, text in enumerate(shown)
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}), encoding="utf-8")
    run(promtool, "check", "rules", "--lint-fatal", file)


@pytest.mark.parametrize(("alert", "seen", "minute"), CASES.values(), ids=CASES)
def test_alert_fires_when_it_must(
    promtool: str, rules: Path, alert: str, seen: dict[str, str], minute: int | None
) -> None:
    firing = [{"labels": "{}", "value": 1}]
    expected = {minute - 1: [], minute: firing, 9: firing} if minute is not None else {3: [], 9: []}
    count = f'count(ALERTS{{alertname="{alert}", alertstate="firing", namespace="models", eas_service="scorer"}})'
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in seen.items()],
        "promql_expr_test": [
            {"expr": count, "eval_time": f"{at}m", "exp_samples": samples} for at, samples in expected.items()
        ],
    }
    file = rules.with_name("test.yaml")
    content = {"rule_files": [rules.name], "evaluation_interval": "1m", "tests": [test]}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    run(promtool, "test", "rules", file)
