"""Out of memory: groups are halved, single runs fail with advice, no epoch is lost."""

import pytest

from backend.settings import Settings
from backend.specification import RunSpec, estimates
from backend.store import Database
from tests.specs import document
from tests.training import curves, get_run, logged_epochs, make_services, submit
from worker import trainer
from worker.tasks import train
from worker.training.group import EpochResult, Failure, Group
from worker.training.model_files import SnapshotFiles

EPOCHS = 10
RUNS = document(
    "moons",
    dataset__n_train=20,
    dataset__n_validation=30,
    dataset__n_test=30,
    model__width=[4, 8, 12, 16],
    training__epochs=EPOCHS,
)


class Cramped(Group):
    """A group that runs out of memory in an epoch if it has more than `room` members."""

    room = 1
    at_epoch = 5
    trained: list[int] = []

    def epoch(self) -> list[EpochResult | Failure]:
        results = super().epoch()
        if len(self.active) > Cramped.room and any(
            result.epoch >= Cramped.at_epoch for result in results
        ):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried too much")
        Cramped.trained.append(len(self.active))
        return results


@pytest.fixture
def eager(sqlite_settings: Settings) -> Settings:
    return sqlite_settings.model_copy(update={"record_seconds": 1e-9, "checkpoint_seconds": 1e-9})


@pytest.fixture
def cramped(monkeypatch: pytest.MonkeyPatch) -> type[Cramped]:
    monkeypatch.setattr(trainer, "Group", Cramped)
    for name, value in (("room", 1), ("at_epoch", 5), ("trained", [])):
        monkeypatch.setattr(Cramped, name, value)
    return Cramped


@pytest.mark.parametrize("seconds", [1e-9, 1e9])
def test_a_group_out_of_memory_is_halved_without_lost_or_repeated_epochs(
    sqlite_settings: Settings, sqlite_database: Database, cramped: type[Cramped], seconds: float
) -> None:
    database = sqlite_database
    intervals = {"record_seconds": seconds, "checkpoint_seconds": seconds}
    services = make_services(sqlite_settings.model_copy(update=intervals), database)
    run_ids, undisturbed = submit(database, RUNS), submit(database, RUNS)
    train(run_ids, services)
    cramped.room = len(undisturbed)
    train(undisturbed, services)
    for halved, whole in zip(run_ids, undisturbed, strict=True):
        assert get_run(database, halved).status == "finished"
        assert curves(database, halved) == curves(database, whole)
        assert logged_epochs(database, halved) == list(range(1, EPOCHS + 1))


def test_halves_continue_from_the_last_checkpoint(
    eager: Settings,
    sqlite_database: Database,
    cramped: type[Cramped],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trainer, "TRAINING_PER_CHECKPOINT", 0)
    train(submit(sqlite_database, RUNS), make_services(eager, sqlite_database))
    whole, halves, singles = (cramped.trained.count(members) for members in (4, 2, 1))
    assert whole == cramped.at_epoch - 1
    assert halves == 0  # memory runs out again immediately
    assert singles == 4 * (EPOCHS - whole)


def test_a_run_that_does_not_fit_alone_fails_with_advice(
    eager: Settings, sqlite_database: Database, cramped: type[Cramped]
) -> None:
    cramped.room = 0
    run_ids = submit(sqlite_database, RUNS)
    train(run_ids, make_services(eager, sqlite_database))
    for run_id in run_ids:
        run = get_run(sqlite_database, run_id)
        assert (run.status, run.epoch) == ("failed", cramped.at_epoch - 1)
        assert run.error == estimates.not_enough_memory(RunSpec.from_params(run.params))
        assert "a smaller model.width" in run.error


def test_groups_that_do_not_fit_by_estimate_are_split(
    eager: Settings, sqlite_database: Database, cramped: type[Cramped]
) -> None:
    run_ids = submit(sqlite_database, {**RUNS, "dataset": {**RUNS["dataset"], "n_test": 20_000}})
    cramped.room = 2
    settings = eager.model_copy(update={"memory": 2})
    train(run_ids, make_services(settings, sqlite_database))
    assert max(cramped.trained) == 2
    assert all(get_run(sqlite_database, id_).status == "finished" for id_ in run_ids)


class Broken(Group):
    """A group that can neither train nor return snapshots."""

    def epoch(self) -> list[EpochResult | Failure]:
        raise ValueError("broken")

    def snapshots(self, index: int) -> list[SnapshotFiles]:
        raise ValueError(f"broken: {index}")


def test_runs_of_a_broken_group_fail_without_models(
    eager: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "Group", Broken)
    run_ids = submit(sqlite_database, RUNS)
    train(run_ids, make_services(eager, sqlite_database))
    for run_id in run_ids:
        run = get_run(sqlite_database, run_id)
        assert (run.status, run.error) == (
            "failed", "Training failed unexpectedly: ValueError: broken."
        )  # fmt: skip


def test_a_run_that_cannot_be_diagnosed_still_ends(
    eager: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("backend.runs.lifecycle.diagnose")
    run_ids = submit(sqlite_database, RUNS)
    train(run_ids, make_services(eager, sqlite_database))
    for run_id in run_ids:
        run = get_run(sqlite_database, run_id)
        assert (run.status, run.verdict) == ("finished", "not assessable")
