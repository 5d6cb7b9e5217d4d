"""What Prometheus is told: requests as they happen, all else asked for at the scrape.

Nothing here reads a table from end to end at each scrape: runs that wait or train come from an
index, and those that have ended, which need a look at the whole index, at most once a minute.
"""

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

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
from backend.live.broadcaster import Broadcaster
from backend.live.notifications import Notifier
from backend.operations.health_checks import UNANSWERED, HealthCheck, HealthChecks
from backend.runs.states import STATES
from backend.scheduling.dispatcher import BrokerState, Dispatcher
from backend.scheduling.worker_registry import Worker
from backend.store import Database, runs, vacuum

ENDED_SECONDS = 60.0  # between two counts of the runs that have ended
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


# else a second series for each, which nobody asks for
disable_created_metrics()  # type: ignore[no-untyped-call]


class PrometheusMetrics:
    """The figures of one web process."""

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
            _Service(database, dispatcher, health_checks),
        ):
            self.registry.register(collector)
        self.registry.register(_Here(notifier, broadcaster))
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "overfit_lab_http_requests", "Requests answered.", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "overfit_lab_http_request_seconds", "Time to the first byte of the answer.",
            ["method", "route"], buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note a request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)


class _Here:
    """What this process counts itself."""

    def __init__(self, notifier: Notifier, broadcaster: Broadcaster) -> None:
        self._notifier, self._broadcaster = notifier, broadcaster

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(
            "overfit_lab_build_info", "The version that runs.", labels=["version", "python"]
        )
        build.add_metric([__version__, platform.python_version()], 1)
        yield build
        yield GaugeMetricFamily(
            "overfit_lab_open_streams",
            "Streams that are followed.",
            value=self._broadcaster.open_subscriptions,
        )
        yield CounterMetricFamily(
            "overfit_lab_hints_lost", "Hints the broker did not take.", value=self._notifier.lost
        )


class _Service:
    """What database and broker say; what does not answer in time is left out."""

    def __init__(
        self, database: Database, dispatcher: Dispatcher, health_checks: HealthChecks
    ) -> None:
        self._database, self._health_checks = database, health_checks
        self._stored = HealthCheck(self._read)
        self._broker = HealthCheck(dispatcher.inspect_broker)
        self._ended: dict[str, int] = {}
        self._ended_at = -ENDED_SECONDS

    def collect(self) -> Iterator[Metric]:
        stored, broker = _answer(self._stored), _answer(self._broker)
        yield GaugeMetricFamily(
            "overfit_lab_database_up", "1 when it answers.", value=stored is not None
        )
        yield GaugeMetricFamily(
            "overfit_lab_database_writable",
            "1 when it took writes when last asked.",
            value=self._health_checks.takes_writes(),
        )
        yield GaugeMetricFamily(
            "overfit_lab_broker_up", "1 when it answers.", value=broker is not None
        )
        if stored is not None:
            yield from _stored(*stored)
        if broker is not None:
            yield _messages(broker)
            yield from _workers(broker.workers)

    def _read(self) -> tuple[dict[str, int], vacuum.DatabaseSize]:
        with self._database.read() as session:
            counts = runs.count_unended(session)
            if time.monotonic() - self._ended_at >= ENDED_SECONDS:
                self._ended, self._ended_at = runs.count_ended(session), time.monotonic()
            return {**self._ended, **counts}, vacuum.database_size(session)


def _answer(probe: HealthCheck[Any]) -> Any:
    try:
        return probe.ask()
    except UNANSWERED:
        return None


def _stored(counts: dict[str, int], size: vacuum.DatabaseSize) -> Iterator[Metric]:
    by_state = GaugeMetricFamily(
        "overfit_lab_runs", "Runs by state; those ended as of the last minute.", labels=["state"]
    )
    for state in STATES:
        by_state.add_metric([state], counts.get(state, 0))
    yield by_state
    yield GaugeMetricFamily(
        "overfit_lab_database_bytes", "What the database takes on disk.", value=size.total
    )
    if size.free is not None:
        yield GaugeMetricFamily(
            "overfit_lab_database_free_bytes", "Of it, what is free (SQLite).", value=size.free
        )


def _messages(broker: BrokerState) -> Metric:
    family = GaugeMetricFamily(
        "overfit_lab_queue_messages",
        "Groups that wait in the broker.",
        labels=["device", "priority"],
    )
    for placement, count in broker.messages.items():
        family.add_metric([placement.device, placement.priority], count)
    return family


COUNTED: dict[str, tuple[str, Callable[[Worker], int]]] = {
    "overfit_lab_worker_epochs": ("Epochs recorded.", lambda worker: worker.epochs),
    "overfit_lab_worker_hints_lost": (
        "Hints the broker did not take.",
        lambda worker: worker.hints_lost,
    ),
}


def _workers(there: Sequence[Worker]) -> Iterator[Metric]:
    family = GaugeMetricFamily("overfit_lab_workers", "Workers that are there.", labels=["device"])
    for device in ("cpu", "gpu"):
        family.add_metric([device], sum(worker.device == device for worker in there))
    yield family
    for name, (about, count) in COUNTED.items():
        counted = CounterMetricFamily(name, f"{about} Since the worker's start.", labels=["worker"])
        for worker in there:
            counted.add_metric([worker.name], count(worker))
        yield counted
