"""
What is counted, and how it is shown: as JSON for people, for Prometheus, and with the metrics of programs.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from eas_host.front.observe.metric_definitions import METRICS
from eas_host.front.observe.metrics import Totals
from support.columns import columns
from support.gate import Gate
from support.host import Host, StartHost
from support.wire import Response, command

REALTIME = "/api/builtin/realtime_metrics"
HOST_OPTIONS = {"keepalive": 60_000}


def post(host: Host, items: object, query: str = "") -> Response:
    return host.call(json.dumps(items).encode(), REALTIME + query)


def kept(host: Host) -> list[dict[str, Any]]:
    answer = host.call(None, REALTIME, "GET")
    assert (answer.status, answer.get("Content-Type")) == (200, "application/json")
    items: list[dict[str, Any]] = json.loads(answer.body)
    return items


def monitor(host: Host) -> dict[str, Any]:
    answer = host.call(None, "/api/builtin/monitor", "GET")
    assert (answer.status, answer.get("Content-Type")) == (200, "application/json")
    counters: dict[str, Any] = json.loads(answer.body)
    return counters


def families(host: Host) -> dict[str, Metric]:
    """The exposition, as Prometheus' own client reads it; a name, or a sample, that is there twice is an error."""
    answer = host.call(None, "/api/builtin/metrics", "GET")
    assert answer.status == 200
    assert (answer.get("Content-Type") or "").startswith("text/plain; version=")
    read = list(text_string_to_metric_families(answer.text))
    names = [family.name for family in read]
    assert len(names) == len(set(names)), names
    samples = [(sample.name, sorted(sample.labels.items())) for family in read for sample in family.samples]
    assert all(samples.count(sample) == 1 for sample in samples)
    return {family.name: family for family in read}


def number(host: Host, name: str, **labels: str) -> float | None:
    for family in families(host).values():
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                value: float = sample.value
                return value
    return None


# The host's own.


def test_requests_are_counted_once_by_their_status(start: StartHost) -> None:
    """The status is that which the client saw, whoever answered."""
    host = start(language="python", worker_threads=1)
    host.allow_log(r"process (raised|returned)")
    for body, status in (
        (b"x", 200),
        (b"y", 200),
        (command("status", "0:"), 200),
        (command("status", "404:"), 404),
        (command("status", "-7:"), 400),
        (command("throw", "no"), 400),
        (command("nothing"), 400),
    ):
        assert host.call(body).status == status
    with host.connect() as client:
        assert client.call(b"x", method="DELETE").status == 405
    counters = monitor(host)
    requests = counters["requests"]
    assert (requests["200"], requests["400"], requests["404"], requests["405"]) == (3, 3, 1, 1)
    family = families(host)["eas_host_requests"]
    assert family.type == "counter"
    assert {sample.labels["status"]: sample.value for sample in family.samples} == requests


def test_metrics_are_those_that_the_reference_is_made_of(start: StartHost) -> None:
    """With their types, meanings and labels; a crash gives each label a value."""
    host = start(language="cpp")
    assert host.call(b"x").status == 200
    assert host.call(command("die", "segv")).status == 500
    host.expect_log("SIGSEGV")
    assert host.call(b"x").status == 200
    shown = families(host).values()
    assert [(family.name, family.type, family.documentation) for family in shown] == [
        (metric.name, metric.kind, metric.text) for metric in METRICS
    ]
    for family, metric in zip(shown, METRICS, strict=True):
        assert {sample.name for sample in family.samples} == set(metric.series)
        labels = {name for sample in family.samples for name in sample.labels}
        assert labels == {name for name, _ in metric.labels}


def test_requests_through_call_and_tell_are_counted(start: StartHost, gate: Gate) -> None:
    """Like all that are for the processor; what else the handlers do is no load of the service."""
    host = start(language="python", worker_threads=1, max_queue_size=1, keepalive=60_000)
    call, tell = "/api/builtin/call", "/api/builtin/tell"
    with host.ask(gate.command(), call) as running:
        gate.wait_entered()
        assert host.call(b"x", tell).status == 202
        assert [host.call(b"x", path).status for path in (call, tell)] == [450, 450]
        gone = host.ask(b"x", call)
        assert gone.read().status == 450
        gone.close()
        gate.release()
        assert running.read().status == 200
    assert host.call(b"x").status == 200
    assert host.call(b"[", REALTIME).status == 400
    assert monitor(host)["requests"] == {"200": 3, "450": 3}


def test_received_and_sent_bytes_are_counted(start: StartHost) -> None:
    host = start(language="python")
    assert host.call(b"x" * 1000).status == 200
    assert host.call(b"y" * 3_000_000).status == 200
    assert host.call(command("size", "5000")).status == 200
    received = 1000 + 3_000_000 + len(command("size", "5000"))
    assert number(host, "eas_host_received_bytes_total") == received
    sent = number(host, "eas_host_sent_bytes_total")
    assert sent is not None
    assert sent >= 1000 + 3_000_000 + 5000
    assert monitor(host)["received_bytes"] == received


def test_wake_ups_in_both_directions_are_counted(start: StartHost) -> None:
    """Without polling, and with nothing else in the host, the thread sleeps before each request, and the front, too."""
    host = start(busy_poll=0)
    names = ("eas_host_thread_wakeups_total", "eas_host_front_wakeups_total")
    before = [number(host, name) or 0 for name in names]
    for _ in range(20):
        assert host.call(b"x").status == 200
    after = [number(host, name) or 0 for name in names]
    assert all(now >= then + 10 for then, now in zip(before, after, strict=True)), (before, after)


def test_duration_histogram_has_each_request_once(start: StartHost) -> None:
    """Cumulative, ends in +Inf."""
    host = start(language="python")
    for _ in range(7):
        host.call(b"x")
    family = families(host)["eas_host_request_duration_seconds"]
    assert family.type == "histogram"
    buckets = [(float(s.labels["le"]), s.value) for s in family.samples if s.name.endswith("_bucket")]
    bounds, counts = zip(*buckets, strict=True)
    assert bounds[0] == 0.0005
    assert bounds[-2:] == (10.0, float("inf"))
    assert list(bounds) == sorted(bounds)
    assert list(counts) == sorted(counts)
    (total,) = [sample.value for sample in family.samples if sample.name.endswith("_count")]
    assert counts[-1] == total
    assert total == 7
    latency = monitor(host)["latency_ms"]
    assert latency["p50"] <= latency["p90"] <= latency["p99"]
    assert latency["mean"] > 0


def test_monitor_shows_current_queue_workers_and_connections(start: StartHost, gate: Gate) -> None:
    host = start(language="python", worker_threads=2, keepalive=60_000)
    counters = monitor(host)
    assert (counters["queue_length"], counters["busy_workers"], counters["worker_threads"]) == (0, 0, 2)
    assert counters["ready"] is True
    assert counters["uptime_seconds"] >= 0
    clients = [host.ask(gate.command()) for _ in range(3)]
    gate.wait_entered(2)
    while (counters := monitor(host))["queue_length"] != 1:
        pass
    assert counters["busy_workers"] == 2
    assert counters["connections"] == 4
    for name, value in (("queue_length", 1), ("busy_workers", 2), ("workers", 2), ("connections", 4)):
        assert number(host, f"eas_host_{name}") == value
    gate.release(3)
    for client in clients:
        assert client.read().status == 200
        client.close()
    assert monitor(host)["busy_workers"] == 0


def test_worker_restarts_and_deaths_are_counted(start: StartHost) -> None:
    host = start(language="cpp")
    assert number(host, "eas_host_worker_restarts_total") == 0
    assert host.call(command("die", "segv")).status == 500
    host.expect_log("SIGSEGV")
    assert host.call(b"x").body == b"x"
    assert number(host, "eas_host_worker_restarts_total") == 1
    assert number(host, "eas_host_worker_deaths_total", cause="crash") == 1
    assert monitor(host)["worker_restarts"] == 1
    assert number(host, "eas_host_requests_total", status="500") == 1


def test_quantiles_are_interpolated_within_a_bucket() -> None:
    """The line between the bounds is straight, as Prometheus estimates them."""

    def totals(**counts: int) -> Totals:
        buckets = [0] * 15
        for bucket, count in counts.items():
            buckets[int(bucket[1:])] = count
        return Totals({}, tuple(buckets), 0.0, 0, 0, 0, 0, 0, (), 0, 0.0)

    assert totals().quantile(0.5) is None
    assert totals(b0=10).quantile(0.5) == pytest.approx(0.00025)
    assert totals(b0=10).quantile(1.0) == pytest.approx(0.0005)
    assert totals(b1=50, b4=50).quantile(0.5) == pytest.approx(0.001)
    assert totals(b1=50, b4=50).quantile(0.75) == pytest.approx(0.0075)
    assert totals(b14=1).quantile(0.5) == 10.0
    assert totals(b13=1, b14=1).quantile(0.99) == 10.0


# The programs' own.


@columns("python-process")
def test_realtime_metrics_are_stored_and_shown(host: Host) -> None:
    """They have the documented form; the newest value of a name and its tags stays."""
    items = [
        {"name": "qps", "value": 12.5},
        {"name": "qps", "value": 3, "tags": {"model": "a"}},
        {"name": "\u5ef6\u8fdf \u6beb\u79d2", "value": -0.25, "tags": {"\u533a": "\u4e0a\u6d77", "": "x"}},
    ]
    assert post(host, items[:2]).status == 200
    assert post(host, [], "?internal=true").status == 200
    items[2]["tags"] = {"\u533a": "\u4e0a\u6d77"}
    assert post(host, items[2:], "?internal=true").body == b"OK\n"
    again = [{"name": "qps", "value": 4, "tags": {"model": "a"}}, {"name": "none", "value": 1, "tags": None}]
    assert post(host, again).status == 200
    shown = {(item["name"], str(item.get("tags"))): item["value"] for item in kept(host)}
    assert shown == {
        ("qps", "None"): 12.5,
        ("qps", "{'model': 'a'}"): 4,
        ("\u5ef6\u8fdf \u6beb\u79d2", "{'\u533a': '\u4e0a\u6d77'}"): -0.25,
        ("none", "None"): 1,
    }


GOOD = {"name": "good", "value": 1}


@columns("python-process")
@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ({"name": "a", "value": 1}, "expected a JSON array"),
        (None, "expected a JSON array"),
        ([GOOD, "a"], "item 1: expected {"),
        ([{"value": 1}], "item 0: name: expected a text"),
        ([{"name": "", "value": 1}], "item 0: name: expected a text"),
        ([{"name": 5, "value": 1}], "item 0: name: expected a text"),
        ([{"name": "a\nb", "value": 1}], "item 0: name: expected 256 printable"),
        ([{"name": "\ud800", "value": 1}], "item 0: name: expected 256 printable"),
        ([{"name": "n" * 257, "value": 1}], "item 0: name: expected 256"),
        ([GOOD, GOOD, {"name": "a"}], "item 2: value: expected a number"),
        ([{"name": "a", "value": "1"}], "item 0: value: expected a number"),
        ([{"name": "a", "value": True}], "item 0: value: expected a number"),
        ([{"name": "a", "value": 1, "tags": []}], "item 0: tags: expected an object"),
        ([{"name": "a", "value": 1, "tags": {"t": ["x"]}}], "item 0: tags: 't': expected a text"),
        ([{"name": "a", "value": 1, "tags": {"": "x"}}], "item 0: tags: a name: expected a text"),
        ([{"name": "a", "value": 1, "tags": {"t": "x" * 257}}], "item 0: tags: 't': expected 256"),
        ([{"name": "a", "value": 1, "tags": {str(n): "x" for n in range(33)}}], "item 0: tags: expected 32"),
        ([{"name": "eas_host_requests", "value": 1}], "item 0: name 'eas_host_requests' belongs to the host"),
        ([{"name": "eas-host.requests", "value": 1}], "belongs to the host"),
        ([{"name": "eas_host", "value": 1}], "belongs to the host"),
    ],
)
def test_wrong_realtime_metrics_answer_400_and_store_nothing(host: Host, items: object, problem: str) -> None:
    """The answer has the place and the reason."""
    before = kept(host)
    answer = post(host, items)
    assert answer.status == 400
    assert problem in answer.text
    assert kept(host) == before


@columns("python-process")
@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "9" * 200_000, "", "01", "1_0"]
)
def test_realtime_metric_that_is_not_a_finite_number_answers_400(host: Host, value: str) -> None:
    answer = host.call(f'[{{"name": "a", "value": {value}}}]'.encode(), REALTIME)
    assert answer.status == 400
    assert answer.text.strip()


@columns("python-process")
@pytest.mark.parametrize("body", [b"", b"[", b"\xff\xfe\xfd", b"[" * 200_000, b"[1,]"])
def test_realtime_metrics_that_are_not_json_answer_400(host: Host, body: bytes) -> None:
    answer = host.call(body, REALTIME)
    assert answer.status == 400
    assert "JSON" in answer.text or "nested" in answer.text


def test_at_most_1000_series_of_realtime_metrics_are_kept(start: StartHost) -> None:
    """The values of those that are there still change."""
    host = start(language="python")
    assert post(host, [{"name": "n", "value": 0, "tags": {"t": str(n)}} for n in range(999)]).status == 200
    answer = post(host, [{"name": "new", "value": 0}, {"name": "new", "value": 1}, {"name": "more", "value": 2}])
    assert answer.status == 400
    assert "item 2: there are 1000 series" in answer.text
    assert len(kept(host)) == 999
    assert post(host, [{"name": "new", "value": 0}, {"name": "n", "value": 7, "tags": {"t": "0"}}]).status == 200
    assert {"name": "n", "value": 7, "tags": {"t": "0"}} in kept(host)


def test_realtime_metrics_are_prometheus_gauges(start: StartHost) -> None:
    """Names get Prometheus' characters; of two that become the same name the newest is kept."""
    host = start(language="python")
    items = [
        {"name": "queue time", "value": 1.5},
        {"name": "queue.time", "value": 2.5, "tags": {"model-name": 'a "b"\\c'}},
        {"name": "queue-time", "value": 3.5, "tags": {"model.name": 'a "b"\\c'}},
        {"name": "queue_time", "value": 4, "tags": {"other": "x", "one more": 8}},
        {"name": "9lives", "value": 9, "tags": {"__name__": "evil", "5": "five"}},
        {"name": "\u5ef6\u8fdf", "value": 5},
        {"name": "requests_total", "value": 6},
    ]
    assert post(host, items).status == 200
    read = families(host)
    assert read["queue_time"].type == "gauge"
    assert [(sample.labels, sample.value) for sample in read["queue_time"].samples] == [
        ({}, 1.5),
        ({"model_name": 'a "b"\\c'}, 3.5),
        ({"other": "x", "one_more": "8"}, 4),
    ]
    assert [(sample.labels, sample.value) for sample in read["_9lives"].samples] == [
        ({"_name__": "evil", "_5": "five"}, 9)
    ]
    assert read["_"].samples[0].value == 5
    assert read["requests_total"].samples[0].value == 6
    assert "eas_host_requests" in read


def held(pids: list[int], kind: str) -> list[int]:
    """How many entries of one *kind* the processes have in /proc."""
    return [len(list(Path("/proc", str(pid), kind).iterdir())) for pid in pids]


def has_last_thread(pid: int) -> bool:
    """Whether a worker with five threads has started the last one: none comes after it."""
    names = []
    for task in Path("/proc", str(pid), "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            names.append((task / "comm").read_text().strip())
    return "eas-4" in names


def test_usage_of_each_worker_is_shown(start: StartHost) -> None:
    host = start(worker_processes=2, worker_threads=5)
    pids = [worker["pid"] for worker in monitor(host)["workers"]]
    assert sorted(pids) == sorted(host.workers())
    while not all(map(has_last_thread, pids)):
        pass  # they are ready before
    for shown, folder in (("threads", "task"), ("descriptors", "fd")):
        while [worker[shown] for worker in monitor(host)["workers"]] != held(pids, folder):
            pass  # a thread may open a file for a moment
    workers = monitor(host)["workers"]
    assert [worker["worker"] for worker in workers] == [0, 1]
    report = host.call(None, "/api/builtin/eastool", "POST").text
    for worker in workers:
        labels = {"model": "", "worker": str(worker["worker"])}
        assert number(host, "eas_host_worker_open_descriptors", **labels) == worker["descriptors"]
        assert number(host, "eas_host_worker_process_threads", **labels) == worker["threads"]
        resident = number(host, "eas_host_worker_resident_bytes", **labels)
        assert resident == pytest.approx(worker["resident_bytes"], rel=0.2)
        line = (
            rf"worker {worker['worker']}: process {worker['pid']}, [\d.]+ MiB in memory, {worker['descriptors']} open"
        )
        assert re.search(rf"^{line} descriptors, {worker['threads']} threads$", report, re.MULTILINE), report
