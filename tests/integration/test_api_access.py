"""The token: who may come in, how, and that it shows nowhere."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute

from backend.main import create_app
from backend.settings import Settings
from tests.api import SPEC, Api

TOKEN = "the-token-of-these-tests"  # noqa: S105 - of nothing else
BEARER = {"authorization": f"Bearer {TOKEN}"}
PAGE = {"accept": "text/html"}
OPEN = {"/healthz", "/readyz", "/sign-in"}


@pytest.fixture
def closed(sqlite_settings: Settings) -> Api:
    """A service that asks for a token."""
    settings = {**sqlite_settings.model_dump(), "token": TOKEN}
    return Api(create_app(Settings(**settings)))


def paths(app: FastAPI) -> list[str]:
    """Every address the app answers, with 1 for each id in it."""
    routes: list[BaseRoute] = list(app.routes)
    every = []
    while routes:
        route = routes.pop()
        routes += getattr(route, "routes", None) or []
        routes += getattr(getattr(route, "original_router", None), "routes", None) or []
        every.append(getattr(route, "path", "") or "/")
    return sorted(
        {
            "".join("1" if "}" in part else part for part in _parts(route_path))
            for route_path in every
        }
    )


def _parts(path: str) -> list[str]:
    return path.replace("{", "\0{").replace("}", "}\0").split("\0")


def test_every_address_but_the_open_ones_asks_for_the_token(closed: Api) -> None:
    known = [path for path in paths(closed.app) if not path.startswith("/static/")]
    assert {"/", "/api/experiments", "/api/stream", "/figures/specification"} <= set(known)
    for path in {*known, "/nothing", "/metrics", "/api/openapi.json"} - OPEN:
        for method in ("GET", "POST", "DELETE"):
            answer = closed.request(method, path)
            assert (path, answer.status_code) == (path, 401)
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", sorted(OPEN))
def test_what_is_open_needs_no_token(closed: Api, path: str) -> None:
    answer = closed.get(path, headers=PAGE)
    assert (answer.status_code == 401) == (path == "/sign-in")  # which is the page that asks
    assert "needs" not in answer.headers


def test_a_program_shows_the_token(closed: Api) -> None:
    assert closed.post("/api/experiments", json=SPEC, headers=BEARER).status_code == 201
    assert closed.get("/api/experiments", headers=BEARER).status_code == 200


WRONG = [
    "Bearer",
    "Bearer ",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Basic {TOKEN}",
    "Bearer \xe4\xf6\xfc",
]


@pytest.mark.parametrize("token", WRONG)
def test_a_wrong_token_is_refused_in_one_sentence(closed: Api, token: str) -> None:
    answer = closed.post(
        "/api/experiments", json=SPEC, headers={"authorization": token.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert "Authorization: Bearer TOKEN" in answer.json()["detail"]
    assert closed.count_experiments() == 0


def signed_in(closed: Api) -> dict[str, str]:
    """Open the printed address and return the cookie as a browser sends it."""
    answer = closed.get(f"/?token={TOKEN}", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


def test_the_printed_address_lets_a_browser_in(closed: Api) -> None:
    cookie = signed_in(closed)
    for path in ("/", "/api/experiments", "/health"):
        assert closed.get(path, headers={**PAGE, **cookie}).status_code == 200


def test_the_cookie_is_for_this_site_alone_and_is_not_the_token(closed: Api) -> None:
    cookie = closed.get(f"/?token={TOKEN}", headers=PAGE).headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert TOKEN not in cookie


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_over_https_the_cookie_stays_there(closed: Api, scheme: str) -> None:
    answer = closed.get(f"{scheme}://localhost/?token={TOKEN}", headers=PAGE)
    assert ("Secure" in answer.headers["set-cookie"]) == (scheme == "https")


def test_two_labs_on_one_machine_keep_two_cookies(closed: Api) -> None:
    cookies = [
        closed.get(f"http://localhost:{port}/?token={TOKEN}").headers["set-cookie"]
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
def test_the_token_leaves_the_address_and_the_rest_stays(
    closed: Api, headers: str, onward: str
) -> None:
    answer = closed.get(f"http://localhost{headers.format(TOKEN)}", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, onward)
    assert answer.headers["cache-control"] == "no-store"


def test_a_wrong_token_in_the_address_is_asked_for_again(closed: Api) -> None:
    answer = closed.get("/runs?token=another-token-than-it", headers=PAGE)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "The token is wrong" in answer.text
    assert "another-token" not in answer.text


def test_the_api_takes_no_token_from_the_address(closed: Api) -> None:
    assert closed.get(f"/api/experiments?token={TOKEN}").status_code == 401


def give(closed: Api, token: str, onward: str) -> httpx.Response:
    return closed.post("/sign-in", params={"next": onward}, data={"token": token}, headers=PAGE)


@pytest.mark.parametrize(
    ("headers", "onward"),
    [("/runs?filter=a%2Bb", "/runs?filter=a%2Bb"), ("https://evil.example", "/https:"),
     ("//evil.example", "/evil.example"), ("/\\evil.example", "/evil.example")],
)  # fmt: skip
def test_the_page_takes_the_token_and_leads_on_within_this_site(
    closed: Api, headers: str, onward: str
) -> None:
    answer = give(closed, f" {TOKEN}\n", headers)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(onward)
    assert "set-cookie" in answer.headers


def test_the_page_says_that_a_token_is_wrong(closed: Api) -> None:
    answer = give(closed, "<b>not the token</b>", "/runs")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "The token is wrong" in answer.text
    assert "not the token" not in answer.text
    assert 'action="/sign-in?next=%2Fruns"' in answer.text


def test_a_link_on_another_site_is_followed_once_more_from_here(closed: Api) -> None:
    headers = {**PAGE, "sec-fetch-site": "cross-site"}
    answer = closed.get("/experiments/1?x=1", headers=headers)
    assert 'http-equiv="refresh" content="0; url=/experiments/1?x=1"' in answer.text
    assert "refresh" not in closed.get("/experiments/1", headers=PAGE).text


def test_another_token_makes_old_cookies_worthless(closed: Api, tmp_path: Path) -> None:
    cookie = signed_in(closed)
    other_app = Api(
        create_app(Settings.model_validate({"data_dir": tmp_path, "token": f"x{TOKEN}"}))
    )
    assert other_app.get("/", headers=cookie).status_code == 401


def test_the_service_page_does_not_show_the_token(closed: Api) -> None:
    text = closed.get("/health", headers=BEARER).text
    assert "LAB_TOKEN" in text
    assert TOKEN not in text


def test_without_a_token_everyone_may_come_in(sqlite_api: Api) -> None:
    assert sqlite_api.get("/api/experiments").status_code == 200
    answer = sqlite_api.get("/sign-in?next=/runs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
