"""
The references of the documentation (scripts/docs_references.py) have all that the host has.

That a host shows the metrics of their reference is in tests/front/observe/test_metrics.py.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from eas_host import answers
from eas_host.answers import ANSWERS, AnswerKind
from eas_host.front.observe.metric_definitions import METRICS
from eas_host.reply import HTTP_STATUS
from support.build import ROOT

PACKAGE = ROOT / "host" / "eas_host"
ANSWERING = {"Response", "Outcome", "ErrorResponse", "text"}
"""What makes an answer of the host, of a status or of its kind, which comes first."""


def sources() -> Iterator[tuple[Path, ast.AST]]:
    for path in PACKAGE.rglob("*.py"):
        if "templates" not in path.parts:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def references() -> ModuleType:
    """The script that writes them."""
    spec = importlib.util.spec_from_file_location("docs_references", ROOT / "scripts" / "docs_references.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_host_writes_no_status_but_by_its_definition() -> None:
    """Only 200, of a handler that has done what was asked, is written as a number."""
    written = {
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.args[0].value}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ANSWERING
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, int)
        if node.args[0].value != answers.HANDLED.status
    }
    assert written == set()


def test_each_definition_of_an_answer_is_used() -> None:
    """None stays in the reference whose code is gone."""
    used = {
        node.attr
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "answers"
    }
    defined = {name for name, value in vars(answers).items() if isinstance(value, AnswerKind)}
    assert len(defined) == len(ANSWERS) > 40
    assert defined - used == set()


def test_answer_has_further_headers_where_its_definition_has() -> None:
    """Which they are is tested with each answer."""
    calls = [
        (node.args[0].attr, bool({keyword.arg for keyword in node.keywords} & {"extra"}))
        for _, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("ErrorResponse", "text")
        if node.args and isinstance(node.args[0], ast.Attribute) and hasattr(answers, node.args[0].attr)
    ]
    assert len(calls) > 40
    assert [(name, has) for name, has in calls if has != bool(getattr(answers, name).headers)] == []


def test_reference_of_statuses_has_each_answer(references: ModuleType) -> None:
    """Below the heading of its status, with what to do; and the codes of processors."""
    parts = references.write_statuses().split("\n## ")
    by_status = {part.partition(" ")[0]: part for part in parts}
    for kind in ANSWERS:
        part = by_status[str(kind.status)]
        assert f"| {kind.when} | {kind.fault.value} |" in part
        assert kind.advice in part
    returned = by_status["What"]
    ranges = [entry.partition(" to ") for entry in references.ranges(HTTP_STATUS)]
    assert {code for first, _, last in ranges for code in range(int(first), int(last or first) + 1)} | {0} == set(
        HTTP_STATUS
    )
    assert all("".join(entry) in returned for entry in ranges)


def test_reference_of_metrics_has_each_metric(references: ModuleType) -> None:
    page = references.write_metrics()
    for metric in METRICS:
        [row] = [line for line in page.splitlines() if f"`{metric.series[0]}`" in line]
        assert all(f"`{name}`" in row for name in metric.series)
        assert all(f"`{name}`: {meaning}" in row for name, meaning in metric.labels)
        assert metric.text in row
