"""
Each table of the benchmark, from one round of a second, has every row with all its figures, in all the forms in which
it is written. How fast anything is, is not asked.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.build import ROOT

BENCH = ROOT / "bench" / "run.py"
CAUSES = ("SIGSEGV", "abort", "_exit", "exit")
FORMS = ("bench.json", "bench.md", "bench.svg")

FIGURE = {
    "type": "object",
    "required": ["median", "low", "high", "rounds"],
    "additionalProperties": False,
    "properties": {
        "median": {"type": "number"},
        "low": {"type": "number"},
        "high": {"type": "number"},
        "rounds": {"type": "array", "items": {"type": "number"}, "minItems": 1},
    },
}
ROW = {
    "type": "object",
    "required": ["name", "subject", "settings", "figures"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "subject": {"type": "string"},
        "settings": {"type": "string", "minLength": 1},
        "figures": {"type": "object", "additionalProperties": {"anyOf": [FIGURE, {"type": "null"}]}},
    },
}
MISSING = {"type": "object", "required": ["name", "settings", "reason"], "additionalProperties": {"type": "string"}}
COLUMN = {"type": "object", "required": ["key", "title", "digits", "drawn"]}
TABLE = {
    "type": "object",
    "required": ["name", "title", "columns", "rows", "missing", "remark"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "title": {"type": "string"},
        "columns": {"type": "array", "items": COLUMN, "minItems": 3},
        "rows": {"type": "array", "items": ROW},
        "missing": {"type": "array", "items": MISSING},
        "remark": {"type": "string"},
    },
}
MACHINE = {"type": "object", "required": ["date", "commit", "cpu", "cores", "kernel", "memory_gib", "versions", "load"]}
DOCUMENT = {
    "type": "object",
    "required": ["version", "machine", "arguments", "rounds", "tables"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": 1},
        "machine": MACHINE,
        "arguments": {"type": "array", "items": {"type": "string"}},
        "rounds": {"const": 1},
        "tables": {"type": "array", "items": TABLE},
    },
}

needs_servers = pytest.mark.skipif(
    not (shutil.which("wrk") and shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")),
    reason="needs wrk and nginx",
)


def run_bench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One round of a second, without what would have to be downloaded."""
    quick = ("--rounds", "1", "--seconds", "1", "--warm-up", "0", "--peers", "none", "--output", str(folder))
    return subprocess.run(
        [sys.executable, str(BENCH), *quick, *words], capture_output=True, text=True, timeout=300, check=False
    )


def measured(folder: Path, *words: str) -> list[dict[str, Any]]:
    """The tables that it wrote, once their form is right, also as text and picture."""
    done = run_bench(folder, *words)
    assert done.returncode == 0, done.stderr
    document = json.loads((folder / "bench.json").read_text())
    jsonschema.validate(document, DOCUMENT)
    tables: list[dict[str, Any]] = document["tables"]
    picture = set(ET.fromstring((folder / "bench.svg").read_text()).itertext())  # noqa: S314  it is ours
    text = (folder / "bench.md").read_text()
    for table in tables:
        keys = {column["key"] for column in table["columns"]}
        assert any(column["drawn"] for column in table["columns"])
        for row in table["rows"]:
            assert set(row["figures"]) == keys
            assert row["name"] in picture
            for written in (done.stdout, text):
                assert f"| {row['name']} " in written
                assert f"- {row['subject']}: {row['settings']}" in written
    return tables


def has_figures(table: dict[str, Any], rows: list[str], *but: str) -> None:
    """Asserts that the rows of *table* are these, with all figures *but* some."""
    assert [row["name"] for row in table["rows"]] == rows
    for row in table["rows"]:
        assert {key for key, figure in row["figures"].items() if figure is None} == set(but)
    assert table["missing"] == []


@needs_servers
def test_bench_measures_echoes(tmp_path: Path) -> None:
    """The servers that are asked for, beside the baseline."""
    [table] = measured(tmp_path, "--only", "eas-host, cpp, process", "--only", "nginx")
    nginx, bare, host = table["rows"]
    has_figures({**table, "rows": [host]}, ["eas-host, cpp, process"])
    # Only this host counts its wake-ups.
    has_figures({**table, "rows": [nginx, bare]}, ["nginx, return 200", "uvloop + httptools, bare"], "wake_ups")


@needs_servers
def test_bench_measures_latency(tmp_path: Path) -> None:
    [table] = measured(tmp_path, "--only", "latency, bare")
    has_figures(table, [f"uvloop + httptools, bare, at {share} %" for share in (25, 50, 75)])


@needs_servers
def test_bench_measures_pings_beside_a_processor_that_computes(tmp_path: Path) -> None:
    [table] = measured(tmp_path, "--only", "ping")
    has_figures(table, ["idle", "beside 5 threads that compute"])


@needs_servers
def test_bench_measures_batches(tmp_path: Path) -> None:
    """With many clients and with one."""
    [table] = measured(tmp_path, "--only", "batches, adaptive, one", "--only", "batches, off")
    forms = ("off", "adaptive, one thread")
    has_figures(table, [f"{form}, {clients}" for form in forms for clients in ("32 clients", "one client")])


@needs_servers
def test_plot_of_batches_has_a_curve_for_each_form(tmp_path: Path) -> None:
    picture = tmp_path / "batching.svg"
    plot = [sys.executable, str(ROOT / "bench" / "batching_plot.py"), str(picture)]
    subprocess.run([*plot, "--seconds", "1", "--clients", "1,2"], timeout=120, check=True)
    words = list(ET.fromstring(picture.read_text()).itertext())  # noqa: S314  it is ours
    assert [word for word in words if word in {"off", "fixed", "adaptive"}] == ["off", "fixed", "adaptive"]


@needs_servers
def test_bench_measures_images_beside_a_bare_twin(tmp_path: Path) -> None:
    """The twin has no front."""
    [table] = measured(tmp_path, "--only", "images, cpp")
    host, twin = table["rows"]
    has_figures({**table, "rows": [host]}, ["eas-host, cpp"])
    has_figures({**table, "rows": [twin]}, ["bare twin, cpp"], "front_us")


@needs_servers
def test_bench_measures_how_long_each_death_takes(tmp_path: Path) -> None:
    [table] = measured(tmp_path, "--only", "deaths, cpp native")
    has_figures(table, [f"eas-host, cpp native: {cause}" for cause in CAUSES])


@needs_servers
def test_bench_varies_one_dimension_at_a_time(tmp_path: Path) -> None:
    """The first value of each is the base, under which the others are measured."""
    words = ("--connections", "2,1", "--body", "32,1048576", "--heads", "vary,same", "--work", "100", "--burners", "1")
    tables = measured(tmp_path, "--only", "echo, bare", *words)
    assert [table["title"].partition(", 100 ")[0] for table in tables] == [
        "2 connections, bodies of 32 bytes, heads that vary",
        "1 connection, bodies of 32 bytes, heads that vary",
        "2 connections, bodies of 1048576 bytes, heads that vary",
        "2 connections, bodies of 32 bytes, the same head in all requests",
    ]
    for table in tables:
        assert table["title"].endswith(", 100 µs of CPU time in each call, beside 1 busy loop")
        has_figures(table, ["uvloop + httptools, bare"], "wake_ups")


def test_a_peer_that_fails_is_reported_and_costs_no_other_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither if it cannot be started, nor if it fails in a later round: then it has no line at all."""
    monkeypatch.syspath_prepend(str(BENCH.parent))
    loop = importlib.import_module("measuring.loop")
    table = importlib.import_module("measuring.table")
    rounds: list[str] = []

    @contextlib.contextmanager
    def opened(name: str, fails_from: int) -> Iterator[Callable[[], Any]]:
        rounds.append(name)
        if rounds.count(name) >= fails_from:
            raise importlib.import_module("servers.tools").BenchError(f"{name} is broken")
        yield lambda: [table.Line(name, name, {"rate": 1.0})]

    subjects = [
        table.Subject(name, "as it is", functools.partial(opened, name, fails_from), optional=True)
        for name, fails_from in (("never", 1), ("once", 2), ("always", 9))
    ]
    columns = [table.figure("rate", "requests/s", 0)]
    result = loop.measure_table(table.Table("echo", "a load", subjects, columns), 3)
    assert list(result.lines) == ["always"]
    assert result.figure("always", columns[0]).rounds == [1.0, 1.0, 1.0]
    assert result.missing == {"never": "never is broken", "once": "once is broken"}
    assert rounds == ["never", "once", "always", "once", "always", "always"]


@needs_servers
def test_bench_keeps_a_run_on_its_page_in_place_of_the_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The rest of the page stays, and each run has a line in the history."""
    measured(tmp_path, "--only", "echo, bare")
    document = json.loads((tmp_path / "bench.json").read_text())
    shutil.copy(BENCH.parent / "README.md", tmp_path)
    monkeypatch.syspath_prepend(str(BENCH.parent))
    publish = importlib.import_module("report.publish").publish
    publish(document, tmp_path)
    once = (tmp_path / "README.md").read_text()
    publish(document, tmp_path)
    assert (tmp_path / "README.md").read_text() == once
    assert once.startswith((BENCH.parent / "README.md").read_text().partition("## The last run\n")[0])
    assert (tmp_path / "bench.md").read_text() in once
    first, second = map(json.loads, (tmp_path / "history.jsonl").read_text().splitlines())
    assert first == second
    assert list(first["tables"][0]["medians"]) == ["uvloop + httptools, bare"]
