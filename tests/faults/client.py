"""Client of a running product, for tests that stop parts of it: retries while a part is down."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from sqlalchemy import Executable
from sqlalchemy.exc import SQLAlchemyError

from backend.errors import Unavailable
from backend.store import Database
from tests.product import wait_for

START_SECONDS = 120


class ProductClient(ABC):
    """Sends requests to the web service at `url` and queries to its database."""

    url: str
    database: Database

    @abstractmethod
    def recent_logs(self) -> str:
        """Return the text that explains a request without an answer."""

    def get(self, path: str, *, seconds: float = 10) -> Any:
        """Send a GET request and return the JSON. Raises httpx.HTTPError."""
        response = httpx.get(self.url + path, timeout=seconds)
        response.raise_for_status()
        return response.json()

    def submit(self, document: Mapping[str, Any]) -> int:
        """Submit over REST, and retry until it is accepted; return the id of the experiment."""
        experiment_ids: list[int] = []

        def is_accepted() -> bool:
            try:
                response = httpx.post(f"{self.url}/api/experiments", json=document, timeout=10)
            except httpx.TransportError:
                return False
            if response.status_code == 201:
                experiment_ids.append(int(response.json()["id"]))
            return bool(experiment_ids)

        wait_for(is_accepted, self.recent_logs)
        return experiment_ids[0]

    def web_answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).is_success
        except httpx.TransportError:
            return False

    def database_answers(self) -> bool:
        try:
            self.database.ping()
        except SQLAlchemyError:
            return False
        return True

    def query_with_retry(self, query: Callable[[], Any], seconds: float = START_SECONDS) -> Any:
        """Return the result of a query; retry while the database is unreachable."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return query()
            except (SQLAlchemyError, Unavailable):
                assert time.monotonic() < deadline, self.recent_logs()
                time.sleep(0.05)

    def rows(self, query: Executable) -> list[Any]:
        """Return the rows of a query; retry while the database is unreachable."""

        def execute() -> list[Any]:
            with self.database.read() as session:
                return list(session.execute(query))

        rows: list[Any] = self.query_with_retry(execute)
        return rows
