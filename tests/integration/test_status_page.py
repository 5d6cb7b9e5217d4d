"""The status page and the worker registry."""

import time

import pytest
from redis import Redis

from backend.scheduling.worker_registry import KEY_PREFIX, StatusPublisher, registered_workers
from frontend.pages.status import without_password
from tests.api import Api
from tests.product import wait_for
from tests.workers import worker_status

FACTS = worker_status(name="one", runs=3, epochs_per_second=1234.5)


def test_a_worker_is_listed_until_it_signs_off(valkey_url: str) -> None:
    publisher = StatusPublisher(valkey_url, lambda: FACTS)
    publisher.start()
    wait_for(lambda: registered_workers(valkey_url) == [FACTS], seconds=10)
    publisher.stop()
    assert registered_workers(valkey_url) == []


def test_a_silent_worker_is_forgotten(valkey_url: str) -> None:
    publisher = StatusPublisher(valkey_url, lambda: FACTS)
    publisher.start()
    wait_for(lambda: registered_workers(valkey_url), seconds=10)
    with Redis.from_url(valkey_url) as redis:
        assert 0 < redis.ttl(f"{KEY_PREFIX}one") <= 7
    publisher.stop()


def test_an_unreachable_broker_is_not_an_error() -> None:
    begun = time.monotonic()
    assert registered_workers("unix:///nowhere.sock") is None
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b'{"name": "x"}',
        FACTS.model_dump_json().replace("2026-11-23T12:00:00Z", "yesterday"),
        FACTS.model_dump_json().replace("1234.5", "NaN"),
    ],
)
def test_foreign_data_in_the_broker_are_ignored(
    sqlite_api: Api, valkey_url: str, foreign: bytes | str
) -> None:
    with Redis.from_url(valkey_url) as redis:
        redis.set(f"{KEY_PREFIX}foreign", foreign)
        redis.lpush(f"{KEY_PREFIX}list", "a list")
        redis.set(f"{KEY_PREFIX}one", FACTS.model_dump_json())
    assert sqlite_api.get("/api/health").json()["workers"] == [FACTS.model_dump(mode="json")]
    assert FACTS.name in sqlite_api.get("/status").text


def test_markup_in_the_status_of_a_worker_is_escaped(sqlite_api: Api, valkey_url: str) -> None:
    with Redis.from_url(valkey_url) as redis:
        redis.set(
            f"{KEY_PREFIX}odd", worker_status(name="<script>alert(1)</script>").model_dump_json()
        )
    assert "&lt;script&gt;alert(1)" in sqlite_api.get("/status").text


def test_an_experiment_for_an_unavailable_device_is_marked(
    sqlite_api: Api, valkey_url: str
) -> None:
    with Redis.from_url(valkey_url) as redis:
        redis.set(f"{KEY_PREFIX}one", FACTS.model_dump_json())
    for_gpu, anywhere = sqlite_api.submit(device="gpu"), sqlite_api.submit()
    sentence = "2 runs wait for a worker with a GPU, but none is running."
    assert sentence in sqlite_api.get(f"/experiments/{for_gpu}").text
    assert sentence in sqlite_api.get("/status").text
    assert "none is running" not in sqlite_api.get(f"/experiments/{anywhere}").text


def test_the_page_reports_queued_runs_without_workers(sqlite_api: Api) -> None:
    sqlite_api.submit()
    health = sqlite_api.get("/api/health").json()
    assert (health["workers"], health["queued"]) == ([], 2)
    assert "No worker is running" in sqlite_api.get("/status").text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://lab:s3cret@db:5432/lab", "postgresql://lab:***@db:5432/lab"),
        ("redis://:p%40ss@host/0", "redis://:***@host/0"),
        ("redis://me:p@s/s?#@host/0", "redis://me:***@host/0"),
        ("unix:///v.sock?db=1&password=s3cret", "unix:///v.sock?db=1&password=***"),
        ("postgresql://db/lab?user=a&p%61ssword=s3", "postgresql://db/lab?user=a&p%61ssword=***"),
        ("postgresql://db/lab?sslpassword=s3&port=1", "postgresql://db/lab?sslpassword=***&port=1"),
        ("postgresql://[::1:x:s3@db/lab", "postgresql://[:***@db/lab"),
        ("sqlite:////data/lab.db", "sqlite:////data/lab.db"),
        ("unix:///data/valkey.sock", "unix:///data/valkey.sock"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
