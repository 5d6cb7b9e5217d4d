"""Training of queued runs until their end, on real databases and a real broker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from safetensors.numpy import load
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from torch import Tensor

from backend.diagnosis.stopping_rules import build, early_stop_step
from backend.runs import lifecycle
from backend.settings import Settings
from backend.store import Database, artifacts, transitions
from tests.specs import document
from tests.training import (
    ActionAfterEpochs,
    changed_epochs,
    curves,
    expire,
    get_run,
    logged,
    logged_epochs,
    make_services,
    submit,
    train_with_kill,
)
from worker.services import Shutdown
from worker.tasks import train
from worker.training.gradient_descent import GradientDescent

EPOCHS = 12
SHORT = document(
    "moons",
    dataset__n_train=[20, 40],
    dataset__n_validation=30,
    dataset__n_test=30,
    model__width=8,
    model__dropout=0.2,
    training__epochs=EPOCHS,
)


@pytest.fixture
def eager(settings: Settings) -> Settings:
    """Settings with which every epoch and a checkpoint are written immediately."""
    return settings.model_copy(update={"record_seconds": 1e-9, "checkpoint_seconds": 1e-9})


def test_runs_are_trained_until_the_last_epoch(settings: Settings, database: Database) -> None:
    run_ids = submit(database, SHORT)
    train(run_ids, make_services(settings, database))
    for run_id in run_ids:
        run = get_run(database, run_id)
        assert (run.status, run.epoch, run.error) == ("finished", EPOCHS, None)
        assert run.verdict is not None
        assert run.diagnosis is not None
        assert run.reference_loss == pytest.approx(0.693, abs=0.01)


def test_every_epoch_of_every_metric_is_recorded(settings: Settings, database: Database) -> None:
    run_id = submit(database, SHORT)[0]
    train([run_id], make_services(settings, database))
    recorded = curves(database, run_id)
    parts = ("train", "val", "test")
    assert set(recorded) == {f"{part}_{kind}" for part in parts for kind in ("loss", "accuracy")}
    assert all(steps == list(range(1, EPOCHS + 1)) for steps, _ in recorded.values())


def test_a_retried_run_ends_like_one_that_never_failed(eager: Settings, database: Database) -> None:
    failed, whole = (submit(database, SHORT)[0] for _ in range(2))

    def fail(_: Shutdown) -> None:
        raise RuntimeError("The disk is full")

    services = make_services(eager, database, ActionAfterEpochs(EPOCHS // 2, fail))
    train([failed], services)
    assert get_run(database, failed).status == "failed"
    with database.write() as session:
        assert lifecycle.retry(session, get_run(database, failed).experiment_id) == 1
    train([failed, whole], make_services(eager, database))
    assert get_run(database, failed).status == "finished"
    assert curves(database, failed) == curves(database, whole)
    assert logged_epochs(database, failed) == list(range(1, EPOCHS + 1))


def test_an_error_in_an_ensemble_fails_only_its_runs(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ids = submit(database, {**SHORT, "model": {"width": [8, 64]}})
    advance = GradientDescent.advance

    def breaking(ensemble: GradientDescent, interrupted: Callable[[], bool]) -> Tensor:
        if ensemble.members[0].spec.model.width == 64 and ensemble.members[0].epoch == 3:
            raise RuntimeError("a strange thing\nand more of it")
        return advance(ensemble, interrupted)

    monkeypatch.setattr(GradientDescent, "advance", breaking)
    train(run_ids, make_services(settings, database))
    runs_by_id = {run_id: get_run(database, run_id) for run_id in run_ids}
    assert {run.status for run in runs_by_id.values()} == {"finished", "failed"}
    for run_id, run in runs_by_id.items():
        broken = run.params["model.width"] == 64
        assert run.epoch == (3 if broken else EPOCHS)
        assert run.error == (
            "Training failed unexpectedly: RuntimeError: a strange thing." if broken else None
        )
        with database.read() as session:
            kinds = [snapshot.kind for snapshot in artifacts.snapshot_infos(session, run_id)]
        assert kinds == (["best"] if broken else ["best", "last"])


def test_a_finished_run_has_snapshots_and_samples(settings: Settings, database: Database) -> None:
    run_id = submit(database, SHORT)[0]
    train([run_id], make_services(settings, database))
    with database.read() as session:
        snapshots = artifacts.snapshot_infos(session, run_id)
        samples = artifacts.samples(session, run_id)
        checkpoints = artifacts.checkpoints(session, [run_id])
    assert [(snapshot.kind, snapshot.has_fit) for snapshot in snapshots] == [
        ("best", True),
        ("last", True),
    ]
    assert snapshots[1].epoch == EPOCHS
    assert load(samples or b"")["train_x"].shape == (20, 2)
    assert checkpoints == {}


def test_changes_contain_every_epoch_once_and_the_states(
    eager: Settings, database: Database
) -> None:
    run_id = submit(database, SHORT)[0]
    train([run_id], make_services(eager, database))
    entries = logged(database, run_id)
    assert changed_epochs(entries) == list(range(1, EPOCHS + 1))
    assert [entry.kind for entry in entries if entry.kind != "metric"] == [
        "status",
        "status",
        "diagnosis",
    ]


def test_runs_held_by_another_worker_are_not_trained(
    settings: Settings, database: Database
) -> None:
    run_ids = submit(database, SHORT)
    with database.write() as session:
        transitions.claim(session, run_ids[:1], worker="other", lease_seconds=60)
    train(run_ids, make_services(settings, database))
    assert [get_run(database, run_id).status for run_id in run_ids] == ["running", "finished"]


def test_a_cancelled_run_keeps_its_records(eager: Settings, database: Database) -> None:
    run_ids = submit(database, SHORT)

    def cancel(_: Shutdown) -> None:
        with database.write() as session:
            lifecycle.cancel(session, get_run(database, run_ids[0]).experiment_id)

    train(run_ids, make_services(eager, database, ActionAfterEpochs(6, cancel)))
    for run_id in run_ids:
        run = get_run(database, run_id)
        assert run.status == "cancelled"
        assert 6 <= run.epoch < EPOCHS
        assert run.verdict is not None
        with database.read() as session:
            assert artifacts.get_snapshot(session, run_id, "last").epoch == run.epoch


def test_a_worker_that_lost_its_lease_stops_writing(eager: Settings, database: Database) -> None:
    run_ids = submit(database, SHORT)

    def take_over(_: Shutdown) -> None:
        with database.write() as session:
            expire(session)
            transitions.claim(session, run_ids[:1], worker="other", lease_seconds=60)

    train(run_ids[:1], make_services(eager, database, ActionAfterEpochs(4, take_over)))
    run = get_run(database, run_ids[0])
    assert (run.status, run.worker, run.epoch) == ("running", "other", 4)
    assert curves(database, run_ids[0])["val_loss"][0] == [1, 2, 3, 4]


@pytest.mark.parametrize("settings_name", ["settings", "eager"])
def test_runs_of_a_stopped_worker_are_requeued_and_continue(
    settings_name: str, request: pytest.FixtureRequest, database: Database
) -> None:
    settings: Settings = request.getfixturevalue(settings_name)
    run_ids, undisturbed = submit(database, SHORT), submit(database, SHORT)
    train(run_ids, make_services(settings, database, ActionAfterEpochs(5, Shutdown.request)))
    stopped = get_run(database, run_ids[0])
    assert (stopped.status, stopped.sent_at, stopped.epoch) == ("queued", None, 5)
    train(run_ids, make_services(settings, database))
    train(undisturbed, make_services(settings, database))
    for continued, whole in zip(run_ids, undisturbed, strict=True):
        assert curves(database, continued) == curves(database, whole)


@pytest.mark.parametrize("checkpoint_seconds", [1e-9, 1e9])
def test_runs_of_a_killed_worker_continue_to_the_bit(
    eager: Settings, database: Database, checkpoint_seconds: float
) -> None:
    settings = eager.model_copy(update={"checkpoint_seconds": checkpoint_seconds})
    run_ids, undisturbed = submit(database, SHORT), submit(database, SHORT)
    train_with_kill(run_ids, settings, database, after=5)
    train(undisturbed, make_services(settings, database))
    for continued, whole in zip(run_ids, undisturbed, strict=True):
        assert curves(database, continued) == curves(database, whole)
        assert logged_epochs(database, continued) == list(range(1, EPOCHS + 1))
        assert get_run(database, continued).diagnosis == get_run(database, whole).diagnosis


@pytest.mark.parametrize("killed_after", [None, 15])
@pytest.mark.parametrize(
    ("criterion", "hyperparameters", "action"),
    [
        ("patience", {"patience": 15}, "flag"),
        ("patience", {"patience": 15}, "stop"),
        ("gl", {"alpha": 100.0}, "stop"),
        ("pq", {"alpha": 0.5, "strip": 7}, "stop"),
        ("up", {"strips": 3, "strip": 6}, "stop"),
    ],
)
def test_early_stopping_fires_as_replayed(
    eager: Settings,
    database: Database,
    criterion: str,
    hyperparameters: dict[str, float],
    action: str,
    killed_after: int | None,
) -> None:
    overfits = document("moons", dataset__n_train=10, training__epochs=80, model__width=64)
    rule = {"criterion": criterion, "action": action, **hyperparameters}
    (run_id,) = submit(database, {**overfits, "early_stopping": rule})
    if killed_after:
        train_with_kill([run_id], eager, database, after=killed_after)
    else:
        train([run_id], make_services(eager, database))
    run = get_run(database, run_id)
    recorded = curves(database, run_id)
    train_losses, losses = (
        [x or 0.0 for x in recorded[key][1]] for key in ("train_loss", "val_loss")
    )
    replayed = zip(recorded["val_loss"][0], train_losses, losses, strict=True)
    expected = early_stop_step(build(criterion, **hyperparameters), replayed)
    assert run.early_stop_epoch == expected
    assert expected is not None
    assert expected > 15
    assert run.epoch == (expected if action == "stop" else 80)
    assert run.status == "finished"


def test_a_diverging_run_fails_and_names_the_epoch(settings: Settings, database: Database) -> None:
    wild = document("points", model__degree=6, training__learning_rate=10.0, training__epochs=300)
    (run_id,) = submit(database, wild)
    train([run_id], make_services(settings, database))
    run = get_run(database, run_id)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.startswith(f"Diverged at epoch {run.epoch}: train loss is")
    assert run.verdict == "diverged"
    assert run.epoch < 300
    with database.read() as session:
        assert [snapshot.kind for snapshot in artifacts.snapshot_infos(session, run_id)] == ["best"]


def test_a_short_database_outage_loses_nothing(eager: Settings, database: Database) -> None:
    run_ids = submit(database, SHORT)
    train(run_ids, make_services(eager, Away(database, writes=range(4, 7))))
    for run_id in run_ids:
        assert get_run(database, run_id).status == "finished"
        assert logged_epochs(database, run_id) == list(range(1, EPOCHS + 1))


class Away(Database):
    """A database on which some of the writes fail."""

    def __init__(self, database: Database, writes: range) -> None:
        self._database, self._away, self._attempts = database, writes, 0

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self._database.read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        self._attempts += 1
        with self._database.write() as session:
            yield session
            if self._attempts in self._away:
                raise OperationalError("COMMIT", {}, ConnectionError("the server is gone"))


def test_a_worker_needs_a_single_connection(settings: Settings, database_url: str) -> None:
    alone = Database(database_url, connections=1)
    # the heartbeat, which renews leases, needs a connection too
    quick = settings.model_copy(update={"lease_seconds": 0.3})
    run_ids = submit(alone, document("moons", training__epochs=200))
    train(run_ids, make_services(quick, alone))
    assert get_run(alone, run_ids[0]).status == "finished"
    alone.dispose()
