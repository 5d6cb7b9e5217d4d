"""Broker or database that cannot be reached for a minute, and the dashboard meanwhile."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
from sqlalchemy import select

from backend.store import Database
from tests.faults import dashboard
from tests.faults.away import down, hung
from tests.faults.experiments import SHORT
from tests.faults.processes import Process
from tests.faults.storm import Storm

OUTAGE_SECONDS = 60.0
BUFFERED_EPOCHS = 50  # at least, that come with the first write after an outage

Away = Callable[[Process], AbstractContextManager[None]]


@contextmanager
def _for_a_minute() -> Iterator[None]:
    """Take a minute, whatever is done in it; what takes longer makes it longer."""
    ends = time.monotonic() + OUTAGE_SECONDS
    yield
    time.sleep(max(0.0, ends - time.monotonic()))


def broker_refuses(storm: Storm) -> float | None:
    """Kill the broker and start it a minute later."""
    return _without_broker(storm, down)


def broker_hangs(storm: Storm) -> float | None:
    """Pause the broker for a minute: connections are taken, nothing is answered."""
    return _without_broker(storm, hung)


def _without_broker(storm: Storm, away: Away) -> float:
    """Recovered once what was submitted meanwhile is taken up; training goes on meanwhile."""
    stand, before = storm.stand, storm.epochs()
    with away(stand.broker):
        with _for_a_minute():
            later = stand.submit(SHORT)
            said = {**dashboard.BROKER_AWAY, **dashboard.waiting_for_broker(later)}
            dashboard.tells(stand, said)
            storm.until_recorded(before)
        dashboard.tells(stand, said)
    seconds = storm.until_taken_up(later)
    dashboard.is_well(stand, said)
    return seconds


def database_refuses(storm: Storm) -> float | None:
    """Kill PostgreSQL and start it a minute later. Workers train on and keep what came of it."""
    server = storm.stand.server
    assert server is not None
    held = storm.attempts()
    seconds, recorded = _without_database(storm, down(server))
    if not held:  # it had trained all there was
        return None
    assert recorded >= BUFFERED_EPOCHS, f"only {recorded} epochs came of a minute"
    return seconds


def database_hangs(storm: Storm) -> float | None:
    """Pause all of PostgreSQL for a minute. Workers wait within their write."""
    server = storm.stand.server
    assert server is not None
    return _without_database(storm, hung(server))[0]


def _without_database(storm: Storm, away: AbstractContextManager[None]) -> tuple[float, int]:
    """Return the seconds until an epoch is recorded, and how many the first write brought."""
    stand, before, held = storm.stand, storm.epochs(), storm.attempts()
    with away:
        with _for_a_minute():
            dashboard.tells(stand, dashboard.DATABASE_AWAY)
        dashboard.tells(stand, dashboard.DATABASE_AWAY)
    seconds = storm.until_recorded(before)
    recorded = storm.epochs() - before
    dashboard.is_well(stand, dashboard.DATABASE_AWAY)
    storm.none_lost(held)
    return seconds, recorded


def database_locked(storm: Storm) -> float | None:
    """Hold SQLite's write lock for a minute: reads go on, writes are refused after half of it."""
    return _without_writes(storm, _locked(storm.stand.database))


def database_only_reads(storm: Storm) -> float | None:
    """Have PostgreSQL only read for a minute, as a standby does: writes are refused at once."""
    return _without_writes(storm, _only_reading(storm.stand.database))


def _without_writes(storm: Storm, hindered: AbstractContextManager[None]) -> float:
    """Return the seconds until an epoch is recorded, once writing is possible again."""
    stand, held = storm.stand, storm.attempts()
    with hindered, _for_a_minute():
        before = storm.epochs()
        dashboard.tells(stand, dashboard.READ_ONLY)
        answer = httpx.post(f"{stand.url}/api/experiments", json=SHORT, timeout=50)
        said = "The database takes no writes at the moment; try again."
        assert (answer.status_code, answer.json()["detail"]) == (503, said), answer.text
        dashboard.tells(stand, dashboard.READ_ONLY)
    seconds = storm.until_recorded(before)
    dashboard.is_well(stand, dashboard.READ_ONLY)
    storm.none_lost(held)
    return seconds


@contextmanager
def _locked(database: Database) -> Iterator[None]:
    with database.write() as session:
        session.execute(select(1))  # only now it begins
        yield


@contextmanager
def _only_reading(database: Database) -> Iterator[None]:
    """Set what transactions are from now on, those of connections that are open as well."""
    setting = "default_transaction_read_only"
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (f"ALTER SYSTEM SET {setting} = on", "SELECT pg_reload_conf()"):
            connection.exec_driver_sql(statement)
        try:
            yield
        finally:
            for statement in (f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()"):
                connection.exec_driver_sql(statement)
