"""Locks: one instance at a time per data folder and port."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import Conflict, InvalidInput


@contextmanager
def lock_data_dir(data_dir: Path) -> Iterator[None]:
    """Create the data folder and lock it. The system releases the lock when this process ends.

    Raises Conflict if another instance holds the lock, InvalidInput if the folder is unusable.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "lab.lock").open("a+")
    except OSError as error:
        raise InvalidInput(f"cannot use the data directory {data_dir}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Conflict(
                f"another instance (pid {file.read().strip()}) uses the data directory {data_dir}"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def check_port(host: str, port: int) -> None:
    """Raise Conflict if the port is taken, InvalidInput if it cannot be used."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Conflict(f"port {port} on {host} is taken; choose another with --port") from error
        raise InvalidInput(f"cannot listen on {host}, port {port}: {error.strerror}") from error
