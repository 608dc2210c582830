"""
What was measured, as a table with a few sentences, and as an object for JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from eas_host.load.advice import Advice, ServiceWorkers
from eas_host.load.histogram import Histogram
from eas_host.load.measurement import Measurement
from eas_host.load.sweep import best_step
from eas_host.log.table import printable, table

_PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9}
_SHOWN_STATUSES: Final = 5
_LIMITS: Final = {
    "generator": "the generator of the load used {generator:.2f} of a core and waited for one {delay:.0%} of the time: "
    "it was a limit, and the service may do better",
    "front": "the front used {front:.2f} of a core: it was the limit, whatever the workers",
    "machine": "the generator, the front and the workers used {total:.2f} of {cores} cores: the machine was the limit",
}


class Result(NamedTuple):
    """
    What a run has measured.

    Attributes:
        url: the service.
        steps: one at least.
        slo: the limit of p99 in seconds, if there is one.
        workers: the workers that it had, if they are known.
        advice: which it should have, if that is known.
        trial: the best step again, with these.
        batching: what is to be said of batches, if there is something.
    """

    url: str
    steps: Sequence[Measurement]
    slo: float | None = None
    workers: ServiceWorkers | None = None
    advice: Advice | None = None
    trial: Measurement | None = None
    batching: str | None = None

    @property
    def best(self) -> Measurement | None:
        """
        The step with most successes a second within the limit; None if there is none.
        """
        return best_step(self.steps, self.slo)


def describe_step(step: Measurement) -> str:
    """
    Say in one line what *step* has measured, while the next one runs.
    """
    errors = f", {step.errors} errors" if step.errors else ""
    ended = " (interrupted)" if step.interrupted else ""
    p99 = _milliseconds(step.latency.percentile(99))
    return f"{step.name}: {step.throughput:.1f} requests/s, p99 {p99} ms{errors}{ended}"


def format_report(result: Result) -> Iterator[str]:
    """
    Yield the lines of the report.
    """
    steps = result.steps
    heading, columns = zip(*_columns(steps), strict=True)
    yield table(heading, [list(row) for row in zip(*columns, strict=True)], right=range(len(heading)))
    yield ""
    yield from _limits(steps)
    yield from _errors(steps)
    yield _conclusion(result)
    yield from _advice(result)
    if result.batching is not None:
        yield f"batching: {result.batching}"


def to_json(result: Result) -> dict[str, Any]:
    """
    Return what `--json` prints. All times are milliseconds, except for `seconds`.
    """
    return {
        "url": result.url,
        "slo_ms": None if result.slo is None else result.slo * 1000,
        "steps": [_step_to_json(step) for step in result.steps],
        "best": None if result.best is None else next(at for at, one in enumerate(result.steps) if one is result.best),
        "workers": None if result.workers is None else result.workers._asdict(),
        "advice": None if result.advice is None else result.advice._asdict(),
        "batching": result.batching,
        "trial": None if result.trial is None else _step_to_json(result.trial),
    }


def _columns(steps: Sequence[Measurement]) -> Iterator[tuple[str, list[str]]]:
    """
    Yield the columns of the table, each with its heading. Those that no step has a figure for are left out.
    """
    yield "concurrency" if steps[0].rate is None else "rate", [f"{step.load:g}" for step in steps]
    yield "requests/s", [f"{step.throughput:.1f}" for step in steps]
    latency = [step.latency for step in steps]
    yield from ((f"p{percent} ms", _percentile(latency, percent)) for percent in (50, 90, 99))
    yield "max ms", [_milliseconds(one.most) if one.count else "-" for one in latency]
    parts = {
        "first": [step.first for step in steps],
        "queue": [step.queue for step in steps],
        "call": [step.call for step in steps],
    }
    for name, histograms in parts.items():
        if any(one.count for one in histograms):
            yield from ((f"{name} p{percent}", _percentile(histograms, percent)) for percent in (50, 99))
    if any(step.batches for step in steps):
        yield "batch", [f"{step.batches.mean:.1f}" if step.batches else "-" for step in steps]
    yield "errors", [str(step.errors) for step in steps]


def _percentile(histograms: Sequence[Histogram], percent: float) -> list[str]:
    return [_milliseconds(one.percentile(percent)) if one.count else "-" for one in histograms]


def _limits(steps: Sequence[Measurement]) -> Iterator[str]:
    for step in steps:
        if step.limited_by is not None and step.cpu is not None:
            shares = {
                "generator": step.cpu.generator / step.seconds,
                "delay": step.cpu.generator_delay / step.seconds,
                "front": (step.cpu.front or 0.0) / step.seconds,
                "total": step.cpu.total / step.seconds,
                "cores": step.cpu.cores,
            }
            yield f"{step.name}: {_LIMITS[step.limited_by].format(**shares)}"


def _errors(steps: Sequence[Measurement]) -> Iterator[str]:
    statuses: Counter[int] = Counter()
    for step in steps:
        statuses.update(step.statuses)
    failed = [(count, f"status {status}") for status, count in statuses.most_common() if status >= 400]  # noqa: PLR2004
    counted = failed[:_SHOWN_STATUSES]
    rest = sum(count for count, _ in failed[_SHOWN_STATUSES:])
    counted += [(rest, "other statuses"), (sum(step.lost for step in steps), "connection lost")]
    counted += [(sum(step.unanswered for step in steps), "not answered")]
    parts = [f"{count} x {what}" for count, what in counted if count]
    if parts:
        yield f"errors: {', '.join(parts)}"
    first = next((step.first_error for step in steps if step.first_error is not None), None)
    if first is not None:
        yield f"the first: {first[0]}: {printable(first[1].strip())}"


def _conclusion(result: Result) -> str:
    best = result.best
    limit = "" if result.slo is None else f" with p99 within {result.slo * 1000:g} ms"
    if best is None:
        return f"no load was answered{limit}, with at most 1 % errors"
    p99 = _milliseconds(best.latency.percentile(99))
    return f"most{limit}: {best.throughput:.1f} requests/s at {best.name}, p99 {p99} ms"


def _advice(result: Result) -> Iterator[str]:
    if result.advice is None:
        return
    threads, processes, reason = result.advice
    had = result.workers
    now = "" if had is None else f" (now {had.threads // had.processes} and {had.processes})"
    yield f"advice: worker_threads {threads}, worker_processes {processes}{now}: {reason}"
    if result.trial is not None:
        p99 = _milliseconds(result.trial.latency.percentile(99))
        errors = f", {result.trial.errors} errors" if result.trial.errors else ""
        yield f"tried: {result.trial.throughput:.1f} requests/s at {result.trial.name}, p99 {p99} ms{errors}"


def _step_to_json(step: Measurement) -> dict[str, Any]:
    cpu = step.cpu
    return {
        "concurrency": step.concurrency,
        "rate": step.rate,
        "seconds": step.seconds,
        "sent": step.sent,
        "answered": step.answered,
        "succeeded": step.latency.count,
        "requests_per_second": step.throughput,
        "latency_ms": _histogram_to_json(step.latency),
        "first_ms": _histogram_to_json(step.first),
        "queue_ms": _histogram_to_json(step.queue),
        "call_ms": _histogram_to_json(step.call),
        "batch": None
        if not step.batches
        else {
            "mean": step.batches.mean,
            "requests": {str(size): calls.count for size, calls in sorted(step.batches.by_size.items())},
        },
        "statuses": {str(status): count for status, count in sorted(step.statuses.items())},
        "lost": step.lost,
        "unanswered": step.unanswered,
        "errors": step.errors,
        "first_error": None
        if step.first_error is None
        else {"status": step.first_error[0], "body": step.first_error[1]},
        "cpu_seconds": None
        if cpu is None
        else {"generator": cpu.generator, "front": cpu.front, "workers": cpu.workers, "cores": cpu.cores},
        "limited_by": step.limited_by,
        "interrupted": step.interrupted,
    }


def _histogram_to_json(histogram: Histogram) -> dict[str, float] | None:
    if not histogram.count:
        return None
    percentiles = {name: histogram.percentile(percent) * 1000 for name, percent in _PERCENTILES.items()}
    return {"mean": histogram.mean * 1000, **percentiles, "max": histogram.most * 1000}


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"
