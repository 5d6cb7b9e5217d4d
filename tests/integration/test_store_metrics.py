"""Stored metrics, their summaries and the change log, on real databases."""

import math
import random
import threading

import pytest

from backend.series import Series
from backend.specification import validate
from backend.store import Database, changes, experiments, metric_summaries, metrics, runs, schema
from backend.store.metrics import Point
from backend.store.runs import RunProgress


@pytest.fixture
def run_id(database: Database) -> int:
    spec = validate({"dataset": {"source": "points"}})
    with database.write() as session:
        return experiments.create_experiment(session, spec)[1][0]


def record(database: Database, run_id: int, values: dict[int, float], key: str = "loss") -> None:
    points = [Point(run_id, key, step, value, 0) for step, value in values.items()]
    with database.write() as session:
        metrics.record(session, points)


def test_series_are_sorted_by_step(database: Database, run_id: int) -> None:
    record(database, run_id, {2: 0.5, 1: 1.0})
    record(database, run_id, {3: math.nan, 4: math.inf})
    with database.read() as session:
        series = metrics.series(session, run_id)["loss"]
    assert series == Series.of([1, 2, 3, 4], [1.0, 0.5, None, math.inf])


def test_a_repeated_step_replaces_the_earlier_value(database: Database, run_id: int) -> None:
    record(database, run_id, {1: 1.0, 2: 2.0})
    record(database, run_id, {2: 3.0})
    with database.read() as session:
        assert metrics.series(session, run_id)["loss"].values.tolist() == [1.0, 3.0]


def test_the_last_written_value_of_each_step_counts(database: Database, run_id: int) -> None:
    numbers = random.Random(2)  # noqa: S311
    expected: dict[int, float] = {}
    for _ in range(30):
        some = {numbers.randrange(40): numbers.random() for _ in range(numbers.randrange(1, 9))}
        record(database, run_id, some)
        expected |= some
    with database.read() as session:
        series = metrics.series(session, run_id)["loss"]
        middle = metrics.series(session, run_id, first_step=10, last_step=20)["loss"]
    assert series.by_step == expected
    assert series.steps.tolist() == sorted(expected)
    assert middle.steps.tolist() == [step for step in sorted(expected) if 10 <= step <= 20]


def test_series_of_many_runs_are_read_together(database: Database, run_id: int) -> None:
    record(database, run_id, {1: 1.0, 2: 2.0})
    with database.read() as session:
        series_by_run = metrics.series_of(session, [run_id, run_id + 1], ["loss"])
    assert {id_: series["loss"].values.tolist() for id_, series in series_by_run.items()} == {
        run_id: [1.0, 2.0],
        run_id + 1: [],
    }


def test_steps_and_keys_can_be_selected(database: Database, run_id: int) -> None:
    record(database, run_id, {1: 1.0, 2: 2.0, 3: 3.0})
    record(database, run_id, {1: 9.0}, key="other")
    with database.read() as session:
        chosen = metrics.series(session, run_id, ["loss", "none"], first_step=2, last_step=2)
    assert {key: series.values.tolist() for key, series in chosen.items()} == {
        "loss": [2.0],
        "none": [],
    }


def test_values_at_the_best_epoch_belong_to_the_lowest_validation_loss(
    database: Database, run_id: int
) -> None:
    record(database, run_id, {1: 3.0, 2: 1.0, 3: 2.0}, key="val_loss")
    record(database, run_id, {1: 9.0, 2: 8.0, 3: 7.0}, key="test_loss")
    with database.read() as session:
        values = metric_summaries.values_at_best(
            session, [run_id], ["val_loss", "test_loss", "none"]
        )
    assert values == {run_id: {"val_loss": 1.0, "test_loss": 8.0}}


def test_summaries_match_the_whole_series(database: Database, run_id: int) -> None:
    numbers = random.Random(1)  # noqa: S311
    values = [numbers.choice([math.nan, 1.0, 2.0, 3.0]) for _ in range(40)]
    for start in range(0, 40, 7):
        record(database, run_id, dict(enumerate(values[start : start + 7], start=start)))
    with database.read() as session:
        summary = metric_summaries.summaries(session, [run_id])[run_id]["loss"]
    numeric = [value for value in values if not math.isnan(value)]
    assert (summary["min"], summary["min_step"]) == (min(numeric), values.index(min(numeric)))
    assert (summary["max"], summary["max_step"]) == (max(numeric), values.index(max(numeric)))
    assert summary["last_step"] == 39


def test_a_failed_transaction_leaves_nothing(database: Database, run_id: int) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        metrics.record(session, [Point(run_id, "loss", 1, 1.0, 0)])
        changes.log(session, 1, [changes.NewChange(run_id, "metric", 1, 1)])
        raise RuntimeError
    with database.read() as session:
        assert metrics.series(session, run_id) == {}
        assert changes.revision_of(session, 1) == 0


def test_concurrent_writers_commit_revisions_in_order(database: Database, run_id: int) -> None:
    def write() -> None:
        for _ in range(20):
            with database.write() as session:
                changes.log(session, 1, [changes.NewChange(run_id, "status")] * 3)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    readings: list[int] = []
    while len(readings) < 180:
        with database.read() as session:
            new = changes.changes_since(session, readings[-1] if readings else 0, experiment_id=1)
        readings += [change.revision for change in new]
    for writer in writers:
        writer.join()
    assert readings == list(range(1, 181))


def test_migrating_again_changes_nothing(database: Database) -> None:
    schema.migrate(database)


def test_migrations_create_the_declared_tables(database: Database) -> None:
    assert schema.differences(database) == []


def test_recent_steps_are_counted(database: Database, run_id: int) -> None:
    points = [Point(run_id, "loss", step, 0.0, 1000 * step) for step in range(1, 11)]
    with database.write() as session:
        metrics.record(session, points)
        runs.store_progress(session, [RunProgress(run_id, 10)])

    def counted(*, since: int, among: int) -> dict[int, int]:
        with database.read() as session:
            return metrics.recorded_since(
                session, [run_id], "loss", since_ms=since, last_steps=among
            )

    assert counted(since=8000, among=100) == {run_id: 3}
    assert counted(since=0, among=4) == {run_id: 4}
    assert counted(since=20_000, among=100) == {}
