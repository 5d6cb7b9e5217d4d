"""External runs: created, logged to and changed by their clients, on real databases."""

import math
import random
import threading
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import select

from backend.errors import Conflict, LabError, NotFound
from backend.runs import listing
from backend.runs.items import run_items
from backend.series import Series
from backend.store import (
    Database,
    changes,
    consistency,
    experiments,
    external_runs,
    logged_points,
    metric_summaries,
    metrics,
    runs,
    vacuum,
)
from backend.store.external_runs import LoggedRun
from backend.store.logged_points import SPLIT_AFTER_BATCHES, Batch
from backend.store.tables import LoggedPoints
from backend.tracking.experiments import (
    create_experiment,
    delete_experiment,
    find_or_create,
    rename_experiment,
    restore_experiment,
)
from backend.tracking.logs import ParamChanged, RunLog, log, log_all
from backend.tracking.runs import create_run, delete_run, update_run

Points = Sequence[tuple[str, int, int, float]]
"""Points as (metric, step, timestamp, value)."""


@pytest.fixture
def run(database: Database) -> LoggedRun:
    with database.write() as session:
        return create_run(session, create_experiment(session, "elsewhere").id, "mlflow")


def points(*rows: tuple[str, int, int, float]) -> Batch:
    return Batch(*zip(*rows, strict=True))


def write(database: Database, run: LoggedRun, *rows: tuple[str, int, int, float]) -> None:
    with database.write() as session:
        log(session, RunLog(run.external_id, points(*rows)))


def read_series(database: Database, run: LoggedRun, key: str = "loss") -> Series:
    with database.read() as session:
        return metrics.series(session, run.run_id, [key])[key]


def test_points_in_any_order_are_read_as_ascending_series(
    database: Database, run: LoggedRun
) -> None:
    write(database, run, ("loss", 5, 50, 0.5), ("loss", -1, 10, 2.0))
    write(database, run, ("loss", 3, 30, math.nan), ("val", 3, 30, math.inf))
    assert read_series(database, run) == Series.of([-1, 3, 5], [2.0, None, 0.5])
    assert read_series(database, run, "val") == Series.of([3], [math.inf])


def test_the_newest_value_of_a_step_counts_then_the_largest(
    database: Database, run: LoggedRun
) -> None:
    write(database, run, ("loss", 1, 200, 2.0), ("loss", 2, 200, 5.0))
    write(database, run, ("loss", 1, 100, 9.0), ("loss", 2, 200, 4.0))
    assert read_series(database, run) == Series.of([1, 2], [2.0, 5.0])


def test_history_keeps_all_values_of_a_step_and_repeated_points_once(
    database: Database, run: LoggedRun
) -> None:
    row = ("loss", 1, 200, 2.0)
    write(database, run, row, ("loss", 1, 100, 9.0))
    write(database, run, row, ("other", 1, 100, 9.0))
    with database.read() as session:
        history = logged_points.history(session, run.run_id, "loss")
    assert [column.tolist() for column in history] == [[1, 1], [100, 200], [9.0, 2.0]]


def test_summary_has_the_last_lowest_and_highest_logged_value(
    database: Database, run: LoggedRun
) -> None:
    write(database, run, ("loss", 9, 20, 0.5), ("loss", 9, 10, 7.0))
    write(database, run, ("loss", 2, 30, 0.5), ("loss", 4, 30, math.nan))
    with database.read() as session:
        summary = metric_summaries.summaries(session, [run.run_id])[run.run_id]["loss"]
    assert (summary["last"], summary["last_step"]) == (0.5, 9)
    assert (summary["min"], summary["min_step"]) == (0.5, 2)
    assert (summary["max"], summary["max_step"]) == (7.0, 9)


def test_many_batches_are_stored_by_metric_and_read_alike(
    database: Database, run: LoggedRun
) -> None:
    numbers = random.Random(1)  # noqa: S311
    expected: dict[str, dict[int, float]] = {"loss": {}, "val": {}}
    for step in range(2 * SPLIT_AFTER_BATCHES + 9):
        rows = [(key, step, step, numbers.random()) for key in expected]
        write(database, run, *rows)
        for key, _, _, value in rows:
            expected[key][step] = value
    for key, by_step in expected.items():
        assert read_series(database, run, key).by_step == by_step
    with database.read() as session:
        rows_left = session.execute(select(LoggedPoints.key_id, LoggedPoints.batch)).all()
        middle = metrics.series(session, run.run_id, first_step=250, last_step=260)["val"]
    assert len(rows_left) == 2 * len(expected) + 9
    assert middle.steps.tolist() == list(range(250, 261))


def test_several_requests_of_several_runs_are_logged_at_once(database: Database) -> None:
    with database.write() as session:
        experiment = create_experiment(session, "elsewhere")
        ids = [create_run(session, experiment.id, "python").external_id for _ in range(3)]
        entries = [
            RunLog(id_, points(("loss", step, step, float(number))))
            for step in range(4)
            for number, id_ in enumerate(ids)
        ]
        located = log_all(session, entries)
    for number, run in enumerate(located[:3]):
        assert isinstance(run, LoggedRun)
        assert read_series(database, run).values.tolist() == [number] * 4


def test_a_refused_request_writes_nothing_and_keeps_no_other_from_being_written(
    database: Database, run: LoggedRun
) -> None:
    changed = RunLog(run.external_id, points(("loss", 2, 2, 2.0)), {"lr": "0.2"}, {"a": "b"})
    with database.write() as session:
        log(session, RunLog(run.external_id, params={"lr": "0.1"}))
    with database.write() as session:
        outcomes = log_all(
            session,
            [
                changed,
                RunLog("unknown", points(("loss", 3, 3, 3.0))),
                RunLog(run.external_id, points(("loss", 1, 1, 1.0))),
            ],
        )
        [item] = run_items(session, runs.by_ids(session, [run.run_id]))
    assert [type(outcome) for outcome in outcomes] == [ParamChanged, NotFound, LoggedRun]
    assert (item.params, item.tags) == ({"lr": "0.1"}, {})
    assert read_series(database, run).steps.tolist() == [1]


@pytest.mark.parametrize(
    "entry",
    [
        lambda id_: RunLog(id_, points(("k" * 251, 1, 1, 1.0))),
        lambda id_: RunLog(id_, points(("loss", 2**63, 1, 1.0))),
        lambda id_: RunLog(id_, params={"": "1"}),
        lambda id_: RunLog(id_, params={"p": "x" * 6001}),
        lambda id_: RunLog(id_, tags={"t": "\0"}),
        lambda id_: RunLog(id_, tags={"t": "\ud800"}),
    ],
)
def test_what_the_database_cannot_store_is_refused(
    database: Database, run: LoggedRun, entry: Callable[[str], RunLog]
) -> None:
    with database.write() as session:
        [outcome] = log_all(session, [entry(run.external_id)])
    assert isinstance(outcome, LabError)
    assert outcome.status == 422


def test_a_param_is_found_as_text_and_as_number(database: Database, run: LoggedRun) -> None:
    with database.write() as session:
        log(session, RunLog(run.external_id, params={"lr": "1e-3", "model/name": "mlp"}))
    assert listed(database, "params.lr < 0.01 and params.lr = '1e-3'") == [run.run_id]
    assert listed(database, 'params."model/name" = mlp') == [run.run_id]


def test_runs_are_listed_by_the_id_of_their_client(database: Database, run: LoggedRun) -> None:
    assert listed(database, f"external_id = '{run.external_id}'") == [run.run_id]
    assert listed(database, "source = mlflow and parameters is null") == [run.run_id]


def listed(database: Database, text: str) -> list[int]:
    with database.read() as session:
        query = listing.read_query(session, filter=text, order_by="", shown="active")
        return [item.id for item in listing.list_runs(session, query, cursor=None, limit=10).items]


def test_every_write_is_logged_as_a_change(database: Database, run: LoggedRun) -> None:
    with database.read() as session:
        before = changes.revision_of(session, run.experiment_id)
    write(database, run, ("loss", 7, 1, 1.0), ("loss", -2, 1, 1.0))
    with database.read() as session:
        [change] = changes.changes_since(session, before, experiment_id=run.experiment_id)
    assert (change.kind, change.first_step, change.last_step) == ("metric", -2, 7)


def test_logging_to_a_finished_run_is_allowed_and_to_a_deleted_one_is_not(
    database: Database, run: LoggedRun
) -> None:
    with database.write() as session:
        update_run(session, run.external_id, status="finished", end_time=1_700_000_000_000)
    write(database, run, ("loss", 1, 1, 1.0))
    with database.write() as session:
        delete_run(session, run.external_id)
    with pytest.raises(Conflict, match="deleted"):
        write(database, run, ("loss", 2, 2, 2.0))
    assert read_series(database, run).steps.tolist() == [1]


def test_two_writers_of_one_run_lose_nothing(database: Database, run: LoggedRun) -> None:
    def write_many(key: str) -> None:
        for step in range(SPLIT_AFTER_BATCHES):
            write(database, run, (key, step, step, 1.0))

    threads = [threading.Thread(target=write_many, args=[key]) for key in ("loss", "val")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for key in ("loss", "val"):
        assert read_series(database, run, key).steps.tolist() == list(range(SPLIT_AFTER_BATCHES))


def test_a_name_belongs_to_one_undeleted_experiment(database: Database) -> None:
    with database.write() as session:
        first = create_experiment(session, "name" * 100).id
        with pytest.raises(Conflict, match="already"):
            create_experiment(session, "name" * 100)
        assert find_or_create(session, "name" * 100).id == first
        delete_experiment(session, first)
        second = find_or_create(session, "name" * 100).id
        with pytest.raises(Conflict, match="has its name"):
            restore_experiment(session, first, deleted_days=30)
        rename_experiment(session, second, "another")
        restore_experiment(session, first, deleted_days=30)
        assert experiments.get(session, first).deleted_at is None


def test_a_removed_run_leaves_no_points(database: Database, run: LoggedRun) -> None:
    write(database, run, ("loss", 1, 1, 1.0))
    with database.write() as session:
        update_run(session, run.external_id, status="failed")
        delete_run(session, run.external_id)
    with database.write() as session:
        assert vacuum.remove(session, after_days=0) == 1
        assert session.scalars(select(LoggedPoints.run_id)).all() == []


def test_doctor_finds_no_problem_in_external_runs(database: Database, run: LoggedRun) -> None:
    write(database, run, ("train_loss", 1, 1, 1.0), ("train_loss", 1, 2, 0.5))
    with database.write() as session:
        update_run(session, run.external_id, status="failed")
    with database.read() as session:
        assert consistency.state_problems(session) == []
        assert consistency.reference_problems(session) == []
        assert consistency.revision_problems(session) == []
        assert consistency.epoch_problems(session) == []


def test_data_sets_of_a_run_are_stored_once(database: Database, run: LoggedRun) -> None:
    digits = external_runs.Dataset("digits", "1a2b", "training", {"source": "sklearn"})
    with database.write() as session:
        for _ in range(2):
            external_runs.add_datasets(session, run, [digits])
    with database.read() as session:
        assert external_runs.datasets_of(session, [run.run_id]) == {run.run_id: [digits]}
