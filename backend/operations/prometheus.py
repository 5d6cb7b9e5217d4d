"""Prometheus metrics. Requests are counted as they happen; everything else is collected on scrape.

No scrape reads a whole table. Queued and running runs are counted in a partial index; ended runs,
which need a scan of the whole index, are counted at most once per minute.
"""

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from backend import __version__
from backend.live.notifications import Broadcaster, Notifier
from backend.operations.service_health import CHECK_ERRORS, HealthCheck, HealthChecks
from backend.runs.states import STATES
from backend.scheduling.dispatcher import BrokerState, Dispatcher
from backend.scheduling.worker_registry import Worker
from backend.store import Database, runs, vacuum

T = TypeVar("T")

COUNT_ENDED_SECONDS = 60.0  # interval between two counts of ended runs
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


# without this, every counter gets a second series with its creation time
disable_created_metrics()  # type: ignore[no-untyped-call]


class PrometheusMetrics:
    """Metrics of one web process."""

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        notifier: Notifier,
        broadcaster: Broadcaster,
        health_checks: HealthChecks,
    ) -> None:
        self.registry = CollectorRegistry()
        for collector in (
            GC_COLLECTOR,
            PLATFORM_COLLECTOR,
            _ServiceCollector(database, dispatcher, health_checks),
        ):
            self.registry.register(collector)
        self.registry.register(_ProcessCollector(notifier, broadcaster))
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "overfit_lab_http_requests", "Requests answered.", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "overfit_lab_http_request_seconds", "Time to the first byte of the response.",
            ["method", "route"], buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)


class _ProcessCollector:
    """Collects values counted in this process."""

    def __init__(self, notifier: Notifier, broadcaster: Broadcaster) -> None:
        self._notifier, self._broadcaster = notifier, broadcaster

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(
            "overfit_lab_build_info",
            "Version of Overfit Lab and Python.",
            labels=["version", "python"],
        )
        build.add_metric([__version__, platform.python_version()], 1)
        yield build
        yield GaugeMetricFamily(
            "overfit_lab_open_streams",
            "Open event streams.",
            value=self._broadcaster.open_subscriptions,
        )
        yield CounterMetricFamily(
            "overfit_lab_hints_lost",
            "Notifications that the broker did not accept.",
            value=self._notifier.lost,
        )


class _ServiceCollector:
    """Collects values from the database and the broker, unless they miss the deadline."""

    def __init__(
        self, database: Database, dispatcher: Dispatcher, health_checks: HealthChecks
    ) -> None:
        self._database, self._health_checks = database, health_checks
        self._stored = HealthCheck(self._read)
        self._broker = HealthCheck(dispatcher.inspect_broker)
        self._ended: dict[str, int] = {}
        self._ended_at = -COUNT_ENDED_SECONDS

    def collect(self) -> Iterator[Metric]:
        stored, broker = _result_or_none(self._stored), _result_or_none(self._broker)
        yield GaugeMetricFamily(
            "overfit_lab_database_up", "1 if it answers.", value=stored is not None
        )
        yield GaugeMetricFamily(
            "overfit_lab_database_writable",
            "1 if it was writable at the last check.",
            value=self._health_checks.takes_writes(),
        )
        yield GaugeMetricFamily(
            "overfit_lab_broker_up", "1 if it answers.", value=broker is not None
        )
        if stored is not None:
            yield from _stored(*stored)
        if broker is not None:
            yield _messages(broker)
            yield from _worker_metrics(broker.workers)

    def _read(self) -> tuple[dict[str, int], vacuum.DatabaseSize]:
        with self._database.read() as session:
            counts = runs.count_unended(session)
            if time.monotonic() - self._ended_at >= COUNT_ENDED_SECONDS:
                self._ended, self._ended_at = runs.count_ended(session), time.monotonic()
            return {**self._ended, **counts}, vacuum.database_size(session)


def _result_or_none(check: HealthCheck[T]) -> T | None:
    try:
        return check.result()
    except CHECK_ERRORS:
        return None


def _stored(counts: dict[str, int], size: vacuum.DatabaseSize) -> Iterator[Metric]:
    by_state = GaugeMetricFamily(
        "overfit_lab_runs", "Runs by state. Ended runs are up to a minute old.", labels=["state"]
    )
    for state in STATES:
        by_state.add_metric([state], counts.get(state, 0))
    yield by_state
    yield GaugeMetricFamily(
        "overfit_lab_database_bytes", "Size of the database on disk.", value=size.total
    )
    if size.free is not None:
        yield GaugeMetricFamily(
            "overfit_lab_database_free_bytes", "Unused part of the SQLite file.", value=size.free
        )


def _messages(broker: BrokerState) -> Metric:
    family = GaugeMetricFamily(
        "overfit_lab_queue_messages",
        "Groups queued in the broker.",
        labels=["device", "priority"],
    )
    for placement, count in broker.messages.items():
        family.add_metric([placement.device, placement.priority], count)
    return family


WORKER_COUNTERS: dict[str, tuple[str, Callable[[Worker], int]]] = {
    "overfit_lab_worker_epochs": ("Epochs recorded.", lambda worker: worker.epochs),
    "overfit_lab_worker_hints_lost": (
        "Notifications that the broker did not accept.",
        lambda worker: worker.hints_lost,
    ),
}


def _worker_metrics(workers: Sequence[Worker]) -> Iterator[Metric]:
    family = GaugeMetricFamily("overfit_lab_workers", "Registered workers.", labels=["device"])
    for device in ("cpu", "gpu"):
        family.add_metric([device], sum(worker.device == device for worker in workers))
    yield family
    for name, (description, count) in WORKER_COUNTERS.items():
        counter = CounterMetricFamily(
            name, f"{description} Since the worker started.", labels=["worker"]
        )
        for worker in workers:
            counter.add_metric([worker.name], count(worker))
        yield counter
