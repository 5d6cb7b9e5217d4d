"""The dispatcher on a real broker: order, number and size of the messages."""

import json
from base64 import b64decode
from contextlib import suppress
from itertools import chain
from typing import Any

import pytest
from kombu.entity import Queue
from kombu.exceptions import OperationalError
from redis import Redis
from sqlalchemy import select, update

from backend.runs import lifecycle
from backend.scheduling.dispatcher import (
    MESSAGES_PER_WORKER,
    Dispatcher,
    consume_queues,
    make_celery,
    queue_name,
)
from backend.scheduling.worker_registry import KEY_PREFIX
from backend.settings import Settings
from backend.store import Database, transitions
from backend.store.tables import Run
from tests.specs import document
from tests.training import submit
from tests.workers import worker_status
from worker import reconnect

WORKERS = 2
SMALL = document("points", training__epochs=10, training__seeds=2)
LARGE = document(
    "moons", training__epochs=3000, training__seeds=30, dataset__n_train=1000, model__width=64
)


@pytest.fixture
def dispatcher(sqlite_settings: Settings, sqlite_database: Database) -> Dispatcher:
    return Dispatcher(
        make_celery(sqlite_settings), sqlite_database, workers=WORKERS, memory=1 << 30
    )


def messages(settings: Settings) -> list[list[int]]:
    """Take all messages out of the broker, oldest first per queue, as workers do."""
    with Redis.from_url(settings.broker_url) as redis:
        queues = sorted(redis.keys("train.*"))
        taken = [message for queue in queues for message in redis.lrange(queue, 0, -1)[::-1]]
        redis.delete("train.none", *queues)
    return [json.loads(b64decode(json.loads(message)["body"]))[0][0] for message in taken]


def start(database: Database, run_ids: list[int], *, lease_seconds: float = 60) -> None:
    with database.write() as session:
        transitions.claim(session, run_ids, worker="w", lease_seconds=lease_seconds)


def test_a_small_experiment_is_shared_by_all_workers(
    dispatcher: Dispatcher, sqlite_settings: Settings, sqlite_database: Database
) -> None:
    run_ids = submit(sqlite_database, SMALL)
    dispatcher.dispatch()
    sent = messages(sqlite_settings)
    assert len(sent) == WORKERS
    assert sorted(chain.from_iterable(sent)) == run_ids


def test_dispatching_again_adds_no_messages(
    dispatcher: Dispatcher, sqlite_settings: Settings, sqlite_database: Database
) -> None:
    submit(sqlite_database, LARGE)
    for _ in range(3):
        dispatcher.dispatch()
    assert len(messages(sqlite_settings)) == MESSAGES_PER_WORKER * WORKERS


def test_a_small_experiment_does_not_wait_for_a_large_experiment(
    dispatcher: Dispatcher, sqlite_settings: Settings, sqlite_database: Database
) -> None:
    large = submit(sqlite_database, LARGE)
    dispatcher.dispatch()
    small = submit(sqlite_database, SMALL)
    for run_ids in messages(sqlite_settings):
        start(sqlite_database, run_ids)
    dispatcher.dispatch()
    sent = set(chain.from_iterable(messages(sqlite_settings)))
    assert set(small) <= sent
    dispatcher.dispatch()
    assert set(chain.from_iterable(messages(sqlite_settings))) <= set(large)


# sent long ago, and in the future, as after a clock that was set back
@pytest.mark.parametrize("sent_at", [0, 1 << 60])
def test_messages_lost_by_the_broker_are_resent(
    dispatcher: Dispatcher, sqlite_settings: Settings, sqlite_database: Database, sent_at: int
) -> None:
    submit(sqlite_database, SMALL)
    dispatcher.dispatch()
    sent = messages(sqlite_settings)
    dispatcher.dispatch()
    assert messages(sqlite_settings) == []  # they may still be on their way
    with sqlite_database.write() as session:
        session.execute(update(Run).values(sent_at=sent_at))
    dispatcher.dispatch()
    assert messages(sqlite_settings) == sent


@pytest.mark.parametrize(("lost", "sizes"), [(1, [16, 4]), (2, [1] * 20)])
def test_runs_that_lost_their_worker_are_sent_in_smaller_groups(
    sqlite_settings: Settings, sqlite_database: Database, lost: int, sizes: list[int]
) -> None:
    dispatcher = Dispatcher(
        make_celery(sqlite_settings), sqlite_database, workers=1, memory=1 << 30
    )
    run_ids = submit(sqlite_database, document("points", training__epochs=10, training__seeds=20))
    dispatcher.dispatch()
    for _ in range(lost):
        messages(sqlite_settings)
        start(sqlite_database, run_ids, lease_seconds=-1)
        with sqlite_database.write() as session:
            lifecycle.reap(session)
    sent: list[list[int]] = []
    for _ in sizes:
        dispatcher.dispatch()
        sent += messages(sqlite_settings)
    assert [len(group) for group in sent] == sizes
    assert sorted(chain.from_iterable(sent)) == run_ids


def test_an_experiment_that_cannot_be_grouped_is_sent_run_by_run(
    dispatcher: Dispatcher,
    sqlite_settings: Settings,
    sqlite_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("backend.specification.grouping.seconds")
    run_ids = submit(sqlite_database, SMALL)
    dispatcher.dispatch()
    assert messages(sqlite_settings) == [[run_id] for run_id in run_ids[:WORKERS]]


def taken_by(settings: Settings, device: str) -> list[int]:
    """Return the first run of each message, in the order in which a worker receives them."""
    app, received = make_celery(settings), []
    consume_queues(app, device)

    def take(body: Any, message: Any) -> None:
        received.append(body[0][0][0])
        message.ack()

    with app.connection_for_read() as connection:
        consumer = app.amqp.TaskConsumer(connection.default_channel, callbacks=[take])
        consumer.qos(prefetch_count=1)
        with consumer, suppress(TimeoutError):
            while True:
                connection.drain_events(timeout=0.5)
    return received


def test_a_worker_takes_urgent_runs_for_its_device_first(
    dispatcher: Dispatcher, sqlite_settings: Settings, sqlite_database: Database
) -> None:
    first = {}
    for device, priority in [("any", "low"), ("gpu", "high"), ("cpu", "normal"), ("any", "high")]:
        placed = {**SMALL, "device": device, "priority": priority}
        first[device, priority] = submit(sqlite_database, placed)[0]
    for _ in range(2):
        dispatcher.dispatch()
    taken = [run for run in taken_by(sqlite_settings, "cpu") if run in first.values()]
    assert taken == [first["any", "high"], first["cpu", "normal"], first["any", "low"]]
    assert taken_by(sqlite_settings, "gpu")[0] == first["gpu", "high"]


def test_urgent_runs_are_sent_even_if_the_queue_is_full(
    dispatcher: Dispatcher, sqlite_settings: Settings, sqlite_database: Database
) -> None:
    submit(sqlite_database, LARGE)
    dispatcher.dispatch()
    urgent = submit(sqlite_database, {**SMALL, "priority": "high"})
    dispatcher.dispatch()
    assert messages(sqlite_settings)[:WORKERS] == [[run_id] for run_id in urgent]


def test_the_number_of_live_workers_limits_the_messages(
    dispatcher: Dispatcher, sqlite_settings: Settings, sqlite_database: Database
) -> None:
    with Redis.from_url(sqlite_settings.broker_url) as redis:
        for pid in range(5):
            redis.set(f"{KEY_PREFIX}{pid}", worker_status(pid=pid).model_dump_json())
    submit(sqlite_database, LARGE)
    dispatcher.dispatch()
    assert len(messages(sqlite_settings)) == MESSAGES_PER_WORKER * 5


def test_a_worker_keeps_retrying_an_unreachable_broker(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnect, "BROKER_PAUSE_SECONDS", 0.001)
    away = sqlite_settings.model_copy(update={"broker": "unix:///nowhere.sock"})
    app, pauses = make_celery(away), []
    reconnect.install_reconnect(app)
    with pytest.raises(OperationalError):
        app.connection_for_read().ensure_connection(lambda _, s: pauses.append(s), max_retries=4)
    assert pauses == [0.001] * 4


def test_a_worker_takes_messages_after_the_broker_hung_during_an_acknowledgement(
    dispatcher: Dispatcher, sqlite_settings: Settings, sqlite_database: Database
) -> None:
    submit(sqlite_database, SMALL)
    dispatcher.dispatch()
    app = make_celery(sqlite_settings)
    reconnect.install_reconnect(app)
    app.conf.broker_transport_options |= {"socket_timeout": 0.5}
    with (
        app.connection_for_read() as connection,
        Redis.from_url(sqlite_settings.broker_url) as broker,
    ):
        channel = connection.default_channel
        channel.basic_qos(0, 1, False)
        message = channel.basic_get(queue_name("any"))
        assert not channel.qos.can_consume()
        broker.client_pause(60_000, all=False)  # pauses writes
        with pytest.raises(connection.connection_errors):
            message.ack()
        broker.client_unpause()
        assert channel.qos.can_consume()


@pytest.mark.parametrize("garbage", [b"not JSON", b"\xff", b"7", b"[1]", b"{}"])
def test_a_message_that_is_not_a_task_does_not_end_a_worker(
    sqlite_settings: Settings, garbage: bytes
) -> None:
    app = make_celery(sqlite_settings)
    reconnect.install_reconnect(app)
    received: list[object] = []
    queue = Queue(queue_name("any"))  # type: ignore[no-untyped-call]
    with (
        app.connection_for_read() as connection,
        Redis.from_url(sqlite_settings.broker_url) as broker,
        connection.Consumer([queue], callbacks=[lambda body, _: received.append(body)]),
    ):
        broker.lpush(queue_name("any"), garbage)
        connection.Producer().publish({"a": "task"}, routing_key=queue_name("any"))
        while not received:
            connection.drain_events(timeout=5)
    assert received == [{"a": "task"}]


def test_a_request_does_not_wait_for_a_broker_known_to_be_unreachable(
    sqlite_settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = sqlite_settings.model_copy(update={"broker": "unix:///nowhere.sock"})
    dispatcher = Dispatcher(make_celery(away), sqlite_database, workers=WORKERS, memory=1 << 30)
    dispatcher.dispatch_now()
    assert dispatcher.broker_unreachable
    monkeypatch.delattr(Dispatcher, "inspect_broker")
    dispatcher.dispatch_now()


def test_a_stored_experiment_is_accepted_even_if_the_database_is_then_locked(
    sqlite_settings: Settings, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.store.connections.BUSY_TIMEOUT_SECONDS", 0.1)
    hasty = Database(sqlite_settings.database_url)
    dispatcher = Dispatcher(make_celery(sqlite_settings), hasty, workers=WORKERS, memory=1 << 30)
    run_ids = submit(sqlite_database, SMALL)
    with sqlite_database.write() as session:
        session.execute(select(1))  # the transaction begins here
        dispatcher.dispatch_now()
    dispatcher.dispatch()
    assert sorted(chain.from_iterable(messages(sqlite_settings))) == run_ids
    hasty.dispose()
