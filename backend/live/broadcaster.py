"""Wake whoever follows an experiment: one subscription to the hints per process."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.live.notifications import CHANNEL

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RECONNECT_SECONDS = 1.0


class Subscription:
    """One reader's view of one experiment: has it moved since the reader last looked?"""

    def __init__(self, hub: "Broadcaster") -> None:
        self._hub = hub
        self._moved = asyncio.Event()

    def looking(self) -> int:
        """Note that the reader looks now, and return how many hints there were before.

        Call before reading: what moves later is not missed. Readers that look after the same
        number of hints may share one reading.
        """
        self._moved.clear()
        return self._hub.heard

    async def wait(self) -> bool:
        """Wait for a hint, or POLL_SECONDS without one; False once the hub has closed."""
        if not self._hub.closed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), POLL_SECONDS)
        return not self._hub.closed

    def wake(self) -> None:
        """End the wait."""
        self._moved.set()


class Broadcaster:
    """Hands hints from Redis to any number of watches.

    A hint only says "look again": one that is lost, or a broker that is away, costs the readers
    at most POLL_SECONDS, never data.
    """

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._watches: defaultdict[int, set[Subscription]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self.heard = 0
        self.closed = False

    @contextmanager
    def watch(self, experiment_id: int) -> Iterator[Subscription]:
        """Watch an experiment while the context is open."""
        watch = Subscription(self)
        self._watches[experiment_id].add(watch)
        try:
            yield watch
        finally:
            self._watches[experiment_id].discard(watch)
            if not self._watches[experiment_id]:
                del self._watches[experiment_id]

    @property
    def watching(self) -> int:
        """How many watches are open."""
        return sum(map(len, list(self._watches.values())))

    def start(self) -> None:
        """Begin to listen. Call inside the event loop."""
        self._task = asyncio.create_task(self._listen(), name="live hub")

    def close(self) -> None:
        """End every wait, and with it the streams."""
        self.closed = True
        self._wake_all()

    async def stop(self) -> None:
        """Close, and end the subscription."""
        self.close()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except (RedisError, OSError) as error:
                logger.debug("no hints for now: %s", error)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self) -> None:
        async with Redis.from_url(self._broker_url) as redis, redis.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            self._wake_all()  # something may have moved while nobody listened
            async for message in pubsub.listen():
                if message["type"] == "message":
                    self._wake(message["data"])

    def _wake(self, data: bytes) -> None:
        self.heard += 1
        with suppress(ValueError):  # anyone may publish anything
            for watch in self._watches.get(int(data), ()):
                watch.wake()

    def _wake_all(self) -> None:
        self.heard += 1
        for watches in self._watches.values():
            for watch in watches:
                watch.wake()
