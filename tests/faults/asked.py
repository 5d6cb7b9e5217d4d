"""What a running product answers, its parts being away at times."""

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


class Asked(ABC):
    """Asks the web service at `url` and its database."""

    url: str
    database: Database

    @abstractmethod
    def said(self) -> str:
        """What is to be told when an answer never comes."""

    def get(self, path: str, *, seconds: float = 10) -> Any:
        """GET and return the JSON; raises httpx.HTTPError."""
        answer = httpx.get(self.url + path, timeout=seconds)
        answer.raise_for_status()
        return answer.json()

    def submit(self, document: Mapping[str, Any]) -> int:
        """Submit over REST, again until it is taken; return the experiment."""
        found: list[int] = []

        def taken() -> bool:
            try:
                answer = httpx.post(f"{self.url}/api/experiments", json=document, timeout=10)
            except httpx.TransportError:
                return False
            if answer.status_code == 201:
                found.append(int(answer.json()["id"]))
            return bool(found)

        wait_for(taken, self.said)
        return found[0]

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

    def asked(self, question: Callable[[], Any], seconds: float = START_SECONDS) -> Any:
        """Return what the database answers, asking again while it is away."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return question()
            except (SQLAlchemyError, Unavailable):
                assert time.monotonic() < deadline, self.said()
                time.sleep(0.05)

    def rows(self, query: Executable) -> list[Any]:
        """Return the rows of a query, asked again while the database is away."""

        def ask() -> list[Any]:
            with self.database.read() as session:
                return list(session.execute(query))

        found: list[Any] = self.asked(ask)
        return found
