"""The writer of logged requests: groups, faulty requests, outages, and the end of the service."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.errors import LabError, NotFound, Unavailable
from backend.store import Database, bulk, logged_points
from backend.store.external_runs import LoggedRun
from backend.store.logged_points import Batch
from backend.tracking.experiments import create_experiment
from backend.tracking.logs import RunLog
from backend.tracking.runs import create_run
from backend.tracking.writer import LogWriter


@pytest.fixture
def run(database: Database) -> LoggedRun:
    with database.write() as session:
        return create_run(session, create_experiment(session, "elsewhere").id, "mlflow")


@pytest.fixture
def writer(database: Database) -> Iterator[LogWriter]:
    writer = LogWriter(database)
    yield writer
    writer.stop()


def entry(run: LoggedRun, step: int) -> RunLog:
    return RunLog(run.external_id, Batch(["loss"], [step], [step], [1.0]))


def log(writer: LogWriter, *entries: RunLog) -> list[LoggedRun | BaseException]:
    """Log requests that all arrive before the first is written."""

    async def send() -> list[LoggedRun | BaseException]:
        return await asyncio.gather(*map(writer.log, entries), return_exceptions=True)

    return asyncio.run(send())


def steps(database: Database, run: LoggedRun) -> list[int]:
    with database.read() as session:
        return list(map(int, logged_points.history(session, run.run_id, "loss").steps))


def test_requests_that_arrive_together_share_transactions(
    database: Database, writer: LogWriter, run: LoggedRun
) -> None:
    commits: list[object] = []
    database.after_commit = commits.append
    assert log(writer, *(entry(run, step) for step in range(100))) == [run] * 100
    assert steps(database, run) == list(range(100))
    assert len(commits) < 20


def test_a_refused_request_does_not_stop_the_others(
    database: Database, writer: LogWriter, run: LoggedRun
) -> None:
    unknown = RunLog("nobody", Batch(["loss"], [5], [5], [1.0]))
    outcomes = log(writer, entry(run, 1), unknown, entry(run, 2))
    assert [type(outcome) for outcome in outcomes] == [LoggedRun, NotFound, LoggedRun]
    assert steps(database, run) == [1, 2]


def test_a_faulty_request_fails_alone(
    database: Database, writer: LogWriter, run: LoggedRun
) -> None:
    def fail(session: Session, run: LoggedRun) -> None:
        raise ZeroDivisionError

    outcomes = log(writer, entry(run, 1), RunLog(run.external_id, also=fail), entry(run, 2))
    assert [type(outcome) for outcome in outcomes] == [LoggedRun, ZeroDivisionError, LoggedRun]
    assert steps(database, run) == [1, 2]


def test_requests_during_an_outage_are_refused_and_none_is_half_written(
    database: Database, writer: LogWriter, run: LoggedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("gone"))

    with monkeypatch.context() as outage:
        outage.setattr(bulk, "insert", refuse)
        outcomes = log(writer, entry(run, 1), entry(run, 2))
    assert {type(outcome) for outcome in outcomes} == {OperationalError}
    assert steps(database, run) == []
    log(writer, entry(run, 1), entry(run, 2))  # the client sends them again
    assert steps(database, run) == [1, 2]


def test_a_stopped_writer_has_written_everything_and_takes_no_more(
    database: Database, writer: LogWriter, run: LoggedRun
) -> None:
    log(writer, entry(run, 1))
    writer.stop()
    [refusal] = log(writer, entry(run, 2))
    assert isinstance(refusal, Unavailable)
    assert isinstance(refusal, LabError)
    assert steps(database, run) == [1]
