"""The webhook: sent after a verdict turned, tried again, never redirected."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from backend.live.webhook import Webhook
from backend.settings import Settings
from backend.store import Database
from tests.external import finish, finished_run, log_rows, overfitting, start_run
from tests.product import wait_for


class Receiver(HTTPServer):
    """A receiver that answers with the given statuses, the last of them from then on."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses, self.paths = statuses, list[str]()
        self.messages: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append(json.loads(body))
        self.server.paths.append(self.path)
        at = min(len(self.server.messages), len(self.server.statuses)) - 1
        self.send_response(self.server.statuses[at])
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the name that the library calls

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def statuses() -> list[int]:
    return [200]


@pytest.fixture
def receiver(statuses: list[int]) -> Iterator[Receiver]:
    server = Receiver(statuses)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hooked(receiver: Receiver, sqlite_database: Database) -> Iterator[Database]:
    webhook = Webhook(receiver.url, sqlite_database, pauses=(0.01, 0.01))
    sqlite_database.after_commit = lambda effects: webhook.send(effects.turned_verdicts)
    yield sqlite_database
    webhook.stop()


def test_a_verdict_that_turns_is_sent_once(hooked: Database, receiver: Receiver) -> None:
    run = finished_run(hooked)
    finish(hooked, run)  # the same verdict again
    wait_for(lambda: receiver.messages)
    [message] = receiver.messages
    assert (message["event"], message["verdict"], message["previous"]) == (
        "verdict", "overfitting", None,
    )  # fmt: skip
    assert message["run"]["external_id"] == run.external_id
    assert message["experiment"]["name"] == "elsewhere"
    assert message["best_epoch"] == 20


def test_the_verdict_before_is_named(hooked: Database, receiver: Receiver) -> None:
    run = start_run(hooked)
    for rows in (overfitting()[:6], overfitting()[6:]):
        log_rows(hooked, run, rows)
        finish(hooked, run)
    wait_for(lambda: len(receiver.messages) == 2)
    assert [message["previous"] for message in receiver.messages] == [None, "still improving"]


@pytest.mark.parametrize("statuses", [[500, 200]])
def test_a_failed_message_is_sent_again(hooked: Database, receiver: Receiver) -> None:
    finished_run(hooked)
    wait_for(lambda: len(receiver.messages) == 2)
    assert receiver.messages[0] == receiver.messages[1]


@pytest.mark.parametrize("statuses", [[302]])
def test_a_redirect_is_not_followed(hooked: Database, receiver: Receiver) -> None:
    finished_run(hooked)
    wait_for(lambda: len(receiver.paths) == 3)  # all attempts
    assert set(receiver.paths) == {"/hook"}


@pytest.mark.parametrize("url", ["ftp://host/", "host", "http://", "javascript:alert(1)"])
def test_a_webhook_is_the_url_of_a_web_server(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        Settings(webhook_url=url)
