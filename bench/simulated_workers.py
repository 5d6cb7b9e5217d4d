"""Simulated workers that record on one database, through the code that real workers run.

A simulated worker holds a group of runs and writes epochs as `worker.recorder` does: leases,
points, summaries, progress and changes in one transaction. It trains nothing and shares its
connection with others, so that the database is measured.
"""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil
from sqlalchemy import text

from backend.live.notifications import Notifier
from backend.specification import validate
from backend.store import Database, changes, experiments, metrics, transitions
from backend.store.changes import NewChange
from backend.store.metric_storage import Chunk
from worker.recorder import HeldRun, Recorder
from worker.training.group import EpochResult

KEYS = [f"{part}_{kind}" for kind in ("loss", "accuracy") for part in ("train", "val", "test")]
EPOCHS = 5  # of each run per write
LEASE_SECONDS = 600.0
NO_BROKER = "unix:///nowhere.sock"  # notifications are not measured


@dataclass(frozen=True)
class WriteLoad:
    """The load: numbers of workers, experiments, runs per worker, processes and connections."""

    workers: int
    experiments: int
    runs: int = 8  # per worker
    processes: int = 2
    threads: int = 4
    seconds: float = 8.0


@dataclass(frozen=True)
class WriteMeasurement:
    """The result of a load. `server` and `client` are processor seconds per write."""

    load: WriteLoad
    writes: int
    seconds: float
    latencies: list[float]
    server: float
    client: float
    waits: Counter[str]

    @property
    def rate(self) -> float:
        """Writes per second."""
        return self.writes / self.seconds

    @property
    def epochs(self) -> float:
        """Epochs per second."""
        return self.rate * self.load.runs * EPOCHS

    def percentile(self, percent: int) -> float:
        """Return a percentile of the seconds of a write."""
        return quantiles(self.latencies, n=100)[percent - 1]


def claim_runs(database: Database, load: WriteLoad) -> list[list[transitions.Lease]]:
    """Store experiments for the load and claim their runs; return each worker's leases."""
    workers_each = load.workers // load.experiments
    document = {
        "dataset": {"source": "moons"},
        "training": {"epochs": 100_000, "seeds": min(1000, load.runs * workers_each)},
        "model": {
            "width": [2 + place for place in range(max(1, load.runs * workers_each // 1000))]
        },
    }
    groups: list[list[transitions.Lease]] = []
    for _ in range(load.experiments):
        with database.write() as session:
            _, run_ids = experiments.create_experiment(session, validate(document, max_runs=10**6))
        with database.write() as session:
            held = transitions.claim(session, run_ids, worker="w", lease_seconds=LEASE_SECONDS)
        leases = [run.lease for run in held]
        groups += [leases[start : start + load.runs] for start in range(0, len(leases), load.runs)]
    return groups[: load.workers]


def measure_writes(url: str, load: WriteLoad) -> WriteMeasurement:
    """Let the workers of a load write as fast as they can until its time is over."""
    database = Database(url)
    groups = claim_runs(database, load)
    server = postmaster(database)
    divided = [groups[place :: load.processes] for place in range(load.processes)]
    before = server_seconds(server)
    with ProcessPoolExecutor(load.processes, mp_context=get_context("spawn")) as pool:
        tasks = [
            pool.submit(_process, url, groups_of_process, load) for groups_of_process in divided
        ]
        waits = _sampled(url, tasks)
        results = [task.result() for task in tasks]
    latencies = list(chain.from_iterable(result[0] for result in results))
    writes = len(latencies)
    taken = server_seconds(server) - before
    database.dispose()
    return WriteMeasurement(
        load,
        writes,
        max(result[1] for result in results),
        latencies,
        taken / writes,
        sum(result[2] for result in results) / writes,
        waits,
    )


def _process(
    url: str, groups: Sequence[Sequence[transitions.Lease]], load: WriteLoad
) -> tuple[list[float], float, float]:
    """Write for some of the workers; return the seconds of each write, and those of all."""
    database = Database(url, connections=load.threads)
    divided = [groups[place :: load.threads] for place in range(load.threads)]
    begun, worked = time.monotonic(), time.process_time()
    until = begun + load.seconds
    with ThreadPoolExecutor(load.threads) as pool:
        results = list(
            pool.map(lambda groups_of_thread: _thread(database, groups_of_thread, until), divided)
        )
    database.dispose()
    latencies = list(chain.from_iterable(results))
    return latencies, time.monotonic() - begun, time.process_time() - worked


def _thread(
    database: Database, groups: Sequence[Sequence[transitions.Lease]], until: float
) -> list[float]:
    """Let workers write in turn."""
    notifier = Notifier(NO_BROKER)
    recorders = [
        Recorder(database, notifier, record_seconds=0.2, lease_seconds=LEASE_SECONDS)
        for _ in groups
    ]
    latencies: list[float] = []
    epoch = 0
    while True:
        for leases, recorder in zip(groups, recorders, strict=True):
            held = [_held(lease, epoch) for lease in leases]
            begun = time.monotonic()
            if begun > until:
                return latencies
            if recorder.write(held) is None:
                raise RuntimeError("the database went away")
            latencies.append(time.monotonic() - begun)
        epoch += EPOCHS


def _held(lease: transitions.Lease, epoch: int) -> HeldRun:
    held = HeldRun(lease=lease)
    held.unwritten.results = [
        EpochResult(0, epoch + 1 + place, dict.fromkeys(KEYS, 1 / (epoch + 1 + place)))
        for place in range(EPOCHS)
    ]
    return held


def _sampled(url: str, tasks: Sequence[Any]) -> Counter[str]:
    """Sample the waits of the server's busy connections until all tasks have ended."""
    waits: Counter[str] = Counter()
    database = Database(url)
    if database.engine.dialect.name == "postgresql":
        query = text(
            "SELECT coalesce(wait_event_type || ' ' || wait_event, 'none') FROM pg_stat_activity "
            "WHERE state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        while not all(task.done() for task in tasks):
            with database.read() as session:
                waits.update(session.scalars(query))
            time.sleep(0.05)
    database.dispose()
    return waits


def postmaster(database: Database) -> psutil.Process | None:
    """Return PostgreSQL's first process, the parent of all others; None for SQLite."""
    if database.engine.dialect.name != "postgresql":
        return None
    with database.read() as session:
        return psutil.Process(psutil.Process(session.scalar(_PID)).ppid())


_PID = text("SELECT pg_backend_pid()")


def server_seconds(server: psutil.Process | None) -> float:
    """Return the processor seconds that PostgreSQL's processes have used."""
    total = 0.0
    for process in [server, *server.children()] if server else []:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
            if process == server:  # of children that have ended
                total += times.children_user + times.children_system
    return total


def database_bytes(url: str, database: Database) -> int:
    """Return the bytes of a database on disk."""
    if url.startswith("sqlite"):
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        path = Path(url.removeprefix("sqlite:///"))
        return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    with database.read() as session:
        return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def bytes_per_million_epochs(url: str, database: Database, length: int) -> float:
    """Return the bytes of a million epochs of six metrics, as points and as changes.

    They are written in chunks of `length` epochs, 200 epochs per run.
    """
    with database.write() as session:
        document = {"dataset": {"source": "moons"}, "training": {"seeds": 200}}
        experiment, run_ids = experiments.create_experiment(session, validate(document))
    before = database_bytes(url, database)
    for first in range(1, 201, length):
        steps = range(first, first + length)
        values = [1 / step for step in steps]
        with database.write() as session:
            for key in KEYS:
                metrics.append(
                    session, [Chunk(run_id, key, steps, values, 0) for run_id in run_ids]
                )
            entries = [NewChange(run_id, "metric", first, steps[-1]) for run_id in run_ids]
            changes.log(session, experiment.id, entries)
    return (database_bytes(url, database) - before) / (200 * len(run_ids))
