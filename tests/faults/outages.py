"""Outages of the broker or the database for a minute, and the messages of the service."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
from sqlalchemy import select

from backend.store import Database
from tests import outage_messages
from tests.faults import dashboard
from tests.faults.campaign import Campaign
from tests.faults.experiments import SHORT
from tests.faults.interruptions import paused, stopped
from tests.faults.processes import Process

OUTAGE_SECONDS = 60.0
BUFFERED_EPOCHS = 50  # lower limit for the first write after an outage

Interruption = Callable[[Process], AbstractContextManager[None]]


@contextmanager
def _for_a_minute() -> Iterator[None]:
    """Make the block last OUTAGE_SECONDS, or longer if its content takes longer."""
    ends = time.monotonic() + OUTAGE_SECONDS
    yield
    time.sleep(max(0.0, ends - time.monotonic()))


def broker_refuses(campaign: Campaign) -> float | None:
    """Kill the broker and start it a minute later."""
    return _without_broker(campaign, stopped)


def broker_hangs(campaign: Campaign) -> float | None:
    """Pause the broker for a minute: it accepts connections and does not respond."""
    return _without_broker(campaign, paused)


def _without_broker(campaign: Campaign, interrupt: Interruption) -> float:
    """Check that training goes on. Recovered when an experiment submitted in between starts."""
    deployment, epochs_before = campaign.deployment, campaign.recorded_epochs()
    with interrupt(deployment.broker):
        with _for_a_minute():
            experiment_id = deployment.submit(SHORT)
            messages = {
                **outage_messages.BROKER_UNREACHABLE,
                f"/experiments/{experiment_id}": outage_messages.QUEUED_WITHOUT_BROKER,
            }
            dashboard.wait_until_reported(deployment, messages)
            campaign.wait_until_recorded(epochs_before)
        dashboard.wait_until_reported(deployment, messages)
    seconds = campaign.wait_until_started(experiment_id)
    dashboard.wait_until_recovered(deployment, messages)
    return seconds


def database_refuses(campaign: Campaign) -> float | None:
    """Kill PostgreSQL and start it a minute later. Workers go on training and keep the epochs."""
    server = campaign.deployment.server
    assert server is not None
    attempts = campaign.attempts()
    seconds, recorded = _without_database(campaign, stopped(server))
    if not attempts:  # all runs had ended before the outage
        return None
    assert recorded >= BUFFERED_EPOCHS, f"only {recorded} epochs were recorded after a minute"
    return seconds


def database_hangs(campaign: Campaign) -> float | None:
    """Pause all of PostgreSQL for a minute. Workers are blocked in their writes."""
    server = campaign.deployment.server
    assert server is not None
    return _without_database(campaign, paused(server))[0]


def _without_database(
    campaign: Campaign, interruption: AbstractContextManager[None]
) -> tuple[float, int]:
    """Return the seconds until epochs are recorded, and how many the first write contained."""
    deployment = campaign.deployment
    epochs_before, attempts = campaign.recorded_epochs(), campaign.attempts()
    with interruption:
        with _for_a_minute():
            dashboard.wait_until_reported(deployment, outage_messages.DATABASE_UNREACHABLE)
        dashboard.wait_until_reported(deployment, outage_messages.DATABASE_UNREACHABLE)
    seconds = campaign.wait_until_recorded(epochs_before)
    recorded = campaign.recorded_epochs() - epochs_before
    dashboard.wait_until_recovered(deployment, outage_messages.DATABASE_UNREACHABLE)
    campaign.assert_no_run_lost(attempts)
    return seconds, recorded


def database_locked(campaign: Campaign) -> float | None:
    """Hold SQLite's write lock for a minute: reads work, writes fail after half of it."""
    return _without_writes(campaign, _locked(campaign.deployment.database))


def database_only_reads(campaign: Campaign) -> float | None:
    """Make PostgreSQL read-only for a minute, as a standby is: writes fail at once."""
    return _without_writes(campaign, _only_reading(campaign.deployment.database))


def _without_writes(campaign: Campaign, block_writes: AbstractContextManager[None]) -> float:
    """Return the seconds until an epoch is recorded after writes are possible again."""
    deployment, attempts = campaign.deployment, campaign.attempts()
    with block_writes, _for_a_minute():
        epochs_before = campaign.recorded_epochs()
        dashboard.wait_until_reported(deployment, outage_messages.READ_ONLY)
        response = httpx.post(f"{deployment.url}/api/experiments", json=SHORT, timeout=50)
        assert response.status_code == 503, response.text
        assert response.json()["detail"] == outage_messages.WRITE_REFUSED
        dashboard.wait_until_reported(deployment, outage_messages.READ_ONLY)
    seconds = campaign.wait_until_recorded(epochs_before)
    dashboard.wait_until_recovered(deployment, outage_messages.READ_ONLY)
    campaign.assert_no_run_lost(attempts)
    return seconds


@contextmanager
def _locked(database: Database) -> Iterator[None]:
    with database.write() as session:
        session.execute(select(1))  # the transaction begins with its first statement
        yield


@contextmanager
def _only_reading(database: Database) -> Iterator[None]:
    """Make new transactions read-only, on open connections as well."""
    setting = "default_transaction_read_only"
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (f"ALTER SYSTEM SET {setting} = on", "SELECT pg_reload_conf()"):
            connection.exec_driver_sql(statement)
        try:
            yield
        finally:
            for statement in (f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()"):
                connection.exec_driver_sql(statement)
