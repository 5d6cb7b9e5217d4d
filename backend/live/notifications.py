"""Notifications over Redis: "experiment N has changed".

A lost notification delays readers by a second and never loses data, because readers also poll.
"""

import logging
import time

from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

CHANNEL = "overfit_lab:moved"
PAUSE_AFTER_FAILURE_SECONDS = 2.0  # training must not wait for a dead broker at each epoch


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
