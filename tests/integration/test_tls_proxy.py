"""A proxy with TLS in front of the web process: cookies, redirects, addresses and streams."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from backend.main import create_app
from backend.settings import Settings
from backend.supervisor.web import create_socket, server_config
from tests.api import SPEC
from tests.product import free_port, wait_for
from tests.tls_proxy import CLIENT, TlsProxy
from tests.tokens import OPERATOR, PAGE, bearer, with_token

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="makes the certificate")


@pytest.fixture
def client(sqlite_settings: Settings, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of the proxy, which keeps cookies."""
    ports = [free_port(), free_port()]
    settings = with_token(sqlite_settings).model_copy(
        update={"url": f"https://localhost:{ports[0]}", "port": ports[1]}
    )
    app = create_app(settings)
    config = server_config(app, settings)
    server = uvicorn.Server(config)
    listener = create_socket(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_for(lambda: server.started)
    with (
        TlsProxy(f"http://127.0.0.1:{ports[1]}", ports[0], tmp_path) as proxy,
        httpx.Client(verify=proxy.trust, base_url=f"https://localhost:{proxy.port}") as http,
    ):
        yield http
        server.should_exit = True
        thread.join()
        listener.close()


def test_a_browser_signs_in_and_changes_things(client: httpx.Client) -> None:
    assert client.get("/", headers=PAGE).status_code == 401
    answer = client.post("/sign-in?next=/status", data={"token": OPERATOR}, headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/status")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("; Secure", "; HttpOnly", "; SameSite=strict"))
    assert f"overfit_lab_{client.base_url.port}=" in cookie
    origin = {"origin": str(client.base_url).rstrip("/")}
    assert client.post("/api/experiments", json=SPEC, headers=origin).status_code == 201
    [entry] = client.get("/api/audit").json()["items"]
    assert (entry["client"], entry["in_browser"]) == (CLIENT, True)  # not the proxy's address


def test_other_sites_and_hosts_are_refused(client: httpx.Client) -> None:
    for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        headers |= bearer(OPERATOR)
        assert client.post("/api/experiments", json=SPEC, headers=headers).status_code == 403


def test_redirects_stay_on_https(client: httpx.Client) -> None:
    for path in ("/runs/", "/api/runs/", f"/status?token={OPERATOR}", "//evil.example"):
        answer = client.get(path, headers={**PAGE, **bearer(OPERATOR)})
        target = answer.headers.get("location", "/")
        assert target.startswith(("/", str(client.base_url))), (path, target)
        assert not target.startswith("//")


def test_wrong_tokens_count_against_the_client_behind_the_proxy(client: httpx.Client) -> None:
    statuses = [client.get("/api/runs", headers=bearer("wrong")).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


def test_events_pass_through_at_once(client: httpx.Client) -> None:
    client.headers.update(bearer(OPERATOR))
    client.post("/api/experiments", json=SPEC)
    with client.stream("GET", "/api/stream?experiment=1") as stream:
        assert stream.headers["x-accel-buffering"] == "no"
        lines = stream.iter_lines()
        assert client.post("/api/experiments/1/cancel").status_code == 202
        assert any(line.startswith("id:") for line in lines)
