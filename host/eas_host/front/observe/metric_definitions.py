"""
The metrics of `/api/builtin/metrics`: their names, types and labels, and what they mean.

`builtin.metrics` shows exactly these, in this order, and the reference of metrics in the documentation is made of them.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

_SUFFIXES: Final = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


class MetricDefinition(NamedTuple):
    """
    One metric.

    Attributes:
        name: its name, without what Prometheus adds for its type.
        kind: its type.
        text: what it means, as its HELP line says it.
        unit: what it counts or measures in.
        labels: its labels, each with what its values are.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    unit: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """
        The names under which Prometheus keeps its values.
        """
        return tuple(self.name + suffix for suffix in _SUFFIXES[self.kind])


_OF_WORKERS: Final = (
    ("model", "the name of the model; empty for a service without several"),
    ("worker", "the number of the worker"),
)

REQUESTS: Final = MetricDefinition(
    "eas_host_requests",
    "counter",
    "Requests answered.",
    "requests",
    (("status", "the HTTP status that the client got; 499 if it left before its answer"),),
)
DURATION: Final = MetricDefinition(
    "eas_host_request_duration_seconds",
    "histogram",
    "Time from the first byte of a request to its answer.",
    "seconds",
    (("le", "the upper bound of a bucket"),),
)
RESTARTS: Final = MetricDefinition(
    "eas_host_worker_restarts", "counter", "Worker processes started in place of dead ones.", "processes"
)
DEATHS: Final = MetricDefinition(
    "eas_host_worker_deaths",
    "counter",
    "Worker processes that died, by the cause.",
    "processes",
    (("cause", "crash, exit, killed, load or unresponsive"),),
)
RECEIVED: Final = MetricDefinition("eas_host_received_bytes", "counter", "Bytes of requests' bodies.", "bytes")
SENT: Final = MetricDefinition("eas_host_sent_bytes", "counter", "Bytes of answers' bodies.", "bytes")
THREAD_WAKEUPS: Final = MetricDefinition(
    "eas_host_thread_wakeups", "counter", "Wake-ups of worker threads.", "wake-ups"
)
FRONT_WAKEUPS: Final = MetricDefinition(
    "eas_host_front_wakeups", "counter", "Wake-ups of the front by worker threads.", "wake-ups"
)
DIRECT: Final = MetricDefinition(
    "eas_host_direct_requests", "counter", "Requests that the data plane answered.", "requests"
)
BATCH_SIZE: Final = MetricDefinition(
    "eas_host_batch_size",
    "histogram",
    "Requests in a call of batch_process.",
    "requests",
    (("le", "the upper bound of a bucket"),),
)
BATCH_WAIT: Final = MetricDefinition(
    "eas_host_batch_wait_seconds",
    "counter",
    "Time until their batches were formed, of all requests in batches together.",
    "seconds",
)
QUEUE: Final = MetricDefinition("eas_host_queue_length", "gauge", "Requests that wait for a worker thread.", "requests")
BUSY: Final = MetricDefinition("eas_host_busy_workers", "gauge", "Worker threads that run a request.", "threads")
THREADS: Final = MetricDefinition("eas_host_workers", "gauge", "Worker threads, of all worker processes.", "threads")
CONNECTIONS: Final = MetricDefinition("eas_host_connections", "gauge", "Open connections of clients.", "connections")
RESIDENT: Final = MetricDefinition(
    "eas_host_worker_resident_bytes",
    "gauge",
    "Memory of a worker process, without what it shares with the front.",
    "bytes",
    _OF_WORKERS,
)
DESCRIPTORS: Final = MetricDefinition(
    "eas_host_worker_open_descriptors", "gauge", "Open descriptors of a worker process.", "descriptors", _OF_WORKERS
)
PROCESS_THREADS: Final = MetricDefinition(
    "eas_host_worker_process_threads",
    "gauge",
    "Threads of a worker process, those of libraries included.",
    "threads",
    _OF_WORKERS,
)

METRICS: Final = (
    REQUESTS,
    DURATION,
    RESTARTS,
    DEATHS,
    RECEIVED,
    SENT,
    THREAD_WAKEUPS,
    FRONT_WAKEUPS,
    DIRECT,
    BATCH_SIZE,
    BATCH_WAIT,
    QUEUE,
    BUSY,
    THREADS,
    CONNECTIONS,
    RESIDENT,
    DESCRIPTORS,
    PROCESS_THREADS,
)
"""All of them, in the order in which they are shown."""
