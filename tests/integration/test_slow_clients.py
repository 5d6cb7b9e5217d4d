"""Stream clients that never read, or are too many, do not affect others."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from backend.supervisor.web import create_socket
from tests.api import SPEC, Api, record_epochs
from tests.product import wait_for
from tests.sse import open_stream, serve
from tests.tokens import bearer, new_token

DEAD_SECONDS = 0.5
STEPS = 200_000  # their stream is larger than the socket buffers


@pytest.fixture
def url(sqlite_api: Api) -> Iterator[str]:
    """The URL of a real server with a short timeout for dead clients."""
    config = uvicorn.Config(sqlite_api.app, port=0, log_level="error", timeout_graceful_shutdown=1)
    listener = create_socket(config, DEAD_SECONDS)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    wait_for(lambda: server.started)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    sqlite_api.app.state.broadcaster.closed = True
    server.should_exit = True
    thread.join()
    listener.close()


def test_a_client_that_never_reads_is_disconnected_and_others_continue(
    sqlite_api: Api, url: str
) -> None:
    run_id = sqlite_api.run_ids(sqlite_api.submit())[0]
    record_epochs(sqlite_api.database, 1, run_id, range(1, STEPS))
    broadcaster = sqlite_api.app.state.broadcaster
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        deaf.sendall(f"GET /api/stream?run={run_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait_for(lambda: broadcaster.open_subscriptions == 1)
        with open_stream(url, f"run={run_id}&after=1") as stream:
            record_epochs(sqlite_api.database, 1, run_id, range(STEPS, STEPS + 1))
            assert next(stream).data["metrics"]["val_loss"]["steps"] == [STEPS]
            wait_for(lambda: broadcaster.open_subscriptions == 1)
    wait_for(lambda: broadcaster.open_subscriptions == 0)


def test_streams_behind_a_proxy_are_counted_per_token(sqlite_protected: Api) -> None:
    """All of them come from one IP address."""
    first, second = (new_token(sqlite_protected, name, "submit") for name in ("a", "b"))
    sqlite_protected.post("/api/experiments", json=SPEC, headers=bearer(first))
    state = sqlite_protected.app.state
    state.settings = state.settings.model_copy(update={"max_streams_per_client": 1})
    with (
        serve(sqlite_protected.app) as url,
        httpx.Client(timeout=30, base_url=url) as http,
        http.stream("GET", "/api/stream?experiment=1", headers=bearer(first)),
    ):
        wait_for(lambda: state.broadcaster.open_subscriptions == 1)
        refused = http.get("/api/stream?experiment=1", headers=bearer(first))
        assert (refused.status_code, "(token a) has 1 streams" in refused.text) == (429, True)
        with http.stream("GET", "/api/stream?experiment=1", headers=bearer(second)) as other:
            assert other.status_code == 200


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max_streams", (503, "unavailable")),
        ("max_streams_per_client", (429, "too_many_requests")),
    ],
)
def test_more_streams_than_allowed_are_refused(
    sqlite_api: Api, limit: str, expected: tuple[int, str]
) -> None:
    sqlite_api.submit()
    sqlite_api.app.state.settings = sqlite_api.app.state.settings.model_copy(update={limit: 1})
    with serve(sqlite_api.app) as url, open_stream(url, "experiment=1"):
        wait_for(lambda: sqlite_api.app.state.broadcaster.open_subscriptions == 1)
        answer = httpx.get(f"{url}/api/stream?experiment=1")
        assert (answer.status_code, answer.json()["error"]) == expected
    wait_for(lambda: sqlite_api.app.state.broadcaster.subscriptions_of("127.0.0.1") == 0)
