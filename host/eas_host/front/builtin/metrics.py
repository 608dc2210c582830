"""
The host's counters and the programs' own metrics, for Prometheus.

The official client writes the text. It is imported for the first request: most hosts get none, and it takes longer to
import than the front.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from eas_host.dispatch.exchange import Exchange
from eas_host.dispatch.responses import Response
from eas_host.front.admission.access import Access
from eas_host.front.builtin.handler import READING, Builtin
from eas_host.front.builtin.load import LoadMeter
from eas_host.front.builtin.user_metrics import UserMetrics
from eas_host.front.observe.metrics import Metrics
from eas_host.ring import LATENCY_BOUNDS

if TYPE_CHECKING:
    from prometheus_client import Metric


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
        yield from self._counted()
        yield from self._measured()
        yield from self._of_programs()

    def _counted(self) -> Iterator[Metric]:
        """
        Yield what has been counted since the start.
        """
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily  # noqa: PLC0415

        totals = self._metrics.totals()
        requests = CounterMetricFamily("eas_host_requests", "Requests answered.", labels=["status"])
        for status, count in totals.requests.items():
            requests.add_metric([str(status)], count)
        yield requests
        bounds = [*map(str, LATENCY_BOUNDS), "+Inf"]
        yield HistogramMetricFamily(
            "eas_host_request_duration_seconds",
            "Time from the first byte of a request to its answer.",
            buckets=list(zip(bounds, accumulate(totals.buckets), strict=True)),
            sum_value=totals.seconds,
        )
        load = self._load.read()
        yield CounterMetricFamily(
            "eas_host_worker_restarts", "Worker processes started in place of dead ones.", load.restarts
        )
        deaths = CounterMetricFamily(
            "eas_host_worker_deaths", "Worker processes that died, by the cause.", labels=["cause"]
        )
        for cause, count in sorted(load.deaths.items()):
            deaths.add_metric([cause], count)
        yield deaths
        yield CounterMetricFamily("eas_host_received_bytes", "Bytes of requests' bodies.", totals.received)
        yield CounterMetricFamily("eas_host_sent_bytes", "Bytes of answers' bodies.", totals.sent)
        yield CounterMetricFamily("eas_host_thread_wakeups", "Wake-ups of worker threads.", totals.thread_wakeups)
        yield CounterMetricFamily(
            "eas_host_front_wakeups", "Wake-ups of the front by worker threads.", totals.front_wakeups
        )
        yield CounterMetricFamily("eas_host_direct_requests", "Requests that the data plane answered.", totals.direct)

    def _measured(self) -> Iterator[Metric]:
        """
        Yield what is measured at this moment.
        """
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        load = self._load.read()
        yield GaugeMetricFamily("eas_host_queue_length", "Requests that wait for a worker thread.", load.waiting)
        yield GaugeMetricFamily("eas_host_busy_workers", "Worker threads that run a request.", load.busy)
        yield GaugeMetricFamily("eas_host_workers", "Worker threads, of all worker processes.", load.threads)
        yield GaugeMetricFamily("eas_host_connections", "Open connections of clients.", load.connections)
        resident, descriptors, threads = (
            GaugeMetricFamily(f"eas_host_worker_{name}", text, labels=["model", "worker"])
            for name, text in (
                ("resident_bytes", "Memory of a worker process, without what it shares with the front."),
                ("open_descriptors", "Open descriptors of a worker process."),
                ("process_threads", "Threads of a worker process, those of libraries included."),
            )
        )
        for usage in self._load.worker_usages():
            labels = [usage.model or "", str(usage.worker)]
            resident.add_metric(labels, usage.resident_bytes)
            descriptors.add_metric(labels, usage.descriptors)
            threads.add_metric(labels, usage.threads)
        yield from (resident, descriptors, threads)

    def _of_programs(self) -> Iterator[Metric]:
        from prometheus_client import Metric  # noqa: PLC0415

        for name, values in self._user_metrics.gauges().items():
            # Not a GaugeMetricFamily: that wants the same labels for all values of a name.
            gauge = Metric(name, "A metric of the program.", "gauge")
            for labels, value in values:
                gauge.add_sample(name, labels, value)
            yield gauge
