"""Properties of every request: hosts, origins, headers, errors, health."""

import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from backend.main import create_app
from backend.settings import Settings
from tests.api import SPEC, Api
from tests.product import free_port


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000"])
def test_known_hosts_are_accepted(sqlite_api: Api, host: str) -> None:
    assert sqlite_api.get("/healthz", headers={"host": host}).status_code == 200


HOSTS = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/healthz", "/api/experiments", "/nothing"])
def test_unknown_hosts_are_refused(sqlite_api: Api, host: str, path: str) -> None:
    answer = sqlite_api.get(path, headers={"host": host})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden_origin")


def test_a_host_from_the_settings_is_accepted(tmp_path: Path) -> None:
    token = SecretStr(secrets.token_hex(32))
    settings = Settings(data_dir=tmp_path, allowed_hosts=["Lab.example"], token=token)
    api = Api(create_app(settings))
    assert api.get("/healthz", headers={"host": "lab.example:8000"}).status_code == 200


CROSS_SITE = [
    {"origin": "http://evil.example"},
    {"origin": "http://localhost:3000"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
def test_requests_from_other_sites_are_refused(sqlite_api: Api, headers: dict[str, str]) -> None:
    answer = sqlite_api.post("/api/experiments", json=SPEC, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden_origin")
    assert sqlite_api.count_experiments() == 0


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_requests_from_own_pages_are_accepted(sqlite_api: Api, site: str) -> None:
    headers = {"origin": "http://localhost", "sec-fetch-site": site}
    assert sqlite_api.post("/api/experiments", json=SPEC, headers=headers).status_code == 201


def test_another_site_may_link_here(sqlite_api: Api) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    assert sqlite_api.get("/api/experiments", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/api/experiments/7", "/nothing", "/broken"])
def test_every_response_has_the_security_headers(sqlite_api: Api, path: str) -> None:
    broken(sqlite_api.app)
    headers = sqlite_api.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def broken(app: FastAPI) -> None:
    @app.get("/broken")
    def fail() -> None:
        raise RuntimeError("a secret")


def test_an_unexpected_error_does_not_leak_details(sqlite_api: Api) -> None:
    broken(sqlite_api.app)
    answer = sqlite_api.get("/broken")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert "secret" not in answer.text


def test_an_unknown_path_is_not_found(sqlite_api: Api) -> None:
    answer = sqlite_api.get("/api/nothing")
    detail = "There is nothing at /api/nothing."
    assert answer.status_code == 404
    assert answer.json() == {"error": "not_found", "detail": detail, "field": None}


def test_a_wrong_method_names_the_allowed_methods(sqlite_api: Api) -> None:
    answer = sqlite_api.request("DELETE", "/api/experiments/1/runs")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["error"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("OPTIONS", "/api/experiments/1", "DELETE, GET, PATCH"),
        ("PUT", "/api/views", "GET, POST"),
        ("PATCH", "/api/runs/delete", "POST"),
        ("GET", "/api/experiments/restore", "POST"),
    ],
)
def test_allow_names_every_method_of_the_path(
    sqlite_api: Api, method: str, path: str, allowed: str
) -> None:
    answer = sqlite_api.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("value", ["0", "1", "off", "True", ""])
def test_a_switch_is_true_or_false(sqlite_api: Api, value: str) -> None:
    answer = sqlite_api.post(f"/api/experiments?dry_run={value}", json={})
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith("accepted: true or false.")


@pytest.mark.parametrize("path", ["/nothing", "/experiments/7"])
def test_browsers_get_errors_as_a_page(sqlite_api: Api, path: str) -> None:
    answer = sqlite_api.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_a_body_longer_than_its_content_length_is_refused(sqlite_api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * 65536

    headers = {"content-type": "application/json"}
    answer = sqlite_api.post("/api/experiments", content=chunks(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/readyz", "/api/experiments"])
def test_an_unreachable_database_is_reported(valkey_url: str, tmp_path: Path, path: str) -> None:
    nobody = f"postgresql://127.0.0.1:{free_port()}/lab"
    api = Api(create_app(Settings(data_dir=tmp_path, database=nobody, broker=valkey_url)))
    answer = api.get(path)
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")


def test_the_openapi_document_is_served(sqlite_api: Api) -> None:
    described = sqlite_api.get("/api/openapi.json").json()
    assert {"/api/experiments", "/api/runs/{run_id}", "/api/stream"} <= described["paths"].keys()
    assert {"ExperimentItem", "RunDetail", "ErrorBody"} <= described["components"]["schemas"].keys()
    assert "HTTPValidationError" not in described["components"]["schemas"]


def test_the_web_service_does_not_load_torch() -> None:
    code = "import sys, backend.main; backend.main.create_app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
