"""The audit log: which token changed what."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.access.expiry import remove_expired
from backend.settings import Settings
from backend.store.tables import AuditEntry
from backend.web import audit
from backend.web.refusals import ENTRIES_AT_ONCE
from tests.api import SPEC, Api
from tests.tokens import OPERATOR, bearer, expire, new_token, revoke, sign_in

ADMIN = bearer(OPERATOR)


@pytest.fixture
def api(protected: Api) -> Api:
    """A service that requires a token, on SQLite and on PostgreSQL."""
    return protected


def entries(api: Api, **query: str | int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get("/api/audit", headers=ADMIN, params=query).json()["items"]
    return items


def test_a_change_is_recorded_with_its_token_and_targets(api: Api) -> None:
    student = bearer(new_token(api, "student", "submit"))
    api.post("/api/experiments", json=SPEC, headers=student)
    api.request("PATCH", "/api/runs/1", json={"pinned": True}, headers=student)
    pinned, submitted = entries(api)
    assert submitted | {"id": 0, "at": ""} == {
        "id": 0, "at": "", "token": "student", "in_browser": False, "client": "127.0.0.1",
        "method": "POST", "route": "/api/experiments", "targets": {"experiment": [1]},
        "status": 201,
    }  # fmt: skip
    assert (pinned["route"], pinned["targets"]["run"]) == ("/api/runs/{run_id}", [1])


def test_a_browser_is_recorded_as_one(api: Api) -> None:
    cookie = sign_in(api, new_token(api, "student", "submit"))
    api.post("/api/experiments", json=SPEC, headers=cookie)
    assert [(entry["token"], entry["in_browser"]) for entry in entries(api)] == [("student", True)]


def test_a_failed_change_is_recorded_with_its_status(api: Api) -> None:
    api.post("/api/experiments", json={}, headers=ADMIN)
    api.request("DELETE", "/api/runs/7", headers=ADMIN)
    api.post("/api/nothing", headers=ADMIN)
    assert [(entry["status"], entry["route"]) for entry in entries(api)] == [
        (404, "/api/nothing"),
        (404, "/api/runs/{run_id}"),
        (422, "/api/experiments"),
    ]


def test_reading_and_checking_is_not_recorded(api: Api) -> None:
    api.get("/api/experiments", headers=ADMIN)
    api.post("/api/experiments?dry_run=true", json=SPEC, headers=ADMIN)
    api.post("/charts/specification", json=SPEC, headers=ADMIN)
    assert entries(api) == []


def test_creating_and_revoking_tokens_is_recorded_without_the_secret(api: Api) -> None:
    answer = api.post("/api/tokens", json={"name": "ci"}, headers=ADMIN).json()
    api.request("DELETE", f"/api/tokens/{answer['id']}", headers=ADMIN)
    revoked, created = entries(api)
    assert revoked["targets"] == created["targets"] == {"token": [answer["id"]]}
    assert answer["secret"] not in str([created, revoked])


def test_a_change_and_its_entry_are_one_transaction(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing runs after the commit, as if the process had been killed there."""
    monkeypatch.setattr(audit.Audit, "_complete", killed)
    api.post("/api/experiments", json=SPEC, headers=ADMIN)
    [entry] = entries(api)
    assert (entry["targets"], entry["status"]) == ({"experiment": [1]}, 201)


async def killed(*_: object) -> None:
    """Do nothing, in the place of what a killed process does not do."""


def test_a_change_that_is_rolled_back_leaves_the_entry_of_a_failure(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("COMMIT", None, Exception("no space"))

    monkeypatch.setattr(api.database, "before_commit", both(audit.record_change, fail))
    assert api.post("/api/experiments", json=SPEC, headers=ADMIN).status_code == 503
    monkeypatch.undo()
    assert api.count_experiments() == 0
    assert entries(api) == []  # not even that could be stored
    api.post("/api/experiments", json=SPEC, headers=ADMIN)
    assert [entry["status"] for entry in entries(api)] == [201]


def both(*functions: Callable[[Session], None]) -> Callable[[Session], None]:
    """Return a function that calls all of them."""

    def call(session: Session) -> None:
        for function in functions:
            function(session)

    return call


def test_a_scope_that_is_too_small_is_recorded(api: Api) -> None:
    reader = new_token(api, "reader")
    api.post("/api/experiments", json=SPEC, headers=bearer(reader))
    api.get("/tokens", headers=sign_in(api, reader))
    assert [(entry["token"], entry["in_browser"], entry["route"], entry["status"])
            for entry in entries(api)] == [
        ("reader", True, "/tokens", 403), ("reader", False, "/api/experiments", 403),
    ]  # fmt: skip


@pytest.mark.parametrize("end", [revoke, expire])
def test_a_token_that_has_ended_is_recorded_and_slowed(
    api: Api, end: Callable[[Api, str], None]
) -> None:
    secret, other = new_token(api, "old", "admin"), new_token(api, "new")
    end(api, "old")
    statuses = [api.get("/api/runs", headers=bearer(secret)).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert [(entry["token"], entry["status"]) for entry in entries(api)] == [("old", 401)] * 10
    assert api.get("/api/runs", headers=bearer(other)).status_code == 200  # also from there


def test_refusals_cannot_fill_the_log(api: Api) -> None:
    reader = bearer(new_token(api, "reader"))
    for _ in range(20):
        api.post("/api/experiments", json=SPEC, headers=reader)
    assert len(entries(api)) == ENTRIES_AT_ONCE


def test_a_path_with_a_null_character_is_recorded(api: Api) -> None:
    assert api.post("/api/nothing%00", headers=ADMIN).status_code == 404
    assert api.request("DELETE", "/api/views/a%00", headers=ADMIN).status_code < 500
    assert entries(api)[1]["route"] == "/api/nothing\\x00"


def test_pages_of_the_log_and_the_entries_of_one_token(api: Api) -> None:
    for name in ("a", "b", "a"):
        headers = bearer(new_token(api, f"{name} {len(entries(api))}", "submit"))
        api.post("/api/experiments", json=SPEC, headers=headers)
    page = api.get("/api/audit", headers=ADMIN, params={"limit": 2}).json()
    assert [item["token"] for item in page["items"]] == ["a 2", "b 1"]
    assert [item["token"] for item in entries(api, cursor=page["next_cursor"])] == ["a 0"]
    assert [item["token"] for item in entries(api, by="b 1")] == ["b 1"]


def test_a_service_without_tokens_records_changes_too(sqlite_api: Api) -> None:
    sqlite_api.submit()
    [item] = sqlite_api.get("/api/audit").json()["items"]
    assert (item["token"], item["targets"]) == (None, {"experiment": [1]})


def test_old_and_surplus_entries_are_removed(api: Api, settings: Settings) -> None:
    for _ in range(3):
        api.post("/api/experiments", json={}, headers=ADMIN)
    few = settings.model_copy(update={"audit_entries": 2})
    assert remove_expired(api.database, few)
    assert not remove_expired(api.database, few)
    assert len(entries(api)) == 2
    with api.database.write() as session:
        session.execute(update(AuditEntry).values(at=0))
    remove_expired(api.database, settings)
    assert entries(api) == []


def test_many_targets_are_cut_off(api: Api) -> None:
    spec = {**SPEC, "training": {"epochs": 1, "seeds": 2}}
    for _ in range(3):
        api.post("/api/experiments", json=spec, headers=ADMIN)
    api.post("/api/experiments/delete", json={"experiments": [1, 2, 3]}, headers=ADMIN)
    assert entries(api)[0]["targets"] == {"experiment": [1, 2, 3]}


def test_a_failure_after_the_commit_is_logged_and_the_answer_true(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise ValueError("the webhook is broken")

    monkeypatch.setattr(api.database, "after_commit", fail)
    assert api.post("/api/experiments", json=SPEC, headers=ADMIN).status_code == 201
    assert api.count_experiments() == 1
    assert "effects of a committed transaction could not be reported" in caplog.text
