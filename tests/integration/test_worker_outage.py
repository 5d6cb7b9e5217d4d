"""Database outages during training: no epoch is lost or written twice."""

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.live.notifications import Notifier
from backend.runs import lifecycle
from backend.settings import Settings
from backend.store import Database, connections
from backend.store.tables import Run
from tests.product import ROOT, free_port
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
)
from worker import recorder
from worker.leases import claim
from worker.recorder import HeldRun, Recorder
from worker.services import Shutdown
from worker.tasks import train, warm_up

EPOCHS = 60
DOCUMENT = document("points", training__epochs=EPOCHS)


class Flaky(Database):
    """Loses the connection in some writes (counted from 1), before or just after the commit."""

    def __init__(
        self, url: str, *, before: Collection[int] = (), after: Collection[int] = ()
    ) -> None:
        super().__init__(url)
        self._before, self._after = before, after
        self.writes = 0

    @contextmanager
    def write(self) -> Iterator[Session]:
        self.writes += 1
        number = self.writes
        with super().write() as session:
            yield session
            if number in self._before:
                raise _gone()
        if number in self._after:
            raise _gone()


def _gone() -> OperationalError:
    return OperationalError("COMMIT", {}, Exception("server closed the connection"))


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_write_whose_response_is_lost_is_made_once(
    settings: Settings, database: Database, database_url: str, lost: str
) -> None:
    quick = settings.model_copy(update={"record_seconds": 0.001, "checkpoint_seconds": 0.01})
    whole, disturbed = submit(database, DOCUMENT) + submit(database, DOCUMENT)
    train([whole], make_services(quick, database))
    numbers = {3, 4, 6}
    flaky = Flaky(database_url, **{lost: numbers})
    train([disturbed], make_services(quick, flaky))
    assert get_run(database, disturbed).status == "finished"
    assert curves(database, disturbed) == curves(database, whole)
    assert logged_epochs(database, disturbed) == list(range(1, EPOCHS + 1))
    flaky.dispose()


def test_a_worker_buffers_a_bounded_number_of_epochs(
    sqlite_settings: Settings,
    sqlite_database: Database,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.trainer.MAX_BACKLOG", 10)
    (run_id,) = submit(sqlite_database, DOCUMENT)
    flaky = Flaky(sqlite_url, before={3, 4, 5})
    eager = sqlite_settings.model_copy(update={"record_seconds": 1e-9})  # after the first epoch
    train([run_id], make_services(eager, flaky))
    entries = [entry for entry in logged(sqlite_database, run_id) if entry.kind == "metric"]
    lengths = [(entry.last_step or 0) - (entry.first_step or 0) + 1 for entry in entries]
    assert lengths[0] == 11  # buffered until the first write
    assert changed_epochs(entries) == list(range(1, EPOCHS + 1))
    flaky.dispose()


def test_a_worker_waits_for_an_unreachable_database_to_claim_runs(
    sqlite_settings: Settings, sqlite_database: Database, sqlite_url: str
) -> None:
    (run_id,) = submit(sqlite_database, DOCUMENT)
    flaky = Flaky(sqlite_url, before={1})
    train([run_id], make_services(sqlite_settings, flaky))
    assert get_run(sqlite_database, run_id).status == "finished"
    flaky.dispose()


def test_the_log_reports_a_lease_lost_before_the_release(
    sqlite_settings: Settings, sqlite_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    [run_id] = submit(sqlite_database, DOCUMENT)

    def lose_and_stop(shutdown: Shutdown) -> None:
        with sqlite_database.write() as session:
            expire(session)
        shutdown.request()

    caplog.set_level("INFO", "worker.trainer")
    train(
        [run_id],
        make_services(sqlite_settings, sqlite_database, ActionAfterEpochs(3, lose_and_stop)),
    )
    [record] = [record for record in caplog.records if record.message == "run released"]
    assert vars(record)["state"] == "lost to another worker"


def test_a_write_longer_than_a_lease_loses_no_run(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = submit(database, DOCUMENT)

    def slow(session: Session, held: Sequence[HeldRun]) -> set[int]:
        moved = write(session, held)
        session.execute(update(Run).values(lease_expires_at=0))
        return moved

    write = recorder._write
    monkeypatch.setattr(recorder, "_write", slow)
    notifier = Notifier(settings.broker_url)
    [claimed] = claim(make_services(settings, database), [run_id])
    writes = Recorder(database, notifier, record_seconds=1, lease_seconds=settings.lease_seconds)
    assert writes.write([HeldRun(lease=claimed.lease)]) == {run_id: False}
    with database.write() as session:
        assert lifecycle.reap(session) == []
    assert get_run(database, run_id).status == "running"


def test_a_worker_started_before_its_database_logs_one_line(
    sqlite_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    away = Database(f"postgresql://127.0.0.1:{free_port()}/lab")
    warm_up(make_services(sqlite_settings, away))
    [message] = caplog.messages
    assert message.startswith("the database is still unreachable: ")
    assert "Connection refused" in message


def test_an_invalid_setting_of_a_worker_is_explained_in_one_sentence() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "celery", "--quiet", "-A", "worker.app", "worker"],
        cwd=ROOT, env=os.environ | {"LAB_LEASE_SECONDS": "abc"}, capture_output=True, text=True,
    )  # fmt: skip
    assert process.returncode == 1
    assert process.stderr.startswith("LAB_LEASE_SECONDS: Input should be a valid number")
    assert "Traceback" not in process.stderr


def test_a_new_connection_does_not_wait_for_a_writer(
    sqlite_database: Database, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_TIMEOUT_SECONDS", 0.1)
    second = Database(sqlite_url)
    with sqlite_database.write() as session:
        session.execute(select(1))  # the transaction begins here
        second.ping()
    second.dispose()
