"""Every route with every role: what needs a token, and of which scope."""

import pytest
from fastapi import FastAPI
from starlette.routing import Mount

from backend.main import create_app
from backend.settings import Settings
from backend.web.route_scopes import declared
from tests.routes import Route, every_route


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


@pytest.mark.parametrize(
    "path", ["/api/tokens\n", "/api/runs", "/api/runs\n", "/api/runs/1/x/y", "/api/runs/"]
)
def test_a_path_matches_its_rule_however_it_ends(path: str) -> None:
    assert declared("DELETE", path) == declared("DELETE", path.rstrip("\n/"))
