"""Web process of `lab up`: migrates the database, then serves.

One process does both, because importing the database libraries twice would delay the first page by
a second.
"""

import gc
import resource
import socket
import sys
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from backend import logging_setup
from backend.errors import LabError
from backend.main import create_app
from backend.operations import data_folder
from backend.operations.migration import migrate
from backend.settings import Settings

CLIENT_TIMEOUT_SECONDS = 30.0  # a client that acknowledges nothing for this long is dropped
# Longer than clients keep idle connections: closing one while it sends a request loses the request.
KEEP_ALIVE_SECONDS = 75
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
    _raise_file_limit()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STREAMS_END_SECONDS,
        server_header=False,
        access_log=False,
        log_config=None,  # configured by backend.logging_setup
    )
    config.load()
    _tune_garbage_collection()
    server = uvicorn.Server(config)
    server.run(sockets=[create_socket(config)])
    if not server.started:
        sys.exit(1)


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


def _raise_file_limit() -> None:
    """Raise the limit of open files to the maximum: each event stream takes one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()
