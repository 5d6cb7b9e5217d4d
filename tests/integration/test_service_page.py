"""The service's own page, and what workers say of themselves."""

import time

import pytest
from redis import Redis

from backend.presence import KEY, Announcer, present
from frontend.pages.health import without_password
from tests.api import Api
from tests.product import wait_for

FACTS = {"device": "CPU, 1 thread", "torch": "2", "started_at": "2026-11-23T12:00:00+00:00"}


def test_a_worker_is_there_until_it_says_that_it_goes(valkey_url: str) -> None:
    announcer = Announcer(valkey_url, "one", lambda: FACTS)
    announcer.start()
    wait_for(lambda: present(valkey_url) == [{"name": "one", **FACTS}], seconds=10)
    announcer.stop()
    assert present(valkey_url) == []


def test_a_worker_that_falls_silent_is_forgotten(valkey_url: str) -> None:
    announcer = Announcer(valkey_url, "one", lambda: FACTS)
    announcer.start()
    wait_for(lambda: present(valkey_url), seconds=10)
    with Redis.from_url(valkey_url) as redis:
        assert 0 < redis.ttl(f"{KEY}one") <= 7
    announcer.stop()


def test_a_broker_that_is_away_is_no_error() -> None:
    begun = time.monotonic()
    assert present("unix:///nowhere.sock") is None
    assert time.monotonic() - begun < 10


def test_the_page_says_that_nobody_trains_what_waits(sqlite_api: Api) -> None:
    sqlite_api.submit()
    found = sqlite_api.get("/api/health").json()
    assert (found["workers"], found["queued"]) == ([], 2)
    assert "No worker is there" in sqlite_api.get("/health").text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://lab:s3cret@db:5432/lab", "postgresql://lab:***@db:5432/lab"),
        ("redis://:p%40ss@host/0", "redis://:***@host/0"),
        ("sqlite:////data/lab.db", "sqlite:////data/lab.db"),
        ("unix:///data/valkey.sock", "unix:///data/valkey.sock"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
