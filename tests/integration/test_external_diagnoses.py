"""Verdicts on external runs: at the end, while they are logged, after a silence, by choice."""

import pytest
from sqlalchemy import update

from backend.errors import InvalidInput
from backend.runs import listing
from backend.runs.items import run_detail, run_items
from backend.runs.schemas import RunDetail
from backend.series import Series
from backend.store import Database, changes, consistency, metrics, runs, transitions
from backend.store.external_runs import SILENT_MS, LoggedRun
from backend.store.tables import ExternalRun
from backend.tracking import choices
from backend.tracking.experiments import find_or_create
from backend.tracking.live_verdicts import LiveVerdicts
from backend.tracking.runs import create_run, lose_silent
from tests.api import Api
from tests.external import finish, finished_run, log_rows, overfitting, start_run


def read(database: Database, run: LoggedRun) -> RunDetail:
    with database.read() as session:
        return run_detail(session, run.run_id)


def test_a_run_is_diagnosed_when_it_ends(database: Database) -> None:
    run = read(database, finished_run(database))
    assert run.verdict == "overfitting"
    assert run.best_epoch == 20
    assert run.epoch == 60
    assert run.tags == {
        "overfit.verdict": "overfitting",
        "overfit.kind": run.kind,
        "overfit.best_epoch": "20",
        "overfit.early_stop_epoch": str(run.early_stop_epoch),
    }


def test_losses_with_other_names_are_read_as_those_of_other_runs(database: Database) -> None:
    rows = overfitting(train="train/loss", validation="eval/loss")
    run = finished_run(database, rows)
    with database.read() as session:
        curves = metrics.curves_of(session, [run.run_id], ["train_loss", "val_loss"])
        logged = metrics.series(session, run.run_id)
    values = [value for key, _, _, value in rows if key == "eval/loss"]
    assert curves[run.run_id]["val_loss"] == Series.of(range(60), values)
    assert logged.keys() == {"train/loss", "eval/loss"}
    item = read(database, run)
    assert item.summary["val_loss"]["min"] == min(values)


def test_filters_find_the_verdict_the_gap_and_the_best_epoch(database: Database) -> None:
    run = finished_run(database, overfitting(train="train/loss", validation="eval/loss"))
    text = (
        "verdict = overfitting and gap > 0.1 and best_epoch = 20 and metrics.val_loss.min < 1"
        " and metrics.eval/loss > 0.2 and tags.overfit.verdict = overfitting"
    )
    with database.read() as session:
        query = listing.read_query(session, filter=text, order_by="best_epoch", shown="active")
        page = listing.list_runs(session, query, cursor=None, limit=5)
    assert [item.id for item in page.items] == [run.run_id]


def test_a_run_without_a_pair_of_losses_says_why(database: Database) -> None:
    run = read(database, finished_run(database, [("training_score", 0, 1, 0.9)]))
    assert run.verdict == "not assessable"
    assert run.rule == "not-assessable.no-losses"
    assert "loss" in run.diagnosis["sentence"]


def test_a_running_run_is_diagnosed_apart_from_the_requests(database: Database) -> None:
    run = start_run(database)
    log_rows(database, run, overfitting())
    assert read(database, run).verdict is None
    verdicts = LiveVerdicts(database)
    assert [verdicts.run_once(), verdicts.run_once()] == [1, 0]
    assert read(database, run).verdict == "overfitting"
    assert read(database, run).status == "running"


def test_a_new_diagnosis_replaces_the_curves_of_the_one_before(database: Database) -> None:
    run = start_run(database)
    rows = overfitting()
    for half in (rows[:60], rows[60:]):
        log_rows(database, run, half)
        LiveVerdicts(database).run_once()
    with database.read() as session:
        curve = metrics.curves_of(session, [run.run_id], ["val_loss"])[run.run_id]["val_loss"]
    assert curve.steps.tolist() == list(range(60))


def test_followers_learn_of_a_diagnosis(database: Database) -> None:
    run = start_run(database)
    log_rows(database, run, overfitting())
    with database.read() as session:
        before = changes.revision_of(session, run.experiment_id)
    LiveVerdicts(database).run_once()
    with database.read() as session:
        later = changes.changes_since(session, before, experiment_id=run.experiment_id)
    assert "diagnosis" in {change.kind for change in later}


def test_a_person_chooses_the_losses_of_an_experiment(database: Database) -> None:
    rows = [*overfitting(), *overfitting(40, train="b/train_mse", validation="b/val_mse")]
    run = finished_run(database, rows)
    with database.write() as session:
        choices.choose_pairing(
            session, run.experiment_id, {"train": "b/train_mse", "validation": "b/val_mse"}
        )
    assert read(database, run).epoch == 40
    with database.write() as session:
        choices.choose_pairing(session, run.experiment_id, {})
    assert read(database, run).epoch == 60


def test_a_role_needs_a_param_that_a_run_has(database: Database) -> None:
    run = finished_run(database, params={"size": "100"})
    with database.write() as session:
        with pytest.raises(InvalidInput, match="capacity"):
            choices.choose_roles(session, run.experiment_id, {"capacity": "units"})
        with pytest.raises(InvalidInput, match="two roles"):
            choices.choose_roles(
                session, run.experiment_id, {"capacity": "size", "data_size": "size"}
            )


def test_params_with_a_usual_name_have_their_role(database: Database) -> None:
    for seed in range(3):
        params = {"hidden_units": "8", "n_samples": "100", "random_state": str(seed)}
        last = finished_run(database, params={**params, "output_dir": f"out/{seed}"})
    with database.read() as session:
        items = run_items(session, runs.of_experiment(session, last.experiment_id))
    assert dict(items[-1].settings) == {
        "model.width": 8, "dataset.n_train": 100, "training.seed": 2
    }  # fmt: skip


def silence(database: Database, run: LoggedRun, milliseconds: int, *, pause: int = 0) -> None:
    """Make a run silent for a time by the clock of the database."""
    with database.write() as session:
        at = transitions.now(session) - milliseconds
        silent = update(ExternalRun).where(ExternalRun.run_id == run.run_id)
        session.execute(silent.values(last_seen_at=at, longest_pause=pause))


def lose(database: Database, *, listening_since: int = 0) -> list[int]:
    with database.write() as session:
        return [run.run_id for run in lose_silent(session, listening_since=listening_since)]


@pytest.mark.parametrize(
    ("silent_ms", "pause_ms", "is_lost"),
    [
        (SILENT_MS - 5000, 0, False),
        (SILENT_MS + 1000, 0, True),
        (SILENT_MS + 1000, SILENT_MS // 9, False),
        (2 * SILENT_MS, SILENT_MS // 9, True),
    ],
)
def test_a_run_is_lost_after_ten_minutes_or_ten_usual_pauses(
    database: Database, silent_ms: int, pause_ms: int, *, is_lost: bool
) -> None:
    run = start_run(database)
    log_rows(database, run, overfitting())
    silence(database, run, silent_ms, pause=pause_ms)
    assert lose(database) == [run.run_id] * is_lost
    assert (read(database, run).status == "lost") == is_lost
    assert (read(database, run).verdict == "overfitting") == is_lost


def test_a_lost_run_runs_again_when_its_client_speaks(database: Database) -> None:
    run = start_run(database)
    silence(database, run, 2 * SILENT_MS)
    lose(database)
    log_rows(database, run, overfitting(3))
    item = read(database, run)
    assert (item.status, item.ended_at, item.error) == ("running", None, None)
    assert lose(database) == []


def test_a_silent_run_of_trackio_has_finished(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        experiment = find_or_create(session, "digits")
        run = create_run(session, experiment.id, "trackio")
    log_rows(sqlite_database, run, overfitting())
    silence(sqlite_database, run, 2 * SILENT_MS)
    assert lose(sqlite_database) == [run.run_id]
    item = read(sqlite_database, run)
    assert (item.status, item.verdict, item.error) == ("finished", "overfitting", None)
    log_rows(sqlite_database, run, overfitting(3))
    assert read(sqlite_database, run).status == "running"


def test_a_time_without_listening_is_no_silence(database: Database) -> None:
    run = start_run(database)
    silence(database, run, 2 * SILENT_MS)
    with database.read() as session:
        now = transitions.now(session)
    assert lose(database, listening_since=now - SILENT_MS // 2) == []
    assert lose(database, listening_since=now - 2 * SILENT_MS) == [run.run_id]


def test_an_ended_run_is_never_lost(database: Database) -> None:
    run = start_run(database)
    finish(database, run)
    silence(database, run, 2 * SILENT_MS)
    assert lose(database) == []


def test_doctor_accepts_diagnosed_runs(database: Database) -> None:
    run = finished_run(database)
    with database.read() as session:
        assert consistency.epoch_problems(session) == []
        assert consistency.state_problems(session) == []
        assert consistency.reference_problems(session) == []
        assert consistency.recent_runs(session, None) == []
    assert read(database, run).epoch


def test_one_metric_cannot_be_both_losses(api: Api) -> None:
    run = start_run(api.database)
    url = f"/api/experiments/{run.experiment_id}/pairing"
    answer = api.request("PUT", url, json={"train": "val_loss", "validation": "val_loss"})
    assert (answer.status_code, answer.json()["field"]) == (422, "validation")


def test_clients_neither_set_nor_remove_verdict_tags(api: Api) -> None:
    base = "/api/2.0/mlflow/runs"
    tags = [{"key": "overfit.verdict", "value": "good fit"}, {"key": "team", "value": "a"}]
    run = api.post(f"{base}/create", json={"experiment_id": "0", "tags": tags}).json()["run"]
    kept = [tag["key"] for tag in run["data"]["tags"]]
    assert "team" in kept
    assert "overfit.verdict" not in kept
    body = {"run_id": run["info"]["run_id"], "key": "overfit.verdict"}
    answer = api.post(f"{base}/delete-tag", json=body)
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
