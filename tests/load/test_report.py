"""
The report as text, as JSON and as charts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from eas_host.load.advice import Advice, ServiceWorkers
from eas_host.load.charts import draw_svg, format_bars
from eas_host.load.cpu import CpuTimes
from eas_host.load.measurement import Measurement
from eas_host.load.report import Result, format_report, to_json
from support.build import ROOT

SVG = "{http://www.w3.org/2000/svg}"
URL = "http://127.0.0.1:8080/a?b=<&c=1"


def step(
    concurrency: int, milliseconds: float, *, split: bool = True, full: int = 0, batch: int = 0, parts: bool = False
) -> Measurement:
    measured = Measurement(concurrency=concurrency, seconds=2.0, sent=10 + full)
    for _ in range(10):
        measured.count_answer(200, b"")
        measured.latency.add(milliseconds / 1000)
        if split:
            measured.queue.add(0.001)
            measured.call.add(0.002)
        if batch:
            measured.batches.add(batch, 0.002)
        if parts:
            measured.first.add(0.001)
    for _ in range(full):
        measured.count_answer(450, b"the queue\x1b is full\n")
    return measured


def text(result: Result) -> str:
    return "\n".join(format_report(result))


def test_table_has_a_line_for_each_step() -> None:
    lines = text(Result(URL, [step(1, 10), step(2, 20)])).splitlines()
    heading = "concurrency requests/s p50ms p90ms p99ms maxms queuep50 queuep99 callp50 callp99 errors"
    assert [column.replace(" ", "") for column in re.split("  +", lines[0])] == heading.split()
    assert [re.split(r"  +", line.strip())[0] for line in lines[1:3]] == ["1", "2"]
    assert lines[1].split()[-1] == "0"
    assert lines[-1] == "most: 5.0 requests/s at concurrency 1, p99 10.00 ms"


def test_without_the_times_of_the_host_their_columns_are_left_out() -> None:
    assert "queue" not in text(Result(URL, [step(1, 10, split=False)]))


def test_batches_and_answers_in_parts_have_columns_of_their_own() -> None:
    """A step that has none of them has a hyphen."""
    lines = text(Result(URL, [step(1, 10), step(4, 20, batch=4), step(2, 20, split=False, parts=True)])).splitlines()
    heading = re.split("  +", lines[0])
    assert heading[6:8] == ["first p50", "first p99"]
    assert heading[-2:] == ["batch", "errors"]
    rows = [dict(zip(heading, line.split(), strict=True)) for line in lines[1:4]]
    assert [row["batch"] for row in rows] == ["-", "4.0", "-"]
    assert [row["first p99"] for row in rows] == ["-", "-", "1.00"]
    assert [row["call p99"] for row in rows] == ["2.00", "2.00", "-"]
    assert not {"batch", "first p50"} & set(re.split("  +", text(Result(URL, [step(1, 10)])).splitlines()[0]))


def test_errors_are_told_with_the_first_body() -> None:
    """What a terminal could take for a command is escaped."""
    lost = step(2, 20, full=3)
    lost.lost, lost.unanswered = 2, 1
    report = text(Result(URL, [step(1, 10), lost]))
    assert "errors: 3 x status 450, 2 x connection lost, 1 x not answered\n" in report
    assert "the first: 450: the queue\\x1b is full\n" in report


def test_limit_that_no_step_kept_is_told() -> None:
    assert "most with p99 within 15 ms: 5.0 requests/s at concurrency 1" in text(
        Result(URL, [step(1, 10), step(2, 20)], slo=0.015)
    )
    assert "no load was answered with p99 within 5 ms" in text(Result(URL, [step(1, 10)], slo=0.005))
    assert "no load was answered, with at most 1 % errors" in text(Result(URL, [step(1, 10, full=1)]))


def test_generator_that_was_the_limit_is_told() -> None:
    busy = step(8, 10)
    busy.cpu = CpuTimes(1.9, 0.0, 0.5, 0.5, 0.0, 2)
    assert (
        "concurrency 8: the generator of the load used 0.95 of a core and waited for one 0% of the time: it was a limit"
        in text(Result(URL, [busy]))
    )


def full_result() -> Result:
    failed = step(2, 20, full=3, batch=5)
    failed.cpu = CpuTimes(1.9, 0.0, 0.5, 0.5, 0.0, 2)
    advice = Advice(1, 2, "because")
    return Result(URL, [step(1, 10), failed], 0.5, ServiceWorkers("python", 10, 2), advice, step(2, 5), "they pay")


def test_advice_says_what_there_was_and_what_was_tried() -> None:
    report = text(full_result())
    assert "advice: worker_threads 1, worker_processes 2 (now 5 and 2): because\n" in report
    assert report.endswith("tried: 5.0 requests/s at concurrency 2, p99 5.00 ms\nbatching: they pay")


def keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_json_has_exactly_the_documented_keys() -> None:
    found = {key for key in keys(json.loads(json.dumps(to_json(full_result())))) if not key.isdecimal()}
    document = (ROOT / "docs" / "load.md").read_text(encoding="utf-8").partition("## JSON")[2]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", document, re.MULTILINE) for name in re.findall("`(.+?)`", row)
    }
    assert named == found


def test_json_has_what_was_counted() -> None:
    printed = to_json(full_result())
    first, second = printed["steps"]
    assert (printed["best"], printed["slo_ms"], printed["url"]) == (0, 500, URL)
    assert (second["sent"], second["answered"], second["succeeded"], second["errors"]) == (13, 13, 10, 3)
    assert (second["statuses"], second["limited_by"]) == ({"200": 10, "450": 3}, "generator")
    assert second["first_error"] == {"status": 450, "body": "the queue\x1b is full\n"}
    assert (first["batch"], second["batch"]) == (None, {"mean": 5, "requests": {"5": 10}})
    assert printed["batching"] == "they pay"
    assert (first["first_error"], first["cpu_seconds"], first["call_ms"]["max"]) == (None, None, 2.0)
    assert to_json(Result(URL, [step(1, 1, split=False)]))["steps"][0]["queue_ms"] is None


def test_svg_has_a_point_for_each_step() -> None:
    """It is well-formed, whatever the URL."""
    root = ET.fromstring(draw_svg(full_result()))  # noqa: S314  our own
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title") == URL
    lines = [line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")]
    assert [len(points) for points in lines] == [2] * 5
    assert len([line for line in root.iter(f"{SVG}line") if line.attrib["class"] == "limit"]) == 1
    height = float(root.attrib["height"])
    assert all(0 <= float(point.split(",")[1]) <= height for points in lines for point in points)


def test_charts_of_steps_without_success_can_be_drawn() -> None:
    """Of rates, too."""
    failed = Measurement(rate=10.0, seconds=1.0, sent=10, lost=10)
    ET.fromstring(draw_svg(Result(URL, [failed])))  # noqa: S314  as above
    assert "rate 10/s" in format_bars([failed], "#")


def test_bars_are_as_long_as_the_values() -> None:
    longer = format_bars([step(1, 10), step(2, 20)], "#").splitlines()
    assert [line.count("#") for line in longer[1:]] == [30 + 15, 30 + 30]
