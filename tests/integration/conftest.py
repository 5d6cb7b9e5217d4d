"""Fixtures of the tests that speak to the service."""

from collections.abc import Iterator

import pytest

from backend.main import create_app
from backend.settings import Settings
from tests.api import Api


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
    api.database.dispose()
