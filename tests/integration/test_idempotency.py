"""Requests with an Idempotency-Key, repeated in many ways."""

import json
import os
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from sqlalchemy import func, select, update

from backend.cli.client import Client
from backend.errors import Conflict
from backend.settings import Settings
from backend.store import Database, stored_answers
from backend.store.tables import Experiment, StoredAnswer
from backend.web import idempotency
from backend.web.credentials import TRACKIO_HEADER
from backend.web.idempotency import REPEATABLE
from tests.api import SPEC, Api
from tests.product import ROOT, free_port, wait_for
from tests.tokens import bearer, new_token, sign_in

KEY = {"Idempotency-Key": "one"}


def submit(api: Api, key: str = "one", **fields: Any) -> httpx.Response:
    return api.post("/api/experiments", json={**SPEC, **fields}, headers={"Idempotency-Key": key})


def test_a_repeated_submission_gets_the_first_answer_and_creates_nothing(api: Api) -> None:
    first, second = submit(api), submit(api)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.headers["location"] == second.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert api.count_experiments() == 1


def test_another_body_with_the_same_key_is_refused(sqlite_api: Api) -> None:
    submit(sqlite_api)
    answer = submit(sqlite_api, name="another")
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
    assert answer.json()["detail"].startswith("Idempotency-Key was used for another request")
    assert sqlite_api.count_experiments() == 1


def test_another_key_and_a_missing_key_create_again(sqlite_api: Api) -> None:
    submit(sqlite_api)
    submit(sqlite_api, key="two")
    sqlite_api.submit()
    assert sqlite_api.count_experiments() == 3


def send(api: Api, headers: dict[str, str]) -> httpx.Response:
    """Submit with the key and the headers of a sender."""
    answer = api.post("/api/experiments", json=SPEC, headers={**KEY, **headers})
    assert answer.status_code == 201, answer.text
    return answer


def test_keys_belong_to_the_token_that_sent_them(sqlite_protected: Api) -> None:
    for name in ("a", "b"):
        answer = send(sqlite_protected, bearer(new_token(sqlite_protected, name, "submit")))
        assert "idempotent-replayed" not in answer.headers
    assert sqlite_protected.count_experiments() == 2


def test_a_key_has_one_owner_however_its_token_is_sent(sqlite_protected: Api) -> None:
    secret = new_token(sqlite_protected, "a", "submit")
    first = send(sqlite_protected, bearer(secret))
    ways = [
        {"authorization": f"bearer  {secret}"},
        *(
            {"authorization": f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}"}
            for user in ("ann", "bob")
        ),
        {TRACKIO_HEADER: secret},
        sign_in(sqlite_protected, secret),
    ]
    for way in ways:
        again = send(sqlite_protected, {"origin": "http://localhost", **way})
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == first.json()
    assert sqlite_protected.count_experiments() == 1


def test_a_key_has_one_owner_where_no_token_is_required(sqlite_api: Api) -> None:
    for token in ("a", "b"):
        send(sqlite_api, bearer(token))
    assert sqlite_api.count_experiments() == 1


def test_a_refused_request_stores_no_key(sqlite_api: Api) -> None:
    refused = submit(sqlite_api, training={"epochs": -1})
    assert refused.status_code == 422
    assert submit(sqlite_api).status_code == 201


def test_a_dry_run_ignores_the_key(sqlite_api: Api) -> None:
    answer = sqlite_api.post("/api/experiments?dry_run=true", json=SPEC, headers=KEY)
    assert answer.status_code == 200
    assert submit(sqlite_api).status_code == 201


@pytest.mark.parametrize("key", ["", "with space", "é".encode().decode("latin-1"), "x" * 201])
def test_a_key_that_is_not_visible_text_is_refused(sqlite_api: Api, key: str) -> None:
    headers = {b"idempotency-key": key.encode("latin-1")}
    answer = sqlite_api.post("/api/experiments", json=SPEC, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


def test_a_second_request_during_the_first_is_refused(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first waits within its transaction until the second is refused.

    It cannot wait until the second has ended: the audit log's entry of the second, written after
    the answer, waits for the first where there is one writer at a time (SQLite).
    """
    entered, refused = threading.Event(), threading.Event()
    remember, refusal = stored_answers.remember, idempotency._under_way_error

    def remember_late(*arguments: Any, **options: Any) -> None:
        entered.set()
        assert refused.wait(30)
        remember(*arguments, **options)

    def refuse() -> Conflict:
        refused.set()
        return refusal()

    monkeypatch.setattr(stored_answers, "remember", remember_late)
    monkeypatch.setattr(idempotency, "_under_way_error", refuse)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(submit, api)
        assert entered.wait(30)
        answer = submit(api)
    assert (answer.status_code, answer.json()["field"]) == (409, "Idempotency-Key")
    assert first.result().status_code == 201
    assert submit(api).headers["idempotent-replayed"] == "true"
    assert api.count_experiments() == 1


def test_a_key_of_another_process_that_is_under_way_is_refused(
    postgresql_url: str, valkey_url: str, tmp_path: Path
) -> None:
    from backend.main import create_app

    api = Api(create_app(Settings(data_dir=tmp_path, database=postgresql_url, broker=valkey_url)))
    other = Database(postgresql_url)
    owner = idempotency._digest(b"")
    with other.write() as session:
        assert stored_answers.lock_key(session, owner, "one")
        assert submit(api).status_code == 409
    assert submit(api).status_code == 201
    other.dispose()
    api.database.dispose()


def test_a_key_is_forgotten_after_its_time(api: Api) -> None:
    submit(api)
    with api.database.write() as session:
        day = 24 * stored_answers.MS_PER_HOUR
        session.execute(update(StoredAnswer).values(created_at=StoredAnswer.created_at - day))
    submit(api)
    submit(api, key="two")
    assert api.count_experiments() == 3
    with api.database.read() as session:
        assert session.scalar(select(func.count()).select_from(StoredAnswer)) == 2


def test_the_number_of_keys_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_answers, "MAX_ANSWERS", 2)
    for number in range(4):
        submit(api, key=f"{number}")
    with api.database.read() as session:
        assert (session.scalar(select(func.count()).select_from(StoredAnswer)) or 0) <= 2


SHOWS_A_SECRET = {"/api/tokens"}
"""Routes that create but take no key: their answer holds a secret, which must not be stored."""

STORES_ONCE = {"/api/imports", "/api/datasets"}
"""Routes that create but take no key: the same content is not stored again."""


def test_exactly_the_listed_routes_take_a_key(sqlite_api: Api) -> None:
    paths = sqlite_api.get("/api/openapi.json").json()["paths"]
    takes = {
        path
        for path, methods in paths.items()
        for method in methods.values()
        if any(given["name"] == "Idempotency-Key" for given in method.get("parameters", ()))
    }
    answers = {
        path: set(methods["post"]["responses"])
        for path, methods in paths.items()
        if "post" in methods
    }
    assert takes == REPEATABLE
    created = {path for path, statuses in answers.items() if "201" in statuses}
    assert created - REPEATABLE == SHOWS_A_SECRET | STORES_ONCE


@contextmanager
def web_process(
    settings: Settings, code: str = ""
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a web process with some code before it, and wait until it answers or has ended."""
    port = free_port()
    environment = {
        **os.environ,
        "LAB_DATA_DIR": str(settings.data_dir),
        "LAB_DATABASE": settings.database_url,
        "LAB_BROKER": settings.broker_url,
        "LAB_PORT": str(port),
    }
    command = [sys.executable, "-c", f"{code}\nfrom backend.supervisor import web; web.main()"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: process.poll() is not None or _answers(url))
        yield url, process
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").is_success
    except httpx.TransportError:
        return False


KILLED_AFTER_THE_COMMIT = """
import os, signal
from backend import main
def _notify(dispatcher, notifier, webhook, effects):
    if effects.runs_queued:
        os.kill(os.getpid(), signal.SIGKILL)
main._notify = _notify
"""


def test_a_retry_after_a_kill_between_commit_and_answer_creates_nothing(
    settings: Settings, database: Database
) -> None:
    with web_process(settings, KILLED_AFTER_THE_COMMIT) as (url, process):
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}/api/experiments", json=SPEC, headers=KEY, timeout=60)
        assert process.wait(60) == -signal.SIGKILL
    with web_process(settings) as (url, _):
        answer = httpx.post(f"{url}/api/experiments", json=SPEC, headers=KEY, timeout=60)
    assert (answer.status_code, answer.headers["idempotent-replayed"]) == (201, "true")
    with database.read() as session:
        assert session.scalars(select(Experiment.id)).all() == [answer.json()["id"]]


class LosesTheFirstAnswer(BaseHTTPRequestHandler):
    """A server that drops the connection after the first request, and answers the second."""

    keys: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        if len(self.keys) > 1:
            self.send_response(201)
            self.end_headers()
            self.wfile.write(json.dumps({"id": 7}).encode())
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def test_the_command_line_repeats_a_lost_request_with_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backend.cli.client.PAUSE_SECONDS", 0.01)
    with HTTPServer(("127.0.0.1", 0), LosesTheFirstAnswer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = Client(f"http://127.0.0.1:{server.server_port}")
        assert client.create("/api/experiments", b"{}", "application/json") == {"id": 7}
        server.shutdown()
    first, second = LosesTheFirstAnswer.keys
    assert first == second
