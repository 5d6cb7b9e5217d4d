"""Every route with every role: open, refused or allowed by its scope."""

import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from backend.access.scopes import Scope
from backend.access.throttle import FailureThrottle
from backend.main import create_app
from backend.settings import Settings
from backend.web.route_scopes import CHANGES, declared
from tests.api import Api
from tests.routes import UNUSED_ID, Route, every_route
from tests.tokens import Role, every_role


@pytest.fixture
def app(sqlite_settings: Settings) -> FastAPI:
    return create_app(sqlite_settings)


async def answer_nothing(*_: object) -> None:
    """Do nothing, as an ASGI app."""


def test_every_route_has_a_rule(app: FastAPI) -> None:
    undeclared = [route for route in every_route(app) if not declared(route.method, route.example)]
    assert undeclared == [], "add these to RULES in backend/web/route_scopes.py"


def test_the_walk_finds_included_and_mounted_routes(app: FastAPI) -> None:
    inner = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    inner.add_api_route("/x/{name}", lambda name: name, methods=["PUT"])
    app.mount("/inner", inner)
    app.router.routes.append(Mount("/opaque", app=answer_nothing))
    found = set(every_route(app))
    assert {
        Route("PUT", "/inner/x/{name}"),
        Route("POST", "/opaque/{rest:path}"),
        Route("POST", "/api/experiments"),
        Route("GET", "/experiments/{experiment_id}/live"),
        Route("GET", "/static/{_version}/{name:path}"),
    } <= found


def allowed(role: Role, needed: Scope | None) -> int | None:
    """Return the status of the refusal, None if the role may send the request."""
    if needed is None:
        return None
    if role.scope is None:
        return 401
    return None if role.scope.includes(needed) else 403


def refusal(api: Api, role: Role, route: Route) -> int | None:
    """Send a request; return the status if access was refused, else None.

    Streams are asked for something that does not exist, so that they end.
    """
    query = f"?run={UNUSED_ID}" if route.path == "/api/stream" else ""
    answer = api.request(route.method, route.example + query, headers=role.headers)
    is_form = route.path == "/sign-in"  # shown with status 401
    return answer.status_code if answer.status_code in (401, 403) and not is_form else None


def test_every_route_with_every_role(
    sqlite_protected: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = FailureThrottle(burst=1_000_000)
    monkeypatch.setattr(sqlite_protected.app.state.authenticator, "_throttle", patient)
    wrong = []
    for role in every_role(sqlite_protected):
        for route in every_route(sqlite_protected.app):
            if route.path == "/sign-out" and role.name == "browser":
                continue  # would end the session of this test
            rule = declared(route.method, route.example)
            expected = allowed(role, rule.needed if rule else Scope.ADMIN)
            if refusal(sqlite_protected, role, route) != expected:
                wrong.append((role.name, route, expected))
    assert wrong == []


@pytest.mark.parametrize("method", CHANGES)
def test_a_change_without_a_rule_needs_admin(sqlite_protected: Api, method: str) -> None:
    roles = [role for role in every_role(sqlite_protected) if role.scope]
    statuses = {
        role.name: sqlite_protected.request(method, "/nothing", headers=role.headers).status_code
        for role in roles
    }
    assert statuses == {role.name: 404 if role.scope is Scope.ADMIN else 403 for role in roles}


OPEN = {"/health", "/healthz", "/readyz", "/sign-in"}


def test_only_a_few_routes_are_open(app: FastAPI) -> None:
    open_paths = {
        route.path
        for route in every_route(app)
        if (rule := declared(route.method, route.example)) and rule.needed is None
    }
    assert {path for path in open_paths if not path.startswith("/static/")} == OPEN


DRY = "/api/experiments?dry_run={}"


@pytest.mark.parametrize(
    ("query", "status"),
    [("true", 422), ("True", 403), ("1", 403), ("true&dry_run=false", 403), ("false", 403)],
)
def test_a_dry_run_needs_less_only_if_nothing_can_be_submitted(
    sqlite_protected: Api, query: str, status: int
) -> None:
    reader = next(role for role in every_role(sqlite_protected) if role.scope is Scope.READ)
    assert (
        sqlite_protected.post(DRY.format(query), json={}, headers=reader.headers).status_code
        == status
    )


@pytest.mark.parametrize(
    "path", ["/api/tokens\n", "/api/runs", "/api/runs\n", "/api/runs/1/x/y", "/api/runs/"]
)
def test_a_path_matches_its_rule_however_it_ends(path: str) -> None:
    assert declared("DELETE", path) == declared("DELETE", path.rstrip("\n/"))
