"""A real Celery worker process, killed and stopped while it trains."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.scheduling.dispatcher import Dispatcher, make_celery
from backend.scheduling.scheduler import Scheduler
from backend.settings import Settings
from backend.store import Database, transitions
from backend.supervisor.programs import worker
from tests.product import ROOT, wait_for
from tests.specs import document
from tests.training import curves, get_run, make_services, submit
from worker.tasks import train

EPOCHS = 2400  # enough to stop the worker long before the last epoch
DOCUMENT = document(
    "moons",
    dataset__n_train=[20, 40],
    dataset__n_validation=30,
    dataset__n_test=30,
    training__epochs=EPOCHS,
)


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    quick = {"lease_seconds": 3, "record_seconds": 0.1, "checkpoint_seconds": 0.1}
    return sqlite_settings.model_copy(update=quick)


@pytest.fixture
def scheduler(settings: Settings, sqlite_database: Database) -> Iterator[Scheduler]:
    queue = Dispatcher(make_celery(settings), sqlite_database, workers=1, memory=1 << 30)
    scheduler = Scheduler(sqlite_database, queue, deleted_days=30, lease_seconds=3)
    scheduler.start()
    yield scheduler
    scheduler.stop()


@contextmanager
def working(settings: Settings, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    values = settings.model_dump(exclude_none=True, exclude={"allowed_hosts"})
    variables = {f"LAB_{name.upper()}": str(value) for name, value in values.items()}
    with log.open("ab") as output:
        process = subprocess.Popen(
            worker(1).command, cwd=ROOT, env=os.environ | variables, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_requeued_run_is_logged(
    scheduler: Scheduler, sqlite_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    run_id, *_ = submit(sqlite_database, DOCUMENT)
    with sqlite_database.write() as session:
        transitions.claim(session, [run_id], worker="silent", lease_seconds=0.1)
    wait_for(lambda: get_run(sqlite_database, run_id).status == "queued")
    logger = "backend.scheduling.scheduler"
    message = "run requeued: its worker stopped responding"
    logged = (logger, message)
    wait_for(lambda: logged in {(record.name, record.getMessage()) for record in caplog.records})
    entry = next(record for record in caplog.records if record.getMessage() == message)
    assert (entry.__dict__["run"], entry.__dict__["state"]) == (run_id, "queued")


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("scheduler")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_runs_of_an_ended_worker_continue_in_another(
    settings: Settings, sqlite_database: Database, tmp_path: Path, ending: signal.Signals
) -> None:
    database, log = sqlite_database, tmp_path / "worker.log"
    run_ids = submit(database, DOCUMENT)
    with working(settings, log) as first:
        wait_for(lambda: get_run(database, run_ids[0]).epoch > 20, log.read_text)
        first.send_signal(ending)
        first.wait(timeout=60)
    left_at = get_run(database, run_ids[0]).epoch
    with working(settings, log):
        wait_for(lambda: get_run(database, run_ids[1]).status == "finished", log.read_text)
        wait_for(lambda: get_run(database, run_ids[0]).status == "finished", log.read_text)
    assert 20 < left_at < EPOCHS
    undisturbed = submit(database, DOCUMENT)
    train(undisturbed, make_services(settings, database))
    for continued, whole in zip(run_ids, undisturbed, strict=True):
        assert curves(database, continued) == curves(database, whole)
