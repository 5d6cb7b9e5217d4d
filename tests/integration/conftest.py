"""Fixtures with the REST API of an app."""

import threading
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from backend.main import create_app
from backend.operations.service_health import HealthCheck
from backend.settings import Settings
from tests.api import Api
from tests.product import wait_for
from tests.tokens import with_token


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    """The REST API, on SQLite and on PostgreSQL."""
    yield from _open(create_app(settings))


@pytest.fixture
def protected(settings: Settings) -> Iterator[Api]:
    """The REST API of a service that requires a token, on SQLite and on PostgreSQL."""
    yield from _open(create_app(with_token(settings)))


@pytest.fixture
def sqlite_api(sqlite_settings: Settings) -> Iterator[Api]:
    """The REST API on SQLite, for tests for which the engine makes no difference."""
    yield from _open(create_app(sqlite_settings))


@pytest.fixture
def sqlite_protected(sqlite_settings: Settings) -> Iterator[Api]:
    """The REST API of a service that requires a token, on SQLite."""
    yield from _open(create_app(with_token(sqlite_settings)))


def _open(app: FastAPI) -> Iterator[Api]:
    api = Api(app)
    yield api
    api.app.state.log_writer.stop()
    api.app.state.background_notifier.stop()
    api.app.state.notifier.close()
    wait_for(lambda: not is_probing())  # a probe holds a database connection
    api.database.dispose()


def is_probing() -> bool:
    """Return whether a health check of the database, the broker or another part is running."""
    return any(thread.name == HealthCheck.__name__ for thread in threading.enumerate())
