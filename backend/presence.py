"""Workers say over Redis that they are there; who has not said so for a while is not.

Redis may lose it at any moment, and then has it again seconds later: the database alone decides
who trains what.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

KEY = "overfit_lab:worker:"
EVERY_SECONDS = 2.0
GONE_SECONDS = 7  # three words missed


class Announcer(threading.Thread):
    """Says, until the process ends, that a worker is there, with facts of that moment."""

    def __init__(self, broker_url: str, name: str, facts: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__(name="announcer", daemon=True)
        self._redis = _connect(broker_url)
        self._key, self._name, self._facts = KEY + name, name, facts
        self._ended = threading.Event()

    def run(self) -> None:
        """Say it every few seconds; a broker that is away is tried again."""
        while True:
            try:
                said = json.dumps({"name": self._name, **self._facts()})
                self._redis.set(self._key, said, ex=GONE_SECONDS)
            except RedisError as error:
                logger.debug("not announced: %s", error)
            if self._ended.wait(EVERY_SECONDS):
                return

    def stop(self) -> None:
        """End, and be gone at once."""
        self._ended.set()
        self.join()
        try:
            self._redis.delete(self._key)
        except RedisError as error:
            logger.debug("not taken back: %s", error)
        self._redis.close()


def present(broker_url: str) -> list[dict[str, Any]] | None:
    """Return the facts of the workers that are there, by name; None when the broker is away."""
    try:
        with _connect(broker_url) as redis:
            keys = sorted(redis.scan_iter(match=f"{KEY}*", count=1000))
            found = redis.mget(keys) if keys else []
    except RedisError:
        return None
    return [json.loads(one) for one in found if one is not None]


def _connect(broker_url: str) -> Redis:
    return Redis.from_url(broker_url, socket_timeout=1, socket_connect_timeout=1)
