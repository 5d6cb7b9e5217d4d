"""Speed of filtering and sorting a list of many runs: `python -m bench.runs --runs 100000`.

Fills a database of its own with runs as the product stores them (params, summaries, verdicts and
diagnoses; no curves). It then times the queries of the list and of `GET /api/runs`: the processor
time of this thread, in which SQLite runs too, the fastest of three.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from backend.runs.listing import list_runs, read_query
from backend.specification import validate
from backend.store import Database, bulk, experiments, run_pages
from backend.store.metric_storage import key_ids
from backend.store.schema import migrate
from backend.store.tables import MetricSummary, Run

SPEC = {
    "dataset": {"source": "moons", "n_train": [20, 50, 200, 1000], "label_noise": [0, 0.2]},
    "model": {"width": [2, 8, 32, 128], "depth": [1, 2]},
    "training": {"epochs": 300, "learning_rate": [0.001, 0.01], "seeds": 8},
}  # 1,024 runs
KEYS = tuple(f"{p}_{kind}" for kind in ("loss", "accuracy") for p in ("train", "val", "test"))
VERDICTS = ("overfitting", "good fit", "underfitting", "still improving", "unstable")
DIAGNOSIS = {"sentence": "x" * 500, "learner": "x" * 300, "evidence": dict.fromkeys(KEYS, 0.123)}
QUERIES = (
    ("", ""),
    ("", "metrics.val_loss"),
    ("", "metrics.test_loss.best desc, params.width"),
    ("", "params.learning_rate desc"),
    ("", "gap desc"),
    ("", "epoch"),
    ("verdict = overfitting", "created"),
    ("metrics.val_loss < 0.3 and params.width = 32 and verdict = overfitting", ""),
    ("metrics.val_loss < 0.3 and params.width = 32 and verdict = overfitting", "gap desc"),
    ("metrics.val_loss < 0.9 and params.n_train >= 50", "metrics.val_loss.min"),
    ("name ilike '%grid 7%' or tags.owner = ann", "best_epoch"),
)


def fill(database: Database, amount: int) -> None:
    """Store at least `amount` finished runs, one grid per experiment."""
    rng = random.Random(0)  # noqa: S311 - not a secret
    count = 0
    while count < amount:
        with database.write() as session:
            spec = validate({**SPEC, "name": f"Grid {count // 1024}"})
            _, ids = experiments.create_experiment(session, spec)
            _finish(session, ids, rng)
        count += len(ids)


def _finish(session: Session, ids: list[int], rng: random.Random) -> None:
    keys = key_ids(session, KEYS)
    bulk.insert(
        session,
        MetricSummary,
        [
            (id_, key, last, 300, last / 2, rng.randint(1, 300), 2.0, 1, last / 2, None)
            for id_ in ids
            for key in keys.values()
            for last in [rng.random()]
        ],
    )
    ended = [
        {"of": id_, "found": rng.choice(VERDICTS), "fired": rng.randint(20, 300)} for id_ in ids
    ]
    session.connection().execute(_ENDED, ended)


_ENDED = (
    update(Run)
    .where(Run.id == bindparam("of"))
    .values(
        status="finished",
        epoch=300,
        verdict=bindparam("found"),
        diagnosis=DIAGNOSIS,
        early_stop_epoch=bindparam("fired"),
    )
)


def table(database: Database) -> str:
    """Return the times of each query in milliseconds."""
    lines = ["| filter | order | page, ms | count, ms | runs |", "|---|---|---|---|---|"]
    for text, order in QUERIES:
        page = min(_timed(lambda: _page(database, text, order)) for _ in range(3))  # noqa: B023
        count = min(_timed(lambda: _count(database, text)) for _ in range(3))  # noqa: B023
        lines.append(
            f"| {text or 'all'} | {order or 'newest'} | {page * 1000:.0f} | {count * 1000:.0f} "
            f"| {_count(database, text):,} |"
        )
    return "\n".join(lines)


def _page(database: Database, text: str, order: str) -> Any:
    with database.read() as session:
        query = read_query(session, filter=text, order_by=order, shown="active")
        return list_runs(session, query, cursor=None, limit=50)


def _count(database: Database, text: str) -> int:
    with database.read() as session:
        query = read_query(session, filter=text, order_by="", shown="active")
        return run_pages.count_matching(session, query.condition)


def _timed(call: Any) -> float:
    begun = time.thread_time()
    call()
    return time.thread_time() - begun


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument(
        "--database", help="SQLAlchemy URL of a database of its own, filled if it is empty"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        database = Database(options.database or f"sqlite:///{Path(folder) / 'lab.db'}")
        migrate(database)
        with database.read() as session:
            empty = not run_pages.count_matching(session)
        if empty:
            fill(database, options.runs)
        print(table(database))
        database.dispose()


if __name__ == "__main__":
    main()
