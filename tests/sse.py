"""Server-sent events: `serve` runs a real server in a thread, `open_stream` reads its events."""

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
class ReceivedEvent:
    """An event as a browser receives it."""

    id: int
    kind: str
    data: dict[str, Any]


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Serve an app from a thread and yield its URL."""
    port = free_port()
    config = uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield f"http://127.0.0.1:{port}"
    finally:
        app.state.broadcaster.closed = True
        server.should_exit = True
        thread.join()


@contextmanager
def open_stream(
    url: str, query: str, last_id: int | None = None
) -> Iterator[Iterator[ReceivedEvent]]:
    """Open a stream and yield an iterator over its events."""
    headers = {} if last_id is None else {"last-event-id": str(last_id)}
    with (
        httpx.Client(timeout=30) as http,
        http.stream("GET", f"{url}/api/stream?{query}", headers=headers) as response,
    ):
        assert response.status_code == 200, response.read()
        yield _parse(response.iter_lines())


def _parse(lines: Iterator[str]) -> Iterator[ReceivedEvent]:
    fields: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield ReceivedEvent(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}
