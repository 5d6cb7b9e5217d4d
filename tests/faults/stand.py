"""The whole product under test, its parts as processes that can be killed one by one.

They are the programs that `lab up` starts, with the same commands. `lab up` itself is left out:
it waits up to ten seconds before it starts again what dies often, and these tests kill a lot.
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
from backend.supervisor.child import Program
from tests.faults.asked import Asked
from tests.faults.nursery import Nursery
from tests.faults.processes import Process, executed, forked, postgres
from tests.product import free_port, wait_for

QUICK = {"lease_seconds": 2, "record_seconds": 0.1, "checkpoint_seconds": 0.5, "memory": 1024}


class Stand(Asked):
    """Broker, database, web service and workers on a folder of their own."""

    def __init__(
        self,
        folder: Path,
        nursery: Nursery,
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
            self.server = postgres(
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
            **{**QUICK, **settings},
        )
        self._nursery = nursery
        broker = programs.broker(socket, data)
        self.broker = executed(broker.name, broker.command, logs=self.logs, environment=environment)
        self.web = self._forked(programs.WEB)
        self.workers = [self._forked(programs.worker(n)) for n in range(1, workers + 1)]
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self.database = Database(url)

    @property
    def parts(self) -> list[Process]:
        """Everything, in the order of the start."""
        return [*filter(None, [self.server]), self.broker, self.web, *self.workers]

    def start(self) -> None:
        """Start what is not there, and wait for all but the workers."""
        for part in self.parts:
            if not part.alive:
                part.start()
            if part is self.server:
                wait_for(self.database_answers, self.said)
            elif part is self.web:
                wait_for(self.web_answers, self.said)

    def stop(self) -> None:
        for part in reversed(self.parts):
            if part.alive:
                part.signal(signal.SIGCONT)
            part.kill()
        self.database.dispose()

    def said(self) -> str:
        """The last lines of every log."""
        return "\n".join(
            f"-- {part.name}\n" + "\n".join(part.log.read_text(errors="replace").splitlines()[-25:])
            for part in self.parts
            if part.log.exists()
        )

    def _forked(self, program: Program) -> Process:
        given = self.settings.model_dump(exclude_none=True, exclude={"allowed_hosts"})
        variables = {f"LAB_{name.upper()}": str(value) for name, value in given.items()}
        environment = os.environ | self.environment | variables | {"PYTHONUNBUFFERED": "1"}
        return forked(
            self._nursery,
            program.name,
            program.command,
            environment=environment,
            logs=self.logs,
        )


@contextmanager
def standing(
    nursery: Nursery,
    engine: str,
    *,
    workers: int = 2,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    **settings: Any,
) -> Iterator[Stand]:
    """Run the product on `engine`, sqlite or postgresql; end it, whatever happens.

    `environment` is added to that of every process.
    """
    with tempfile.TemporaryDirectory(prefix="lab-", dir=folder, ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)  # PostgreSQL runs as a user of its own
        stand = Stand(
            Path(made),
            nursery,
            engine=engine,
            workers=workers,
            environment=environment or {},
            **settings,
        )
        try:
            stand.start()
            yield stand
        finally:
            stand.stop()


def patient(
    nursery: Nursery, engine: str, *, environment: Mapping[str, str] | None = None
) -> AbstractContextManager[Stand]:
    """Run the product with leases that are not lost merely as the machine is busy."""
    return standing(nursery, engine, environment=environment, lease_seconds=10)
