"""
The host's counters and the programs' own metrics, for Prometheus.

The official client writes the text. It is imported for the first request: most hosts get none, and it takes longer to
import than the front.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import READING, Builtin
from eas_host.front.builtin.load import LoadMeter
from eas_host.front.builtin.user_metrics import UserMetrics
from eas_host.front.observe.metric_definitions import (
    BATCH_SIZE,
    BATCH_WAIT,
    BUSY,
    CONNECTIONS,
    DEATHS,
    DESCRIPTORS,
    DIRECT,
    DURATION,
    FRONT_WAKEUPS,
    METRICS,
    PROCESS_THREADS,
    QUEUE,
    RECEIVED,
    REQUESTS,
    RESIDENT,
    RESTARTS,
    SENT,
    THREAD_WAKEUPS,
    THREADS,
    MetricDefinition,
)
from eas_host.front.observe.metrics import Metrics
from eas_host.ring import BATCH_BOUNDS, LATENCY_BOUNDS

if TYPE_CHECKING:
    from prometheus_client import Metric

_Sample = tuple[tuple[str, ...], float]
"""The values of the labels, and the value."""


class PrometheusMetrics(Builtin):
    """
    `metrics`: the host's counters and the programs' own metrics, as gauges, in Prometheus' text format. EAS has no such
    handler.
    """

    methods = READING

    def __init__(self, access: Access, metrics: Metrics, load: LoadMeter, user_metrics: UserMetrics) -> None:
        super().__init__(access)
        self._metrics = metrics
        self._load = load
        self._user_metrics = user_metrics

    def answer(self, exchange: Exchange, body: bytes) -> Response | None:
        """
        Answer with all metrics of this moment.
        """
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: PLC0415

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return Response(200, generate_latest(registry), CONTENT_TYPE_LATEST)

    def collect(self) -> Iterator[Metric]:
        """
        Yield all metrics, as the client's registry wants them.
        """
        samples, histograms = self._samples(), self._histograms()
        for metric in METRICS:
            yield histograms[metric] if metric in histograms else _family(metric, samples[metric])
        yield from self._of_programs()

    def _samples(self) -> dict[MetricDefinition, list[_Sample]]:
        """
        Read all metrics but the histograms.
        """
        totals, load = self._metrics.totals(), self._load.read()
        usages = [((usage.model or "", str(usage.worker)), usage) for usage in self._load.worker_usages()]
        return {
            REQUESTS: [((str(status),), count) for status, count in totals.requests.items()],
            RESTARTS: [((), load.restarts)],
            DEATHS: [((cause,), count) for cause, count in sorted(load.deaths.items())],
            RECEIVED: [((), totals.received)],
            SENT: [((), totals.sent)],
            THREAD_WAKEUPS: [((), totals.thread_wakeups)],
            FRONT_WAKEUPS: [((), totals.front_wakeups)],
            DIRECT: [((), totals.direct)],
            BATCH_WAIT: [((), totals.batch_wait)],
            QUEUE: [((), load.waiting)],
            BUSY: [((), load.busy)],
            THREADS: [((), load.threads)],
            CONNECTIONS: [((), load.connections)],
            RESIDENT: [(labels, usage.resident_bytes) for labels, usage in usages],
            DESCRIPTORS: [(labels, usage.descriptors) for labels, usage in usages],
            PROCESS_THREADS: [(labels, usage.threads) for labels, usage in usages],
        }

    def _histograms(self) -> dict[MetricDefinition, Metric]:
        totals = self._metrics.totals()
        return {
            DURATION: _histogram(DURATION, LATENCY_BOUNDS, totals.buckets, totals.seconds),
            BATCH_SIZE: _histogram(BATCH_SIZE, BATCH_BOUNDS, totals.batches, totals.batched),
        }

    def _of_programs(self) -> Iterator[Metric]:
        from prometheus_client import Metric  # noqa: PLC0415

        for name, values in self._user_metrics.gauges().items():
            # Not a GaugeMetricFamily: that wants the same labels for all values of a name.
            gauge = Metric(name, "A metric of the program.", "gauge")
            for labels, value in values:
                gauge.add_sample(name, labels, value)
            yield gauge


def _histogram(metric: MetricDefinition, bounds: Sequence[float], counts: Sequence[int], total: float) -> Metric:
    """
    Make the histogram of *counts*, which are not cumulative, by *bounds*; *total* is the sum of all values.
    """
    from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415

    names = [*map(str, bounds), "+Inf"]
    buckets = list(zip(names, accumulate(counts), strict=True))
    return HistogramMetricFamily(metric.name, metric.text, buckets=buckets, sum_value=total)


def _family(metric: MetricDefinition, samples: Iterable[_Sample]) -> Metric:
    """
    Make what the client's registry wants of *metric*, a counter or a gauge.
    """
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.text, labels=[name for name, _ in metric.labels])
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
