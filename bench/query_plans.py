"""The hot queries on PostgreSQL with 10^7 epochs stored: their plans and times."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from backend.runs import lifecycle
from backend.specification import validate
from backend.specification.placement import Placement
from backend.store import (
    Database,
    changes,
    dispatch,
    experiments,
    metric_storage,
    metric_summaries,
    metrics,
    runs,
    transitions,
)
from bench.simulated_workers import WriteLoad, measure_writes

EXPERIMENTS, RUNS_EACH = 100, 1000
CHUNKS, CHUNK_EPOCHS = 4, 25  # of each series: 100 epochs
TIMES = 5
_FILL = (
    """INSERT INTO metrics
       SELECT r.id, k.id, s * :length + 1, (s + 1) * :length,
              decode(repeat('01', 8 * :length), 'hex'), decode(repeat('3f', 8 * :length), 'hex'), 0
       FROM runs r, metric_keys k, generate_series(0, :chunks - 1) s""",
    """INSERT INTO metric_summaries
       SELECT r.id, k.id, 0.5, 100, 0.4, 80, 2.0, 1, 0.5 FROM runs r, metric_keys k""",
    """INSERT INTO changes (experiment_id, revision, run_id, kind, first_step, last_step)
       SELECT r.experiment_id, r.position * 4 + s + 1, r.id, 'metric', s * 25 + 1, (s + 1) * 25
       FROM runs r, generate_series(0, 3) s""",
    "UPDATE experiments SET revision = 4000",
    """UPDATE runs SET epoch = 100, portion = position / 100, attempt = 1,
       status = CASE WHEN experiment_id <= 90 THEN 'finished'
                     WHEN experiment_id <= 92 THEN 'running' ELSE 'queued' END,
       lease_expires_at = CASE WHEN experiment_id IN (91, 92) THEN 4102444800000 END""",
)


def fill(database: Database) -> None:
    """Store 100 experiments of 1,000 runs of 100 epochs with six metrics."""
    document = {"dataset": {"source": "moons"}, "training": {"seeds": RUNS_EACH}}
    spec = validate(document)
    for _ in range(EXPERIMENTS):
        with database.write() as session:
            experiments.create_experiment(session, spec)
    with database.write() as session:
        names = [f"{part}_{kind}" for kind in ("loss", "acc") for part in ("train", "val", "test")]
        metric_storage.key_ids(session, names)
        for statement in _FILL:
            values = {"length": CHUNK_EPOCHS, "chunks": CHUNKS} if ":length" in statement else {}
            session.execute(text(statement), values)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


QUERIES: dict[str, Callable[[Session], Any]] = {
    "renew the leases of 100 runs": lambda session: transitions.renew(
        session,
        [transitions.Lease(90_000 + place, 91, 1) for place in range(1, 101)],
        lease_seconds=600,
    ),
    "find expired leases (each second)": lifecycle.reap,
    "the next groups to send (each second)": lambda session: dispatch.next_groups(
        session, Placement(), 8, sent_before_seconds=600
    ),
    "waiting runs by device": dispatch.placements,
    "the curves of one run": lambda session: metrics.series(session, 50_000),
    "the curves of 1,000 runs": lambda session: metrics.series_of(
        session, list(range(49_001, 50_001)), ["val_loss"]
    ),
    "summaries of 1,000 runs": lambda session: metric_summaries.summaries(
        session, list(range(49_001, 50_001))
    ),
    "changes after a revision": lambda session: changes.changes_since(
        session, 3900, experiment_id=91
    ),
    "a page of an experiment's runs": lambda session: runs.page(session, 50),
    "counts of an experiment's runs": lambda session: experiments.counts(session, [50]),
    "counts of waiting and training runs": runs.count_unended,
}


def plans(url: str) -> str:
    """Return a table of each query's time and of the scans in its plan."""
    database = Database(url)
    begun = time.monotonic()
    fill(database)
    filled = time.monotonic() - begun
    lines = ["| query | ms | how it reads |", "|---|---|---|"]
    for name, query in QUERIES.items():
        taken, scans = _measured(database, query)
        lines.append(f"| {name} | {taken * 1e3:.1f} | {scans} |")
    sizes = ["| table | rows | with its indexes |", "|---|---|---|"]
    with database.read() as session:
        for table in ("metrics", "metric_summaries", "changes", "runs", "params"):
            rows = session.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            size = session.scalar(text(f"SELECT pg_size_pretty(pg_total_relation_size('{table}'))"))
            sizes.append(f"| {table} | {rows:,} | {size} |")
    database.dispose()
    writes = measure_writes(url, WriteLoad(1, 1, processes=1, threads=1))
    summary = (
        f"Filled in {filled:.0f} s. A write of {writes.load.runs} runs into these tables took "
        f"{writes.percentile(50) * 1e3:.1f} ms (median), {writes.percentile(99) * 1e3:.0f} ms "
        "(99th percentile)."
    )
    return "\n".join([*lines, "", *sizes, "", summary])


def _measured(database: Database, query: Callable[[Session], Any]) -> tuple[float, str]:
    """Return the median seconds of a query, rolled back each time, and the scans in its plans."""
    taken, statements = [], []

    def record(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if not statement.startswith("EXPLAIN"):
            statements.append((statement, parameters))

    for _ in range(TIMES):
        with database.read() as session:
            session.connection()
            begun = time.monotonic()
            query(session)
            taken.append(time.monotonic() - begun)
    with database.read() as session:
        event.listen(database.engine, "before_cursor_execute", record)
        query(session)
        event.remove(database.engine, "before_cursor_execute", record)
        session.rollback()
        scans: dict[str, None] = {}
        for statement, parameters in statements:
            plan = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
            scans |= dict.fromkeys(line for row in plan for line in _scans(row[0]))
    return median(taken), ", ".join(scans)


def _scans(line: str) -> list[str]:
    """Return the scans of a table in a line of a plan, such as "Index Scan on metrics"."""
    if " Scan" not in line:
        return []
    scan = line.strip().removeprefix("->").strip().partition("  (")[0]
    if "CTE" in scan or "on pg_" in scan:
        return []
    return [scan]
