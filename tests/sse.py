"""Reading server-sent events, and a real server to read them from."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from tests.product import free_port, wait_for


@dataclass(frozen=True)
class Received:
    """One event as a browser gets it."""

    id: int
    kind: str
    data: dict[str, Any]


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an app from a thread; its address."""
    port = free_port()
    config = uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield f"http://127.0.0.1:{port}"
    finally:
        app.state.hub.closed = True
        server.should_exit = True
        thread.join()


@contextmanager
def events(url: str, query: str, last_id: int | None = None) -> Iterator[Iterator[Received]]:
    """Open a stream; its events as they come."""
    headers = {} if last_id is None else {"last-event-id": str(last_id)}
    with (
        httpx.Client(timeout=30) as http,
        http.stream("GET", f"{url}/api/stream?{query}", headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        yield _parsed(answer.iter_lines())


def _parsed(lines: Iterator[str]) -> Iterator[Received]:
    fields: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Received(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}
