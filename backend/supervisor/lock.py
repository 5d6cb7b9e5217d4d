"""Locks: one instance at a time per data folder and port."""

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from backend.errors import Conflict, InvalidInput
from backend.private_files import OPEN_TO_OTHERS, open_unlinked


@contextmanager
def lock_data_dir(data_dir: Path) -> Iterator[None]:
    """Lock a protected data folder. The system releases the lock when this process ends.

    A lock that others could read, as older versions created it, can be held by any user of this
    machine. Such a lock is replaced unless a process of ours wrote it.
    Raises Conflict if another instance holds the lock, InvalidInput if the folder is unusable.
    """
    with _locked(data_dir / "lab.lock", data_dir) as file:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _locked(path: Path, data_dir: Path) -> TextIO:
    """Open and lock the file. Raises Conflict and InvalidInput."""
    file = _open(path, data_dir)
    exposed = bool(os.fstat(file.fileno()).st_mode & OPEN_TO_OTHERS)
    os.fchmod(file.fileno(), 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        if exposed and not _is_running(holder):  # another user had opened the file
            path.unlink()
            return _locked(path, data_dir)
        raise Conflict(
            f"another instance (pid {holder}) uses the data directory {data_dir}"
        ) from None
    return file


def _open(path: Path, data_dir: Path) -> TextIO:
    """Open the lock, which may be neither a link nor another name of some other file."""
    try:
        file = open(path, "a+", opener=open_unlinked)  # noqa: SIM115 - needs the opener
    except OSError as error:
        raise InvalidInput(f"cannot use the data directory {data_dir}: {error.strerror}") from error
    if os.fstat(file.fileno()).st_nlink > 1:
        file.close()
        raise InvalidInput(f"{path} is a second name of another file; remove it.")
    return file


def _is_running(pid: str) -> bool:
    """Return whether the process that wrote its id into the lock is running and ours."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, OSError):
        return False
    return True


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
