"""Requests of all kinds against the whole REST interface: do the answers follow its document?

schemathesis makes valid and invalid requests, single ones and chains of them, and checks that no
answer is a 5xx, that each has a status, a content type and a body as documented, that invalid
requests are refused, and that every path answers other methods with 405 and a right `Allow`.

`python -m tests.conformance --seconds 600 --seed 7` runs longer than the test, and prints what it
found. Requests stay in this process; the database is a new SQLite file.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import schemathesis
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from schemathesis.python import asgi
from starlette.types import Receive, Scope, Send

from backend.main import create_app
from backend.settings import Settings
from backend.store import Database
from backend.store.schema import migrate

# These replace the check's own list, which allows the refusals.
READYZ_STATUSES = ["2xx", "3xx", "4xx", 503]

Report = dict[str, str]
"""What failed, by operation and check, with the command that shows it."""


class Conformance:
    """One run of schemathesis: how many requests it made, and what failed."""

    def __init__(self, app: FastAPI, *, seconds: int, seed: int, examples: int) -> None:
        self.requests = 0
        self.failures: Report = {}
        config = SchemathesisConfig.from_dict(
            {
                "seed": seed,
                "max-time": seconds,
                "request-timeout": 60,  # an upload starts a process, which takes long if others do
                "generation": {"max-examples": examples, "database": "none", "no-shrink": True},
                # No JSON schema describes the filter language or which settings go together.
                "checks": {"positive_data_acceptance": {"enabled": False}},
                "operations": [  # 503 is its documented answer while a part is not ready
                    {
                        "include-path": "/readyz",
                        "checks": {"not_a_server_error": {"expected-statuses": READYZ_STATUSES}},
                    }
                ],
            }
        )
        schema = schemathesis.openapi.from_asgi("/api/openapi.json", _Local(app), config=config)
        self._schema = schema.exclude(path_regex="^/api/stream$")  # its answers do not end

    def run(self) -> "Conformance":
        """Make the requests."""
        try:
            for event in from_schema(self._schema).execute():
                if isinstance(event, ScenarioFinished):
                    self._collect(event.recorder)
                elif isinstance(event, NonFatalError):
                    self.failures[str(event.label)] = str(event.info)
        finally:
            asgi.shutdown_lifespans()
        return self

    def _collect(self, recorder: Any) -> None:
        self.requests += len(recorder.interactions)
        for case, checks in recorder.checks.items():
            for check in checks:
                if check.status == Status.FAILURE:
                    failure = check.failure_info
                    operation = recorder.cases[case].value.operation.label
                    title = f"{operation}: {failure.failure.title}. {failure.failure.message[:200]}"
                    self.failures.setdefault(title, failure.code_sample)


class _Local:
    """The app as a client on this machine sees it."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [
                (name, b"localhost" if value == b"testserver" else value)
                for name, value in scope["headers"]
            ]
            local = {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000)}
            scope = {**scope, **local, "headers": headers}
        await self._app(scope, receive, send)


def main() -> int:
    """Run for some time on a new database and print what failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=100, help="per operation and phase")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        database = Database(settings.database_url)
        migrate(database)
        database.dispose()
        app = create_app(settings)
        report = Conformance(
            app, seconds=options.seconds, seed=options.seed, examples=options.examples
        ).run()
    for title, sample in report.failures.items():
        sys.stdout.write(f"{title}\n  {sample}\n")
    sys.stdout.write(f"{report.requests:,} requests, {len(report.failures)} failures\n")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
