"""Messages of the service while a part is unreachable, which the fault suite waits for."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.main import create_app
from backend.settings import Settings
from backend.store import Database
from tests import outage_messages
from tests.api import SPEC, Api
from tests.outage_messages import Messages
from tests.product import wait_for


def assert_shown(api: Api, messages: Messages) -> None:
    """Wait until every path shows its message, as a browser or a program requests it."""
    for path, message in messages.items():
        accept = "application/json" if path.startswith(("/api/", "/readyz")) else "text/html"
        wait_for(partial(_shows, api, path, accept, message), seconds=10)


def _shows(api: Api, path: str, accept: str, message: str) -> bool:
    return message in api.get(path, headers={"accept": accept}).text


def test_unreachable_broker(sqlite_url: str, tmp_path: Path) -> None:
    broker = f"unix://{tmp_path}/nobody.sock"
    api = Api(create_app(Settings(data_dir=tmp_path, database=sqlite_url, broker=broker)))
    experiment_id = api.submit()
    page = {f"/experiments/{experiment_id}": outage_messages.QUEUED_WITHOUT_BROKER}
    assert_shown(api, {**outage_messages.BROKER_UNREACHABLE, **page})


def test_unreachable_database(valkey_url: str, tmp_path: Path) -> None:
    nobody = "postgresql://127.0.0.1:1/lab"
    api = Api(create_app(Settings(data_dir=tmp_path, database=nobody, broker=valkey_url)))
    assert_shown(api, outage_messages.DATABASE_UNREACHABLE)


def test_read_only_database(
    sqlite_settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.operations.service_health.WRITE_DEADLINE_SECONDS", 0.1)
    monkeypatch.setattr("backend.store.connections.BUSY_TIMEOUT_SECONDS", 0.1)
    api = Api(create_app(sqlite_settings))
    with sqlite_database.write() as session:
        session.execute(select(1))  # the transaction begins here
        assert_shown(api, outage_messages.READ_ONLY)
        refused = api.post("/api/experiments", json=SPEC)
    assert refused.json()["detail"] == outage_messages.WRITE_REFUSED


def test_full_disk(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.operations.service_health.FULL_BYTES", 1 << 60)
    assert_shown(sqlite_api, outage_messages.DISK_FULL)
