"""The whole product under test, each part a process that can be killed on its own.

The programs and their commands are those of `lab up`. `lab up` itself is not used: it waits up to
ten seconds before it restarts a program that dies often, and these tests kill programs often.
"""

import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from backend.settings import Settings
from backend.store import Database
from backend.supervisor import programs
from backend.supervisor.programs import Program
from tests.faults.client import ProductClient
from tests.faults.fork_server import ForkServer
from tests.faults.processes import Process, create_postgres, fork_program, run_program
from tests.product import free_port, wait_for

FAST_SETTINGS = {
    "lease_seconds": 2,
    "record_seconds": 0.1,
    "checkpoint_seconds": 0.5,
    "memory": 1024,
}


class Deployment(ProductClient):
    """Broker, database, web service and workers with a data folder of their own."""

    def __init__(
        self,
        folder: Path,
        fork_server: ForkServer,
        *,
        engine: str,
        workers: int,
        environment: Mapping[str, str],
        **settings: Any,
    ) -> None:
        self.engine, self.folder, self.environment = engine, folder, environment
        self.logs = folder / "logs"
        self.logs.mkdir(exist_ok=True)
        data = folder / "data"
        data.mkdir(exist_ok=True)
        self.server: Process | None = None
        url = f"sqlite:///{data / 'lab.db'}"
        if engine == "postgresql":
            port = free_port()
            self.server = create_postgres(
                folder / "postgres", port=port, logs=self.logs, environment=environment
            )
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        socket = folder / "valkey.sock"
        self.settings = Settings(
            host="127.0.0.1",
            port=free_port(),
            data_dir=data,
            database=url,
            broker=f"unix://{socket}",
            workers=workers,
            **{**FAST_SETTINGS, **settings},
        )
        self._fork_server = fork_server
        broker = programs.broker(socket, data)
        self.broker = run_program(
            broker.name, broker.command, logs=self.logs, environment=environment
        )
        self.web = self._fork(programs.WEB)
        self.workers = [self._fork(programs.worker(n)) for n in range(1, workers + 1)]
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self.database = Database(url)

    @property
    def parts(self) -> list[Process]:
        """All processes, in the order of the start."""
        return [*filter(None, [self.server]), self.broker, self.web, *self.workers]

    def start(self) -> None:
        """Start the processes that are not running, and wait for all but the workers."""
        for part in self.parts:
            if not part.alive:
                part.start()
            if part is self.server:
                wait_for(self.database_answers, self.recent_logs)
            elif part is self.web:
                wait_for(self.web_answers, self.recent_logs)

    def stop(self) -> None:
        for part in reversed(self.parts):
            if part.alive:
                part.signal(signal.SIGCONT)
            part.kill()
        self.database.dispose()

    def recent_logs(self) -> str:
        """Return the last lines of every log."""
        return "\n".join(
            f"-- {part.name}\n" + "\n".join(part.log.read_text(errors="replace").splitlines()[-25:])
            for part in self.parts
            if part.log.exists()
        )

    def _fork(self, program: Program) -> Process:
        values = self.settings.model_dump(exclude_none=True, exclude={"allowed_hosts"})
        variables = {f"LAB_{name.upper()}": str(value) for name, value in values.items()}
        environment = os.environ | self.environment | variables | {"PYTHONUNBUFFERED": "1"}
        return fork_program(
            self._fork_server,
            program.name,
            program.command,
            environment=environment,
            logs=self.logs,
        )


@contextmanager
def deploy(
    fork_server: ForkServer,
    engine: str,
    *,
    workers: int = 2,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    **settings: Any,
) -> Iterator[Deployment]:
    """Run the product on `engine` (sqlite or postgresql), and stop it at the end in any case.

    `environment` is added to that of every process.
    """
    with tempfile.TemporaryDirectory(prefix="lab-", dir=folder, ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)  # PostgreSQL runs as another user
        deployment = Deployment(
            Path(root),
            fork_server,
            engine=engine,
            workers=workers,
            environment=environment or {},
            **settings,
        )
        try:
            deployment.start()
            yield deployment
        finally:
            deployment.stop()


def deploy_with_long_leases(
    fork_server: ForkServer, engine: str, *, environment: Mapping[str, str] | None = None
) -> AbstractContextManager[Deployment]:
    """Run the product with leases that are not lost merely because the machine is busy."""
    return deploy(fork_server, engine, environment=environment, lease_seconds=10)
