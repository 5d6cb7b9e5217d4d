"""Many workers' recording on one database, through the code that workers run.

A simulated worker holds a group of runs and writes epochs as `worker.recorder` does: leases,
points, summaries, progress and changes in one transaction. It trains nothing, and shares its
connection with others: what is measured is the database.
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
from backend.store.metrics import Chunk
from worker.recorder import HeldRun, Recorder
from worker.training.group import EpochResult

KEYS = [f"{part}_{what}" for what in ("loss", "accuracy") for part in ("train", "val", "test")]
EPOCHS = 5  # of each run in a write
LEASE_SECONDS = 600.0
NOBODY = "unix:///nowhere.sock"  # hints are not what is measured


@dataclass(frozen=True)
class Load:
    """Who writes: so many workers, on so many experiments, over so many connections."""

    workers: int
    experiments: int
    runs: int = 8  # that a worker trains together
    processes: int = 2
    threads: int = 4
    seconds: float = 8.0


@dataclass(frozen=True)
class Written:
    """What came of it. Seconds of the processor are those for each write."""

    load: Load
    writes: int
    seconds: float
    latencies: list[float]
    server: float
    client: float
    waits: Counter[str]

    @property
    def rate(self) -> float:
        """Writes a second."""
        return self.writes / self.seconds

    @property
    def epochs(self) -> float:
        """Epochs a second."""
        return self.rate * self.load.runs * EPOCHS

    def percentile(self, percent: int) -> float:
        """Return a percentile of the seconds that a write takes."""
        return quantiles(self.latencies, n=100)[percent - 1]


def claimed(database: Database, load: Load) -> list[list[transitions.Lease]]:
    """Store experiments for the load and claim their runs; return each worker's leases."""
    share = load.workers // load.experiments
    document = {
        "dataset": {"source": "moons"},
        "training": {"epochs": 100_000, "seeds": min(1000, load.runs * share)},
        "model": {"width": [2 + place for place in range(max(1, load.runs * share // 1000))]},
    }
    groups: list[list[transitions.Lease]] = []
    for _ in range(load.experiments):
        with database.write() as session:
            _, run_ids = experiments.create_experiment(session, validate(document, max_runs=10**6))
        with database.write() as session:
            held = transitions.claim(session, run_ids, worker="w", lease_seconds=LEASE_SECONDS)
        leases = [each.lease for each in held]
        groups += [leases[start : start + load.runs] for start in range(0, len(leases), load.runs)]
    return groups[: load.workers]


def written(url: str, load: Load) -> Written:
    """Have the workers of a load write for a while, as fast as they can."""
    database = Database(url)
    groups = claimed(database, load)
    server = postmaster(database)
    shares = [groups[place :: load.processes] for place in range(load.processes)]
    before = server_seconds(server)
    with ProcessPoolExecutor(load.processes, mp_context=get_context("spawn")) as pool:
        tasks = [pool.submit(_process, url, share, load) for share in shares]
        waits = _sampled(url, tasks)
        found = [task.result() for task in tasks]
    latencies = list(chain.from_iterable(each[0] for each in found))
    writes = len(latencies)
    taken = server_seconds(server) - before
    database.dispose()
    return Written(
        load,
        writes,
        max(each[1] for each in found),
        latencies,
        taken / writes,
        sum(each[2] for each in found) / writes,
        waits,
    )


def _process(
    url: str, groups: Sequence[Sequence[transitions.Lease]], load: Load
) -> tuple[list[float], float, float]:
    """Write for a share of the workers; return each write's seconds, and those of all."""
    database = Database(url, connections=load.threads)
    shares = [groups[place :: load.threads] for place in range(load.threads)]
    begun, worked = time.monotonic(), time.process_time()
    until = begun + load.seconds
    with ThreadPoolExecutor(load.threads) as pool:
        found = list(pool.map(lambda share: _thread(database, share, until), shares))
    database.dispose()
    latencies = list(chain.from_iterable(found))
    return latencies, time.monotonic() - begun, time.process_time() - worked


def _thread(
    database: Database, groups: Sequence[Sequence[transitions.Lease]], until: float
) -> list[float]:
    """Let workers write in turn."""
    notifier = Notifier(NOBODY)
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
    """Return what the server's busy connections waited for, in samples, until all has ended."""
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
    """Return PostgreSQL's first process, the parent of all others; None of SQLite."""
    if database.engine.dialect.name != "postgresql":
        return None
    with database.read() as session:
        return psutil.Process(psutil.Process(session.scalar(_PID)).ppid())


_PID = text("SELECT pg_backend_pid()")


def server_seconds(server: psutil.Process | None) -> float:
    """Return the processor seconds that PostgreSQL's processes have taken."""
    total = 0.0
    for process in [server, *server.children()] if server else []:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
            if process == server:  # of those that have ended
                total += times.children_user + times.children_system
    return total


def size(url: str, database: Database) -> int:
    """Return the bytes that a database takes on disk."""
    if url.startswith("sqlite"):
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        path = Path(url.removeprefix("sqlite:///"))
        return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
    with database.read() as session:
        return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def bytes_of_a_million(url: str, database: Database, length: int) -> float:
    """Return the bytes that a million epochs of six metrics take, of points and of changes.

    Written by the stretch of so many epochs, 200 epochs a run.
    """
    with database.write() as session:
        document = {"dataset": {"source": "moons"}, "training": {"seeds": 200}}
        made, run_ids = experiments.create_experiment(session, validate(document))
    before = size(url, database)
    for first in range(1, 201, length):
        steps = range(first, first + length)
        values = [1 / step for step in steps]
        with database.write() as session:
            for key in KEYS:
                metrics.append(session, [Chunk(one, key, steps, values, 0) for one in run_ids])
            moved = [NewChange(one, "metric", first, steps[-1]) for one in run_ids]
            changes.log(session, made.id, moved)
    return (size(url, database) - before) / (200 * len(run_ids))
