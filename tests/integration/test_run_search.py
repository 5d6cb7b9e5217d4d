"""Filters and orders in SQL agree with their evaluation in Python."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import insert, update

from backend.search import Condition, parse_order
from backend.search.syntax import Predicate, SearchField
from backend.specification import validate
from backend.store import (
    Database,
    curation,
    experiments,
    run_pages,
    run_params,
    run_search,
    undo_log,
)
from backend.store.metric_storage import key_ids
from backend.store.tables import Experiment, MetricSummary, Run
from tests.filter_oracle import CONDITIONS, NAMES, NOW, holds
from tests.specs import document

Rows = dict[int, dict[SearchField, Any]]

AMOUNT = 40
PARTS = ("last", "min", "max", "best")
EVERY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def rows(database: Database, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """Runs with random values, many of them missing: the value of each field by run."""
    monkeypatch.setattr(run_search, "moment", lambda _: NOW)
    rng = random.Random(7)  # noqa: S311 - not for secrets
    with database.write() as session:
        spec = validate(document("points", training__seeds=AMOUNT) | {"name": "50 % [x]"})
        experiment, ids = experiments.create_experiment(session, spec)
        session.execute(update(Experiment).values(created_at=NOW - 86_400_000))
        run_params.remove(session, ids)
        values_by_run = {id_: _values(rng, id_, experiment.name) for id_ in ids}
        _store(session, values_by_run)
    return values_by_run


KINDS = {"name": "text", "note": "text", "verdict": "text", "pinned": "truth", "created": "time"}


def _values(rng: random.Random, run_id: int, name: str) -> dict[SearchField, Any]:
    def some(*values: Any) -> Any:
        return rng.choice([None, *values])

    row: dict[SearchField, Any] = {
        SearchField("metric", metric, "number", part): some(-1.0, 0.0, 0.25, 0.3, 2.0, 32.0)
        for metric in NAMES.metrics
        for part in PARTS
    }
    gap = [row[SearchField("metric", f"{p}_loss", "number", "last")] for p in ("val", "train")]
    row |= {
        SearchField("param", name, "either"): some(2, 32, 0.25, "adam", "A_b")
        for name in NAMES.params
    }
    row |= {
        SearchField("tag", key, "text"): some("adam", "", "sgd")
        for key in ("owner", "a.b", "odd key")
    }
    own = {
        "id": run_id, "parameters": rng.choice([2, 32]), "epoch": rng.choice([0, 32]),
        "best_epoch": some(2, 32), "early_stop_epoch": some(2, 32),
        "gap": None if None in gap else gap[0] - gap[1], "name": name,
        "note": some("Adam", 'a "quoted" word'), "verdict": some("overfitting", "good fit"),
        "pinned": rng.random() < 0.3, "created": NOW - 86_400_000,
    }  # fmt: skip
    row |= {SearchField("run", key, KINDS.get(key, "number")): value for key, value in own.items()}  # type: ignore[arg-type]
    return row


def _store(session: Any, values_by_run: Rows) -> None:
    ids = key_ids(session, NAMES.metrics)
    for run_id, row in values_by_run.items():
        own = {item.name: value for item, value in row.items() if item.source == "run"}
        columns = ("parameters", "epoch", "early_stop_epoch", "note", "verdict", "pinned")
        session.execute(
            update(Run).where(Run.id == run_id).values({key: own[key] for key in columns})
        )
        for name, key_id in ids.items():
            last, low, high, best = (row[SearchField("metric", name, "number", p)] for p in PARTS)
            step = own["best_epoch"] if name == "val_loss" else None
            session.execute(
                insert(MetricSummary).values(
                    run_id=run_id, key_id=key_id, last=last, last_step=1, min=low, min_step=step,
                    max=high, max_step=1, at_best=best,
                )
            )  # fmt: skip
        tags = {item.name: value for item, value in row.items() if item.source == "tag"}
        undo_log.apply_change(session, "run", [run_id], curation.CurationChange(tags=tags))
    flat_params = {
        run_id: {f.name: v for f, v in row.items() if f.source == "param" and v is not None}
        for run_id, row in values_by_run.items()
    }
    run_params.add(session, flat_params)


def test_sql_agrees_with_python_on_any_filter(database: Database, rows: Rows) -> None:
    @EVERY
    @given(CONDITIONS)
    def agree(condition: Condition) -> None:
        with database.read() as session:
            matching = run_pages.matching_ids(session, condition, limit=AMOUNT)
        assert matching == [run_id for run_id, row in rows.items() if holds(condition, row)]

    agree()


ORDERS = (
    "",
    "metrics.val_loss",
    "metrics.val_loss.best desc, params.width",
    "note desc, best_epoch",
    "params.optimizer desc",
    "created, gap desc",
    "tags.owner, id",
)


def test_pages_of_any_size_are_in_order(database: Database, rows: Rows) -> None:
    for order in ORDERS:
        run_ids = _in_pages(database, order)
        assert sorted(run_ids) == sorted(rows)
        pinned = [rows[run_id][SearchField("run", "pinned", "truth")] for run_id in run_ids]
        assert pinned == sorted(pinned, reverse=True)


def _in_pages(database: Database, order: str) -> list[int]:
    with database.read() as session:
        columns = parse_order(order, NAMES)
        whole = run_pages.sorted_page(session, None, columns, limit=AMOUNT)
        assert whole.next_position is None
        run_ids: list[int] = []
        place = None
        while True:
            page = run_pages.sorted_page(session, None, columns, after=place, limit=7)
            run_ids += [run.id for run in page.runs]
            place = page.next_position
            if place is None:
                break
    assert run_ids == [run.id for run in whole.runs]
    return run_ids


def test_runs_without_the_value_come_last_in_both_directions(
    database: Database, rows: Rows
) -> None:
    field = SearchField("metric", "val_loss", "number", "last")
    unpinned = Predicate(SearchField("run", "pinned", "truth"), "=", False)
    for order in ("metrics.val_loss", "metrics.val_loss desc"):
        with database.read() as session:
            page = run_pages.sorted_page(session, unpinned, parse_order(order, NAMES), limit=AMOUNT)
        values = [rows[run.id][field] for run in page.runs]
        known = [value for value in values if value is not None]
        assert values[: len(known)] == sorted(known, reverse=order.endswith("desc"))
