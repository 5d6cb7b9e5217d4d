"""Access with the operator's token: headers, sign-in, cookies; the token is never shown."""

import base64
from typing import Any

import httpx
import pytest

from backend.main import create_app
from backend.settings import Settings
from tests.api import SPEC, Api
from tests.tokens import OPERATOR as TOKEN
from tests.tokens import PAGE, bearer, cookie_of

BEARER = bearer(TOKEN)
OPEN = {"/health", "/healthz", "/readyz", "/sign-in"}


@pytest.fixture
def protected(sqlite_protected: Api) -> Api:
    """A service that requires a token, on SQLite."""
    return sqlite_protected


@pytest.mark.parametrize("path", sorted(OPEN))
def test_open_routes_need_no_token(protected: Api, path: str) -> None:
    answer = protected.get(path, headers=PAGE)
    assert (answer.status_code == 401) == (path == "/sign-in")  # the page that asks for the token
    assert "needs" not in answer.headers


def test_a_program_sends_the_token_in_a_header(protected: Api) -> None:
    assert protected.post("/api/experiments", json=SPEC, headers=BEARER).status_code == 201
    assert protected.get("/api/experiments", headers=BEARER).status_code == 200


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


HEADERS = [
    {"authorization": f"Bearer {TOKEN}"},
    {"authorization": f"bearer  {TOKEN} "},
    {"authorization": basic("anyone", TOKEN)},  # MLFLOW_TRACKING_USERNAME and _PASSWORD
    {"authorization": basic("", TOKEN)},
    {"x-trackio-write-token": TOKEN},
]


@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_clients_send_the_token_in_their_own_ways(protected: Api, headers: dict[str, str]) -> None:
    assert protected.get("/api/experiments", headers=headers).status_code == 200


WRONG = [
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Basic {TOKEN}",
    basic(TOKEN, ""),
    basic("anyone", f"{TOKEN}:x"),
    "Basic !",
    "Basic",
    "Bearer",
    "Bearer ",
    f"Digest {TOKEN}",
    "Bearer \xe4\xf6\xfc",
]


@pytest.mark.parametrize("token", WRONG)
def test_a_wrong_token_is_refused(protected: Api, token: str) -> None:
    answer = protected.post(
        "/api/experiments", json=SPEC, headers={"authorization": token.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert protected.count_experiments() == 0


def test_without_a_token_the_error_explains_how_to_send_one(protected: Api) -> None:
    answer = protected.get("/api/experiments")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "Authorization: Bearer TOKEN" in answer.json()["detail"]


def signed_in(protected: Api) -> dict[str, str]:
    """Open the printed URL and return the cookie as a browser sends it."""
    answer = protected.get(f"/?token={TOKEN}", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return cookie_of(answer)


def test_the_printed_url_signs_a_browser_in(protected: Api) -> None:
    cookie = signed_in(protected)
    for path in ("/", "/api/experiments", "/status"):
        assert protected.get(path, headers={**PAGE, **cookie}).status_code == 200


def test_the_cookie_is_limited_to_this_site_and_does_not_contain_the_token(protected: Api) -> None:
    cookie = protected.get(f"/?token={TOKEN}", headers=PAGE).headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert TOKEN not in cookie


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookie_is_secure_over_https(protected: Api, scheme: str) -> None:
    answer = protected.get(f"{scheme}://localhost/?token={TOKEN}", headers=PAGE)
    assert ("Secure" in answer.headers["set-cookie"]) == (scheme == "https")


def test_two_labs_on_one_machine_use_different_cookies(protected: Api) -> None:
    cookies = [
        protected.get(f"http://localhost:{port}/?token={TOKEN}").headers["set-cookie"]
        for port in (8000, 8001)
    ]
    assert len({cookie.partition("=")[0] for cookie in cookies}) == 2


ONWARD = [
    ("/runs?filter=id+%3D+1&token={}", "/runs?filter=id+%3D+1"),
    ("/compare?token={}&runs=1,2&test=", "/compare?runs=1%2C2&test="),
    ("//evil.example/a?token={}", "/evil.example/a"),
    ("/a%0d%0ab?token={}", "/a%0D%0Ab"),
]


@pytest.mark.parametrize(("headers", "onward"), ONWARD)
def test_a_redirect_removes_only_the_token_from_the_url(
    protected: Api, headers: str, onward: str
) -> None:
    answer = protected.get(f"http://localhost{headers.format(TOKEN)}", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, onward)
    assert answer.headers["cache-control"] == "no-store"


def test_a_wrong_token_in_the_url_leads_to_the_sign_in_page(protected: Api) -> None:
    answer = protected.get("/runs?token=another-token-than-it", headers=PAGE)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "The token is wrong" in answer.text
    assert "another-token" not in answer.text


def test_the_api_ignores_a_token_in_the_url(protected: Api) -> None:
    assert protected.get(f"/api/experiments?token={TOKEN}").status_code == 401


def give(protected: Api, token: str, onward: str) -> httpx.Response:
    return protected.post("/sign-in", params={"next": onward}, data={"token": token}, headers=PAGE)


@pytest.mark.parametrize(
    ("headers", "onward"),
    [("/runs?filter=a%2Bb", "/runs?filter=a%2Bb"), ("https://evil.example", "/https:"),
     ("//evil.example", "/evil.example"), ("/\\evil.example", "/evil.example")],
)  # fmt: skip
def test_signing_in_redirects_only_within_this_site(
    protected: Api, headers: str, onward: str
) -> None:
    answer = give(protected, f" {TOKEN}\n", headers)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(onward)
    assert "set-cookie" in answer.headers


def test_the_sign_in_page_reports_a_wrong_token(protected: Api) -> None:
    answer = give(protected, "<b>not the token</b>", "/runs")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "The token is wrong" in answer.text
    assert "not the token" not in answer.text
    assert 'action="/sign-in?next=%2Fruns"' in answer.text


def test_a_link_from_another_site_is_followed_with_the_cookie(protected: Api) -> None:
    headers = {**PAGE, "sec-fetch-site": "cross-site"}
    answer = protected.get("/experiments/1?x=1", headers=headers)
    assert 'http-equiv="refresh" content="0; url=/experiments/1?x=1"' in answer.text
    assert "refresh" not in protected.get("/experiments/1", headers=PAGE).text


def test_a_new_token_ends_the_browser_sessions_of_the_old_one(
    protected: Api, sqlite_settings: Settings
) -> None:
    cookie = signed_in(protected)
    changed: dict[str, Any] = {**sqlite_settings.model_dump(), "token": f"x{TOKEN}"}
    restarted = Api(create_app(Settings(**changed)))
    assert restarted.get("/", headers=cookie).status_code == 401


def test_signing_out_ends_the_session_everywhere(protected: Api) -> None:
    cookie = signed_in(protected)
    answer = protected.post("/sign-out", headers=cookie)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert protected.get("/", headers=cookie).status_code == 401


def test_a_page_of_another_site_cannot_sign_a_person_out(protected: Api) -> None:
    cookie = signed_in(protected)
    headers = {**cookie, "sec-fetch-site": "cross-site"}
    assert protected.post("/sign-out", headers=headers).status_code == 403
    assert protected.get("/", headers=cookie).status_code == 200


def test_the_status_page_does_not_show_the_token(protected: Api) -> None:
    text = protected.get("/status", headers=BEARER).text
    assert "LAB_TOKEN" in text
    assert TOKEN not in text


def test_without_a_token_setting_access_is_open(sqlite_api: Api) -> None:
    assert sqlite_api.get("/api/experiments").status_code == 200
    answer = sqlite_api.get("/sign-in?next=/runs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
