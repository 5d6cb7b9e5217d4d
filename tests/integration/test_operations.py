"""Liveness, readiness, Prometheus metrics and logs for operators."""

import io
import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete, event, select

from backend import logging_setup
from backend.main import create_app
from backend.scheduling.scheduler import Scheduler
from backend.scheduling.worker_registry import StatusPublisher
from backend.settings import Settings
from backend.store import UNREACHABLE, Database
from backend.store.tables import Run
from tests.api import SPEC, Api
from tests.product import ROOT, free_port, wait_for
from tests.workers import worker_status


@contextmanager
def announced_worker(settings: Settings, api: Api) -> Iterator[None]:
    """Announce a worker that has recorded 7 epochs."""
    publisher = StatusPublisher(settings.broker_url, lambda: worker_status(name="one", epochs=7))
    publisher.start()
    try:
        wait_for(lambda: api.get("/readyz").json()["parts"]["workers"]["ok"])
        yield
    finally:
        publisher.stop()


def missing(api: Api, query: str = "") -> list[str]:
    """Return the parts that are reported as not ready."""
    answer = api.get(f"/readyz{query}")
    parts = answer.json()["parts"]
    assert answer.status_code == (503 if answer.json()["status"] == "not ready" else 200)
    return [name for name, part in parts.items() if not part["ok"]]


def exported_metrics(api: Api) -> dict[str, float]:
    """Return the exported metrics as ``{name{labels}: value}``."""
    families = text_string_to_metric_families(api.get("/metrics").text)
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in families
        for sample in family.samples
    }


def test_ready_with_database_broker_and_worker(api: Api, settings: Settings) -> None:
    with announced_worker(settings, api):
        assert missing(api) == []
        assert api.get("/readyz").status_code == 200


def test_not_ready_without_a_worker_unless_workers_are_ignored(sqlite_api: Api) -> None:
    answer = sqlite_api.get("/readyz")
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert answer.json()["detail"] == "Not ready: no worker is registered."
    assert sqlite_api.get("/readyz?exclude=workers").status_code == 200


def test_not_ready_before_the_migration(valkey_url: str, tmp_path: Path) -> None:
    api = Api(create_app(Settings(data_dir=tmp_path, broker=valkey_url)))
    assert missing(api) == ["database", "schema", "workers"]
    assert not (tmp_path / "lab.db").exists()


def test_not_ready_without_a_broker(sqlite_url: str, tmp_path: Path) -> None:
    broker = f"unix://{tmp_path}/nobody.sock"
    api = Api(create_app(Settings(data_dir=tmp_path, database=sqlite_url, broker=broker)))
    assert missing(api) == ["broker", "workers"]


def test_a_full_disk_is_reported(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "disk" not in missing(sqlite_api)
    monkeypatch.setattr("backend.operations.service_health.FULL_BYTES", 1 << 60)
    assert missing(sqlite_api) == ["disk", "workers"]
    assert sqlite_api.get("/api/health").json()["disk_full"]
    assert "The disk is full. Nothing can be recorded" in sqlite_api.get("/status").text


def test_a_write_to_a_full_disk_is_refused(sqlite_api: Api) -> None:
    def full(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # forbid growth

    sqlite_api.database.dispose()
    event.listen(sqlite_api.database.engine, "connect", full)
    answer = sqlite_api.post("/api/experiments", json={**SPEC, "training": {"seeds": 100}})
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert answer.json()["detail"] == (
        "The database has no free disk space; free some and try again."
    )


def test_a_read_only_database_is_reported(
    sqlite_settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.operations.service_health.WRITE_DEADLINE_SECONDS", 0.1)
    monkeypatch.setattr("backend.store.connections.BUSY_TIMEOUT_SECONDS", 0.1)
    api = Api(create_app(sqlite_settings))
    with sqlite_database.write() as session:
        session.execute(select(1))  # the transaction begins here
        assert missing(api) == ["database", "workers"]
        assert "the database is read-only" in api.get("/readyz").text
        assert api.get("/api/health").json()["read_only"]
        assert "The database is read-only. Workers keep" in api.get("/status").text
        answer = api.post("/api/experiments", json=SPEC)
        detail = "The database is read-only at the moment; try again."
        assert (answer.status_code, answer.json()["detail"]) == (503, detail)
    wait_for(lambda: not api.get("/api/health").json()["read_only"])
    wait_for(lambda: missing(api) == ["workers"])


def test_a_read_only_server_counts_as_read_only(postgresql_url: str) -> None:
    sign = "&" if "?" in postgresql_url else "?"
    only_reads = f"{postgresql_url}{sign}options=-cdefault_transaction_read_only%3Don"
    for url, writes in ((postgresql_url, True), (only_reads, False)):
        database = Database(url)
        assert database.takes_writes() is writes
        with nullcontext() if writes else pytest.raises(UNREACHABLE), database.write() as session:
            session.execute(delete(Run))
        database.dispose()


def test_a_server_without_disk_space_counts_as_read_only(postgresql_url: str) -> None:
    sign = "&" if "?" in postgresql_url else "?"
    as_good_as_full = f"{postgresql_url}{sign}options=-ctemp_file_limit%3D64kB"
    database = Database(as_good_as_full)
    with pytest.raises(UNREACHABLE, match="temporary file"):
        database.takes_writes()
    database.dispose()


def test_a_hanging_database_is_reported_soon_and_the_process_is_live(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "backend.operations.service_health.HealthCheck.__init__.__defaults__", (0.2,)
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections and never responds
        nobody = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/lab"
        api = Api(create_app(Settings(data_dir=tmp_path, database=nobody, broker=valkey_url)))
        begun = time.monotonic()
        assert missing(api) == ["database", "schema", "workers"]
        assert exported_metrics(api)["overfit_lab_database_up"] == 0
        assert time.monotonic() - begun < 5
        assert api.get("/healthz").json() == {"status": "ok"}


def test_an_unreachable_database_is_logged_in_one_line_with_the_reason(
    valkey_url: str, tmp_path: Path, log: io.StringIO
) -> None:
    nobody = f"postgresql://127.0.0.1:{free_port()}/lab"
    app = create_app(Settings(data_dir=tmp_path, database=nobody, broker=valkey_url))
    assert Api(app).get("/api/experiments").status_code == 503
    state = app.state
    scheduler = Scheduler(state.database, state.dispatcher, deleted_days=1, lease_seconds=1)
    scheduler.start()
    wait_for(lambda: "scheduling failed" in log.getvalue())
    scheduler.stop()
    errors = [line for line in lines(log) if line["level"] == "error"]
    assert {line["logger"] for line in errors} == {
        "backend.web.errors",
        "backend.scheduling.scheduler",
    }
    for line in errors:
        assert "Connection refused" in str(line["event"])
        assert "\n" not in str(line["event"]) and "exception" not in line


def test_an_unattended_queue_is_reported(
    sqlite_settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.operations.service_health.WRITE_DEADLINE_SECONDS", 0.1)
    monkeypatch.setattr("backend.operations.service_health.SCHEDULER_LATE_SECONDS", 0.5)
    monkeypatch.setattr("backend.scheduling.scheduler.INTERVAL_SECONDS", 0.01)
    api = Api(create_app(sqlite_settings))
    state = api.app.state
    scheduler = Scheduler(api.database, state.dispatcher, deleted_days=1, lease_seconds=1)
    state.health_checks.scheduler = scheduler
    with sqlite_database.write() as session:
        session.execute(select(1))  # the transaction begins here
        scheduler.start()
        wait_for(lambda: not api.get("/readyz").json()["parts"]["keeper"]["ok"])
        assert "the scheduler last ran" in api.get("/readyz").text
    wait_for(lambda: api.get("/readyz").json()["parts"]["keeper"]["ok"])
    scheduler.stop()


def test_a_process_without_a_running_scheduler_is_not_live(sqlite_api: Api) -> None:
    class Ended:
        def is_alive(self) -> bool:
            return False

    sqlite_api.app.state.scheduler = Ended()
    assert sqlite_api.get("/healthz").status_code == 503


def test_prometheus_metrics_of_the_service(api: Api, settings: Settings) -> None:
    api.submit()
    with announced_worker(settings, api):
        values = exported_metrics(api)
    assert values["overfit_lab_runs queued"] == 2
    assert values["overfit_lab_runs finished"] == 0
    assert values["overfit_lab_workers cpu"] == 1
    assert values["overfit_lab_worker_epochs_total one"] == 7
    assert values["overfit_lab_database_bytes"] > 50_000
    assert (values["overfit_lab_database_up"], values["overfit_lab_broker_up"]) == (1, 1)
    assert values["overfit_lab_database_writable"] == 1


def test_alerts_use_existing_metrics(sqlite_api: Api, sqlite_settings: Settings) -> None:
    alert_metrics = set(re.findall(r"overfit_lab_\w+", (ROOT / "docs" / "alerts.yml").read_text()))
    with announced_worker(sqlite_settings, sqlite_api):
        exported = {name.partition(" ")[0] for name in exported_metrics(sqlite_api)}
    assert len(alert_metrics) >= 6
    assert alert_metrics <= exported


def test_requests_are_counted_by_route_and_status(sqlite_api: Api) -> None:
    for path in ("/api/experiments/1", "/api/experiments/2", "/no/such", "/nothing"):
        sqlite_api.get(path)
    sqlite_api.get("/api/experiments", headers={"host": "evil.example"})
    values = exported_metrics(sqlite_api)
    assert values["overfit_lab_http_requests_total GET /api/experiments/{experiment_id} 404"] == 2
    assert values["overfit_lab_http_requests_total GET none 404"] == 2
    assert values["overfit_lab_http_requests_total GET none 403"] == 1


def test_lost_notifications_are_counted(sqlite_url: str, tmp_path: Path) -> None:
    broker = f"redis://127.0.0.1:{free_port()}/0"
    api = Api(create_app(Settings(data_dir=tmp_path, database=sqlite_url, broker=broker)))
    api.submit()
    assert exported_metrics(api)["overfit_lab_hints_lost_total"] == 1


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The log as JSON lines; the loggers are restored at the end."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    written = io.StringIO()
    logging_setup.configure("json", process="web", secrets=["s3cret"], to=written)
    yield written
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_change_is_logged_in_one_line_with_its_ids(sqlite_api: Api, log: io.StringIO) -> None:
    sqlite_api.submit()
    answer = sqlite_api.post("/api/experiments/1/cancel", headers={"x-request-id": "ours-1"})
    assert answer.headers["x-request-id"] == "ours-1"
    events = [line for line in lines(log) if line.get("request_id") == "ours-1"]
    assert [line["event"] for line in events] == ["request"]
    assert (events[0]["status"], events[0]["experiment"], events[0]["process"]) == (202, 1, "web")


def test_reads_are_not_logged(sqlite_api: Api, log: io.StringIO) -> None:
    sqlite_api.get("/api/experiments")
    assert [line for line in lines(log) if line["event"] == "request"] == []


def test_a_log_line_lists_its_runs(log: io.StringIO) -> None:
    logging.getLogger("test").info("training begins", extra={"runs": [3, 4]})
    assert lines(log)[-1]["runs"] == [3, 4]


def test_secrets_are_not_logged(log: io.StringIO) -> None:
    logger = logging.getLogger("test")
    try:
        raise OSError("no way to postgresql://lab:hunter2@db/lab")
    except OSError as error:
        logger.exception("token s3cret at redis://:hunter2@broker", extra={"cause": error})
    log_text = log.getvalue()
    assert len(log_text.splitlines()) == 1
    assert "redis://:***@broker" in log_text
    assert "hunter2" not in log_text
    assert "s3cret" not in log_text
