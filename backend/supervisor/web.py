"""The web process of `lab up`: brings the database to the newest schema, then serves.

One process does both: loading what the database needs twice would cost the first page a second.
"""

import gc
import resource
import socket
import sys
from contextlib import suppress

import uvicorn

from backend import logging_setup
from backend.errors import LabError
from backend.main import create_app
from backend.operations.migration import migrate
from backend.settings import Settings

DEAD_SECONDS = 30.0  # in which a client must take something of what it was sent
# Clients leave idle connections sooner: ended just as a request is sent, one would lose it.
KEEP_ALIVE_SECONDS = 75
GARBAGE = 10_000  # objects more than before, after which it is looked for; Python's is 700
STREAMS_END_SECONDS = 1  # without it, uvicorn waits for open browser streams for ever


def main() -> None:
    """Serve until SIGTERM. A database that is no use is told in the last line of the log."""
    settings = Settings()
    logging_setup.configure(settings.log, process="web")
    try:
        migrate(settings)
    except LabError as error:
        sys.exit(error.detail)
    serve(settings)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM. The database must be migrated."""
    _allow_files()
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STREAMS_END_SECONDS,
        server_header=False,
        access_log=False,
        log_config=None,  # the journal's
    )
    config.load()
    _keep_what_is_loaded()
    server = uvicorn.Server(config)
    server.run(sockets=[listening(config)])
    if not server.started:
        sys.exit(1)


def listening(config: uvicorn.Config, dead_seconds: float = DEAD_SECONDS) -> socket.socket:
    """Return the socket to accept from; the system ends connections that take nothing any more.

    A client that is gone without a word, or never reads, would keep its stream for ever.
    """
    found = config.bind_socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; what is accepted inherits it
        milliseconds = int(1000 * dead_seconds)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return found


def _keep_what_is_loaded() -> None:
    """Have garbage looked for among what requests make alone.

    To look through all that the imports made as well would halt all reads for 0.15 s, every five
    seconds of a busy service.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)


def _allow_files() -> None:
    """Raise the number of open files to what the system allows: each stream takes one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()
