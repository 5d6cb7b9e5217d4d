"""Notifications over Redis, "experiment N has changed": publish them, and wake event streams.

A lost notification delays readers by a second and never loses data, because readers also poll.
"""

import asyncio
import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis import asyncio as redis_asyncio
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

CHANNEL = "overfit_lab:moved"
PAUSE_AFTER_FAILURE_SECONDS = 2.0  # training must not wait for a dead broker at each epoch
PUBLISH_SECONDS = 0.05
POLL_SECONDS = 1.0
RECONNECT_SECONDS = 1.0


class Notifier:
    """Publishes notifications. An unreachable broker is not an error."""

    def __init__(self, broker_url: str) -> None:
        self._redis = Redis.from_url(broker_url, socket_timeout=1, socket_connect_timeout=1)
        self.lost = 0
        self._paused_until = 0.0

    def notify(self, experiment_id: int) -> None:
        """Publish that an experiment changed. Call it after the commit."""
        if time.monotonic() < self._paused_until:
            self.lost += 1
            return
        try:
            self._redis.publish(CHANNEL, str(experiment_id))
        except RedisError as error:
            self.lost += 1
            self._paused_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            logger.debug("notification not sent: %s", error)

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()


class BackgroundNotifier:
    """Publishes from a thread of its own, so that no commit waits for the broker.

    A program that logs here commits hundreds of times per second. Changes of an experiment within
    PUBLISH_SECONDS are published once.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._changed: set[int] = set()
        self._arrival = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def notify(self, experiment_ids: Iterable[int]) -> None:
        """Publish soon that experiments changed. Call it after the commit."""
        with self._arrival:
            self._changed.update(experiment_ids)
            if self._changed and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
                self._thread.start()
            self._arrival.notify()

    def stop(self) -> None:
        """Publish what is left, then end the thread."""
        self._stopping.set()
        with self._arrival:
            self._arrival.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while changed := self._next_changes():
            for experiment_id in changed:
                self._notifier.notify(experiment_id)
            self._stopping.wait(PUBLISH_SECONDS)

    def _next_changes(self) -> set[int]:
        """Wait for changes and return their experiments, none once the service stops."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._changed or self._stopping.is_set())
            changed, self._changed = self._changed, set()
            return changed


class Subscription:
    """One reader's subscription to one experiment."""

    def __init__(self, broadcaster: "Broadcaster") -> None:
        self._broadcaster = broadcaster
        self._changed = asyncio.Event()

    def start_reading(self) -> int:
        """Clear the pending wake-up and return the number of notifications received so far.

        Call it before reading the database, so that no later change is missed. Readers with the
        same number of notifications may share one reading.
        """
        self._changed.clear()
        return self._broadcaster.received

    async def wait(self) -> bool:
        """Wait for a notification or POLL_SECONDS. Return False once the broadcaster is closed."""
        if not self._broadcaster.closed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), POLL_SECONDS)
        return not self._broadcaster.closed

    def wake(self) -> None:
        """Wake the waiting reader."""
        self._changed.set()


class Broadcaster:
    """Passes notifications from Redis to any number of subscriptions.

    A notification only means "read again". A lost notification or an unreachable broker delays
    the readers by at most POLL_SECONDS and never loses data.
    """

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._subscriptions: defaultdict[int, set[Subscription]] = defaultdict(set)
        self._by_client: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None
        self.received = 0
        self.closed = False

    @contextmanager
    def subscribe(self, experiment_id: int, client: str = "") -> Iterator[Subscription]:
        """Subscribe a client to an experiment while the context is open."""
        subscription = Subscription(self)
        self._subscriptions[experiment_id].add(subscription)
        self._by_client[client] += 1
        try:
            yield subscription
        finally:
            self._by_client -= Counter({client: 1})
            self._subscriptions[experiment_id].discard(subscription)
            if not self._subscriptions[experiment_id]:
                del self._subscriptions[experiment_id]

    @property
    def open_subscriptions(self) -> int:
        """Number of open subscriptions."""
        return sum(map(len, list(self._subscriptions.values())))

    def subscriptions_of(self, client: str) -> int:
        """Return the number of open subscriptions of a client."""
        return self._by_client[client]

    def start(self) -> None:
        """Start listening to Redis. Call it inside the event loop."""
        self._task = asyncio.create_task(self._listen(), name="broadcaster")

    def close(self) -> None:
        """Wake every subscription for good, which ends the streams."""
        self.closed = True
        self._wake_all()

    async def stop(self) -> None:
        """Close and stop listening."""
        self.close()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except (RedisError, OSError) as error:
                logger.debug("notifications unavailable; reconnecting: %s", error)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self) -> None:
        async with (
            redis_asyncio.Redis.from_url(self._broker_url) as redis,
            redis.pubsub() as pubsub,
        ):
            await pubsub.subscribe(CHANNEL)
            self._wake_all()  # notifications may have been missed before this subscription
            async for message in pubsub.listen():
                if message["type"] == "message":
                    self._wake(message["data"])

    def _wake(self, data: bytes) -> None:
        self.received += 1
        with suppress(ValueError):  # ignore invalid messages: anyone may publish
            for subscription in self._subscriptions.get(int(data), ()):
                subscription.wake()

    def _wake_all(self) -> None:
        self.received += 1
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.wake()
