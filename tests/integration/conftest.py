"""Fixtures of the tests that speak to the service."""

import threading
from collections.abc import Iterator

import pytest

from backend.main import create_app
from backend.operations.health_checks import HealthCheck
from backend.settings import Settings
from tests.api import Api
from tests.product import wait_for


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    """The REST interface on each database."""
    yield from _opened(settings)


@pytest.fixture
def sqlite_api(sqlite_settings: Settings) -> Iterator[Api]:
    """The REST interface on SQLite, where the database makes no difference."""
    yield from _opened(sqlite_settings)


def _opened(settings: Settings) -> Iterator[Api]:
    api = Api(create_app(settings))
    yield api
    api.app.state.hints.close()
    wait_for(lambda: not is_asking())  # what is asked meanwhile has a connection
    api.database.dispose()


def is_asking() -> bool:
    """Whether a question to the database, the broker or the like is under way."""
    return any(thread.name == HealthCheck.__name__ for thread in threading.enumerate())
