"""Named tokens and browser sessions: verified, expired, revoked, stored as digests."""

import asyncio
import logging
import threading

import httpx
import pytest
from sqlalchemy import text, update

from backend.access import verification
from backend.main import create_app
from backend.settings import Settings
from backend.store import browser_sessions, tokens
from backend.store.tables import BrowserSession
from backend.supervisor.web import server_config
from backend.tracking.experiments import find_or_create
from backend.web import access
from tests.api import SPEC, Api
from tests.tokens import (
    OPERATOR,
    PAGE,
    bearer,
    expire,
    new_token,
    revoke,
    sign_in,
    with_token,
)


@pytest.fixture
def api(protected: Api) -> Api:
    """A service that requires a token, on SQLite and on PostgreSQL."""
    return protected


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was verified is remembered."""
    monkeypatch.setattr(verification, "REMEMBER_SECONDS", 0.0)


ADMIN = bearer(OPERATOR)


def status(api: Api, headers: dict[str, str], path: str = "/api/experiments") -> int:
    return api.get(path, headers=headers).status_code


def test_a_token_is_created_shown_once_and_revoked_over_rest(api: Api) -> None:
    created = api.post("/api/tokens", json={"name": "ci", "scope": "submit"}, headers=ADMIN)
    assert created.status_code == 201
    secret = created.json()["secret"]
    assert status(api, bearer(secret)) == 200
    [item] = api.get("/api/tokens", headers=ADMIN).json()["items"]
    assert (item["name"], item["state"], item["created_by"]) == ("ci", "active", "operator")
    assert "secret" not in item
    revoked = api.request("DELETE", f"/api/tokens/{item['id']}", headers=ADMIN).json()
    assert revoked["state"] == "revoked"
    assert status(api, bearer(secret)) == 401  # at once in this process


def test_only_digests_are_stored(api: Api) -> None:
    secret = new_token(api, "ci")
    cookie = sign_in(api, secret)["cookie"].partition("=")[2]
    with api.database.read() as session:
        rows = [
            str(tuple(row))
            for table in ("tokens", "browser_sessions")
            for row in session.execute(text(f"SELECT * FROM {table}"))  # noqa: S608
        ]
    assert len(rows) == 2
    assert not any(word in row for row in rows for word in (secret, cookie, OPERATOR))


def test_a_token_that_another_process_revoked_is_refused_soon(forgetful: None, api: Api) -> None:
    secret = new_token(api, "ci")
    assert status(api, bearer(secret)) == 200
    revoke(api, "ci")
    answer = api.get("/api/experiments", headers=bearer(secret))
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("The token ci was revoked.")


def test_an_expired_token_is_refused_and_named(api: Api) -> None:
    secret = new_token(api, "ci")
    expire(api, "ci")
    answer = api.get("/api/experiments", headers=bearer(secret))
    assert (answer.status_code, answer.json()["detail"][:26]) == (401, "The token ci has expired. ")


def test_a_session_ends_with_its_token(api: Api) -> None:
    cookie = sign_in(api, new_token(api, "ci"))
    assert status(api, cookie) == 200
    revoke(api, "ci")
    api.app.state.authenticator.forget()
    assert status(api, cookie) == 401


@pytest.mark.parametrize(
    ("column", "seconds"),
    [
        (BrowserSession.last_used_at, browser_sessions.IDLE_SECONDS),
        (BrowserSession.created_at, browser_sessions.MAX_SECONDS),
    ],
)
def test_a_session_expires(api: Api, column: object, seconds: int) -> None:
    cookie = sign_in(api, OPERATOR)
    with api.database.write() as session:
        moved = getattr(BrowserSession, column.key) - 1000 * seconds  # type: ignore[attr-defined]
        session.execute(update(BrowserSession).values({column: moved}))
    api.app.state.authenticator.forget()
    assert status(api, cookie) == 401
    with api.database.write() as session:
        assert browser_sessions.remove_expired(session) == 1


def test_an_administrator_ends_a_session(api: Api) -> None:
    cookie = sign_in(api, new_token(api, "ci"))
    [item] = api.get("/api/sessions", headers=ADMIN).json()["items"]
    assert (item["token"], item["client"]) == ("ci", "127.0.0.1")
    ended = api.request("DELETE", f"/api/sessions/{item['id']}", headers=ADMIN)
    assert ended.status_code == 204
    assert status(api, cookie) == 401
    again = api.request("DELETE", f"/api/sessions/{item['id']}", headers=ADMIN)
    assert again.status_code == 404


def test_the_last_use_is_recorded_once_a_minute(forgetful: None, api: Api) -> None:
    secret = new_token(api, "ci")
    assert status(api, bearer(secret)) == 200
    with api.database.write() as session:
        token = tokens.named(session, "ci")
        assert token.last_used_at is not None
        token.last_used_at = 1
    assert status(api, bearer(secret)) == 200
    with api.database.read() as session:
        assert tokens.named(session, "ci").last_used_at == 1


def test_a_remembered_token_needs_no_database(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = new_token(api, "ci")
    assert status(api, bearer(secret), "/datasets") == 200
    monkeypatch.setattr(tokens, "usable", None)
    assert status(api, bearer(secret), "/datasets") == 200


def test_a_name_is_used_once(api: Api) -> None:
    new_token(api, "ci")
    revoke(api, "ci")
    answer = api.post("/api/tokens", json={"name": "ci"}, headers=ADMIN)
    assert (answer.status_code, answer.json()["field"]) == (409, "name")


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""}, {"name": "operator"}, {"name": "x" * 81}, {"name": "a\nb"},
        {"name": "<b>"}, {"name": "a  b"}, {"scope": "root"}, {"scope": ""}, {"expires": "0d"},
        {"expires": "30"}, {"expires": "3651d"}, {"expires": "1e3d"}, {"other": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_token_request_names_its_field(api: Api, change: dict[str, object]) -> None:
    answer = api.post("/api/tokens", json={"name": "ci", **change}, headers=ADMIN)
    assert (answer.status_code, answer.json()["field"]) == (422, next(iter(change)))


def test_a_service_without_a_token_creates_none(sqlite_api: Api) -> None:
    answer = sqlite_api.post("/api/tokens", json={"name": "ci"})
    assert answer.status_code == 409
    assert "Set LAB_TOKEN" in answer.json()["detail"]


def test_an_experiment_shows_its_owner(api: Api) -> None:
    headers = bearer(new_token(api, "student 7", "submit"))
    experiment = api.post("/api/experiments", json=SPEC, headers=headers).json()["id"]
    path = f"/api/experiments/{experiment}"
    assert api.get(path, headers=headers).json()["owner"] == "student 7"


def test_without_authentication_there_is_no_owner(sqlite_api: Api) -> None:
    assert sqlite_api.get(f"/api/experiments/{sqlite_api.submit()}").json()["owner"] is None


def attempt(api: Api, token: str, client: str) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(api.app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            return await http.get("/api/experiments", headers=bearer(token))

    return asyncio.run(send())


def test_wrong_tokens_are_slowed_per_address(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    secret = new_token(api, "ci")
    with caplog.at_level(logging.WARNING):
        answers = [attempt(api, f"wrong{i}", "192.0.2.7") for i in range(15)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 5
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert attempt(api, secret, "192.0.2.7").status_code == 429  # not remembered: unread
    assert attempt(api, OPERATOR, "192.0.2.7").status_code == 200
    assert attempt(api, secret, "192.0.2.8").status_code == 200
    assert attempt(api, secret, "192.0.2.7").status_code == 200  # remembered now
    lines = [record for record in caplog.records if record.message == "wrong token"]
    assert len(lines) == 10
    assert {record.client for record in lines} == {"192.0.2.7"}  # type: ignore[attr-defined]
    assert "wrong3" not in caplog.text


def test_old_cookies_do_not_lock_a_person_out(api: Api) -> None:
    cookie = sign_in(api, OPERATOR)
    api.post("/sign-out", headers=cookie)
    assert {status(api, cookie) for _ in range(20)} == {401}
    assert sign_in(api, new_token(api, "ci"))


def test_the_sign_in_form_is_slowed_too(api: Api) -> None:
    answers = [
        api.post("/sign-in", data={"token": f"wrong{i}"}, headers=PAGE).status_code
        for i in range(12)
    ]
    assert answers == [401] * 10 + [429] * 2


def test_a_stream_ends_when_its_token_is_revoked(
    forgetful: None, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "VERIFY_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr("backend.api.stream.PING_SECONDS", 0.05)
    secret = new_token(api, "ci", "submit")
    api.post("/api/experiments", json=SPEC, headers=bearer(secret))
    ended = threading.Event()

    def follow() -> None:
        api.get("/api/stream?experiment=1", headers=bearer(secret))
        ended.set()

    threading.Thread(target=follow, daemon=True).start()
    assert not ended.wait(0.5)
    revoke(api, "ci")
    assert ended.wait(30)


@pytest.mark.parametrize(("scope", "status"), [("log", 403), ("submit", 200)])
@pytest.mark.parametrize("root", ["/api", "/mlflow/ajax-api"])
def test_logging_alone_deletes_nothing(api: Api, root: str, scope: str, status: int) -> None:
    headers = bearer(new_token(api, "training", scope=scope))
    with api.database.write() as session:
        experiment = find_or_create(session, "theirs").id
    body = {"experiment_id": str(experiment)}
    answer = api.post(f"{root}/2.0/mlflow/experiments/delete", json=body, headers=headers)
    assert answer.status_code == status


def test_a_link_on_another_site_signs_nobody_in(api: Api) -> None:
    answer = api.get(f"/?token={OPERATOR}", headers={**PAGE, "sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(("url", "trusted"), [(None, False), ("https://lab.example", True)])
def test_headers_of_a_proxy_count_if_one_is_configured(
    api: Api, sqlite_settings: Settings, url: str | None, trusted: bool
) -> None:
    settings = with_token(sqlite_settings).model_copy(update={"url": url})
    assert server_config(api.app, settings).proxy_headers is trusted


def test_a_token_has_so_many_browser_sessions(settings: Settings) -> None:
    api = Api(create_app(with_token(settings).model_copy(update={"max_browser_sessions": 2})))
    secret, other = new_token(api, "many"), sign_in(api, new_token(api, "other"))
    cookies = [sign_in(api, secret) for _ in range(3)]
    assert [status(api, cookie) for cookie in (*cookies, other)] == [401, 200, 200, 200]


@pytest.mark.parametrize("name", ["Tread", "tread ", " TREAD"])
def test_names_that_look_alike_are_refused(api: Api, name: str) -> None:
    new_token(api, "tread")
    answer = api.post("/api/tokens", json={"name": name}, headers=ADMIN)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("There is or was a token named tread;")


def test_the_answer_with_a_secret_is_not_cached(api: Api) -> None:
    answer = api.post("/api/tokens", json={"name": "ci"}, headers=ADMIN)
    assert answer.headers["cache-control"] == "no-store"
