"""Web process of `lab up`: migrates the database, then serves.

One process does both, because importing the database libraries twice would delay the first page by
a second.
"""

import asyncio
import gc
import math
import socket
import sys
from functools import partial
from typing import cast

import uvicorn
from fastapi import FastAPI

from backend import logging_setup
from backend.access.exposure import requires_token
from backend.errors import LabError
from backend.main import create_app
from backend.operations import data_folder
from backend.operations.migration import migrate
from backend.settings import Settings
from backend.web.connections import (
    Connections,
    most_connections,
    most_per_client,
    raise_file_limit,
)
from backend.web.protocol import BoundedProtocol

CLIENT_TIMEOUT_SECONDS = 30.0  # a client that acknowledges nothing for this long is dropped
MIN_BACKLOG = 64
GC_THRESHOLD = 10_000  # new objects between two collections; the default of Python is 700
STREAMS_END_SECONDS = 1  # without a limit, uvicorn waits forever for open event streams


def main() -> None:
    """Migrate, then serve until SIGTERM. Exit with one sentence if the service may not start."""
    settings = Settings()
    logging_setup.configure(settings.log, process="web")
    try:
        data_folder.protect(settings)
        app = create_app(settings)
        migrate(settings)
    except LabError as error:
        sys.exit(error.detail)
    serve(app, settings)


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve an app of `create_app` until SIGTERM. The database must be migrated."""
    config = server_config(app, settings)
    config.load()
    _tune_garbage_collection()
    server = uvicorn.Server(config)
    server.run(sockets=[create_socket(config)])
    if not server.started:
        sys.exit(1)


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return the configuration of the server, within the limits of the settings."""
    most = most_connections(raise_file_limit(), settings.max_connections)
    per_client = most_per_client(most, settings.max_connections_per_client)
    protocol = partial(
        BoundedProtocol,
        limits=settings,
        open_connections=Connections(most=most, most_per_client=per_client),
    )
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=cast("type[asyncio.Protocol]", protocol),
        ws="none",
        # Any local process can send these headers, so a token's service needs a configured proxy.
        proxy_headers=settings.url is not None or not requires_token(settings),
        backlog=max(MIN_BACKLOG, most // 8),  # waiting connections have no descriptor yet
        timeout_keep_alive=math.ceil(settings.idle_seconds),
        timeout_graceful_shutdown=STREAMS_END_SECONDS,
        server_header=False,
        access_log=False,
        log_config=None,  # configured by backend.logging_setup
    )


def create_socket(
    config: uvicorn.Config, timeout_seconds: float = CLIENT_TIMEOUT_SECONDS
) -> socket.socket:
    """Return the listening socket. The system closes connections of unresponsive clients.

    Otherwise a client that vanished, or never reads, would keep its event stream open forever.
    """
    listener = config.bind_socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux only; accepted connections inherit it
        milliseconds = int(1000 * timeout_seconds)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listener


def _tune_garbage_collection() -> None:
    """Exclude the objects created by imports from garbage collection.

    Scanning them stops all requests for 0.15 s, every five seconds of a busy service.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


if __name__ == "__main__":
    main()
